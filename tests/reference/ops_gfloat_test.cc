// SPDX-License-Identifier: Apache-2.0
// Casts against gfloat, a Python library written from the P3109 report: the five IEEE modes and
// the three stochastic ones, with and without saturation. Would catch a directed mode that ignores
// the sign, a stochastic variant mistaken for another, a policy that saturates infinities or does
// not. gfloat has no round-to-odd.
//
// gfloat names the stochastic variants otherwise: StochasticFastest is `sra`, StochasticFast `srb`,
// Stochastic `src`. Its sat is the contract's `sat`, and without it overflow is `ovf`. What differs
// is not in the vectors: formats with neither infinity nor NaN raise an error without sat, and
// float8_e8m0fnu gives 0 (which it has not) for x <= 0 and powers of two below its smallest.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "formats/catalogue.h"
#include "reference/ops/cast.h"
#include "tests/support/kat_file.h"
#include "tests/support/matchers.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::FormatSpec;
using formats::kFloat32;

TEST(OpsGfloatTest, CastsFromFloat32AreTheSame) {
  std::map<std::string, std::vector<Code>> inputs;
  int lines = 0;
  for (const tests::KatLine& line : tests::ReadKat("gfloat.kat")) {
    SCOPED_TRACE(line.place());
    if (line[0] == "inputs") {
      for (std::size_t i = 2; i < line.size(); ++i) inputs[line[1]].push_back(line.Hex(i));
      continue;
    }
    ASSERT_EQ(line[0], "round");
    ++lines;
    const FormatSpec to = *formats::ParseFormat(line[1]);
    const formats::Rounding rounding = *formats::ParseRounding(line[2]);
    const formats::Overflow overflow = *formats::ParseOverflow(line[3]);
    const auto random = static_cast<std::uint32_t>(line.Unsigned(4));
    const std::vector<Code>& x = inputs.at(line[1]);
    ASSERT_EQ(line.size(), x.size() + 5);
    for (std::size_t i = 0; i < x.size(); ++i) {
      EXPECT_THAT(Cast(kFloat32, x[i], to, rounding, overflow, random),
                  tests::SameBitsOrBothNan(to, line.Hex(i + 5)))
          << line[2] << " " << line[3] << " r = " << random << ", "
          << formats::Describe(kFloat32, x[i]);
    }
  }
  EXPECT_EQ(inputs.size(), 8u);
  EXPECT_EQ(lines, 5 * 14 * 2 + 3 * 14);
}

}  // namespace
}  // namespace ulproof::reference
