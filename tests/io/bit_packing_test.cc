// SPDX-License-Identifier: Apache-2.0
#include "io/bit_packing.h"

#include <gtest/gtest.h>

#include <vector>

namespace ulproof::io {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes Pack(const Bytes& codes, int bits) {
  Bytes packed(PackedBytes(codes.size(), bits));
  PackCodes(codes, bits, packed);
  return packed;
}

// Catches swapped nibbles: the even index belongs in the low one.
TEST(BitPackingTest, EvenIndexInTheLowNibble) {
  EXPECT_EQ(Pack({0x1, 0x2, 0x3}, 4), (Bytes{0x21, 0x03}));
}

// Catches a wrong bit order where codes straddle bytes: 6 bits, least significant first.
TEST(BitPackingTest, SixBitsStraddleBytes) {
  // 000001, 100010, 111111, 000100 from the low bits up: 10'000001 1111'1000 000100'11.
  EXPECT_EQ(Pack({0x01, 0x22, 0x3F, 0x04}, 6), (Bytes{0x81, 0xF8, 0x13}));
}

// Catches a wrong bit anywhere, every width and every length to 40: each bit of the packed form is
// looked up by its definition.
TEST(BitPackingTest, MatchesTheDefinitionBitForBit) {
  for (int bits = 1; bits <= 8; ++bits) {
    for (std::size_t count = 0; count <= 40; ++count) {
      Bytes codes(count);
      for (std::size_t i = 0; i < count; ++i) {
        codes[i] = static_cast<std::uint8_t>((i * 167 + 59) & ((1u << bits) - 1));
      }
      const Bytes packed = Pack(codes, bits);
      for (std::size_t bit = 0; bit < packed.size() * 8; ++bit) {
        const std::size_t element = bit / static_cast<std::size_t>(bits);
        const int expected =
            element < count ? codes[element] >> (bit % static_cast<std::size_t>(bits)) & 1 : 0;
        ASSERT_EQ(packed[bit / 8] >> (bit % 8) & 1, expected) << bits << " bits, bit " << bit;
      }
      Bytes unpacked(count, 0xFF);
      ASSERT_TRUE(UnpackCodes(packed, bits, unpacked).ok());
      ASSERT_EQ(unpacked, codes) << bits << " bits, " << count << " codes";
    }
  }
}

// Catches ignoring bits that no code owns: such a file was not written by a packer.
TEST(BitPackingTest, RefusesBitsAfterTheLastCode) {
  Bytes codes(3);
  EXPECT_TRUE(UnpackCodes(Bytes{0x21, 0x03}, 4, codes).ok());
  EXPECT_FALSE(UnpackCodes(Bytes{0x21, 0x13}, 4, codes).ok());
}

TEST(BitPackingDeathTest, CodesMustFit) {
  Bytes packed(1);
  EXPECT_DEATH(PackCodes(Bytes{0x10}, 4, packed), "CHECK|code >> bits");
}

}  // namespace
}  // namespace ulproof::io
