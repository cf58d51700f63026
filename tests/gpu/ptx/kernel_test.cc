// SPDX-License-Identifier: Apache-2.0
// A whole kernel as nvcc compiled it, against the reference element by element: noise, scale and
// rounding of bfloat16 weights, with a ragged last block, in three schedules. Would catch what
// tests of single forms cannot: decoding, address arithmetic and control flow of real compiler
// output. And the sharing of slots by registers, on kernels made for it.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

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

// One word a thread.
std::vector<std::uint32_t> WordsOf(const Kernel& kernel, std::uint32_t threads) {
  Memory memory;
  const DeviceAddress out = memory.Allocate("out", 4ULL * threads);
  const auto report =
      kernel.Launch({.grid = {1}, .block = {threads}}, Arguments().Add(out), memory);
  EXPECT_TRUE(report.ok()) << report.error().ToString();
  std::vector<std::uint32_t> words(threads);
  std::memcpy(words.data(), memory.Bytes(out).data(), 4ULL * threads);
  return words;
}

std::string EntryOf(const std::string& body) {
  return R"(.version 8.0
.target sm_80
.address_size 64
.visible .entry k(.param .u64 out)
{
  .reg .b32 %r<4000>; .reg .b64 %rd<4>; .reg .pred %p<4>;
  mov.u32 %r1, %tid.x;
)" + body +
         R"(
  ld.param.u64 %rd1, [out];
  mov.u32 %r0, %tid.x;
  mul.wide.u32 %rd2, %r0, 4;
  add.s64 %rd3, %rd1, %rd2;
  st.global.u32 [%rd3], %r2;
  ret;
}
)";
}

// Registers share slots. Would catch: a slot that is given away while a loop comes back to what it
// holds, and while a guarded write leaves some lanes as they were.
TEST(SharedSlots, KeepWhatLoopsAndOtherLanesNeed) {
  const auto module = ParseModule(EntryOf(R"(
  mov.u32 %r2, 0;
  mov.u32 %r3, 0;
LOOP:
  add.u32 %r2, %r2, %r1;  // The last place of %r1 in the text.
  mul.lo.u32 %r4, %r2, 3;
  xor.b32 %r5, %r4, %r2;
  add.u32 %r3, %r3, 1;
  setp.lt.u32 %p1, %r3, 5;
  @%p1 bra LOOP;
  mov.u32 %r6, 7;
  setp.lt.u32 %p2, %r2, 50;
  add.u32 %r7, %r2, 1;
  mul.lo.u32 %r8, %r7, %r7;
  @%p2 mov.u32 %r6, %r8;
  add.u32 %r9, %r5, %r6;
  add.u32 %r2, %r2, %r9;
)"),
                                  "shared.ptx");
  ASSERT_TRUE(module.ok()) << module.error().ToString();
  const auto kernel = Kernel::Prepare(*module, "k");
  ASSERT_TRUE(kernel.ok()) << kernel.error().ToString();
  const std::vector<std::uint32_t> words = WordsOf(*kernel, 70);
  for (std::uint32_t tid = 0; tid < words.size(); ++tid) {
    const std::uint32_t sum = 5 * tid;
    const std::uint32_t chosen = sum < 50 ? (sum + 1) * (sum + 1) : 7;
    EXPECT_EQ(words[tid], sum + ((3 * sum) ^ sum) + chosen) << tid;
  }
}

// Would catch: registers that no longer share, which costs the simulator half its speed.
TEST(SharedSlots, KeepTheRegisterFileSmall) {
  std::string body = "add.u32 %r3, %r1, 1;\n";
  for (int i = 3; i < 3900; ++i) {
    body += "add.u32 %r" + std::to_string(i + 1) + ", %r" + std::to_string(i) + ", 1;\n";
  }
  const auto module = ParseModule(EntryOf(body + "mov.u32 %r2, %r3900;\n"), "chain.ptx");
  ASSERT_TRUE(module.ok()) << module.error().ToString();
  const auto kernel = Kernel::Prepare(*module, "k");
  ASSERT_TRUE(kernel.ok()) << kernel.error().ToString();
  EXPECT_LT(kernel->program().file_bytes, 4096u);
  EXPECT_EQ(WordsOf(*kernel, 3), (std::vector<std::uint32_t>{3898, 3899, 3900}));
}

}  // namespace
}  // namespace ulproof::gpu::ptx
