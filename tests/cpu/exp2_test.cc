// SPDX-License-Identifier: Apache-2.0
// 2^c correctly rounded (contract section 6): that 64 bits decide every binary32 input, and the
// results against MPFR. `--long` (label "long") takes every input instead of a sample.
#include "cpu/exp2.h"

#include <gtest/gtest.h>
#include <mpfr.h>

#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>

#include "base/parallel.h"
#include "tests/cpu/exp2_table_maker.h"

namespace ulproof::tests {
namespace {

bool all_inputs = false;  // Set by --long.

float FromCode(std::uint32_t code) { return std::bit_cast<float>(code); }
std::uint32_t ToCode(float x) { return std::bit_cast<std::uint32_t>(x); }

// MPFR as binary32: its precision, and its exponent range for the result (subnormals through
// mpfr_subnormalize). The exponent range is the thread's and is put back.
class Oracle {
 public:
  Oracle() { mpfr_inits2(24, x_, y_, static_cast<mpfr_ptr>(nullptr)); }
  ~Oracle() {
    mpfr_clears(x_, y_, static_cast<mpfr_ptr>(nullptr));
    mpfr_free_cache();  // The thread's ln 2: a thread that ends would leak it.
  }
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;

  float Exp2(float c) {
    const mpfr_exp_t emin = mpfr_get_emin();
    const mpfr_exp_t emax = mpfr_get_emax();
    mpfr_set_flt(x_, c, MPFR_RNDN);
    mpfr_set_emin(-148);
    mpfr_set_emax(128);
    const int ternary = mpfr_exp2(y_, x_, MPFR_RNDN);
    mpfr_subnormalize(y_, ternary, MPFR_RNDN);
    mpfr_set_emin(emin);
    mpfr_set_emax(emax);
    return mpfr_get_flt(y_, MPFR_RNDN);
  }

 private:
  mpfr_t x_, y_;
};

// Would catch: a table entry or coefficient edited by hand, or a maker that changed.
TEST(Exp2, TableIsWhatItsMakerMakes) {
  std::ifstream file(ULPROOF_SOURCE_DIR "/cpu/exp2_table.h");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), MakeExp2Table());
}

// Would catch: an error bound that was derived wrong (kExp2ErrorUnits), a table index off by one.
TEST(Exp2, FixedPointErrorIsBelowItsBound) {
  mpfr_t x, y;
  mpfr_inits2(160, x, y, static_cast<mpfr_ptr>(nullptr));
  double worst = 0;
  std::uint64_t fraction = 0;
  for (int i = 0; i < 200000; ++i, fraction += 0x0000'5A3F'9C2E'D1B7) {
    mpfr_set_ui_2exp(x, fraction, -64, MPFR_RNDN);
    mpfr_exp2(x, x, MPFR_RNDN);
    mpfr_set_ui_2exp(y, cpu::Exp2Fixed(fraction), -63, MPFR_RNDN);
    mpfr_sub(x, x, y, MPFR_RNDN);
    mpfr_mul_2ui(x, x, 63, MPFR_RNDN);
    worst = std::max(worst, std::fabs(mpfr_get_d(x, MPFR_RNDN)));
  }
  mpfr_clears(x, y, static_cast<mpfr_ptr>(nullptr));
  mpfr_free_cache();
  EXPECT_LT(worst, cpu::kExp2ErrorUnits);
  EXPECT_GT(worst, 1.0);  // A bound that is far too wide says little.
  EXPECT_EQ(cpu::Exp2Fixed(0), std::uint64_t{1} << 63);
}

// Would catch: an input whose 2^c is so near to a midpoint of two results that Exp2Fixed's error
// could decide it. Midpoints of 24 bits are enough: subnormal results have fewer bits, and their
// midpoints are 24-bit values or midpoints too, so the nearest 25-bit value is looked at.
TEST(Exp2, SixtyFourBitsDecideEveryInput) {
  std::atomic<std::uint64_t> nearest = ~std::uint64_t{0};
  // |c| from 2^-26 (below, the result is 1) to 152.
  constexpr std::uint32_t kFirst = 0x32800000;
  constexpr std::uint32_t kLast = 0x43180000;
  const std::uint32_t step = all_inputs ? 1 : 7;
  base::ParallelFor((kLast - kFirst) / step, 1 << 16, [&](std::uint64_t begin, std::uint64_t end) {
    std::uint64_t least = ~std::uint64_t{0};
    for (std::uint64_t i = begin; i < end; ++i) {
      for (const float sign : {1.0f, -1.0f}) {
        const double c = sign * FromCode(kFirst + static_cast<std::uint32_t>(i) * step);
        const double fraction = c - std::floor(c);
        if (fraction == 0) continue;  // Exact.
        const std::uint64_t power = cpu::Exp2Fixed(static_cast<std::uint64_t>(fraction * 0x1p64));
        constexpr std::uint64_t kUnit = std::uint64_t{1} << 39;  // One in the 25th bit.
        const std::uint64_t rest = power % kUnit;
        least = std::min({least, rest, kUnit - rest});
      }
    }
    std::uint64_t seen = nearest;
    while (least < seen && !nearest.compare_exchange_weak(seen, least)) {
    }
  });
  EXPECT_GT(nearest, cpu::kExp2ErrorUnits);
  RecordProperty("nearest_units", std::to_string(nearest));
  std::printf("nearest to a 25-bit value: %.3g of 2^-63\n", static_cast<double>(nearest));
}

