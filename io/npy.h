// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy files (versions 1, 2 and 3; little-endian plain numbers in C order), read and
// written in pieces so that a file larger than memory is no trouble.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#ifndef ULPROOF_IO_NPY_H_
#define ULPROOF_IO_NPY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/atomic_file.h"
#include "io/input_file.h"

namespace ulproof::io {

// The type of an element: NumPy's kind letter ('f' float, 'i' signed, 'u' unsigned, 'b' bool, 'V'
// raw bytes, which is how NumPy stores the element types of ml_dtypes) and its size in bytes.
struct NpyType {
  char kind = 'f';
  int bytes = 4;

  friend bool operator==(const NpyType&, const NpyType&) = default;
};
inline constexpr NpyType kNpyFloat32 = {'f', 4};
inline constexpr NpyType kNpyInt8 = {'i', 1};

// "<f4", "|u1", as in the file.
std::string NpyTypeName(const NpyType& type);

struct NpyHeader {
  NpyType type;
  std::vector<std::uint64_t> shape;  // Empty for a single number.

  friend bool operator==(const NpyHeader&, const NpyHeader&) = default;
  // Elements; a header that was parsed or written has count() * type.bytes below 2^62.
  std::uint64_t count() const;
};

// Parses the dictionary of a header, as "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4),
// }". Errors give the column. Refused, with the reason: big-endian and structured types, Fortran
// order.
base::Result<NpyHeader> ParseNpyHeader(std::string_view text);

class NpyReader {
 public:
  // Errors: the file's, or anything in the header or the file's length that is not as the format
  // says.
  static base::Result<NpyReader> Open(std::string path);

  const NpyHeader& header() const { return header_; }
  const std::string& path() const { return file_.path(); }

  // Elements [first, first + count) of the array in C order. Precondition: within header().count().
  base::Status Read(std::uint64_t first, std::uint64_t count, void* out) const;

 private:
  NpyReader(InputFile file, NpyHeader header, std::uint64_t data_offset)
      : file_(std::move(file)), header_(std::move(header)), data_offset_(data_offset) {}

  InputFile file_;
  NpyHeader header_;
  std::uint64_t data_offset_;
};

class NpyWriter {
 public:
  // Version 1 headers, padded as NumPy pads them (data at a multiple of 64). Precondition: the size
  // of the array is below 2^62 bytes. Errors: AtomicFile's.
  static base::Result<NpyWriter> Create(std::string path, NpyHeader header);

  const NpyHeader& header() const { return header_; }

  // Elements [first, first + count). Each element is written once, in any order.
  base::Status Write(std::uint64_t first, std::uint64_t count, const void* data);

  // Puts the file in place. Precondition: every element was written (a CHECK by their count).
  base::Status Commit();

 private:
  NpyWriter(AtomicFile file, NpyHeader header, std::uint64_t data_offset)
      : file_(std::move(file)), header_(std::move(header)), data_offset_(data_offset) {}

  AtomicFile file_;
  NpyHeader header_;
  std::uint64_t data_offset_;
  std::uint64_t written_ = 0;
};

}  // namespace ulproof::io

#endif  // ULPROOF_IO_NPY_H_
