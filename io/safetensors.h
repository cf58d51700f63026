// SPDX-License-Identifier: Apache-2.0
// .safetensors files, read and written in pieces: 8 bytes of header length, a JSON header, then the
// bytes of all tensors, each covered exactly once. https://github.com/huggingface/safetensors
// (Format)
#ifndef ULPROOF_IO_SAFETENSORS_H_
#define ULPROOF_IO_SAFETENSORS_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/catalogue.h"
#include "io/atomic_file.h"
#include "io/input_file.h"

namespace ulproof::io {

// One element type of the format.
struct SafetensorsDtype {
  std::string_view name;
  int bits;  // Of one element; below 8 they are packed densely.
  std::string_view format =
      {};  // The catalogue's name, when one element a byte or more is its code.

  friend bool operator==(const SafetensorsDtype&, const SafetensorsDtype&) = default;
};

inline constexpr auto kSafetensorsDtypes = std::to_array<SafetensorsDtype>({
    {.name = "F64", .bits = 64, .format = "float64"},
    {.name = "F32", .bits = 32, .format = "float32"},
    {.name = "F16", .bits = 16, .format = "float16"},
    {.name = "BF16", .bits = 16, .format = "bfloat16"},
    {.name = "F8_E5M2", .bits = 8, .format = "float8_e5m2"},
    {.name = "F8_E4M3", .bits = 8, .format = "float8_e4m3fn"},
    {.name = "F8_E5M2FNUZ", .bits = 8, .format = "float8_e5m2fnuz"},
    {.name = "F8_E4M3FNUZ", .bits = 8, .format = "float8_e4m3fnuz"},
    {.name = "F8_E8M0", .bits = 8, .format = "float8_e8m0fnu"},
    {.name = "F6_E3M2", .bits = 6},
    {.name = "F6_E2M3", .bits = 6},
    {.name = "F4", .bits = 4},
    {.name = "C64", .bits = 64},
    {.name = "I64", .bits = 64},
    {.name = "U64", .bits = 64},
    {.name = "I32", .bits = 32},
    {.name = "U32", .bits = 32},
    {.name = "I16", .bits = 16},
    {.name = "U16", .bits = 16},
    {.name = "I8", .bits = 8},
    {.name = "U8", .bits = 8},
    {.name = "BOOL", .bits = 8},
});

// Errors: unknown name, with the nearest known one.
base::Result<SafetensorsDtype> ParseSafetensorsDtype(std::string_view name);

// The dtype whose elements are codes of a format, when there is one.
std::optional<SafetensorsDtype> NativeDtype(const formats::FormatSpec& format);

struct SafetensorsTensor {
  std::string name;  // Any Unicode text.
  SafetensorsDtype dtype = kSafetensorsDtypes[1];
  std::vector<std::uint64_t> shape;
  std::uint64_t data_begin = 0;  // In bytes from the end of the header; the writer assigns it.

  // Precondition: the tensor came from a reader or a writer, which refuse what passes 2^62 bytes.
  std::uint64_t count() const;
  std::uint64_t bytes() const;
};

// A name as it may be shown: in quotes, control characters escaped.
std::string QuotedName(std::string_view name);

using SafetensorsMetadata = std::map<std::string, std::string>;

class SafetensorsReader {
 public:
  // Errors: the file's; header longer than 100 MB or than the file; not the JSON that the format
  // wants (with the byte or the tensor): a name twice, unknown dtype, bytes that are not shape
  // times dtype, overlaps, gaps, ends beyond the file.
  static base::Result<SafetensorsReader> Open(std::string path);

  const std::string& path() const { return file_.path(); }
  const std::vector<SafetensorsTensor>& tensors() const { return tensors_; }  // In order of name.
  const SafetensorsMetadata& metadata() const { return metadata_; }           // __metadata__

  // Errors: no such tensor, with the nearest name.
  base::Result<SafetensorsTensor> Find(std::string_view name) const;

  // Bytes [first, first + count) of a tensor of this file. Precondition: within its bytes().
  base::Status Read(const SafetensorsTensor& tensor, std::uint64_t first, std::uint64_t count,
                    void* out) const;

 private:
  SafetensorsReader(InputFile file, std::vector<SafetensorsTensor> tensors,
                    SafetensorsMetadata metadata, std::uint64_t data_offset);

  InputFile file_;
  std::vector<SafetensorsTensor> tensors_;
  SafetensorsMetadata metadata_;
  std::uint64_t data_offset_;
};

class SafetensorsWriter {
 public:
  // Lays the tensors out by falling alignment, then name, as the format's own library does; their
  // order in the call is the index that Write takes. Errors: AtomicFile's; a name twice or called
  // __metadata__, a tensor that is not whole bytes or passes 2^62 bytes, a header above 100 MB.
  static base::Result<SafetensorsWriter> Create(std::string path,
                                                std::vector<SafetensorsTensor> tensors,
                                                const SafetensorsMetadata& metadata);

  const std::vector<SafetensorsTensor>& tensors() const { return tensors_; }

  // Bytes [first, first + count) of tensors()[index]. Each byte is written once, in any order.
  base::Status Write(std::size_t index, std::uint64_t first, std::uint64_t count, const void* data);

  // Puts the file in place. Precondition: every byte was written (a CHECK by their count).
  base::Status Commit();

 private:
  SafetensorsWriter(AtomicFile file, std::vector<SafetensorsTensor> tensors,
                    std::uint64_t data_offset, std::uint64_t data_bytes);

  AtomicFile file_;
  std::vector<SafetensorsTensor> tensors_;
  std::uint64_t data_offset_;
  std::uint64_t unwritten_;
};

}  // namespace ulproof::io

#endif  // ULPROOF_IO_SAFETENSORS_H_
