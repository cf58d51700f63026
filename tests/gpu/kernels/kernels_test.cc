// SPDX-License-Identifier: Apache-2.0
// Every compiled kernel on the simulator against the reference, bit for bit. conform does the same
// with many more cases; here each kernel is also run in other orders of blocks and warps, with the
// race check, and with every multiplication and addition fused that ptxas may fuse: none of it may
// change a bit.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gpu/golden/golden.h"
#include "gpu/kernel_backend.h"
#include "gpu/simulator_machine.h"
#include "gpu/tensor_part.h"
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
      const bool is_fitted = kernel.prototype.kind >= formats::OpKind::kFit;  // Has a test below.
      for (int i = 0; i < (plain ? 2 : is_fitted ? 3 : 5); ++i) {
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
    if (kernel.plain || OperationName(kernel.prototype).find(" offset=") == std::string::npos) {
      continue;
    }
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

// Only the last or the first thread blocks run, on buffers of what those see. Would catch: the
// number of an element, a group or a block that is computed in 32 bits, and a wrong division of 64.
TEST(KernelEdges, PartsOfTensorsOfMoreThan2To32Elements) {
  constexpr std::uint64_t k32 = std::uint64_t{1} << 32, k38 = std::uint64_t{1} << 38;
  const std::unique_ptr<Machine> machine = MakeSimulatorMachine();
  const auto truth = reference::MakeReferenceBackend();
  std::map<std::string, std::unique_ptr<LoadedModule>> modules;
  std::map<std::string, int> ran;
  for (const Kernel& kernel : gpu::Kernels()) {
    if (kernel.prototype.kind == formats::OpKind::kScale) continue;  // An element for each block.
    auto& module = modules[kernel.module];
    if (module == nullptr) module = machine->Load(GoldenPtx("sm_80", kernel.module), "").value();
    reference::Rng rng(3);
    const auto shaped = [&](std::uint64_t rows, std::uint64_t cols) {
      formats::Operation op = kernel.prototype;
      op.shape = {.rows = rows, .cols = cols};
      if (OperationName(op).find(" offset=") != std::string::npos) op.key.offset = 16;
      return op;
    };
    for (const TensorPart& part :
         {EndAfterRows(shaped(64, 70), k32), EndAfterCols(shaped(1, 70), k38),
          BeginningOfRow(shaped(1, 8192), k38 + 5)}) {
      const std::vector<KernelLaunch> launches = PartLaunches(kernel, part);
      if (launches.empty()) continue;
      const formats::Case c = reference::RandomCase(part.part, rng);
      const std::vector<formats::Tensor> expected = formats::RunCase(*truth, c).value();
      std::vector<formats::Tensor> got = expected;  // What grows has to be written.
      std::vector<formats::ConstBuffer> inputs;
      std::vector<formats::Buffer> outputs;
      for (const formats::Tensor& input : c.inputs) inputs.push_back(input.view());
      for (formats::Tensor& output : got) outputs.push_back(output.view());
      const base::Status status = module->Run(launches, PartBuffers(part, inputs, outputs));
      ASSERT_TRUE(status.ok()) << kernel.name << ": " << status.error().ToString();
      const reference::Comparison comparison = reference::CompareOutputs(c, expected, got);
      EXPECT_TRUE(comparison.ok())
          << kernel.name << ": " << reference::MismatchText(*comparison.first);
      ++ran[kernel.name];
    }
    EXPECT_GE(ran[kernel.name], 2) << kernel.name;
  }
}

// Blocks and integer levels are arguments of these kernels. Would catch: a block shape whose sums
// are cut or ordered otherwise, a batch of one-row blocks that ends early or runs over, levels that
// are taken for int4.
TEST(FittedKernels, TakeAnyBlockAndAnyRangeOfLevels) {
  const std::shared_ptr<Machine> machine = MakeSimulatorMachine({.launch = {.check_races = true}});
  const auto truth = reference::MakeReferenceBackend();
  for (const char* const text : {
           "fake_quantize from=bfloat16 levels=uint8 block=1x128 shape=5x384",
           "fake_quantize from=bfloat16 levels=sym3 block=2x8 shape=3x40",
           "fake_quantize from=float32 levels=integers block=3x5 shape=7x23",
           "fit from=float32 fit=minmax levels=float8_e4m3fn block=1x128 shape=9x512",
           "fit from=bfloat16 fit=range levels=uint4 block=1x32 shape=33x64",
           "fit from=float32 fit=bits bits=block block=32x64 shape=64x128",
           "fit from=float32 fit=sigma zero=mean levels=sym4 block=1x256 shape=34x256",
           "fit from=bfloat16 fit=sigma levels=int8 block=32x96 shape=70x200",
           "refit from=bfloat16 levels=int8 zero=mean block=1x96 shape=40x96",
           "refit from=float32 levels=uint1 zero=mean block=33x71 shape=70x142",
           "refit from=bfloat16 levels=float4_e2m1fn zero=mean block=32x64 shape=64x64",
           "fake_backward from=bfloat16 levels=integers gradient=aewgs block=1x64 shape=35x128 "
           "stride=136 seed=1 stream=2 offset=8",
           "fake_backward from=float32 levels=int3 gradient=gdnsq block=64x40 shape=70x80 seed=3",
           "fake_backward from=bfloat16 levels=float4_e2m1fn gradient=lsq block=1x32 shape=40x32",
           "perturb from=bfloat16 law=uniform block=1x128 shape=3x256 stride=264 seed=1 offset=16",
           "perturb from=float32 law=uniform block=5x7 shape=11x20 seed=1 offset=3",
       }) {
    const formats::Operation op = formats::ParseOperation(text).value();
    for (const bool plain : {false, true}) {
      const auto subject =
          MakeKernelBackend({.name = "simulator", .machine = machine, .plain = plain});
      reference::Rng rng(5);
      const auto judged = reference::Judge(*truth, *subject, reference::RandomCase(op, rng));
      ASSERT_TRUE(judged.ok()) << text << ": " << judged.error().ToString();
      EXPECT_TRUE(judged->ok()) << text << ": " << reference::MismatchText(*judged->first);
    }
  }
}

// Would catch: an accumulator that starts from +0 where the block has terms of its own, and the +0
// of absent rows left out.
TEST(FittedKernels, KeepTheSignOfASumOfNegativeZeros) {
  const std::shared_ptr<Machine> machine = MakeSimulatorMachine();
  for (const auto& [block, sum] : {std::pair{"32x32", 0x8000'0000u}, std::pair{"1x64", 0u},
                                   std::pair{"64x64", 0x8000'0000u}, std::pair{"33x8", 0u}}) {
    // 0.25 is at level 0 with n = -0.25, and a gradient of +0 makes every term -0.
    formats::Operation op =
        formats::ParseOperation("fake_backward gradient=lsq shape=64x64").value();
    op.block = formats::ParseBlockShape(block).value();
    formats::Case c = formats::EmptyCase(op);
    for (std::uint64_t i = 0; i < c.inputs[1].count(); ++i) c.inputs[1].Set(i, 0x3E80'0000);
    for (std::uint64_t i = 0; i < c.inputs[2].count(); ++i) c.inputs[2].Set(i, 0x3F80'0000);
    for (const bool plain : {false, true}) {
      const auto subject =
          MakeKernelBackend({.name = "simulator", .machine = machine, .plain = plain});
      const auto outputs = formats::RunCase(*subject, c);
      ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
      EXPECT_EQ((*outputs)[1].Get(0), sum) << block << (plain ? " plain" : "");
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
