// SPDX-License-Identifier: Apache-2.0
#include "io/npy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/check.h"

namespace ulproof::io {
namespace {

using base::Result;
using base::Status;
using base::UsageError;

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::uint64_t kMagicBytes = 6;
constexpr std::uint64_t kDataAlignment = 64;
// Far above any header of a plain array; a lying length may not make us allocate more.
constexpr std::uint64_t kMaxHeaderBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kMaxArrayBytes = std::uint64_t{1} << 62;
constexpr std::size_t kMaxRank = 64;  // NumPy's own limit.

// Elements of a shape, or nothing when they do not fit in kMaxArrayBytes. Dimensions beside a zero
// count too, so that no later product can overflow.
std::optional<std::uint64_t> CountOf(const std::vector<std::uint64_t>& shape, int bytes) {
  std::uint64_t nonzero_product = 1;
  bool empty = false;
  for (const std::uint64_t side : shape) {
    empty |= side == 0;
    if (side == 0) continue;
    if (nonzero_product > kMaxArrayBytes / side) return std::nullopt;
    nonzero_product *= side;
  }
  if (nonzero_product > kMaxArrayBytes / static_cast<std::uint64_t>(bytes)) return std::nullopt;
  return empty ? 0 : nonzero_product;
}

// The small part of Python's literals that a header is made of.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  Result<NpyHeader> Parse() {
    std::optional<std::string_view> descr;
    std::optional<bool> fortran_order;
    std::optional<std::vector<std::uint64_t>> shape;
    if (!Take('{')) return Expected("'{'");
    while (!Take('}')) {
      const std::size_t key_at = at_;
      const auto key = TakeString();
      if (!key) return Expected("a key in quotes or '}'");
      if (!Take(':')) return Expected("':'");
      if (*key == "descr" && !descr) {
        descr = TakeString();
        if (!descr)
          return Expected("a type in quotes, as '<f4' (structured types are not supported)");
      } else if (*key == "fortran_order" && !fortran_order) {
        fortran_order = TakeBool();
        if (!fortran_order) return Expected("True or False");
      } else if (*key == "shape" && !shape) {
        auto sides = TakeShape();
        if (!sides.ok()) return sides.error();
        shape = std::move(sides).value();
      } else {
        return At(key_at, fmt::format("unknown or repeated key '{}'", *key));
      }
      if (!Take(',') && Peek() != '}') return Expected("',' or '}'");
    }
    SkipBlanks();
    if (at_ != text_.size()) return Expected("the end of the header");
    if (!descr || !fortran_order || !shape) {
      return At(0, "does not give all of 'descr', 'fortran_order' and 'shape'");
    }
    const auto type = ParseType(*descr);
    if (!type.ok()) return type.error();
    if (*fortran_order && shape->size() > 1) {
      return At(0, "Fortran order is not supported; save numpy.ascontiguousarray(x)");
    }
    if (!CountOf(*shape, type->bytes)) {
      return At(0, fmt::format("shape ({}) is larger than any file", fmt::join(*shape, ", ")));
    }
    return NpyHeader{.type = *type, .shape = std::move(*shape)};
  }

 private:
  static base::Error At(std::size_t at, const std::string& message) {
    return UsageError(fmt::format("npy header, column {}: {}", at + 1, message));
  }
  base::Error Expected(std::string_view what) const {
    return At(at_, fmt::format("expected {}", what));
  }

