// SPDX-License-Identifier: Apache-2.0
// The two definitions of rounding against each other: round_to_format (MPFR, grid arithmetic) and
// round_by_search (decoding and integer comparison). Would catch any difference in neighbours,
// ties, parity, stochastic thresholds, overflow policies, signs of zero and the flags.
//
// Two programs are made of this file: the default one takes a part of the 16-bit sources (all of
// the 8-bit ones), the long one (ULPROOF_ALL_CODES) every code.
#include <gtest/gtest.h>

#include <bit>
#include <random>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "formats/catalogue.h"
#include "formats/describe.h"
#include "reference/ops/round_by_search.h"
#include "reference/ops/round_to_format.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::Decoded;
using formats::FormatSpec;
using formats::Overflow;
using formats::Rounding;
using formats::RoundingMode;
using formats::ValueClass;

#ifdef ULPROOF_ALL_CODES
constexpr Code kStride = 1;
constexpr int kRandomCodes = 20000;
constexpr Code kEndCodes = 300;
#else
constexpr Code kStride = 199;  // Prime: visits every exponent and every trailing pattern in turn.
constexpr int kRandomCodes = 200;
constexpr Code kEndCodes = 20;
#endif

// The catalogue, and generic formats at the edges of what a format can be: no trailing bits, one
// exponent bit (no normal binade, or nothing but zero), far biases.
std::vector<FormatSpec> Targets() {
  std::vector<FormatSpec> targets;
  for (const formats::CatalogueEntry& entry : formats::kCatalogue) targets.push_back(entry.spec);
  for (const char* name :
       {"e1m0",        "e1m0finite",  "e1m0fn",        "e1m0fnuz",     "e1m3",
        "e1m3fn",      "e1m3fnuz",    "e1m3finite",    "e1m6b1finite", "e2m0",
        "e2m0finite",  "e2m0fn",      "e3m0fnuz",      "e5m0",         "e8m0",
        "e11m0",       "e11m4finite", "e11m0b0finite", "e3m4b2047",    "e3m4b0",
        "e5m10b100fn", "e1m52",       "e11m52b2047",   "e11m52b0fnuz", "e8m7b0finite"}) {
    targets.push_back(*formats::ParseFormat(name));
  }
  return targets;
}

struct RoundingCase {
  Rounding rounding;
  std::uint32_t random;
};
std::vector<RoundingCase> RoundingCases() {
  std::vector<RoundingCase> cases;
  for (const Rounding& rounding : formats::kDeterministicRoundings) cases.push_back({rounding, 0});
  for (const RoundingMode mode :
       {RoundingMode::kStochasticA, RoundingMode::kStochasticB, RoundingMode::kStochasticC}) {
    for (const int bits : {1, 3, 16, 32}) {
      const auto last = static_cast<std::uint32_t>((std::uint64_t{1} << bits) - 1);
      for (const std::uint32_t random : {std::uint32_t{0}, last / 2, last / 2 + 1, last}) {
        cases.push_back({{mode, bits}, random});
      }
    }
  }
  return cases;
}

std::string Text(const RoundDetail& detail) {
  return std::to_string(detail.code) + (detail.inexact ? " inexact" : "") +
         (detail.overflow ? " overflow" : "");
}

// Compares every mode and policy on one input; returns the first difference, or "".
std::string FirstDifference(const FormatSpec& to, const Decoded& x) {
  static const std::vector<RoundingCase> cases = RoundingCases();
  const bool special = x.significand == 0 || x.value_class == ValueClass::kNan ||
                       x.value_class == ValueClass::kInfinity;
  Neighbours neighbours;
  if (!special) neighbours = FindNeighbours(to, Dyadic::FromDecoded(x));
  for (const RoundingCase& c : cases) {
    // Every policy where one is at work, else one of them in turn.
    const bool policy_matters =
        special || (x.negative && !to.is_signed) ||
        RoundToFormatDetail(to, x, c.rounding, Overflow::kIeee, c.random).overflow;
    for (const Overflow overflow : formats::kOverflows) {
      if (!policy_matters && static_cast<std::uint64_t>(overflow) != x.significand % 4) continue;
      const RoundDetail one = RoundToFormatDetail(to, x, c.rounding, overflow, c.random);
      const RoundDetail two =
          special ? RoundBySearch(to, x, c.rounding, overflow, c.random)
                  : RoundBetween(to, x.negative, neighbours, c.rounding, overflow, c.random);
      if (one == two) continue;
      return FormatName(to) + " " + RoundingName(c.rounding) + " " +
             std::string(OverflowName(overflow)) + " r=" + std::to_string(c.random) + " of " +
             (x.negative ? "-" : "") + std::to_string(x.significand) + " * 2^" +
             std::to_string(x.exponent) + ": " + Text(one) + " by MPFR, " + Text(two) +
             " by search";
    }
  }
  return {};
}

