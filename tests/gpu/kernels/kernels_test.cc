// SPDX-License-Identifier: Apache-2.0
// Every compiled kernel on the simulator against the reference, bit for bit. conform does the same
// with many more cases; here each kernel is also run in other orders of blocks and warps, with the
// race check, and with every multiplication and addition fused that ptxas may fuse: none of it may
// change a bit.
#include <gtest/gtest.h>

#include <memory>

#include "gpu/kernel_backend.h"
#include "gpu/simulator_machine.h"
#include "reference/backend_reference.h"
#include "reference/compare/inputs.h"
#include "reference/compare/judge.h"

namespace ulproof::gpu {
namespace {

struct Schedule {
  const char* name;
  ptx::LaunchOptions launch;
};

class Kernels : public testing::TestWithParam<Schedule> {};

// Would catch: a wrong kernel, a result that depends on who runs first, a missing barrier, a
// product and a sum that were left for the compiler to fuse.
TEST_P(Kernels, EqualTheReference) {
  const std::shared_ptr<Machine> machine = MakeSimulatorMachine({.launch = GetParam().launch});
  const auto truth = reference::MakeReferenceBackend();
  for (const bool plain : {false, true}) {
    const auto subject =
        MakeKernelBackend({.name = "simulator", .machine = machine, .plain = plain});
    for (const Kernel& kernel : gpu::Kernels()) {
      if (kernel.plain != plain) continue;
      reference::Rng rng(7);
      for (int i = 0; i < (plain ? 2 : 5); ++i) {
        const formats::Operation op = reference::RandomCall(kernel.prototype, rng);
        const formats::Case c = reference::RandomCase(op, rng);
        const auto judged = reference::Judge(*truth, *subject, c);
        ASSERT_TRUE(judged.ok()) << kernel.name << ": " << judged.error().ToString();
        ASSERT_TRUE(judged->ok()) << kernel.name << ": " << reference::MismatchText(*judged->first)
                                  << "\n"
                                  << formats::CaseLine(c).substr(0, 2000);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Schedules, Kernels,
                         testing::Values(Schedule{"forward", {.check_races = true}},
                                         Schedule{"reverse",
                                                  {.block_order = ptx::Order::kReverse,
                                                   .warp_order = ptx::Order::kReverse}},
                                         Schedule{"random_fused",
                                                  {.block_order = ptx::Order::kRandom,
                                                   .warp_order = ptx::Order::kRandom,
                                                   .order_seed = 3,
                                                   .contract = true}}),
                         [](const auto& schedule) { return std::string(schedule.param.name); });

// Would catch: an index computed in 32 bits, where it is an element's and not a word's.
TEST(KernelEdges, OffsetsAtTheEndsOf64Bits) {
  const std::shared_ptr<Machine> machine = MakeSimulatorMachine();
  const auto truth = reference::MakeReferenceBackend();
  const auto subject = MakeKernelBackend({.name = "simulator", .machine = machine});
  constexpr std::uint64_t kCount = 64 * 64;
  for (const Kernel& kernel : gpu::Kernels()) {
    if (kernel.plain) continue;
    for (const std::uint64_t offset : {(std::uint64_t{1} << 32) - 64, (std::uint64_t{1} << 36) - 64,
                                       ~std::uint64_t{0} - kCount - 62}) {
      formats::Operation op = kernel.prototype;
      op.shape = {.rows = 64, .cols = 64};
      op.key = {.seed = ~std::uint64_t{0}, .stream = std::uint64_t{1} << 63, .offset = offset};
      if (!formats::ValidateOperation(op).ok()) continue;
      reference::Rng rng(offset);
      const auto judged = reference::Judge(*truth, *subject, reference::RandomCase(op, rng));
      ASSERT_TRUE(judged.ok()) << kernel.name << ": " << judged.error().ToString();
      EXPECT_TRUE(judged->ok()) << kernel.name << " at offset " << offset << ": "
                                << reference::MismatchText(*judged->first);
    }
  }
}

// Would catch: a backend that says yes to what it has no kernel for, and a module that cannot be
// read reported as anything but an error.
TEST(KernelBackend, SaysWhatItCannotDo) {
  const std::shared_ptr<Machine> machine = MakeSimulatorMachine();
  const auto subject = MakeKernelBackend({.name = "simulator", .machine = machine});
  EXPECT_EQ(subject->why_unsupported({.kind = formats::OpKind::kDequantize}), "no CUDA kernel");
  const auto broken = MakeKernelBackend(
      {.name = "simulator", .machine = machine, .module_text = [](std::string_view) {
         return ".version";
       }});
  const formats::Operation op = {.kind = formats::OpKind::kScale};
  const auto outputs = formats::RunCase(*broken, formats::EmptyCase(op));
  ASSERT_FALSE(outputs.ok());
  EXPECT_EQ(outputs.error().file, "sm_80/block_max.ptx");
}

}  // namespace
}  // namespace ulproof::gpu
