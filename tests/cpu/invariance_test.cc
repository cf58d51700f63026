// SPDX-License-Identifier: Apache-2.0
// Contract section 4: results do not depend on threads, tiles or shards. A shard of rows is the
// same call with an offset, a shard of columns the same with a stride.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "base/parallel.h"
#include "cpu/backend_cpu.h"
#include "tests/cpu/cpu_cases.h"

namespace ulproof::tests {
namespace {

using formats::Case;
using formats::Code;
using formats::Operation;
using formats::OpKind;
using formats::Tensor;

std::vector<Tensor> Outputs(formats::Backend& backend, const Case& c) {
  return formats::RunCase(backend, c).value();
}

// Large enough that every operation is handed out in several ranges.
constexpr std::string_view kOperations[] = {
    "noise law=rg16 pack=nibbles shape=300x1001 seed=1 stream=2 offset=3",
    "noise law=rgbits pack=int8 shape=1x300001 seed=1 stream=2",
    "noise law=normal2 shape=3x100001 seed=1 stream=2",
    "block_max from=bfloat16 block=32x32 shape=400x700",
    "scale pow2=1 bits=block shape=400x700",
    "sample from=bfloat16 to=bfloat16 law=rg16 block=32x32 shape=400x700 seed=1 stream=2",
    "sample from=float32 to=float8_e4m3fn round=srb12 law=uniform block=8x100 bits=block "
    "shape=400x701 seed=1 stream=2",
    "backward from=float32 law=rg32 block=32x32 shape=400x700 seed=1 stream=2",
};

// Would catch: threads that share working memory, ranges that overlap or leave a gap, a result that
// depends on who came first.
TEST(CpuInvariance, Threads) {
  for (const auto& backend : cpu::MakeCpuBackends()) {
    for (const std::string_view text : kOperations) {
      std::mt19937_64 engine(7);
      const Case c = MakeCase(Op(text), InputStyle::kOrdinary, engine);
      base::SetThreadCount(1);
      const std::vector<Tensor> expected = Outputs(*backend, c);
      for (const int threads : {2, 3, 8}) {
        base::SetThreadCount(threads);
        EXPECT_EQ(Outputs(*backend, c), expected)
            << backend->name() << " " << text << " on " << threads << " threads";
      }
      base::SetThreadCount(0);
    }
  }
}

// The rows [row_begin, row_end) and columns [col_begin, col_end) of a tensor of the whole matrix.
Tensor Cut(const Tensor& whole, std::uint64_t cols, std::uint64_t row_begin, std::uint64_t row_end,
           std::uint64_t col_begin, std::uint64_t col_end) {
  Tensor part(whole.type(), (row_end - row_begin) * (col_end - col_begin));
  std::uint64_t i = 0;
  for (std::uint64_t row = row_begin; row < row_end; ++row) {
    for (std::uint64_t col = col_begin; col < col_end; ++col) {
      part.Set(i++, whole.Get(row * cols + col));
    }
  }
  return part;
}

// The same sample, backward or noise on a shard that is aligned to blocks.
Case Shard(const Case& whole, std::uint64_t row_begin, std::uint64_t row_end,
           std::uint64_t col_begin, std::uint64_t col_end) {
  Case part = whole;
  const std::uint64_t cols = whole.op.shape.cols;
  part.op.shape = {row_end - row_begin, col_end - col_begin, cols};
  part.op.key.offset += row_begin * cols + col_begin;
  if (!part.inputs.empty()) {
    part.inputs[0] = Cut(whole.inputs[0], cols, row_begin, row_end, col_begin, col_end);
  }
  if (part.inputs.size() > 1 && part.inputs[1].count() > 1) {  // One value a block.
    const formats::BlockShape& block = whole.op.block;
    part.inputs[1] = Cut(whole.inputs[1], whole.op.grid().cols(), row_begin / block.rows,
                         (row_end + block.rows - 1) / block.rows, col_begin / block.cols,
                         (col_end + block.cols - 1) / block.cols);
  }
  return part;
}

// Would catch: noise or rounding numbers that count from the shard's own beginning, or along its
// own width.
TEST(CpuInvariance, Shards) {
  for (const auto& backend : cpu::MakeCpuBackends()) {
    for (const std::string_view text :
         {"noise law=rg16 pack=int8 shape=100x203 seed=1 stream=2 offset=5",
          "noise law=uniform shape=100x203 seed=1 stream=2 offset=5",
          "sample from=bfloat16 to=bfloat16 law=rg16 block=32x32 bits=block shape=100x203 seed=1 "
          "stream=2 offset=5",
          "sample from=float32 to=float8_e5m2 round=sra20 law=rgbits block=32x32 shape=100x203 "
          "seed=1 stream=2 offset=5",
          "backward from=bfloat16 law=rg32 block=32x32 shape=100x203 seed=1 stream=2 offset=5"}) {
      std::mt19937_64 engine(7);
      const Case whole = MakeCase(Op(text), InputStyle::kOrdinary, engine);
      const Tensor expected = Outputs(*backend, whole)[0];
      const std::uint64_t rows = whole.op.shape.rows;
      const std::uint64_t cols = whole.op.shape.cols;
      const bool per_block = whole.op.kind == OpKind::kBackward;
      for (const auto& [row_begin, row_end, col_begin, col_end] :
           {std::array<std::uint64_t, 4>{0, 64, 0, cols},
            {64, rows, 0, cols},
            {0, rows, 0, 96},
            {0, rows, 96, cols},
            {32, 64, 64, 128}}) {
        const Tensor part =
            Outputs(*backend, Shard(whole, row_begin, row_end, col_begin, col_end))[0];
        const std::uint64_t unit = per_block ? 32 : 1;
        const Tensor cut =
            Cut(expected, (cols + unit - 1) / unit, row_begin / unit, (row_end + unit - 1) / unit,
                col_begin / unit, (col_end + unit - 1) / unit);
        EXPECT_EQ(part, cut) << backend->name() << " " << text << " rows " << row_begin << ".."
                             << row_end << " columns " << col_begin << ".." << col_end;
      }
    }
  }
}

// Would catch: a read or write outside of the buffers' elements: they stand between guards here, at
// addresses of every alignment that their type allows.
TEST(CpuInvariance, AlignmentAndGuards) {
  for (const auto& backend : cpu::MakeCpuBackends()) {
    const Operation op =
        Op("sample from=bfloat16 to=bfloat16 law=rg16 block=32x32 shape=33x75 seed=1 stream=2");
    std::mt19937_64 engine(7);
    const Case c = MakeCase(op, InputStyle::kOrdinary, engine);
    const Tensor expected = Outputs(*backend, c)[0];
    const std::size_t count = expected.count();
    for (std::size_t shift = 0; shift < 40; shift += 3) {
      constexpr std::uint16_t kGuard = 0xABCD;
      constexpr std::size_t kGuards = 64;
      std::vector<std::uint16_t> w(count + shift + kGuards, 0x7FC0);  // NaN outside.
      std::vector<std::uint16_t> out(count + shift + kGuards, kGuard);
      for (std::size_t i = 0; i < count; ++i) w[shift + i] = c.inputs[0].Get(i);
      const formats::ConstBuffer inputs[] = {{expected.type(), w.data() + shift, count},
                                             c.inputs[1].view()};
      const formats::Buffer outputs[] = {{expected.type(), out.data() + shift, count}};
      ASSERT_TRUE(backend->Run(op, inputs, outputs).ok());
      for (std::size_t i = 0; i < out.size(); ++i) {
        const bool inside = i >= shift && i < shift + count;
        ASSERT_EQ(out[i], inside ? expected.Get(i - shift) : kGuard)
            << backend->name() << " element " << i << " shift " << shift;
      }
    }
  }
}

// Would catch: results written past the caches (large, aligned tensors alone are) that are late,
// torn or others than those of the ordinary way, which a misaligned buffer gets.
TEST(CpuInvariance, StreamedResults) {
  const Operation op =
      Op("sample from=bfloat16 to=bfloat16 law=rg16 block=32x32 shape=1030x8192 seed=1 stream=2");
  std::mt19937_64 engine(7);
  const Case c = MakeCase(op, InputStyle::kOrdinary, engine);
  const std::size_t count = op.shape.count();
  constexpr std::size_t kLine = 64 / sizeof(std::uint16_t);
  for (const auto& backend : cpu::MakeCpuBackends()) {
    std::vector<std::uint16_t> streamed(count + kLine), ordinary(count + kLine);
    const auto run = [&](std::vector<std::uint16_t>& out, std::size_t misaligned) {
      const std::size_t into_line =
          reinterpret_cast<std::uintptr_t>(out.data()) / sizeof(std::uint16_t) % kLine;
      std::uint16_t* first = out.data() + (kLine - into_line) % kLine + misaligned;
      const formats::ConstBuffer inputs[] = {c.inputs[0].view(), c.inputs[1].view()};
      const formats::Buffer outputs[] = {{c.inputs[0].type(), first, count}};
      EXPECT_TRUE(backend->Run(op, inputs, outputs).ok());
      return std::span(first, count);
    };
    EXPECT_TRUE(std::ranges::equal(run(streamed, 0), run(ordinary, 1))) << backend->name();
  }
}

}  // namespace
}  // namespace ulproof::tests
