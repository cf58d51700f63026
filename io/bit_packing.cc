// SPDX-License-Identifier: Apache-2.0
#include "io/bit_packing.h"

#include "base/check.h"

namespace ulproof::io {

void PackCodes(std::span<const std::uint8_t> codes, int bits, std::span<std::uint8_t> packed) {
  ULPROOF_CHECK(bits >= 1 && bits <= 8 && packed.size() == PackedBytes(codes.size(), bits));
  std::uint32_t pending = 0;  // Bits not yet written, the oldest lowest.
  int pending_bits = 0;
  auto out = packed.begin();
  for (const std::uint8_t code : codes) {
    ULPROOF_CHECK(code >> bits == 0);
    pending |= std::uint32_t{code} << pending_bits;
    pending_bits += bits;
    if (pending_bits >= 8) {
      *out++ = static_cast<std::uint8_t>(pending);
      pending >>= 8;
      pending_bits -= 8;
    }
  }
  if (pending_bits > 0) *out = static_cast<std::uint8_t>(pending);
}

base::Status UnpackCodes(std::span<const std::uint8_t> packed, int bits,
                         std::span<std::uint8_t> codes) {
  ULPROOF_CHECK(bits >= 1 && bits <= 8 && packed.size() == PackedBytes(codes.size(), bits));
  const std::uint32_t mask = (1u << bits) - 1;
  std::uint32_t pending = 0;
  int pending_bits = 0;
  auto in = packed.begin();
  for (std::uint8_t& code : codes) {
    if (pending_bits < bits) {
      pending |= std::uint32_t{*in++} << pending_bits;
      pending_bits += 8;
    }
    code = static_cast<std::uint8_t>(pending & mask);
    pending >>= bits;
    pending_bits -= bits;
  }
  if (pending != 0) return base::UsageError("packed codes: bits after the last code are set");
  return base::Done{};
}

}  // namespace ulproof::io
