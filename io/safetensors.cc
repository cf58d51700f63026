// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors.h"

#include <fmt/format.h>

#include <bit>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "io/safetensors_header.h"

namespace ulproof::io {
namespace {

using base::Result;
using base::Status;

constexpr std::uint64_t kLengthBytes = 8;

static_assert(std::endian::native == std::endian::little, "files are read and written as memory");

}  // namespace

Result<SafetensorsDtype> ParseSafetensorsDtype(std::string_view name) {
  std::vector<std::string_view> known;
  for (const SafetensorsDtype& dtype : kSafetensorsDtypes) {
    if (dtype.name == name) return dtype;
    known.push_back(dtype.name);
  }
  return base::UnknownName("dtype", name, known);
}

std::optional<SafetensorsDtype> NativeDtype(const formats::FormatSpec& format) {
  const std::string name = formats::FormatName(format);
  for (const SafetensorsDtype& dtype : kSafetensorsDtypes) {
    if (dtype.format == name) return dtype;
  }
  return std::nullopt;
}

SafetensorsReader::SafetensorsReader(InputFile file, std::vector<SafetensorsTensor> tensors,
                                     SafetensorsMetadata metadata, std::uint64_t data_offset)
    : file_(std::move(file)),
      tensors_(std::move(tensors)),
      metadata_(std::move(metadata)),
      data_offset_(data_offset) {}

Result<SafetensorsReader> SafetensorsReader::Open(std::string path) {
  auto opened = InputFile::Open(std::move(path));
  if (!opened.ok()) return opened.error();
  InputFile& file = *opened;
  if (file.size() < kLengthBytes) {
    return file.Malformed(fmt::format("is not a safetensors file (it has {} bytes)", file.size()));
  }
  std::uint64_t header_bytes = 0;
  if (const Status read = file.ReadAt(0, &header_bytes, kLengthBytes); !read.ok()) {
    return read.error();
  }
  if (header_bytes > kMaxSafetensorsHeaderBytes) {
    return file.Malformed(fmt::format("safetensors header claims {} bytes; the format allows {}",
                                      header_bytes, kMaxSafetensorsHeaderBytes));
  }
  if (header_bytes > file.size() - kLengthBytes) {
    return file.Malformed(fmt::format("safetensors header claims {} bytes, the file has {} left",
                                      header_bytes, file.size() - kLengthBytes));
  }
  std::string text(header_bytes, '\0');
  if (const Status read = file.ReadAt(kLengthBytes, text.data(), header_bytes); !read.ok()) {
    return read.error();
  }
  const std::uint64_t data_offset = kLengthBytes + header_bytes;
  auto header = ParseSafetensorsHeader(text, file.size() - data_offset);
  if (!header.ok()) return file.Malformed(header.error().message);
  return SafetensorsReader(std::move(file), std::move(header->tensors), std::move(header->metadata),
                           data_offset);
}

Result<SafetensorsTensor> SafetensorsReader::Find(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const SafetensorsTensor& tensor : tensors_) {
    if (tensor.name == name) return tensor;
    names.push_back(tensor.name);
  }
  const std::string_view nearest = base::Nearest(name, names);
  const std::string hint =
      nearest.empty() ? "" : fmt::format(" (did you mean {}?)", QuotedName(nearest));
  return file_.Malformed(fmt::format("has no tensor {}{}", QuotedName(name), hint));
}

Status SafetensorsReader::Read(const SafetensorsTensor& tensor, std::uint64_t first,
                               std::uint64_t count, void* out) const {
  ULPROOF_CHECK(first <= tensor.bytes() && count <= tensor.bytes() - first);
  return file_.ReadAt(data_offset_ + tensor.data_begin + first, out, count);
}

SafetensorsWriter::SafetensorsWriter(AtomicFile file, std::vector<SafetensorsTensor> tensors,
                                     std::uint64_t data_offset, std::uint64_t data_bytes)
    : file_(std::move(file)),
      tensors_(std::move(tensors)),
      data_offset_(data_offset),
      unwritten_(data_bytes) {}

Result<SafetensorsWriter> SafetensorsWriter::Create(std::string path,
                                                    std::vector<SafetensorsTensor> tensors,
                                                    const SafetensorsMetadata& metadata) {
  const auto header = LayOutSafetensors(tensors, metadata);
  if (!header.ok()) {
    base::Error error = header.error();
    error.file = std::move(path);
    return error;
  }
  auto file = AtomicFile::Create(std::move(path));
  if (!file.ok()) return file.error();
  const std::uint64_t header_bytes = header->size();
  if (const Status put = file->WriteAt(0, &header_bytes, kLengthBytes); !put.ok()) {
    return put.error();
  }
  if (const Status put = file->WriteAt(kLengthBytes, header->data(), header_bytes); !put.ok()) {
    return put.error();
  }
  std::uint64_t data_bytes = 0;
  for (const SafetensorsTensor& tensor : tensors) data_bytes += tensor.bytes();
  return SafetensorsWriter(std::move(*file), std::move(tensors), kLengthBytes + header_bytes,
                           data_bytes);
}

Status SafetensorsWriter::Write(std::size_t index, std::uint64_t first, std::uint64_t count,
                                const void* data) {
  ULPROOF_CHECK(index < tensors_.size());
  const SafetensorsTensor& tensor = tensors_[index];
  ULPROOF_CHECK(first <= tensor.bytes() && count <= tensor.bytes() - first && count <= unwritten_);
  unwritten_ -= count;
  return file_.WriteAt(data_offset_ + tensor.data_begin + first, data, count);
}

Status SafetensorsWriter::Commit() {
  ULPROOF_CHECK(unwritten_ == 0, fmt::format("{} bytes not written", unwritten_));
  return file_.Commit();
}

}  // namespace ulproof::io
