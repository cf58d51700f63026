// SPDX-License-Identifier: Apache-2.0
// exp2 of the kernels (gpu/kernels/exp2.cuh) as compiled: scale_float32 with M = 1 gives
// RN32(2^RN32(1 - b)). Its coefficients are made again here, and its results compared with MPFR's,
// of which the SIMD implementation's own test is the witness on all inputs; `--long` (label "long")
// takes every binary32 b.
#include "cpu/exp2.h"

#include <gtest/gtest.h>
#include <mpfr.h>

#include <array>
#include <bit>
#include <cstring>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>

#include "base/parallel.h"
#include "gpu/kernel_backend.h"
#include "gpu/simulator_machine.h"

namespace ulproof::gpu {
namespace {

bool all_inputs = false;  // Set by --long.

std::string SourceText() {
  std::ifstream file(ULPROOF_SOURCE_DIR "/gpu/kernels/exp2.cuh");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Would catch: a coefficient with a digit wrong. (ln 2)^k / k!, each the nearest binary64.
TEST(KernelExp2, CoefficientsAreTheTaylorSeries) {
  const std::string text = SourceText();
  const std::regex literal("0x1\\.[0-9a-f]{13}p-[0-9]+");
  std::vector<double> found;
  for (std::sregex_iterator at(text.begin(), text.end(), literal), end; at != end; ++at) {
    found.push_back(std::strtod(at->str().c_str(), nullptr));
  }
  mpfr_t power, term, ln2;
  mpfr_inits2(300, power, term, ln2, static_cast<mpfr_ptr>(nullptr));
  mpfr_const_log2(ln2, MPFR_RNDN);
  mpfr_set(term, ln2, MPFR_RNDN);
  std::vector<double> wanted;  // Highest power first, as the source has them.
  for (unsigned k = 2; k <= 14; ++k) {
    mpfr_mul(term, term, ln2, MPFR_RNDN);
    mpfr_div_ui(term, term, k, MPFR_RNDN);
    wanted.insert(wanted.begin(), mpfr_get_d(term, MPFR_RNDN));
  }
  const double high = mpfr_get_d(ln2, MPFR_RNDN);
  mpfr_sub_d(power, ln2, high, MPFR_RNDN);
  wanted.push_back(high);
  wanted.push_back(mpfr_get_d(power, MPFR_RNDN));
  mpfr_clears(power, term, ln2, static_cast<mpfr_ptr>(nullptr));
  mpfr_free_cache();
  ASSERT_EQ(found.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(found[i]), std::bit_cast<std::uint64_t>(wanted[i])) << i;
  }
}

// Would catch: any wrong scale of M = 1, at any b that is asked: every 1021st code, every one near
// the integers, or all.
TEST(KernelExp2, IsCorrectlyRounded) {
  const auto backend = MakeKernelBackend({.name = "simulator", .machine = MakeSimulatorMachine()});
  constexpr std::uint64_t kBatch = std::uint64_t{1} << 16;
  std::uint64_t wrong = 0;
  const auto check = [&](std::vector<std::uint32_t> bits) {
    const std::vector<std::uint32_t> ones(bits.size(), std::bit_cast<std::uint32_t>(1.0F));
    std::vector<std::uint32_t> scales(bits.size());
    const formats::Operation op = {.kind = formats::OpKind::kScale,
                                   .bits_per_block = true,
                                   .shape = {.rows = 1, .cols = bits.size()}};
    const formats::ElementType type = formats::ElementType::CodeOf(formats::kFloat32);
    const std::array inputs = {formats::ConstBuffer{type, ones.data(), ones.size()},
                               formats::ConstBuffer{type, bits.data(), bits.size()}};
    const std::array outputs = {formats::Buffer{type, scales.data(), scales.size()}};
    const base::Status status = backend->Run(op, inputs, outputs);
    ASSERT_TRUE(status.ok()) << status.error().ToString();
    for (std::size_t i = 0; i < bits.size(); ++i) {
      const float c = 1.0F - std::bit_cast<float>(bits[i]);
      const float expected = cpu::Exp2(c);
      const bool both_nan = expected != expected && (scales[i] & 0x7FFFFFFF) > 0x7F800000;
      if (std::bit_cast<std::uint32_t>(expected) != scales[i] && !both_nan && wrong++ < 10) {
        ADD_FAILURE() << std::hex << "b = " << bits[i] << ": " << scales[i] << ", wanted "
                      << std::bit_cast<std::uint32_t>(expected);
      }
    }
  };
  std::vector<std::uint32_t> near;
  for (int integer = -160; integer <= 160; ++integer) {
    const auto code = std::bit_cast<std::uint32_t>(static_cast<float>(integer));
    for (std::uint32_t d = 0; d < 9; ++d) near.push_back(code + d - 4);
  }
  check(near);
  const std::uint64_t step = all_inputs ? 1 : 1021;
  for (std::uint64_t first = 0; first < std::uint64_t{1} << 32; first += step * kBatch) {
    std::vector<std::uint32_t> bits;
    for (std::uint64_t code = first; code < std::uint64_t{1} << 32 && bits.size() < kBatch;
         code += step) {
      bits.push_back(static_cast<std::uint32_t>(code));
    }
    check(std::move(bits));
  }
  EXPECT_EQ(wrong, 0U);
}

}  // namespace
}  // namespace ulproof::gpu

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  ulproof::gpu::all_inputs = argc > 1 && std::strcmp(argv[1], "--long") == 0;
  return RUN_ALL_TESTS();
}
