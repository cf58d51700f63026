// SPDX-License-Identifier: Apache-2.0
// A whole kernel as nvcc compiled it, against the reference element by element: noise, scale and
// rounding of bfloat16 weights, with a ragged last block, in three schedules. Would catch what
// tests of single forms cannot: decoding, address arithmetic and control flow of real compiler
// output.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "gpu/ptx/launch.h"
#include "reference/ops/arith.h"
#include "reference/ops/cast.h"
#include "reference/random/noise.h"

namespace ulproof::gpu::ptx {
namespace {

TEST(Kernel, NoiseAndRoundingEqualTheReference) {
  std::ifstream file(ULPROOF_SOURCE_DIR "/tests/vectors/ptx/noise_bf16.ptx");
  std::stringstream text;
  text << file.rdbuf();
  const base::Result<Module> module = ParseModule(text.str(), "noise_bf16.ptx");
  ASSERT_TRUE(module.ok()) << module.error().ToString();
  constexpr std::uint32_t kGroups = 8192 - 37;
  constexpr formats::RandomKey kKey{.seed = 0xFEDCBA9876543210, .stream = 0x123456789ABCDEF0};
  std::vector<std::uint8_t> weights(kGroups * 16);
  // Every bfloat16 code, NaNs and infinities with them.
  for (std::size_t i = 0; i < weights.size() / 2; ++i) {
    const auto code = static_cast<std::uint16_t>(i * 40503);
    std::memcpy(weights.data() + 2 * i, &code, 2);
  }
  const float scale = 0.03F;
  std::uint32_t scale_code = 0;
  std::memcpy(&scale_code, &scale, 4);
  for (const Order order : {Order::kForward, Order::kReverse, Order::kRandom}) {
    Memory memory;
    const DeviceAddress in = memory.Upload("weights", weights);
    const DeviceAddress out = memory.Allocate("out", weights.size());
    const base::Result<RunReport> report =
        Launch(*module, "noise_bf16", {.grid = {32}, .block = {256}},
               Arguments().Add(out).Add(in).Add(scale).Add(kKey.seed).Add(kKey.stream).Add(kGroups),
               memory, {.block_order = order, .warp_order = order});
    ASSERT_TRUE(report.ok()) << report.error().ToString();
    EXPECT_FALSE(memory.FirstUnwritten(out).has_value());
    EXPECT_EQ(report->tags, kNanBits);
    EXPECT_EQ(report->memory.global_stored_bytes, weights.size());
    for (std::uint64_t i = 0; i < weights.size() / 2; ++i) {
      std::uint16_t weight = 0;
      std::uint16_t sampled = 0;
      std::memcpy(&weight, weights.data() + 2 * i, 2);
      std::memcpy(&sampled, memory.Bytes(out).data() + 2 * i, 2);
      const formats::Code noise = reference::RealNoise(formats::NoiseLaw::kRg16, kKey, i);
      const formats::Code t = reference::Fma32(noise, scale_code, formats::Code{weight} << 16);
      const formats::Code wanted =
          reference::Cast(formats::kFloat32, t, formats::kBfloat16, {}, formats::Overflow::kIeee);
      if (formats::kBfloat16.IsNan(wanted)) {
        ASSERT_EQ(sampled, 0x7FFF) << i;
      } else {
        ASSERT_EQ(sampled, wanted) << i;
      }
    }
  }
}

}  // namespace
}  // namespace ulproof::gpu::ptx