// Would catch: any wrong result. All inputs within 4 codes of every integer, where exact results
// and ties live; of the others up to 160, of either sign, every 509th (--long: every one from 2^-27
// up; below, where 2^c is 1, they stay sampled).
TEST(Exp2, EqualsMpfr) {
  std::atomic<std::uint64_t> wrong = 0;
  const auto check = [&wrong](Oracle& oracle, float c) {
    if (ToCode(cpu::Exp2(c)) != ToCode(oracle.Exp2(c)) && wrong++ < 10) {
      ADD_FAILURE() << "exp2 of code " << std::hex << ToCode(c) << " gives " << ToCode(cpu::Exp2(c))
                    << ", MPFR " << ToCode(oracle.Exp2(c));
    }
  };
  const auto check_range = [&](std::uint32_t first, std::uint32_t last, std::uint32_t step) {
    const std::uint64_t count = (last - first) / step + 1;
    base::ParallelFor(count, 1 << 16, [&](std::uint64_t begin, std::uint64_t end) {
      Oracle oracle;
      for (std::uint64_t i = begin; i < end; ++i) {
        const float c = FromCode(first + static_cast<std::uint32_t>(i) * step);
        check(oracle, c);
        check(oracle, -c);
      }
    });
  };
  const std::uint32_t small = ToCode(0x1p-27f);
  check_range(0, small, 4099);
  check_range(small, ToCode(160), all_inputs ? 1 : 509);
  Oracle oracle;
  for (int integer = -160; integer <= 160; ++integer) {
    const std::uint32_t code = ToCode(static_cast<float>(integer));
    for (std::uint32_t near = code - std::min(code, 4u); near <= code + 4; ++near) {
      check(oracle, FromCode(near));
    }
  }
  EXPECT_EQ(wrong, 0u);
}

// Would catch: a wrong end of the range, a special value mistreated.
TEST(Exp2, Ends) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(ToCode(cpu::Exp2(kInfinity)), 0x7F800000u);
  EXPECT_EQ(ToCode(cpu::Exp2(-kInfinity)), 0u);
  EXPECT_EQ(ToCode(cpu::Exp2(std::numeric_limits<float>::quiet_NaN())), 0x7FC00000u);
  EXPECT_EQ(ToCode(cpu::Exp2(-std::numeric_limits<float>::quiet_NaN())), 0x7FC00000u);
  EXPECT_EQ(ToCode(cpu::Exp2(128)), 0x7F800000u);
  EXPECT_EQ(ToCode(cpu::Exp2(std::nextafter(128.0f, 0.0f))), 0x7F7FFFA7u);
  EXPECT_EQ(ToCode(cpu::Exp2(3e38f)), 0x7F800000u);
  EXPECT_EQ(ToCode(cpu::Exp2(-149)), 1u);
  EXPECT_EQ(ToCode(cpu::Exp2(std::nextafter(-150.0f, 0.0f))), 1u);
  EXPECT_EQ(ToCode(cpu::Exp2(-150)), 0u);  // The tie goes to even.
  EXPECT_EQ(ToCode(cpu::Exp2(-3e38f)), 0u);
  EXPECT_EQ(ToCode(cpu::Exp2(0)), 0x3F800000u);
  EXPECT_EQ(ToCode(cpu::Exp2(-0.0f)), 0x3F800000u);
  EXPECT_EQ(ToCode(cpu::Exp2(1e-40f)), 0x3F800000u);
}

}  // namespace
}  // namespace ulproof::tests

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  ulproof::tests::all_inputs = argc > 1 && std::strcmp(argv[1], "--long") == 0;
  return RUN_ALL_TESTS();
}
