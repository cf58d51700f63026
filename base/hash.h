// SPDX-License-Identifier: Apache-2.0
// FNV-1a, 64 bits: tells texts, cases and tensors apart by a number. Not against anybody who would
// have two of them collide.
#ifndef ULPROOF_BASE_HASH_H_
#define ULPROOF_BASE_HASH_H_

#include <cstdint>
#include <string_view>

namespace ulproof::base {

class Fnv1a {
 public:
  void Add(std::uint64_t word) { value_ = (value_ ^ word) * 1099511628211u; }
  void Add(std::string_view text) {
    for (const char c : text) Add(std::uint64_t{static_cast<unsigned char>(c)});
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 14695981039346656037u;
};

}  // namespace ulproof::base

#endif  // ULPROOF_BASE_HASH_H_
