// SPDX-License-Identifier: Apache-2.0
// Box-Muller in binary32 (cpu/box_muller-inl.h) against the exact real z / 2 of contract section 5:
// how many ulp it is off, how often and where the integer R is decided otherwise, and that all
// targets decide alike. `--long` (label "long") draws 2^31 elements instead of 2^25.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <numbers>

#include "base/parallel.h"
#include "cpu/noise_kernels.h"
#include "reference/random/noise.h"
#include "reference/random/philox.h"
#include "tests/cpu/cpu_cases.h"

namespace ulproof::tests {
namespace {

using formats::Operation;
using formats::Tensor;

bool many_elements = false;  // Set by --long.

constexpr formats::RandomKey kKey = {.seed = 20250907, .stream = 1};

Tensor Noise(cpu::Target target, std::string_view law, std::uint64_t offset, std::uint64_t count) {
  Operation op = Op(fmt::format("noise law={} shape=1x{}", law, count));
  op.key = kKey;
  op.key.offset = offset;
  Tensor noise(formats::SignatureOf(op).outputs[0].type, count);
  cpu::RunNoise(target, op, noise.view());
  return noise;
}

// Would catch: fused operations on one target and not on another, or a library function in one.
TEST(BoxMuller, AllTargetsGiveTheSameBits) {
  for (const std::string_view law : {"boxmuller", "normal2"}) {
    const auto targets = cpu::RunnableTargets();
    const Tensor expected = Noise(targets.front(), law, 3, 300001);
    for (const cpu::Target target : targets) {
      EXPECT_EQ(Noise(target, law, 3, 300001), expected) << cpu::TargetName(target) << " " << law;
    }
  }
}

// Codes from a to b on the number line.
std::int64_t UlpsApart(formats::Code a, formats::Code b) {
  const auto place = [](formats::Code code) {
    const std::int64_t magnitude = static_cast<std::int64_t>(code & 0x7FFFFFFF);
    return code >> 31 != 0 ? -magnitude : magnitude;
  };
  return std::llabs(place(a) - place(b));
}

// Would catch: a coefficient or constant that is off, a reduction that loses digits near u = 1 or
// near the axes. Tight both ways: the largest distance over these elements is known.
TEST(BoxMuller, HalfNormalIsWithinAFewUlps) {
  constexpr std::uint64_t kCount = 100000;
  constexpr std::int64_t kLargest = 4;
  const Tensor noise = Noise(cpu::RunnableTargets().front(), "normal2", 0, kCount);
  std::atomic<std::int64_t> largest = 0;
  base::ParallelFor(kCount, 1000, [&](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t i = begin; i < end; ++i) {
      const formats::Code exact = reference::RealNoise(formats::NoiseLaw::kNormal2, kKey, i);
      const std::int64_t apart = UlpsApart(exact, noise.Get(i));
      std::int64_t seen = largest;
      while (apart > seen && !largest.compare_exchange_weak(seen, apart)) {
      }
    }
  });
  EXPECT_EQ(largest, kLargest);
}

// Would catch: a bias in the decisions, and a change for the better that the comment in
// cpu/box_muller-inl.h does not tell. Binary64 decides what is not within 1e-12 of a
// half-integer, the reference decides the rest.
TEST(BoxMuller, DecisionsDifferSeldomAndOnlyAtBoundaries) {
  const std::uint64_t count = std::uint64_t{1} << (many_elements ? 31 : 25);
  constexpr std::uint64_t kPart = 1 << 16;
  const cpu::Target target = cpu::RunnableTargets().front();
  std::atomic<std::uint64_t> different = 0;
  std::atomic<std::uint64_t> unexplained = 0;
  base::ParallelFor(count / kPart, 1, [&](std::uint64_t begin, std::uint64_t) {
    const std::uint64_t first = begin * kPart;
    const Tensor noise = Noise(target, "boxmuller", first, kPart);
    for (std::uint64_t i = 0; i < kPart; i += 2) {
      const auto words = reference::Words(kKey.seed, kKey.stream, (first + i) / 2);
      const double radius = std::sqrt(-2 * std::log((words[0] + 0.5) * 0x1p-32));
      const double angle = 2 * std::numbers::pi * ((words[1] + 0.5) * 0x1p-32);
      const double halves[2] = {radius * std::cos(angle) / 2, radius * std::sin(angle) / 2};
      for (int k = 0; k < 2; ++k) {
        const double half = halves[k];
        const double to_boundary = std::fabs(std::fabs(half - std::floor(half)) - 0.5);
        int exact = static_cast<int>(std::nearbyint(half));
        if (to_boundary < 1e-12) {
          exact = reference::IntegerNoise(formats::NoiseLaw::kBoxMuller, kKey, first + i + k);
        }
        if (exact == static_cast<std::int8_t>(noise.Get(i + k))) continue;
        ++different;
        // Four ulp of z / 2, which is below 4.
        if (to_boundary > 4 * 0x1p-22) ++unexplained;
      }
    }
  });
  std::printf("%llu of %llu decisions differ\n", static_cast<unsigned long long>(different),
              static_cast<unsigned long long>(count));
  EXPECT_EQ(unexplained, 0u);
  EXPECT_EQ(different, many_elements ? 64u : 0u);  // 3 in 10^8.
}

}  // namespace
}  // namespace ulproof::tests

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  ulproof::tests::many_elements = argc > 1 && std::strcmp(argv[1], "--long") == 0;
  return RUN_ALL_TESTS();
}
