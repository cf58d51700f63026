// SPDX-License-Identifier: Apache-2.0
// The Triton version of sample, as Triton compiled it, against the reference bit for bit. Catches a
// Triton that contracts, approximates or reorders what sample.py spells out, and an index, mask or
// word order of ours that is wrong on ragged shapes, odd offsets or the second variant.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "gpu/kernel_backend.h"
#include "gpu/ptx/lint.h"
#include "gpu/ptx/parser.h"
#include "gpu/simulator_machine.h"
#include "reference/backend_reference.h"
#include "reference/compare/inputs.h"
#include "reference/compare/judge.h"

namespace ulproof::gpu {
namespace {

using formats::Operation;

const std::string kEntry = "sample_bfloat16_bfloat16_rne_ovf_rg16";
constexpr std::uint32_t kThreads = 128;     // compile.py's num_warps
constexpr std::uint32_t kSharedBytes = 16;  // of the MANIFEST

std::string ReadPtx(const std::string& variant) {
  std::ifstream file(ULPROOF_SOURCE_DIR "/gpu/golden/triton/sm_80_" + variant + ".ptx");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class TritonBackend : public formats::Backend {
 public:
  TritonBackend(const std::string& variant, bool contract)
      : name_("triton " + variant),
        takes_all_(variant == "sample"),
        // No race check: all lanes of a warp store the warp's maximum to one word, the same value,
        // which it would report. Another schedule is tried instead.
        machine_(MakeSimulatorMachine(
            {.launch = {.warp_order = contract ? ptx::Order::kRandom : ptx::Order::kForward,
                        .order_seed = 7,
                        .contract = contract}})) {
    auto module = machine_->Load(ReadPtx(variant), variant);
    EXPECT_TRUE(module.ok()) << module.error().ToString();
    if (module.ok()) module_ = std::move(*module);
  }

  std::string_view name() const override { return name_; }
  std::string why_unsupported(const Operation& op) const override {
    // What compile.py promised the compiler.
    const bool multiples =
        op.shape.cols % 16 == 0 && op.shape.stride() % 16 == 0 && op.key.offset % 16 == 0;
    return takes_all_ || multiples ? "" : "compiled for multiples of 16";
  }
  base::Status Run(const Operation& op, std::span<const formats::ConstBuffer> inputs,
                   std::span<const formats::Buffer> outputs) override {
    const auto scalar = [](std::uint64_t value) { return LaunchArgument::Scalar(value, 8); };
    KernelLaunch launch = {.entry = kEntry,
                           .grid = {static_cast<std::uint32_t>(op.grid().count()), 1, 1},
                           .block = {kThreads, 1, 1},
                           .dynamic_shared_bytes = kSharedBytes,
                           .arguments = {}};
    launch.arguments = {LaunchArgument::Address(0), LaunchArgument::Address(1),
                        LaunchArgument::Address(2), scalar(op.shape.rows), scalar(op.shape.cols),
                        scalar(op.shape.stride()), LaunchArgument::Scalar(op.bits_per_block, 4),
                        LaunchArgument::Scalar(op.pow2, 4), scalar(op.key.seed),
                        scalar(op.key.stream), scalar(op.key.offset),
                        // Triton's own: scratch memory that this kernel does not use.
                        scalar(0), scalar(0)};
    return module_->Run({&launch, 1}, KernelBuffers(op, inputs, outputs));
  }

 private:
  const std::string name_;
  const bool takes_all_;
  const std::unique_ptr<Machine> machine_;
  std::unique_ptr<LoadedModule> module_;
};

struct Variant {
  const char* name;
  bool contract;
};
class TritonSample : public testing::TestWithParam<Variant> {};

TEST_P(TritonSample, EqualsTheReference) {
  TritonBackend triton(GetParam().name, GetParam().contract);
  const std::unique_ptr<formats::Backend> truth = reference::MakeReferenceBackend();
  reference::Rng rng(2);
  int tried = 0;
  const auto judge = [&](const formats::Case& c) {
    if (!triton.why_unsupported(c.op).empty()) return;
    ++tried;
    const auto comparison = reference::Judge(*truth, triton, c);
    ASSERT_TRUE(comparison.ok()) << comparison.error().ToString();
    EXPECT_TRUE(comparison->ok()) << MismatchText(*comparison->first) << "\n"
                                  << formats::CaseLine(c).substr(0, 200);
  };
  for (const auto& [rows, cols] : {std::pair<std::uint64_t, std::uint64_t>{1, 1},
                                   {32, 32},
                                   {1, 16},
                                   {33, 31},
                                   {5, 70},
                                   {40, 48},
                                   {64, 96},
                                   {3, 112}}) {
    for (int repeat = 0; repeat < 12; ++repeat) {
      Operation op = {.kind = formats::OpKind::kSample, .from = formats::kBfloat16};
      op.shape = {.rows = rows, .cols = cols};
      if (repeat % 3 == 1) op.shape.index_stride = (cols + 31) / 16 * 16;
      op.key = {.seed = rng.Next(), .stream = rng.Next(), .offset = rng.Next() >> 2 & ~15ULL};
      if (repeat % 3 == 2) op.key.offset += rng.Below(16);
      if (repeat == 0) op.key.offset = 0;
      op.pow2 = rng.OneIn(2);
      op.bits_per_block = rng.OneIn(2);
      judge(reference::RandomCase(op, rng));
    }
  }
  EXPECT_GE(tried, 24);
}

// Bitwidths across the range of exp2: the routine of sample.py, the ends and the specials.
TEST_P(TritonSample, AllScalesAreTheReferences) {
  TritonBackend triton(GetParam().name, GetParam().contract);
  const std::unique_ptr<formats::Backend> truth = reference::MakeReferenceBackend();
  reference::Rng rng(3);
  const std::vector<formats::Code> edges = reference::EdgeCodes(formats::kFloat32);
  for (int i = 0; i < 60; ++i) {
    Operation op = {.kind = formats::OpKind::kSample, .from = formats::kBfloat16};
    op.shape = {.rows = 1, .cols = 32 * 16};
    op.bits_per_block = true;
    op.key.seed = rng.Next();
    formats::Case c = reference::RandomCase(op, rng);
    for (std::uint64_t block = 0; block < 16; ++block) {
      formats::Code bits = rng.Pick(edges);
      if (i % 2 == 0) bits = 0x41000000 + rng.Below(0x02000000);  // 8 to 128
      if (i % 4 == 1) bits = 0xC0000000 + rng.Below(0x04000000);  // -2 to -256
      c.inputs[1].Set(block, bits);
    }
    const auto comparison = reference::Judge(*truth, triton, c);
    ASSERT_TRUE(comparison.ok()) << comparison.error().ToString();
    EXPECT_TRUE(comparison->ok()) << MismatchText(*comparison->first);
  }
}

INSTANTIATE_TEST_SUITE_P(Variants, TritonSample,
                         testing::Values(Variant{"sample", false}, Variant{"sample_groups", false},
                                         Variant{"sample", true}),
                         [](const auto& variant) {
                           return std::string(variant.param.name) +
                                  (variant.param.contract ? "_contracted" : "");
                         });

// The bits are safe from ptxas too, and no form is approximate: nothing but 32-bit indices, which
// sample.py does not have, would be a finding.
TEST(TritonPtx, HasNoFindings) {
  for (const std::string variant : {"sample", "sample_groups"}) {
    const std::string text = ReadPtx(variant);
    const auto module = ptx::ParseModule(text, variant);
    ASSERT_TRUE(module.ok()) << module.error().ToString();
    const auto findings = ptx::Lint(*module, kEntry);
    ASSERT_TRUE(findings.ok()) << findings.error().ToString();
    for (const ptx::LintFinding& finding : *findings) {
      ADD_FAILURE() << variant << ":" << finding.line << ": " << finding.what << ": "
                    << finding.instruction;
    }
  }
}

// The MANIFEST names exactly what is kept.
TEST(TritonPtx, ManifestNamesTheFiles) {
  std::ifstream file(ULPROOF_SOURCE_DIR "/gpu/golden/triton/MANIFEST");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_THAT(text.str(), testing::StartsWith("triton 3.9.0\n"));
  EXPECT_THAT(text.str(), testing::HasSubstr("enable_fp_fusion=False"));
  for (const std::string variant : {"sample", "sample_groups"}) {
    EXPECT_THAT(text.str(), testing::HasSubstr("  sm_80_" + variant + ".ptx  dynamic shared " +
                                               std::to_string(kSharedBytes) + "\n"));
    EXPECT_THAT(ReadPtx(variant), testing::HasSubstr(".entry " + kEntry));
  }
}

}  // namespace
}  // namespace ulproof::gpu
