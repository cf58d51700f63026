// SPDX-License-Identifier: Apache-2.0
#include "cli/sample_tensor.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "cli/backends.h"
#include "formats/case.h"

namespace ulproof::cli {
namespace {

using base::Status;
using formats::Case;
using formats::Operation;
using formats::Tensor;

// A case with ordinary weights and one bitwidth a block, or one of all.
Case RandomCase(const Operation& op) {
  Case c = formats::EmptyCase(op);
  std::mt19937_64 random(42);
  for (std::uint64_t i = 0; i < c.inputs[0].count(); ++i) {
    c.inputs[0].Set(i, (random() & 0x87FF) + 0x3C00);  // bfloat16 of magnitude 2^-7 to 2^8.
  }
  for (std::uint64_t i = 0; i < c.inputs[1].count(); ++i) {
    c.inputs[1].Set(i, 0x40000000 + (random() & 0xFFFFFF));  // 2 to 8.
  }
  return c;
}

// The result by pieces of at most `piece_bytes`, checking that each element is written once.
Tensor SampleInPieces(const Case& c, formats::Backend& backend, std::uint64_t piece_bytes) {
  const Tensor& weights = c.inputs[0];
  const Tensor& bits = c.inputs[1];
  Tensor result(formats::ElementType::CodeOf(c.op.to), c.op.shape.count());
  std::vector<int> writes(c.op.shape.count());
  std::uint64_t advanced = 0;
  const auto from = static_cast<std::size_t>(weights.type().bytes());
  const auto to = static_cast<std::size_t>(result.type().bytes());
  const SampleStreams streams = {
      .read = [&](std::uint64_t first, std::uint64_t count, void* out) -> Status {
        EXPECT_LE(first + count, weights.count());
        std::memcpy(out, static_cast<const char*>(weights.view().data) + first * from,
                    count * from);
        return base::Done{};
      },
      .write = [&](std::uint64_t first, std::uint64_t count, const void* data) -> Status {
        for (std::uint64_t i = first; i < first + count; ++i) ++writes.at(i);
        std::memcpy(static_cast<char*>(result.view().data) + first * to, data, count * to);
        return base::Done{};
      },
      .read_bits = [&](std::uint64_t first, std::uint64_t count, float* out) -> Status {
        EXPECT_LE(first + count, bits.count());
        std::memcpy(out, static_cast<const char*>(bits.view().data) + first * 4, count * 4);
        return base::Done{};
      },
      .advance = [&](std::uint64_t elements) { advanced += elements; }};
  const Status status = SampleTensor(c.op, streams, backend, piece_bytes);
  EXPECT_TRUE(status.ok()) << status.error().ToString();
  EXPECT_EQ(advanced, c.op.shape.count());
  EXPECT_EQ(writes, std::vector<int>(writes.size(), 1));
  return result;
}

// Catches everything that a cut could change: logical indices, block anchors, the bitwidth of a
// block, edges. For every backend, pieces from one block to all give the bits of one call of the
// reference.
TEST(SampleTensorTest, PiecesGiveTheBitsOfOneCall) {
  const std::vector<Operation> ops = {
      {.block = {.rows = 32, .cols = 32}, .shape = {.rows = 70, .cols = 100}},
      {.block = {.rows = 3, .cols = 5}, .bits_per_block = true, .shape = {.rows = 17, .cols = 23}},
      {.law = formats::NoiseLaw::kRgbits,
       .bits_per_block = true,
       .shape = {.rows = 1, .cols = 500}},
      {.rounding = {formats::RoundingMode::kStochasticB, 20},
       .law = formats::NoiseLaw::kRg32,
       .block = {.rows = 64, .cols = 8},
       .pow2 = true,
       .shape = {.rows = 40, .cols = 33}},
      {.to = formats::kFloat32,
       .law = formats::NoiseLaw::kUniform,
       .shape = {.rows = 3, .cols = 3}},
  };
  for (Operation op : ops) {
    op.kind = formats::OpKind::kSample;
    op.from = formats::kBfloat16;
    op.key = {.seed = 1, .stream = 2, .offset = 12345};
    const Case c = RandomCase(op);
    const auto reference = FindBackend("reference");
    ASSERT_TRUE(reference.ok());
    const auto expected = formats::RunCase(**reference, c);
    ASSERT_TRUE(expected.ok());
    for (formats::Backend* backend : AllBackends()) {
      if (RepeatsAnother(*backend) || !backend->why_unavailable().empty() ||
          !backend->why_unsupported(op).empty()) {
        continue;
      }
      for (const std::uint64_t piece_bytes : {1, 100, 1000, 5000, 20000, 1 << 26}) {
        EXPECT_EQ(SampleInPieces(c, *backend, piece_bytes), expected->front())
            << backend->name() << ", " << piece_bytes << " bytes: " << formats::OperationName(op);
      }
    }
  }
}

// Catches pieces larger than asked for: no read may exceed the budget while a block fits in it.
TEST(SampleTensorTest, PiecesKeepToTheBudget) {
  Operation op = {.kind = formats::OpKind::kSample, .shape = {.rows = 256, .cols = 4096}};
  op.from = formats::kFloat32;
  const auto reference = FindBackend("reference");
  for (const std::uint64_t budget : {8192, 100'000, 1'000'000}) {
    std::uint64_t held = 0;
    const SampleStreams streams = {
        .read = [&](std::uint64_t, std::uint64_t count, void* out) -> Status {
          std::memset(out, 0, count * 4);
          held += count * (4 + 2);
          return base::Done{};
        },
        .write = [](auto, auto, auto) -> Status { return base::Done{}; },
        .read_bits = [](auto, auto, float* out) -> Status {
          *out = 4;
          return base::Done{};
        },
        .advance =
            [&](std::uint64_t) {
              EXPECT_LE(held, budget);
              EXPECT_GE(held, budget / 4);  // And not absurdly small ones.
              held = 0;
            }};
    ASSERT_TRUE(SampleTensor(op, streams, **reference, budget).ok());
  }
}

// Catches a bitwidth that slips through from a file, and errors of a stream that are lost.
TEST(SampleTensorTest, ErrorsEndTheWork) {
  for (const float bits : {NAN, INFINITY, -INFINITY, 1.5e6f, -3e38f}) {
    EXPECT_FALSE(CheckBits(bits).ok()) << bits;
  }
  for (const float bits : {0.0f, -0.0f, 4.5f, -7.0f, 1e6f, -1e6f, 1e-45f}) {
    EXPECT_TRUE(CheckBits(bits).ok()) << bits;
  }
  const Operation op = {.kind = formats::OpKind::kSample, .shape = {.rows = 8, .cols = 8}};
  const auto reference = FindBackend("reference");
  const auto good = [](auto...) -> Status { return base::Done{}; };
  const auto good_bits = [](auto, auto, float* out) -> Status {
    *out = 4;
    return base::Done{};
  };
  const auto bad = [](auto...) -> Status { return base::EnvironmentError("broken"); };
  EXPECT_TRUE(SampleTensor(op, {good, good, good_bits}, **reference).ok());
  EXPECT_EQ(SampleTensor(op, {bad, good, good_bits}, **reference).error().message, "broken");
  EXPECT_EQ(SampleTensor(op, {good, bad, good_bits}, **reference).error().message, "broken");
  EXPECT_EQ(SampleTensor(op, {good, good, bad}, **reference).error().message, "broken");
  const auto nan_bits = [](auto, auto, float* out) -> Status {
    *out = NAN;
    return base::Done{};
  };
  EXPECT_FALSE(SampleTensor(op, {good, good, nan_bits}, **reference).ok());
}

}  // namespace
}  // namespace ulproof::cli
