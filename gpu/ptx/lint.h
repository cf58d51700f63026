// SPDX-License-Identifier: Apache-2.0
// What can be said against a kernel's bits without running it: forms that PTX does not specify to
// the bit, what ptxas may still contract, sums whose order is open, shared memory without a
// barrier, registers read before they are written, and indices that wrap. A finding is a place to
// look at, not a proof of an error; a run decides (launch.h: tags, races, contraction).
#ifndef ULPROOF_GPU_PTX_LINT_H_
#define ULPROOF_GPU_PTX_LINT_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gpu/ptx/module.h"

namespace ulproof::gpu::ptx {

enum class LintRule : std::uint8_t {
  kApproximate,
  kFlush,
  kContractable,
  kUnqualified,
  kFloatAtomic,
  kNoBarrier,
  kUninitialised,
  kNarrowIndex,
};
struct LintRuleInfo {
  LintRule rule;
  std::string_view name;  // "approximate"
  std::string_view why;   // One sentence: why it matters to the bits.
};
extern const std::array<LintRuleInfo, 8> kLintRules;
const LintRuleInfo& InfoOf(LintRule rule);

struct LintFinding {
  LintRule rule;
  int line = 0;  // Of the PTX text.
  int column = 0;
  std::string instruction;  // The line's text.
  std::string what;         // "may become one fma with the product of line 12"
  std::string source = {};  // "kernel.cu:7", where the PTX says so.
};

// Of one entry and the functions that it calls, in order of lines; one finding an instruction and
// rule. Errors: those of DecodeEntry (an instruction that the simulator does not have, no such
// entry).
base::Result<std::vector<LintFinding>> Lint(const Module& module, std::string_view entry);

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_LINT_H_
