// SPDX-License-Identifier: Apache-2.0
// Takes choices and numbers off the front of a fuzzer's input. Total: past the end everything is
// zero, so that every input means something and a shorter one stays valid.
#ifndef ULPROOF_FUZZ_BYTE_READER_H_
#define ULPROOF_FUZZ_BYTE_READER_H_

#include <algorithm>
#include <cstdint>

#include "fuzz/target.h"

namespace ulproof::fuzz {

class ByteReader {
 public:
  explicit ByteReader(Bytes data) : data_(data) {}

  bool is_empty() const { return data_.empty(); }
  std::size_t size() const { return data_.size(); }

  // Little-endian, `bytes` of at most 8.
  std::uint64_t Number(int bytes) {
    std::uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) {
      if (data_.empty()) break;
      value |= std::uint64_t{data_.front()} << (8 * i);
      data_ = data_.subspan(1);
    }
    return value;
  }
  std::uint8_t Byte() { return static_cast<std::uint8_t>(Number(1)); }
  bool OneIn(std::uint8_t n) { return Byte() % n == 0; }
  // In [0, bound), from as few bytes as that takes. Precondition: 0 < bound <= 2^32.
  std::uint64_t Below(std::uint64_t bound) {
    const int bytes = bound <= 0x100 ? 1 : bound <= 0x10000 ? 2 : 4;
    return Number(bytes) % bound;
  }
  template <typename Container>
  const auto& Pick(const Container& from) {
    return from[Below(from.size())];
  }
  // A 64-bit number, often near an end of its range, from one byte or nine.
  std::uint64_t Word() {
    const std::uint8_t kind = Byte();
    if (kind < 128) return kind;
    if (kind < 160) return ~std::uint64_t{0} - (kind - 128u);
    if (kind < 224) return (std::uint64_t{1} << (kind - 160u)) - Byte();
    return Number(8);
  }
  // The first `count` bytes that are left, or fewer.
  Bytes Take(std::size_t count) {
    const Bytes taken = data_.first(std::min(count, data_.size()));
    data_ = data_.subspan(taken.size());
    return taken;
  }
  Bytes Rest() { return Take(data_.size()); }

 private:
  Bytes data_;
};

}  // namespace ulproof::fuzz

#endif  // ULPROOF_FUZZ_BYTE_READER_H_