  void SkipBlanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  char Peek() {
    SkipBlanks();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool Take(char c) {
    const bool found = Peek() == c;
    at_ += found;
    return found;
  }
  // Quoted text without escapes: nothing that we accept needs one.
  std::optional<std::string_view> TakeString() {
    const char quote = Peek();
    if (quote != '\'' && quote != '"') return std::nullopt;
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == text_.npos) return std::nullopt;
    const std::string_view content = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return content;
  }
  std::optional<bool> TakeBool() {
    SkipBlanks();
    for (const std::string_view word : {std::string_view("True"), std::string_view("False")}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return word == "True";
      }
    }
    return std::nullopt;
  }
  Result<std::vector<std::uint64_t>> TakeShape() {
    std::vector<std::uint64_t> sides;
    if (!Take('(')) return Expected("'('");
    while (!Take(')')) {
      SkipBlanks();
      std::uint64_t side = 0;
      const char* begin = text_.data() + at_;
      const auto [end, code] = std::from_chars(begin, text_.data() + text_.size(), side);
      if (code == std::errc::result_out_of_range) return At(at_, "number too large");
      if (code != std::errc()) return Expected("a number of elements or ')'");
      at_ += static_cast<std::size_t>(end - begin);
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2 wrote 3L.
      sides.push_back(side);
      if (sides.size() > kMaxRank) return At(at_, fmt::format("more than {} sides", kMaxRank));
      const bool comma = Take(',');
      if (!comma && (Peek() != ')' || sides.size() == 1)) return Expected("','");
    }
    return sides;
  }
  static Result<NpyType> ParseType(std::string_view descr) {
    const auto unsupported = [&](std::string_view why) {
      return UsageError(
          fmt::format("npy header: element type '{}' is not supported: {}", descr, why));
    };
    if (descr.size() < 3) return unsupported("expected one like '<f4'");
    if (descr[0] == '>') return unsupported("big-endian; save x.astype(x.dtype.newbyteorder('<'))");
    const std::string_view size = descr.substr(2);
    if ((descr[0] != '<' && descr[0] != '|') || size.size() != 1) {
      return unsupported("expected one like '<f4'");
    }
    const NpyType type = {.kind = descr[1], .bytes = size[0] - '0'};
    const bool power_of_two = size == "1" || size == "2" || size == "4" || size == "8";
    const bool known = (std::string_view("fiuV").find(type.kind) != descr.npos && power_of_two) ||
                       type == NpyType{'b', 1};
    if (!known) return unsupported("not a plain number of 1, 2, 4 or 8 bytes");
    if (descr[0] == '|' && type.bytes > 1 && type.kind != 'V') {
      return unsupported("byte order missing");
    }
    return type;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::uint64_t LittleEndian(const unsigned char* bytes, int count) {
  std::uint64_t value = 0;
  for (int i = 0; i < count; ++i) value |= std::uint64_t{bytes[i]} << (8 * i);
  return value;
}

}  // namespace

std::string NpyTypeName(const NpyType& type) {
  return fmt::format("{}{}{}", type.bytes == 1 ? '|' : '<', type.kind, type.bytes);
}

std::uint64_t NpyHeader::count() const {
  const auto count = CountOf(shape, type.bytes);
  ULPROOF_CHECK(count.has_value());
  return *count;
}

Result<NpyHeader> ParseNpyHeader(std::string_view text) { return HeaderParser(text).Parse(); }

