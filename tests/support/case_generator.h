// SPDX-License-Identifier: Apache-2.0
// Cases for RapidCheck properties: weighted as in inputs.h, shrinking as in shrink.h.

#ifndef ULPROOF_TESTS_SUPPORT_CASE_GENERATOR_H_
#define ULPROOF_TESTS_SUPPORT_CASE_GENERATOR_H_

#include <rapidcheck.h>

#include <cstdint>
#include <ostream>

#include "reference/compare/inputs.h"
#include "reference/compare/shrink.h"

namespace ulproof::tests {

// Any case of an operation of that kind. Shrinks along ShrinkCandidates.
inline rc::Gen<formats::Case> ArbitraryCase(formats::OpKind kind) {
  const auto from_seed = [kind](std::uint64_t seed) {
    reference::Rng rng(seed);
    const formats::Operation op = reference::RandomOperation(kind, rng);
    return reference::RandomCase(op, rng);
  };
  const auto simpler = [](formats::Case&& c) {
    return rc::seq::fromContainer(reference::ShrinkCandidates(c));
  };
  // The seed itself says nothing about size: only the case shrinks. nonZero ignores RapidCheck's
  // size, which would keep seeds small.
  const auto seeds = rc::gen::noShrink(rc::gen::nonZero<std::uint64_t>());
  return rc::gen::shrink(rc::gen::map(seeds, from_seed), simpler);
}

}  // namespace ulproof::tests

namespace ulproof::formats {
// How RapidCheck and GoogleTest print a counterexample: the line that replays it.
inline void showValue(const Case& c, std::ostream& out) { out << CaseLine(c); }
}  // namespace ulproof::formats

#endif  // ULPROOF_TESTS_SUPPORT_CASE_GENERATOR_H_