class RoundingPathsTest : public testing::TestWithParam<FormatSpec> {};

// Every source of up to 16 bits in which rounding differs in kind: wide and narrow exponents.
TEST_P(RoundingPathsTest, AgreeOnCodes) {
  const FormatSpec to = GetParam();
  for (const FormatSpec& from : {formats::kFloat16, formats::kBfloat16, formats::kFloat8E5m2,
                                 formats::kFloat8E8m0fnu, formats::SpecOf("float8_e4m3fnuz")}) {
    const Code stride = from.storage_bits() > 8 ? kStride : 1;
    base::ParallelFor(from.code_mask() / stride + 1, 4096, [&](Code begin, Code end) {
      for (Code i = begin; i < end; ++i) {
        const std::string difference = FirstDifference(to, Decode(from, i * stride));
        if (!difference.empty()) {
          ADD_FAILURE() << formats::Describe(from, i * stride) << ": " << difference;
          return;
        }
      }
    });
  }
}

// The values, midpoints and quarter points of the target itself, each a hair below and above: the
// hair is far below any last place. For wide targets both ends and a few
// codes between.
TEST_P(RoundingPathsTest, AgreeAroundEveryBreakpoint) {
  const FormatSpec to = GetParam();
  const Code last = to.max_finite_code();
  std::vector<Code> codes;
  for (Code code = 0; code <= last && code < kEndCodes; ++code) codes.push_back(code);
  for (Code back = 0; back <= last && back < kEndCodes; ++back) codes.push_back(last - back);
  for (Code i = 1; i < 16; ++i) codes.push_back(last / 16 * i);
  for (const Code code : codes) {
    const Decoded value = Decode(to, code);
    for (std::uint64_t quarter = 0; quarter < 4; ++quarter) {
      for (const int hair : {-1, 0, 1}) {
        const std::uint64_t base = (4 * value.significand + quarter) << 8;
        if (base == 0 && hair < 0) continue;
        for (const bool negative : {false, true}) {
          const std::uint64_t significand = base + static_cast<std::uint64_t>(hair);
          const Decoded x = {significand == 0 ? ValueClass::kZero : ValueClass::kNormal, negative,
                             significand, value.exponent - 10};
          const std::string difference = FirstDifference(to, x);
          ASSERT_EQ(difference, "");
        }
      }
    }
  }
}

// Sources wider than 16 bits, and numbers that no format holds: 64-bit significands, far exponents.
TEST_P(RoundingPathsTest, AgreeOnRandomNumbers) {
  const FormatSpec to = GetParam();
  std::mt19937_64 random(FormatName(to).size() * 1000 + to.storage_bits());
  for (int i = 0; i < kRandomCodes; ++i) {
    for (const FormatSpec& from : {formats::kFloat32, formats::kFloat64}) {
      ASSERT_EQ(FirstDifference(to, Decode(from, random() & from.code_mask())), "");
    }
    // Near the target's range.
    const std::uint64_t significand = random() >> random() % 64 | 1;
    const int range = to.max_exponent() - to.quantum_exponent() + 8;
    const int leading = to.quantum_exponent() - 4 + static_cast<int>(random() % range);
    const Decoded x = {ValueClass::kNormal, random() % 2 != 0, significand,
                       leading + std::countl_zero(significand) - 63};
    ASSERT_EQ(FirstDifference(to, x), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, RoundingPathsTest, testing::ValuesIn(Targets()),
                         [](const auto& format) { return FormatName(format.param); });

}  // namespace
}  // namespace ulproof::reference
