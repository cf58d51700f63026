// SPDX-License-Identifier: Apache-2.0
// Noise of every law at any key, and cut anywhere. Oracle: every CPU target and the simulator give
// the reference's bits, and on each of them the pieces of a call, each with its own offset, are the
// whole (contract section 4: an element's noise depends on its index alone).
#include "fuzz/backends.h"

namespace ulproof::fuzz {
namespace {

using formats::Backend;
using formats::Case;
using formats::Operation;
using formats::OpKind;
using formats::Tensor;

// Elements of one output, nibbles unpacked, so that pieces of any length compare.
std::vector<formats::Code> Elements(const Operation& op, const Tensor& output) {
  std::vector<formats::Code> elements(op.shape.count());
  const bool is_packed = output.type().kind == formats::ElementKind::kNibbleWord;
  for (std::uint64_t i = 0; i < elements.size(); ++i) {
    elements[i] = is_packed ? output.Get(i / 8) >> (4 * (i % 8)) & 0xF : output.Get(i);
  }
  return elements;
}

std::vector<formats::Code> Draw(Backend& backend, const Operation& op) {
  const auto outputs = formats::RunCase(backend, {op, {}});
  ULPROOF_CHECK(outputs.ok(), outputs.error().ToString());
  return Elements(op, outputs->front());
}

void ExpectPiecesAreTheWhole(Backend& backend, const Operation& op, std::uint64_t row,
                             std::uint64_t col) {
  if (!backend.why_unsupported(op).empty()) return;
  const std::vector<formats::Code> whole = Draw(backend, op);
  // The rows above `row`, then its elements up to `col`, the rest of it, and the rows below.
  struct Piece {
    std::uint64_t row, col, rows, cols;
  };
  const std::uint64_t cols = op.shape.cols;
  const Piece pieces[] = {{0, 0, row, cols},
                          {row, 0, 1, col},
                          {row, col, 1, cols - col},
                          {row + 1, 0, op.shape.rows - row - 1, cols}};
  for (const Piece& piece : pieces) {
    if (piece.rows == 0 || piece.cols == 0) continue;
    Operation part = op;
    part.shape = {.rows = piece.rows, .cols = piece.cols, .index_stride = op.shape.stride()};
    part.key.offset += piece.row * op.shape.stride() + piece.col;
    if (!backend.why_unsupported(part).empty()) continue;
    const std::vector<formats::Code> drawn = Draw(backend, part);
    for (std::uint64_t i = 0; i < drawn.size(); ++i) {
      const std::uint64_t at = (piece.row + i / piece.cols) * cols + piece.col + i % piece.cols;
      ULPROOF_CHECK(drawn[i] == whole[at], std::string(backend.name()) + ": element " +
                                               std::to_string(at) + " of " +
                                               formats::OperationName(op) + " is another in " +
                                               formats::OperationName(part));
    }
  }
}

}  // namespace

ULPROOF_FUZZ_TARGET(noise) {
  ByteReader reader(data);
  Operation op = {.kind = OpKind::kNoise};
  op.law = reader.Pick(formats::kNoiseLaws);
  if (formats::HasIntegerNoise(op.law) && reader.OneIn(3)) {
    op.packing = formats::NoisePacking::kNibbles;
  }
  op.shape = ReadShape(reader, 12, 256);
  op.key = ReadKey(reader);
  if (!formats::ValidateOperation(op).ok()) return;
  ExpectReferenceBits({op, {}});
  const std::uint64_t row = reader.Below(op.shape.rows);
  const std::uint64_t col = reader.Below(op.shape.cols);
  ExpectPiecesAreTheWhole(Reference(), op, row, col);
  ExpectPiecesAreTheWhole(*CpuBackends().front(), op, row, col);
  ExpectPiecesAreTheWhole(Simulator(), op, row, col);
}

}  // namespace ulproof::fuzz
