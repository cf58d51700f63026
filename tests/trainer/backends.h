// SPDX-License-Identifier: Apache-2.0
// The two backends that training runs on here: the fastest, and the exact one that it must equal.
#ifndef ULPROOF_TESTS_TRAINER_BACKENDS_H_
#define ULPROOF_TESTS_TRAINER_BACKENDS_H_

#include "cpu/backend_cpu.h"
#include "reference/backend_reference.h"

namespace ulproof::trainer {

inline formats::Backend& Cpu() {
  static const auto backend = cpu::MakeCpuBackend();
  return *backend;
}

inline formats::Backend& Reference() {
  static const auto backend = reference::MakeReferenceBackend();
  return *backend;
}

}  // namespace ulproof::trainer

#endif  // ULPROOF_TESTS_TRAINER_BACKENDS_H_
