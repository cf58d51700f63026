// SPDX-License-Identifier: Apache-2.0
// A sample of a tensor of any size in bounded memory: the matrix is cut into pieces of whole
// blocks, each piece is one call of a backend, and because noise depends on the logical index
// alone, the result is that of one call (contract sections 4 and 7).
#ifndef ULPROOF_CLI_SAMPLE_TENSOR_H_
#define ULPROOF_CLI_SAMPLE_TENSOR_H_

#include <cstdint>
#include <functional>

#include "base/result.h"
#include "formats/backend.h"
#include "formats/operation.h"

namespace ulproof::cli {

// Bytes of input, output and bitwidths that are held at a time, unless one block alone takes more.
inline constexpr std::uint64_t kDefaultPieceBytes = std::uint64_t{1} << 26;

// The bitwidths that are accepted: finite, of at most this magnitude. (Beyond 1100 or so nothing
// changes.)
inline constexpr float kMaxBits = 1e6f;
base::Status CheckBits(float bits);

// Where a tensor's elements come from and go to: elements [first, first + count), in C order.
struct SampleStreams {
  std::function<base::Status(std::uint64_t first, std::uint64_t count, void* out)> read;
  std::function<base::Status(std::uint64_t first, std::uint64_t count, const void* data)> write;
  // The bitwidths of the blocks, row-major, or the one of the tensor (op.bits_per_block).
  std::function<base::Status(std::uint64_t first, std::uint64_t count, float* out)> read_bits;
  // Called with the number of elements done since the last call. May be empty.
  std::function<void(std::uint64_t elements)> advance = {};
};

// Runs `op`, a valid sample of the whole tensor (with index_stride 0), piece by piece. Each output
// element is written once. Errors: those of the streams and the backend; a bitwidth that CheckBits
// refuses. Precondition: the backend supports op.
base::Status SampleTensor(const formats::Operation& op, const SampleStreams& streams,
                          formats::Backend& backend,
                          std::uint64_t piece_bytes = kDefaultPieceBytes);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_SAMPLE_TENSOR_H_
