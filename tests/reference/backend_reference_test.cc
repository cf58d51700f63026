// SPDX-License-Identifier: Apache-2.0
// The reference behind the backend interface: the contract's worked examples, invariance under
// threads and under cutting a call into shards, and the packings of noise. Would catch a port that
// is mixed up, a block index that follows the thread, an offset that is added twice or not at all.
#include "reference/backend_reference.h"

#include <gtest/gtest.h>

#include <random>

#include "base/parallel.h"
#include "formats/case.h"
#include "reference/ops/scale.h"
#include "tests/support/kat.h"

namespace ulproof::reference {
namespace {

using formats::Case;
using formats::Operation;
using formats::Tensor;

std::vector<Tensor> RunReference(const Case& c) {
  return formats::RunCase(*MakeReferenceBackend(), c).value();
}

Case RandomInputs(const std::string& text) {
  Case c = formats::EmptyCase(*formats::ParseOperation(text));
  std::mt19937_64 random(text.size());
  for (Tensor& input : c.inputs) {
    const formats::FormatSpec& spec = input.type().format;
    for (std::uint64_t i = 0; i < input.count(); ++i) {
      // Moderate binary32, other codes as they come.
      input.Set(i, spec == formats::kFloat32
                       ? (random() & 0x807F'FFFF) | (118 + random() % 12) << 23
                       : random() & spec.code_mask());
    }
  }
  return c;
}

TEST(BackendReferenceTest, GivesTheWorkedExamples) {
  const tests::KnownAnswerFile file = tests::ReadKnownAnswers("contract_cases.kat");
  EXPECT_TRUE(file.unreadable.empty()) << file.unreadable.front();
  EXPECT_GE(file.answers.size(), 150u);
  for (const tests::KnownAnswer& answer : file.answers) {
    EXPECT_EQ(tests::Mismatches(*MakeReferenceBackend(), answer), "") << answer.place;
  }
}

constexpr std::string_view kOperations[] = {
    "noise law=rg16 pack=int8 shape=37x113 stride=200 seed=3 stream=4 offset=17",
    "noise law=rgbits pack=nibbles shape=37x113 seed=3",
    "noise law=normal2 shape=5x300 seed=3",
    "cast from=float32 to=float8_e4m3fn round=srb7 shape=50x333 seed=5",
    "cast from=float32 to=float6_e2m3fn round=rna shape=50x333",
    "block_max from=bfloat16 block=3x5 shape=100x101",
    "scale bits=block shape=1x9000",
    "sample from=bfloat16 to=float8_e5m2 round=src5 law=rg32 block=16x16 bits=block shape=60x70",
    "backward from=float32 law=rg16 block=16x48 shape=60x170",
    "quantize from=float32 format=mxfp6_e2m3 rule=even square=1 shape=70x90",
    "quantize from=float32 format=nvfp4 shape=70x90",
    "dequantize to=bfloat16 format=mxfp8_e5m2 shape=70x90",
    "dequantize to=float32 format=nvfp4 square=1 shape=70x90",
};

TEST(BackendReferenceTest, ResultsDoNotDependOnThreads) {
  for (const std::string_view text : kOperations) {
    const Case c = RandomInputs(std::string(text));
    base::SetThreadCount(1);
    const std::vector<Tensor> one = RunReference(c);
    base::SetThreadCount(7);
    const std::vector<Tensor> seven = RunReference(c);
    base::SetThreadCount(0);
    EXPECT_EQ(one, seven) << text;
  }
}

// Rows 32.. of a call are the call on these rows with the offset moved, for every kind with an
// element index.
TEST(BackendReferenceTest, ShardsGiveTheSameBits) {
  for (const std::string text :
       {"noise law=rg16 pack=int8 stride=50 seed=3 stream=4 offset=17",
        "noise law=boxmuller pack=int8 stride=50 seed=3",
        "cast from=float32 to=float8_e4m3fn round=sra20 stride=50 seed=5 offset=9",
        "sample from=float32 to=bfloat16 round=sra9 law=rgbits bits=tensor stride=50 seed=2",
        "backward from=float32 law=rg32 stride=50 seed=2 offset=3"}) {
    const Case whole = RandomInputs(text + " shape=64x40");
    Case part = formats::EmptyCase(*formats::ParseOperation(text + " shape=32x40"));
    part.op.key.offset += 32 * 50;
    for (std::size_t p = 0; p < part.inputs.size(); ++p) {
      // Matrices and per-block inputs: the second half; tensor-wide ones: all.
      const std::uint64_t skip = whole.inputs[p].count() - part.inputs[p].count();
      for (std::uint64_t i = 0; i < part.inputs[p].count(); ++i) {
        part.inputs[p].Set(i, whole.inputs[p].Get(skip + i));
      }
    }
    const Tensor all = RunReference(whole)[0];
    const Tensor half = RunReference(part)[0];
    ASSERT_EQ(all.count(), 2 * half.count());
    for (std::uint64_t i = 0; i < half.count(); ++i) {
      ASSERT_EQ(half.Get(i), all.Get(half.count() + i)) << text << " " << i;
    }
  }
}

TEST(BackendReferenceTest, BitwidthsAreOneForAllOrOneEach) {
  for (const bool each : {false, true}) {
    const Case c =
        RandomInputs(std::string("scale pow2=1 shape=3x5 bits=") + (each ? "block" : "tensor"));
    const Tensor scale = RunReference(c)[0];
    for (std::uint64_t i = 0; i < 15; ++i) {
      EXPECT_EQ(scale.Get(i), Scale(c.inputs[0].Get(i), c.inputs[1].Get(each ? i : 0), true));
    }
  }
}

TEST(BackendReferenceTest, NibblesAreTheBytes) {
  for (const std::string law : {"rg16", "rg32", "rgbits", "boxmuller"}) {
    const std::string rest = " shape=3x21 stride=64 seed=8 offset=5 law=" + law;
    const Tensor bytes = RunReference(RandomInputs("noise pack=int8" + rest))[0];
    const Tensor words = RunReference(RandomInputs("noise pack=nibbles" + rest))[0];
    ASSERT_EQ(words.count(), 8u);
    for (std::uint64_t i = 0; i < 64; ++i) {
      const auto nibble = words.Get(i / 8) >> 4 * (i % 8) & 0xF;
      const int noise = i < 63 ? static_cast<std::int8_t>(bytes.Get(i)) : 0;
      EXPECT_EQ(nibble,
                noise < 0 ? 8u + static_cast<unsigned>(-noise) : static_cast<unsigned>(noise))
          << law << " " << i;
    }
  }
}

TEST(BackendReferenceTest, SupportsEverything) {
  const auto backend = MakeReferenceBackend();
  EXPECT_EQ(backend->name(), "reference");
  EXPECT_EQ(backend->why_unavailable(), "");
  for (const std::string_view text : kOperations) {
    EXPECT_EQ(backend->why_unsupported(*formats::ParseOperation(text)), "");
  }
}

}  // namespace
}  // namespace ulproof::reference
