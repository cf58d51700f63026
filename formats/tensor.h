// SPDX-License-Identifier: Apache-2.0
// Flat runs of elements in memory, typed at run time: what goes into and comes out of an operation.
// Elements are little-endian integers of 1, 2, 4 or 8 bytes: codes of a format, int8 noise, or
// 32-bit words of eight noise nibbles.
#ifndef ULPROOF_FORMATS_TENSOR_H_
#define ULPROOF_FORMATS_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "formats/catalogue.h"

namespace ulproof::formats {

enum class ElementKind : std::uint8_t {
  kCode,        // A code of `format`, in format.storage_bytes() bytes.
  kInt8,        // A two's complement byte: integer noise, mxint8 elements.
  kNibbleWord,  // Eight sign-magnitude noise nibbles, element 8k in the low nibble (contract
                // section 5).
};

struct ElementType {
  ElementKind kind = ElementKind::kCode;
  FormatSpec format = kFloat32;  // Meaningful for kCode only.

  static constexpr ElementType CodeOf(const FormatSpec& format) {
    return {ElementKind::kCode, format};
  }
  static constexpr ElementType Int8() { return {.kind = ElementKind::kInt8}; }
  static constexpr ElementType NibbleWord() { return {.kind = ElementKind::kNibbleWord}; }

  friend constexpr bool operator==(const ElementType&, const ElementType&) = default;
  constexpr int bytes() const {
    return kind == ElementKind::kCode ? format.storage_bytes() : kind == ElementKind::kInt8 ? 1 : 4;
  }
  // Hex digits that show any element: the format's width, not the storage's.
  constexpr int hex_digits() const {
    return kind == ElementKind::kCode ? (format.storage_bits() + 3) / 4 : 2 * bytes();
  }
};

// The format's name, "int8" or "nibbles".
std::string ElementTypeName(const ElementType& type);

// A read-only view. Does not own; the memory must be aligned to type.bytes().
struct ConstBuffer {
  ElementType type;
  const void* data = nullptr;
  std::uint64_t count = 0;

  // Element i as an unsigned integer (int8 as its byte). Precondition: i < count.
  Code Get(std::uint64_t i) const {
    ULPROOF_CHECK(i < count);
    switch (type.bytes()) {
      case 1:
        return static_cast<const std::uint8_t*>(data)[i];
      case 2:
        return static_cast<const std::uint16_t*>(data)[i];
      case 4:
        return static_cast<const std::uint32_t*>(data)[i];
      default:
        return static_cast<const std::uint64_t*>(data)[i];
    }
  }
  template <typename T>
  const T* As() const {
    ULPROOF_CHECK(sizeof(T) == static_cast<std::size_t>(type.bytes()));
    return static_cast<const T*>(data);
  }
};

// A writable view.
struct Buffer {
  ElementType type;
  void* data = nullptr;
  std::uint64_t count = 0;

  operator ConstBuffer() const { return {type, data, count}; }  // NOLINT: implicit by design
  Code Get(std::uint64_t i) const { return ConstBuffer(*this).Get(i); }
  // Stores the low type.bytes() bytes of `code`. Precondition: i < count.
  void Set(std::uint64_t i, Code code) const {
    ULPROOF_CHECK(i < count);
    switch (type.bytes()) {
      case 1:
        static_cast<std::uint8_t*>(data)[i] = static_cast<std::uint8_t>(code);
        break;
      case 2:
        static_cast<std::uint16_t*>(data)[i] = static_cast<std::uint16_t>(code);
        break;
      case 4:
        static_cast<std::uint32_t*>(data)[i] = static_cast<std::uint32_t>(code);
        break;
      default:
        static_cast<std::uint64_t*>(data)[i] = code;
    }
  }
  template <typename T>
  T* As() const {
    ULPROOF_CHECK(sizeof(T) == static_cast<std::size_t>(type.bytes()));
    return static_cast<T*>(data);
  }
};

// Owns its elements, zero-initialised.
class Tensor {
 public:
  Tensor() = default;
  Tensor(const ElementType& type, std::uint64_t count)
      : type_(type), count_(count), words_((count * type.bytes() + 7) / 8) {}

  const ElementType& type() const { return type_; }
  std::uint64_t count() const { return count_; }
  Buffer view() { return {type_, words_.data(), count_}; }
  ConstBuffer view() const { return {type_, words_.data(), count_}; }
  Code Get(std::uint64_t i) const { return view().Get(i); }
  void Set(std::uint64_t i, Code code) { view().Set(i, code); }

  friend bool operator==(const Tensor&, const Tensor&) = default;

 private:
  ElementType type_;
  std::uint64_t count_ = 0;
  std::vector<std::uint64_t>
      words_;  // 8-byte aligned storage; bytes past the last element stay zero.
};

}  // namespace ulproof::formats

#endif  // ULPROOF_FORMATS_TENSOR_H_
