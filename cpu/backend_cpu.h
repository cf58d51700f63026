// SPDX-License-Identifier: Apache-2.0
// The SIMD implementation as a backend: one for each instruction set of this machine, so that all
// are compared in one run, and one that is the best of them.
#ifndef ULPROOF_CPU_BACKEND_CPU_H_
#define ULPROOF_CPU_BACKEND_CPU_H_

#include <memory>
#include <vector>

#include "cpu/targets.h"
#include "formats/backend.h"

namespace ulproof::cpu {

// "cpu-avx3", "cpu-avx2", ... Precondition: `target` is one of RunnableTargets().
std::unique_ptr<formats::Backend> MakeCpuBackend(Target target);

// "cpu": the best target of this machine.
std::unique_ptr<formats::Backend> MakeCpuBackend();

// One for each of RunnableTargets(), in its order.
std::vector<std::unique_ptr<formats::Backend>> MakeCpuBackends();

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_BACKEND_CPU_H_
