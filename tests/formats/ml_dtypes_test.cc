// SPDX-License-Identifier: Apache-2.0
// The value of every code of every small format that ml_dtypes knows. Would catch a wrong bias, a
// wrong field width and any misplaced special code: the catalogue read against an outside source.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <map>
#include <string>

#include "formats/catalogue.h"
#include "formats/codec.h"
#include "tests/support/kat_file.h"

namespace ulproof::formats {
namespace {

// The binary32 code of a decoded value by way of the hardware and the C library.
std::uint32_t Float32Code(const Decoded& x) {
  float value = std::ldexp(static_cast<float>(x.significand), x.exponent);
  if (x.value_class == ValueClass::kInfinity) value = INFINITY;
  if (x.value_class == ValueClass::kNan) value = NAN;
  return std::bit_cast<std::uint32_t>(x.negative ? -value : value);
}

TEST(MlDtypesTest, EveryCodeHasTheSameValue) {
  std::map<std::string, Code> next_code;
  for (const tests::KatLine& line : tests::ReadKat("ml_dtypes.kat")) {
    if (line[0] != "values") continue;  // Casts: tests/reference/ops_ml_dtypes_test.cc.
    SCOPED_TRACE(line.place());
    const FormatSpec spec = *ParseFormat(line[1]);
    ASSERT_EQ(line.Hex(2), next_code[line[1]]) << "a gap in the table";
    for (std::size_t i = 3; i < line.size(); ++i) {
      const Code code = next_code[line[1]]++;
      const Decoded x = Decode(spec, code);
      const auto expected = static_cast<std::uint32_t>(line.Hex(i));
      if (kFloat32.IsNan(expected)) {
        EXPECT_EQ(x.value_class, ValueClass::kNan) << "code " << code;
      } else {
        EXPECT_EQ(Float32Code(x), expected) << "code " << code;
      }
    }
  }
  EXPECT_EQ(next_code.size(), 11u);
  for (const auto& [name, codes] : next_code) {
    EXPECT_EQ(codes, ParseFormat(name)->code_mask() + 1) << name << ": table is not whole";
  }
}

}  // namespace
}  // namespace ulproof::formats
