// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/inputs.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

#include "formats/codec.h"
#include "reference/compare/rare_words.h"
#include "reference/random/philox.h"
#include "tests/support/case_generator.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::FormatSpec;
using formats::OpKind;

bool Holds(const std::vector<Code>& codes, Code code) {
  return std::ranges::binary_search(codes, code);
}

// Would catch edges that miss an end of the format, or codes that do not fit.
TEST(InputsTest, EdgesHoldTheEndsOfEveryFormat) {
  for (const formats::CatalogueEntry& entry : formats::kCatalogue) {
    const FormatSpec& format = entry.spec;
    const std::vector<Code> codes = EdgeCodes(format);
    EXPECT_LE(codes.back(), format.code_mask()) << entry.name;
    EXPECT_LT(codes.size(), 70000u);
    for (const Code magnitude : {Code{0}, Code{1}, format.max_finite_code(),
                                 format.max_finite_code() - 1, format.trailing_mask()}) {
      EXPECT_TRUE(Holds(codes, magnitude)) << entry.name << " " << magnitude;
      EXPECT_TRUE(Holds(codes, magnitude | format.sign_mask())) << entry.name << " " << magnitude;
    }
    EXPECT_TRUE(!format.has_infinity() || Holds(codes, format.infinity_code())) << entry.name;
    EXPECT_TRUE(!format.has_nan() || Holds(codes, format.canonical_nan_code())) << entry.name;
  }
}

// Would catch rounding edges without the ties: all midpoints of float8_e4m3fn in float32, the
// overflow edge 464 and its neighbours, half of the smallest subnormal (2^-10).
TEST(InputsTest, RoundingEdgesHoldTiesAndOverflow) {
  const std::vector<Code> codes = RoundingEdges(formats::kFloat32, formats::kFloat8E4m3fn);
  for (const Code code : {0x43E80000, 0x43E7FFFF, 0x43E80001, 0x3F880000, 0x3F880001, 0x3F87FFFF,
                          0x3A800000, 0x3A800001, 0x3A7FFFFF}) {
    EXPECT_TRUE(Holds(codes, code)) << std::hex << code;
    EXPECT_TRUE(Holds(codes, code | 0x80000000)) << std::hex << code;
  }
}

// Would catch a weighting that never reaches a class of values.
TEST(InputsTest, WeightedCodesReachEveryClass) {
  for (const FormatSpec& format : {formats::kFloat32, formats::kFloat64, formats::kBfloat16}) {
    Rng rng(1);
    std::array<int, 5> counts{};
    for (int i = 0; i < 20000; ++i) {
      const Code code = WeightedCode(format, rng);
      ASSERT_LE(code, format.code_mask());
      ++counts[static_cast<std::size_t>(formats::Decode(format, code).value_class)];
    }
    for (const int count : counts) EXPECT_GT(count, 200);
  }
}

// Would catch invalid operations, and generators that leave out a law, a rounding or a block
// format.
TEST(InputsTest, RandomOperationsAreValidAndVaried) {
  std::set<std::string> laws, roundings, block_formats;
  for (const OpKind kind : formats::kOpKinds) {
    Rng rng(2);
    for (int i = 0; i < 400; ++i) {
      const formats::Operation op = RandomOperation(kind, rng);
      EXPECT_EQ(op.kind, kind);
      ASSERT_TRUE(formats::ValidateOperation(op).ok()) << formats::OperationName(op);
      laws.emplace(formats::NoiseLawName(op.law));
      roundings.insert(formats::RoundingName(op.rounding));
      block_formats.emplace(op.block_format.name);
    }
  }
  EXPECT_EQ(laws.size(), formats::kNoiseLaws.size());
  EXPECT_EQ(block_formats.size(), formats::kBlockFormats.size());
  EXPECT_GT(roundings.size(), 6u + 20u);
}

// Would catch codes that do not fit and lines that do not come back; and exercises RapidCheck's
// shrinking along ours.
RC_GTEST_PROP(InputsProperty, CasesSurviveTheirLine, ()) {
  const OpKind kind =
      *rc::gen::elementOf(std::vector<OpKind>(formats::kOpKinds.begin(), formats::kOpKinds.end()));
  const formats::Case c = *tests::ArbitraryCase(kind);
  const auto parsed = formats::ParseCase(formats::CaseLine(c));
  RC_ASSERT(parsed.ok());
  RC_ASSERT(*parsed == c);
}

// Would catch a key that leads to other words, or a place without one of them: of a group, and of
// the eight elements that kernels take at a time.
TEST(RareWordsTest, EveryPlaceHasEveryWord) {
  Rng rng(1);
  const std::set<std::uint32_t> rare = {681419127, 681419126, 5797768, 5797767, 1231, 1230};
  std::set<std::pair<std::size_t, std::uint32_t>> seen;
  for (const formats::RandomKey& key : KeysOfRareWords(formats::NoiseLaw::kRg32, rng)) {
    const auto words = Words(key.seed, key.stream, key.offset / 4);
    for (std::size_t i = 0; i < words.size(); ++i) {
      EXPECT_TRUE(rare.contains(words[i] & 0x7FFFFFFF));
      seen.emplace(key.offset % 8 + i, words[i] & 0x7FFFFFFF);
    }
  }
  EXPECT_EQ(seen.size(), 8 * rare.size());
  EXPECT_EQ(KeysOfRareWords(formats::NoiseLaw::kRg16, rng).size(), 4u);
  EXPECT_TRUE(KeysOfRareWords(formats::NoiseLaw::kRgbits, rng).empty());
}

}  // namespace
}  // namespace ulproof::reference
