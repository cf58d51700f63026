// SPDX-License-Identifier: Apache-2.0
// The backends that the command line can name: "reference", "cpu" (its fastest target on this
// machine), one "cpu-<target>" for each instruction set, and our compiled CUDA kernels on the PTX
// simulator: "simulator" the optimised ones, "simulator-plain" the plain ones, and
// "simulator-compiled" the optimised ones with their straight runs compiled, for long sweeps.
#ifndef ULPROOF_CLI_BACKENDS_H_
#define ULPROOF_CLI_BACKENDS_H_

#include <span>
#include <string_view>

#include "base/result.h"
#include "formats/backend.h"

namespace ulproof::cli {

// All of them, the reference first, then "cpu", then the cpu targets, then the kernels. Made on the
// first call and kept for the life of the process, also those that are unavailable on this machine.
std::span<formats::Backend* const> AllBackends();

// Whether the backend computes as another one does ("cpu", "simulator-compiled"): runs over all
// backends leave it out.
bool RepeatsAnother(const formats::Backend& backend);

// Errors: unknown name, with the nearest known one (exit code 2); unavailable here (3).
base::Result<formats::Backend*> FindBackend(std::string_view name);

// The backend for one operation. A name: that backend, or why it cannot (exit code 2). "" picks the
// fastest one that promises the reference's bits: cpu where it supports the operation, except for
// the laws boxmuller and normal2, whose definition is in real numbers; else the reference.
base::Result<formats::Backend*> BackendFor(std::string_view name, const formats::Operation& op);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_BACKENDS_H_
