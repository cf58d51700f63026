// SPDX-License-Identifier: Apache-2.0
// Casts against ml_dtypes, which rounds to nearest even and overflows as our `ovf`. Would catch a
// wrong tie, a wrong overflow threshold, double rounding in the subnormals.
//
// Where ml_dtypes and the contract differ, and why each is left out or compared otherwise:
//  - NaN codes: ml_dtypes keeps the sign of a NaN, the contract gives the canonical one. Any NaN
//    is accepted here; the hashes are of canonical codes.
//  - Formats with neither infinity nor NaN: NaN becomes -0 or +0 in ml_dtypes, the largest positive
//    finite value in the contract (as CUDA's satfinite conversions do). Overflow agrees.
//  - float8_e8m0fnu: ml_dtypes rounds ties up (the contract's `rna`; its `rne` goes to the even
//    code), and takes every binary32 subnormal above 2^-127 up to 2^-126.
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
using formats::Overflow;
using formats::Rounding;
using formats::RoundingMode;

bool IsE8m0(const FormatSpec& to) { return to == formats::kFloat8E8m0fnu; }

bool DiffersKnowingly(const FormatSpec& to, Code float32_code) {
  if (kFloat32.IsNan(float32_code)) return !to.has_nan();
  // Between 2^-127 and 2^-126, both outside.
  return IsE8m0(to) && 0x00400000 < float32_code && float32_code < 0x00800000;
}

TEST(OpsMlDtypesTest, CastsFromFloat32AreTheSame) {
  std::map<std::string, std::vector<Code>> inputs;
  int formats = 0, compared = 0, left_out = 0;
  for (const tests::KatLine& line : tests::ReadKat("ml_dtypes.kat")) {
    SCOPED_TRACE(line.place());
    if (line[0] == "inputs") {
      for (std::size_t i = 2; i < line.size(); ++i) inputs[line[1]].push_back(line.Hex(i));
    }
    if (line[0] != "cast") continue;
    ++formats;
    const FormatSpec to = *formats::ParseFormat(line[1]);
    const Rounding rounding = {IsE8m0(to) ? RoundingMode::kNearestAway
                                          : RoundingMode::kNearestEven};
    const std::vector<Code>& x = inputs.at(line[1]);
    ASSERT_EQ(line.size(), x.size() + 2);
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (DiffersKnowingly(to, x[i])) {
        ++left_out;
        continue;
      }
      ++compared;
      EXPECT_THAT(Cast(kFloat32, x[i], to, rounding, Overflow::kIeee),
                  tests::SameBitsOrBothNan(to, line.Hex(i + 2)))
          << formats::Describe(kFloat32, x[i]);
    }
  }
  EXPECT_EQ(formats, 13);
  EXPECT_GT(compared, 10'000);
  EXPECT_LT(left_out, 20);  // Three NaNs and the subnormals of float8_e8m0fnu.
}

// All codes of a 16-bit format in one number: contract section 11.
std::uint64_t Hash(const FormatSpec& from, const FormatSpec& to) {
  std::uint64_t hash = 1469598103934665603;
  for (Code code = 0; code <= from.code_mask(); ++code) {
    if (from.IsNan(code)) continue;
    hash =
        hash * 1099511628211 + Cast(from, code, to, {RoundingMode::kNearestEven}, Overflow::kIeee);
  }
  return hash;
}

TEST(OpsMlDtypesTest, CastsOfAll16BitCodesHaveTheSameHash) {
  int hashes = 0;
  for (const tests::KatLine& line : tests::ReadKat("ml_dtypes.kat")) {
    if (line[0] != "hash") continue;
    SCOPED_TRACE(line.place());
    ++hashes;
    EXPECT_EQ(Hash(*formats::ParseFormat(line[1]), *formats::ParseFormat(line[2])), line.Hex(3));
  }
  EXPECT_EQ(hashes, 24);
}

}  // namespace
}  // namespace ulproof::reference