Result<NpyReader> NpyReader::Open(std::string path) {
  auto opened = InputFile::Open(std::move(path));
  if (!opened.ok()) return opened.error();
  InputFile& file = *opened;
  // Preamble: magic, version (major, minor), length of the header in 2 bytes (version 1) or 4.
  std::array<unsigned char, kMagicBytes + 2 + 4> preamble{};
  const std::uint64_t have = std::min<std::uint64_t>(file.size(), preamble.size());
  if (const Status read = file.ReadAt(0, preamble.data(), have); !read.ok()) return read.error();
  if (have < kMagicBytes || std::memcmp(preamble.data(), kMagic.data(), kMagicBytes) != 0) {
    return file.Malformed("is not an .npy file (it does not begin with \\x93NUMPY)");
  }
  const int major = have > kMagicBytes ? preamble[kMagicBytes] : 0;
  const int minor = have > kMagicBytes + 1 ? preamble[kMagicBytes + 1] : 0;
  const int length_bytes = major == 1 ? 2 : 4;
  const std::uint64_t header_offset = kMagicBytes + 2 + static_cast<std::uint64_t>(length_bytes);
  if (file.size() < header_offset) {
    return file.Malformed(fmt::format("ends after {} bytes, within the npy preamble", file.size()));
  }
  if (major < 1 || major > 3 || minor != 0) {
    return file.Malformed(
        fmt::format("npy version {}.{} is not supported (1.0, 2.0, 3.0 are)", major, minor));
  }
  const std::uint64_t header_bytes = LittleEndian(preamble.data() + kMagicBytes + 2, length_bytes);
  if (header_bytes > kMaxHeaderBytes) {
    return file.Malformed(fmt::format("npy header claims {} bytes; at most {} are accepted",
                                      header_bytes, kMaxHeaderBytes));
  }
  if (header_bytes > file.size() - header_offset) {
    return file.Malformed(fmt::format("npy header claims {} bytes, the file has {} left",
                                      header_bytes, file.size() - header_offset));
  }
  std::string text(header_bytes, '\0');
  if (const Status read = file.ReadAt(header_offset, text.data(), header_bytes); !read.ok()) {
    return read.error();
  }
  auto header = ParseNpyHeader(text);
  if (!header.ok()) return file.Malformed(header.error().message);
  const std::uint64_t data_bytes = header->count() * static_cast<std::uint64_t>(header->type.bytes);
  const std::uint64_t data_offset = header_offset + header_bytes;
  if (file.size() - data_offset != data_bytes) {
    return file.Malformed(fmt::format("has {} bytes of data, but its shape ({}) of {} takes {}",
                                      file.size() - data_offset, fmt::join(header->shape, ", "),
                                      NpyTypeName(header->type), data_bytes));
  }
  return NpyReader(std::move(file), std::move(*header), data_offset);
}

Status NpyReader::Read(std::uint64_t first, std::uint64_t count, void* out) const {
  const std::uint64_t total = header_.count();
  ULPROOF_CHECK(first <= total && count <= total - first);
  const auto bytes = static_cast<std::uint64_t>(header_.type.bytes);
  return file_.ReadAt(data_offset_ + first * bytes, out, count * bytes);
}

Result<NpyWriter> NpyWriter::Create(std::string path, NpyHeader header) {
  ULPROOF_CHECK(CountOf(header.shape, header.type.bytes).has_value());
  std::string shape = fmt::format("{}", fmt::join(header.shape, ", "));
  if (header.shape.size() == 1) shape += ",";
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                                 NpyTypeName(header.type), shape);
  const std::uint64_t preamble_bytes = kMagicBytes + 2 + 2;
  const std::uint64_t unpadded = preamble_bytes + text.size() + 1;
  text.append((kDataAlignment - unpadded % kDataAlignment) % kDataAlignment, ' ');
  text += '\n';
  ULPROOF_CHECK(text.size() <= UINT16_MAX);
  std::string bytes(kMagic);
  bytes +=
      {'\x01', '\x00', static_cast<char>(text.size() & 0xFF), static_cast<char>(text.size() >> 8)};
  bytes += text;
  auto file = AtomicFile::Create(std::move(path));
  if (!file.ok()) return file.error();
  if (const Status put = file->WriteAt(0, bytes.data(), bytes.size()); !put.ok())
    return put.error();
  return NpyWriter(std::move(*file), std::move(header), bytes.size());
}

Status NpyWriter::Write(std::uint64_t first, std::uint64_t count, const void* data) {
  const std::uint64_t total = header_.count();
  ULPROOF_CHECK(first <= total && count <= total - first);
  const auto bytes = static_cast<std::uint64_t>(header_.type.bytes);
  written_ += count;
  return file_.WriteAt(data_offset_ + first * bytes, data, count * bytes);
}

Status NpyWriter::Commit() {
  ULPROOF_CHECK(written_ == header_.count(), fmt::format("{} elements written", written_));
  return file_.Commit();
}

}  // namespace ulproof::io
