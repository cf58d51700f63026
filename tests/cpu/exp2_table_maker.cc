// SPDX-License-Identifier: Apache-2.0
#include "tests/cpu/exp2_table_maker.h"

#include <fmt/format.h>
#include <mpfr.h>

#include <cstdint>

namespace ulproof::tests {
namespace {

constexpr int kTableBits = 6;
constexpr int kDegree = 7;
constexpr mpfr_prec_t kPrecisionBits = 256;  // Far beyond the 64 bits that are kept.

// round(x * 2^shift), which must fit.
std::uint64_t Fixed(mpfr_srcptr x, int shift) {
  mpfr_t scaled;
  mpfr_init2(scaled, kPrecisionBits);
  mpfr_mul_2si(scaled, x, shift, MPFR_RNDN);
  const std::uint64_t fixed = mpfr_get_uj(scaled, MPFR_RNDN);
  mpfr_clear(scaled);
  return fixed;
}

}  // namespace

std::string MakeExp2Table() {
  mpfr_t x, log2;
  mpfr_inits2(kPrecisionBits, x, log2, static_cast<mpfr_ptr>(nullptr));
  std::string text =
      "// SPDX-License-Identifier: Apache-2.0\n"
      "// Made by tests/cpu/exp2_table_maker.cc; do not edit.\n"
      "// clang-format off\n"
      "#ifndef ULPROOF_CPU_EXP2_TABLE_H_\n"
      "#define ULPROOF_CPU_EXP2_TABLE_H_\n"
      "\n"
      "#include <array>\n"
      "#include <cstdint>\n"
      "\n"
      "namespace ulproof::cpu {\n"
      "\n";
  text += fmt::format("inline constexpr int kExp2TableBits = {};\n\n", kTableBits);
  text += fmt::format(
      "// round(2^(i/{0}) * 2^63)\n"
      "inline constexpr std::array<std::uint64_t, {0}> kExp2Table = {{\n",
      1 << kTableBits);
  for (int i = 0; i < 1 << kTableBits; ++i) {
    mpfr_set_ui_2exp(x, i, -kTableBits, MPFR_RNDN);
    mpfr_exp2(x, x, MPFR_RNDN);
    text += fmt::format("    {:#018x},\n", Fixed(x, 63));
  }
  text += fmt::format(
      "}};\n\n"
      "// round(ln(2)^k / k! * 2^64), k = 1..{0}\n"
      "inline constexpr std::array<std::uint64_t, {0}> kExp2Coefficients = {{\n",
      kDegree);
  mpfr_const_log2(log2, MPFR_RNDN);
  mpfr_set_ui(x, 1, MPFR_RNDN);
  for (int k = 1; k <= kDegree; ++k) {
    mpfr_mul(x, x, log2, MPFR_RNDN);
    mpfr_div_ui(x, x, k, MPFR_RNDN);
    text += fmt::format("    {:#018x},\n", Fixed(x, 64));
  }
  text +=
      "};\n"
      "\n"
      "}  // namespace ulproof::cpu\n"
      "\n"
      "#endif  // ULPROOF_CPU_EXP2_TABLE_H_\n";
  mpfr_clears(x, log2, static_cast<mpfr_ptr>(nullptr));
  return text;
}

}  // namespace ulproof::tests
