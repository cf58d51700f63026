// SPDX-License-Identifier: Apache-2.0
// Where the elements of a matrix stand: in memory, and in the logical tensor that numbers them for
// noise (contract sections 4 and 6).
#ifndef ULPROOF_REFERENCE_OPS_ELEMENTS_H_
#define ULPROOF_REFERENCE_OPS_ELEMENTS_H_

#include <cstdint>

#include "formats/operation.h"

namespace ulproof::reference {

// Element (row, col) in memory: rows stand `cols` elements apart.
inline std::uint64_t MemoryIndex(const formats::Shape& shape, std::uint64_t row,
                                 std::uint64_t col) {
  return row * shape.cols + col;
}

// Element (row, col) in the whole logical tensor: its random words hang on this and the key alone.
inline std::uint64_t LogicalIndex(const formats::Operation& op, std::uint64_t row,
                                  std::uint64_t col) {
  return op.key.offset + row * op.shape.stride() + col;
}

// The same from the memory index.
inline std::uint64_t LogicalIndex(const formats::Operation& op, std::uint64_t memory_index) {
  return LogicalIndex(op, memory_index / op.shape.cols, memory_index % op.shape.cols);
}

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_OPS_ELEMENTS_H_
