// SPDX-License-Identifier: Apache-2.0
// Codes of 1 to 8 bits stored densely: element i takes bits [i * k, (i + 1) * k) of the byte
// string, least significant bit first. With k = 4 that is two elements a byte, the even index in
// the low nibble (contract section 9).
#ifndef ULPROOF_IO_BIT_PACKING_H_
#define ULPROOF_IO_BIT_PACKING_H_

#include <cstdint>
#include <span>

#include "base/result.h"

namespace ulproof::io {

// Bytes that `count` codes of `bits` bits take. Precondition: bits in 1..8, count below 2^60.
constexpr std::uint64_t PackedBytes(std::uint64_t count, int bits) {
  return (count * static_cast<std::uint64_t>(bits) + 7) / 8;
}

// Writes all of `packed`; bits after the last code are zero. Preconditions: packed.size() ==
// PackedBytes(codes.size(), bits), every code fits in `bits` bits.
void PackCodes(std::span<const std::uint8_t> codes, int bits, std::span<std::uint8_t> packed);

// The inverse. Precondition: the same sizes. Errors: a bit after the last code is set.
base::Status UnpackCodes(std::span<const std::uint8_t> packed, int bits,
                         std::span<std::uint8_t> codes);

}  // namespace ulproof::io

#endif  // ULPROOF_IO_BIT_PACKING_H_
