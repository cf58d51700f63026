// SPDX-License-Identifier: Apache-2.0
#include "cli/sample_tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "formats/tensor.h"

namespace ulproof::cli {
namespace {

using base::Status;
using formats::Operation;

// A rectangle of whole blocks.
struct Piece {
  std::uint64_t row, col, rows, cols;
};

// Rows and columns of a full piece, in blocks: whole rows of blocks as far as they fit, else a part
// of one.
struct PieceShape {
  std::uint64_t block_rows, block_cols;
};
PieceShape PieceShapeFor(const formats::BlockGrid& grid, std::uint64_t element_bytes,
                         std::uint64_t piece_bytes) {
  // An edge block may be smaller than the block's full size, even in the whole of the matrix.
  const std::uint64_t rows = std::min<std::uint64_t>(grid.block.rows, grid.shape.rows);
  const std::uint64_t cols = std::min<std::uint64_t>(grid.block.cols, grid.shape.cols);
  const std::uint64_t block_bytes = rows * cols * element_bytes + sizeof(float);
  const std::uint64_t blocks = std::max<std::uint64_t>(piece_bytes / block_bytes, 1);
  if (blocks < grid.cols()) return {1, blocks};
  return {std::min(blocks / grid.cols(), grid.rows()), grid.cols()};
}

// Moves the rows of a piece between the tensor, where they stand whole_cols apart, and a dense
// buffer.
template <typename Move, typename Byte>
Status ForRows(const Piece& piece, std::uint64_t whole_cols, std::uint64_t element_bytes,
               const Move& move, Byte* buffer) {
  const bool dense = piece.cols == whole_cols;
  const std::uint64_t runs = dense ? 1 : piece.rows;
  const std::uint64_t run = dense ? piece.rows * piece.cols : piece.cols;
  for (std::uint64_t i = 0; i < runs; ++i) {
    const std::uint64_t first = (piece.row + i) * whole_cols + piece.col;
    if (Status moved = move(first, run, buffer + i * run * element_bytes); !moved.ok())
      return moved;
  }
  return base::Done{};
}

// The bitwidths of a piece, or the one of the tensor.
Status ReadBits(const Operation& op, const Piece& piece, const SampleStreams& streams,
                std::vector<float>& bits) {
  const formats::BlockGrid whole = op.grid();
  const formats::BlockGrid part = {{.rows = piece.rows, .cols = piece.cols}, op.block};
  bits.resize(op.bits_per_block ? part.count() : 1);
  const std::uint64_t rows = op.bits_per_block ? part.rows() : 1;
  const std::uint64_t cols = op.bits_per_block ? part.cols() : 1;
  for (std::uint64_t i = 0; i < rows; ++i) {
    const std::uint64_t first = op.bits_per_block ? (piece.row / op.block.rows + i) * whole.cols() +
                                                        piece.col / op.block.cols
                                                  : 0;
    if (Status read = streams.read_bits(first, cols, bits.data() + i * cols); !read.ok())
      return read;
  }
  for (const float b : bits) {
    if (Status valid = CheckBits(b); !valid.ok()) return valid;
  }
  return base::Done{};
}

}  // namespace

Status CheckBits(float bits) {
  if (std::fabs(bits) <= kMaxBits) return base::Done{};  // Not so for NaN.
  return base::UsageError(
      fmt::format("bitwidth {} is not a finite number of magnitude at most {}", bits, kMaxBits));
}

Status SampleTensor(const Operation& op, const SampleStreams& streams, formats::Backend& backend,
                    std::uint64_t piece_bytes) {
  ULPROOF_CHECK(op.kind == formats::OpKind::kSample && op.shape.index_stride == 0);
  const auto from_bytes = static_cast<std::uint64_t>(op.from.storage_bytes());
  const auto to_bytes = static_cast<std::uint64_t>(op.to.storage_bytes());
  const formats::BlockGrid grid = op.grid();
  const PieceShape size = PieceShapeFor(grid, from_bytes + to_bytes, piece_bytes);
  const std::uint64_t piece_rows = size.block_rows * op.block.rows;
  const std::uint64_t piece_cols = size.block_cols * op.block.cols;
  // Allocated once: pieces at the edges use a part.
  const std::uint64_t max_elements =
      std::min(piece_rows, op.shape.rows) * std::min(piece_cols, op.shape.cols);
  formats::Tensor input(formats::ElementType::CodeOf(op.from), max_elements);
  formats::Tensor output(formats::ElementType::CodeOf(op.to), max_elements);
  std::vector<float> bits;
  for (std::uint64_t row = 0; row < op.shape.rows; row += piece_rows) {
    for (std::uint64_t col = 0; col < op.shape.cols; col += piece_cols) {
      const Piece piece = {row, col, std::min(piece_rows, op.shape.rows - row),
                           std::min(piece_cols, op.shape.cols - col)};
      if (Status read = ForRows(piece, op.shape.cols, from_bytes, streams.read,
                                static_cast<char*>(input.view().data));
          !read.ok()) {
        return read;
      }
      if (Status read = ReadBits(op, piece, streams, bits); !read.ok()) return read;
      Operation part = op;
      part.shape = {.rows = piece.rows, .cols = piece.cols, .index_stride = op.shape.cols};
      part.key.offset += piece.row * op.shape.cols + piece.col;
      const std::uint64_t count = piece.rows * piece.cols;
      const formats::ConstBuffer inputs[] = {
          {input.type(), input.view().data, count},
          {formats::ElementType::CodeOf(formats::kFloat32), bits.data(), bits.size()}};
      const formats::Buffer outputs[] = {{output.type(), output.view().data, count}};
      if (Status ran = backend.Run(part, inputs, outputs); !ran.ok()) return ran;
      if (Status put = ForRows(piece, op.shape.cols, to_bytes, streams.write,
                               static_cast<const char*>(output.view().data));
          !put.ok()) {
        return put;
      }
      if (streams.advance) streams.advance(count);
    }
  }
  return base::Done{};
}

}  // namespace ulproof::cli
