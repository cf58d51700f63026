// SPDX-License-Identifier: Apache-2.0
// The parts of a call that a kernel may treat apart: whole blocks and edges, aligned calls and the
// others, full vectors and tails, one rule and the others. A bug in one of two code paths shows in
// one part only. Internal to explain.cc.
#ifndef ULPROOF_REFERENCE_COMPARE_EXPLAIN_SCOPE_H_
#define ULPROOF_REFERENCE_COMPARE_EXPLAIN_SCOPE_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "formats/case.h"

namespace ulproof::reference {

// Where an output element stands.
struct Spot {
  const formats::Operation* op;
  std::uint64_t index;  // Of the first element that it covers.
  bool is_value_of_block;
  bool in_whole_block;
  bool is_aligned;  // Columns, stride and offset of the call are multiples of eight.
};

struct Scope {
  std::string_view phrase;  // "in edge blocks"; empty for everywhere.
  bool (*holds)(const Spot&);
};

const Scope& Everywhere();
// Everywhere, then the parts.
std::span<const Scope> AllScopes();

// Whether element `index` of an output is in the part.
bool InScope(const Scope& scope, const formats::Case& c, const formats::Port& port,
             std::uint64_t index);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_EXPLAIN_SCOPE_H_
