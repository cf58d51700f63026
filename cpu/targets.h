// SPDX-License-Identifier: Apache-2.0
// The instruction sets that the SIMD kernels are compiled for, chosen by argument and not by
// ambient state: every target that this machine can run is a backend of its own, and all are tested
// in one run.
#ifndef ULPROOF_CPU_TARGETS_H_
#define ULPROOF_CPU_TARGETS_H_

#include <hwy/targets.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ulproof::cpu {

// One bit of Highway's target mask (HWY_AVX2, HWY_EMU128, ...).
using Target = std::int64_t;

// "avx3", "avx2", "sse4", "ssse3", "scalar" (one lane, portable C++): Highway's names in lower
// case.
std::string TargetName(Target target);

// The targets that are compiled in and that this processor runs, fastest first; never empty.
std::vector<Target> RunnableTargets();

// Where a target's function stands in a table made by HWY_EXPORT in a file that uses
// foreach_target. Precondition: `target` is one of RunnableTargets().
inline std::size_t DispatchIndex(Target target) {
  hwy::ChosenTarget chosen;
  chosen.Update(target);
  return chosen.GetIndex();
}

}  // namespace ulproof::cpu

// The version of an exported function for one target, as a function pointer:
//   HWY_EXPORT(CastRow);  ...  ULPROOF_FOR_TARGET(CastRow, target)(arguments)
#define ULPROOF_FOR_TARGET(function, target) \
  (HWY_DISPATCH_TABLE(function)[::ulproof::cpu::DispatchIndex(target)])

#endif  // ULPROOF_CPU_TARGETS_H_
