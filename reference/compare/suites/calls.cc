// SPDX-License-Identifier: Apache-2.0
// The checks of compiled kernels: a kernel is one operation with its formats, modes and law built
// in, and what varies from call to call are the arguments. Shapes with whole and ragged blocks,
// shapes and offsets that allow wide memory accesses and such that do not, keys at the ends of
// their ranges, and for casts every rounding edge.
#include <fmt/format.h>

#include <algorithm>

#include "reference/compare/suites/suite.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::Operation;
using formats::OpKind;

// All codes of a format of 16 bits or less, else the edges of the rounding.
std::vector<Code> CastInputs(const Operation& op) {
  if (op.from.storage_bits() > 16) return RoundingEdges(op.from, op.to);
  std::vector<Code> all(std::size_t{1} << op.from.storage_bits());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  return all;
}

// "from=bfloat16 law=rg16 block=32x32": what a kernel has built in is spelled before its arguments.
std::string BuiltIn(const Operation& op) {
  const std::string spelling = OperationName(op);
  const std::size_t begin = spelling.find(' ') + 1;
  const std::size_t end = std::min(spelling.find(" pow2="), spelling.find(" shape="));
  return end > begin ? spelling.substr(begin, end - begin) : "all";
}

void Calls(CheckRun& run, const Operation& prototype) {
  if (prototype.kind == OpKind::kCast) run.Judge(RowCase(prototype, CastInputs(prototype)));
  Rng rng(0);
  // Kernels of contract section 14 take any block and levels, so random operations reach them too.
  const std::uint64_t calls = run.Pick(prototype.kind < OpKind::kFit ? 40 : 8, 400);
  for (std::uint64_t i = 0; i < calls; ++i) {
    const Operation op = RandomCall(prototype, rng);
    run.Judge(RandomCase(op, rng));
  }
}

}  // namespace

void AddCallChecks(const ConformOptions& options, CheckList& checks) {
  for (const Operation& prototype : options.prototypes) {
    checks.push_back({prototype.kind,
                      fmt::format("{}/calls/{}", OpKindName(prototype.kind), BuiltIn(prototype)),
                      100, false, [&prototype](CheckRun& run) { Calls(run, prototype); }});
  }
}

}  // namespace ulproof::reference
