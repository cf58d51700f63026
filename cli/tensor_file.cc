// SPDX-License-Identifier: Apache-2.0
#include "cli/tensor_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;
using io::SafetensorsDtype;

constexpr std::uint64_t kCopyBytes = std::uint64_t{1} << 24;

// NumPy's types as safetensors calls them; for writing, the first row of a dtype counts. NumPy has
// no type for the other float formats: their codes are unsigned integers there.
struct NpyDtype {
  io::NpyType type;
  std::string_view dtype;
};
constexpr auto kNpyDtypes = std::to_array<NpyDtype>({
    {{'f', 8}, "F64"},
    {{'f', 4}, "F32"},
    {{'f', 2}, "F16"},
    {{'u', 8}, "U64"},
    {{'u', 4}, "U32"},
    {{'u', 2}, "U16"},
    {{'u', 1}, "U8"},
    {{'i', 8}, "I64"},
    {{'i', 4}, "I32"},
    {{'i', 2}, "I16"},
    {{'i', 1}, "I8"},
    {{'b', 1}, "BOOL"},
    {{'V', 8}, "U64"},
    {{'V', 4}, "U32"},
    {{'V', 2}, "U16"},
    {{'V', 1}, "U8"},
    {{'f', 1}, "U8"},
});

SafetensorsDtype DtypeNamed(std::string_view name) {
  return io::ParseSafetensorsDtype(name).value();
}

// Plain integers, which may be codes of a format that the user names.
bool IsUnsigned(const SafetensorsDtype& dtype) { return dtype.name.starts_with('U'); }

bool IsWeights(const FileTensor& tensor, const std::optional<formats::FormatSpec>& codes) {
  const std::string_view dtype = tensor.dtype.name;
  return dtype == "F32" || dtype == "F16" || dtype == "BF16" ||
         (codes && IsUnsigned(tensor.dtype) && 8 * codes->storage_bytes() == tensor.dtype.bits);
}

}  // namespace

Result<FileKind> FileKindOf(const std::string& path) {
  if (path.ends_with(".npy")) return FileKind::kNpy;
  if (path.ends_with(".safetensors")) return FileKind::kSafetensors;
  return base::Error{.message = "the name ends in neither .npy nor .safetensors", .file = path};
}

formats::Shape MatrixOf(const FileTensor& tensor) {
  formats::Shape shape;
  if (tensor.shape.empty()) return shape;
  shape.cols = tensor.shape.back();
  for (std::size_t i = 0; i + 1 < tensor.shape.size(); ++i) shape.rows *= tensor.shape[i];
  return shape;
}

SafetensorsDtype StorageOf(const formats::ElementType& type, FileKind kind) {
  if (type.kind == formats::ElementKind::kInt8) return DtypeNamed("I8");
  const bool numpy_has_it = type.format == formats::kFloat64 || type.format == formats::kFloat32 ||
                            type.format == formats::kFloat16;
  if (kind == FileKind::kSafetensors || numpy_has_it) {
    if (const auto native = io::NativeDtype(type.format)) return *native;
  }
  return DtypeNamed(fmt::format("U{}", 8 * type.bytes()));
}

Result<formats::FormatSpec> FormatOf(const FileTensor& tensor,
                                     const std::optional<formats::FormatSpec>& codes) {
  const SafetensorsDtype& dtype = tensor.dtype;
  const auto failed = [&](const std::string& why) {
    return base::UsageError(fmt::format("holds {}{}", dtype.name, why));
  };
  if (!dtype.format.empty()) {
    const auto native = formats::ParseFormat(dtype.format);
    if (!codes || *codes == *native) return native;
    return failed(fmt::format(", not {}", formats::FormatName(*codes)));
  }
  if (!IsUnsigned(dtype)) return failed(", which are not codes of a float format");
  if (!codes) return failed(": name the format of its codes, as in --dtype bfloat16");
  if (8 * codes->storage_bytes() == dtype.bits) return *codes;
  return failed(fmt::format("; a code of {} takes {} bits", formats::FormatName(*codes),
                            8 * codes->storage_bytes()));
}

Status CheckCodes(const formats::ConstBuffer& codes, std::uint64_t first,
                  const FileTensor& tensor) {
  const formats::ElementType& type = codes.type;
  if (type.kind != formats::ElementKind::kCode) return base::Done{};
  const formats::Code mask = type.format.code_mask();
  if (type.format.storage_bits() == 8 * type.bytes()) return base::Done{};
  for (std::uint64_t i = 0; i < codes.count; ++i) {
    if (codes.Get(i) <= mask) continue;
    return base::UsageError(fmt::format("tensor {}: element {} is {:#x}, not a code of {}",
                                        io::QuotedName(tensor.name), first + i, codes.Get(i),
                                        formats::FormatName(type.format)));
  }
  return base::Done{};
}

Result<TensorInput> TensorInput::Open(const std::string& path) {
  const auto kind = FileKindOf(path);
  if (!kind.ok()) return kind.error();
  if (*kind == FileKind::kSafetensors) {
    auto reader = io::SafetensorsReader::Open(path);
    if (!reader.ok()) return reader.error();
    std::vector<FileTensor> tensors = reader->tensors();
    return TensorInput(std::move(*reader), std::move(tensors));
  }
  auto reader = io::NpyReader::Open(path);
  if (!reader.ok()) return reader.error();
  const io::NpyHeader& header = reader->header();
  const auto known = std::find_if(kNpyDtypes.begin(), kNpyDtypes.end(),
                                  [&](const NpyDtype& row) { return row.type == header.type; });
  ULPROOF_CHECK(known != kNpyDtypes.end(), io::NpyTypeName(header.type));
  FileTensor tensor = {.name = std::filesystem::path(path).stem().string(),
                       .dtype = DtypeNamed(known->dtype),
                       .shape = header.shape};
  return TensorInput(std::move(*reader), {std::move(tensor)});
}

FileKind TensorInput::kind() const {
  return reader_.index() == 0 ? FileKind::kNpy : FileKind::kSafetensors;
}

const std::string& TensorInput::path() const {
  return std::visit([](const auto& reader) -> const std::string& { return reader.path(); },
                    reader_);
}

io::SafetensorsMetadata TensorInput::metadata() const {
  const auto* safetensors = std::get_if<io::SafetensorsReader>(&reader_);
  return safetensors ? safetensors->metadata() : io::SafetensorsMetadata{};
}

Status TensorInput::Read(const FileTensor& tensor, std::uint64_t first, std::uint64_t count,
                         void* out) const {
  if (const auto* safetensors = std::get_if<io::SafetensorsReader>(&reader_)) {
    return safetensors->Read(tensor, first, count, out);
  }
  const auto& npy = std::get<io::NpyReader>(reader_);
  const auto bytes = static_cast<std::uint64_t>(npy.header().type.bytes);
  ULPROOF_CHECK(first % bytes == 0 && count % bytes == 0);
  return npy.Read(first / bytes, count / bytes, out);
}

Result<FileTensor> TensorInput::Find(const std::string& name) const {
  if (const auto* safetensors = std::get_if<io::SafetensorsReader>(&reader_)) {
    return safetensors->Find(name);
  }
  if (tensors_[0].name == name) return tensors_[0];
  return base::Error{.message = "has no tensor " + io::QuotedName(name), .file = path()};
}

Result<std::vector<SelectedTensor>> TensorInput::SelectWeights(
    const std::string& name, const std::optional<formats::FormatSpec>& codes) const {
  std::vector<SelectedTensor> selected;
  if (name.empty() && kind() == FileKind::kSafetensors) {
    bool any = false;
    for (const FileTensor& tensor : tensors_) {
      SelectedTensor& entry = selected.emplace_back(SelectedTensor{tensor, std::nullopt});
      if (!IsWeights(tensor, codes)) continue;
      entry.format = FormatOf(tensor, IsUnsigned(tensor.dtype) ? codes : std::nullopt).value();
      any = true;
    }
    if (any) return selected;
    return base::Error{.message = "has no weights (tensors of F32, F16 or BF16)", .file = path()};
  }
  if (!name.empty() && kind() == FileKind::kNpy) {
    return base::UsageError("--tensor is for .safetensors files");
  }
  const auto tensor = name.empty() ? Result<FileTensor>(tensors_[0]) : Find(name);
  if (!tensor.ok()) return tensor.error();
  const auto format = FormatOf(*tensor, codes);
  if (!format.ok()) return Unusable(*tensor, format.error().message);
  selected.push_back({*tensor, *format});
  return selected;
}

base::Error TensorInput::Unusable(const FileTensor& tensor, const std::string& why) const {
  return {.message = fmt::format("tensor {}: {}", io::QuotedName(tensor.name), why),
          .file = path()};
}

Result<TensorOutput> TensorOutput::Create(const std::string& path, std::vector<FileTensor> tensors,
                                          const io::SafetensorsMetadata& metadata) {
  const auto kind = FileKindOf(path);
  if (!kind.ok()) return kind.error();
  if (*kind == FileKind::kSafetensors) {
    auto writer = io::SafetensorsWriter::Create(path, std::move(tensors), metadata);
    if (!writer.ok()) return writer.error();
    return TensorOutput(std::move(*writer));
  }
  if (tensors.size() != 1) {
    return base::Error{
        .message = fmt::format("an .npy file holds one tensor, not {}", tensors.size()),
        .file = path};
  }
  const auto known = std::find_if(kNpyDtypes.begin(), kNpyDtypes.end(), [&](const NpyDtype& row) {
    return row.dtype == tensors[0].dtype.name;
  });
  ULPROOF_CHECK(known != kNpyDtypes.end(), std::string(tensors[0].dtype.name));
  auto writer = io::NpyWriter::Create(path, {.type = known->type, .shape = tensors[0].shape});
  if (!writer.ok()) return writer.error();
  return TensorOutput(std::move(*writer));
}

Status TensorOutput::Write(std::size_t index, std::uint64_t first, std::uint64_t count,
                           const void* data) {
  if (auto* safetensors = std::get_if<io::SafetensorsWriter>(&writer_)) {
    return safetensors->Write(index, first, count, data);
  }
  auto& npy = std::get<io::NpyWriter>(writer_);
  const auto bytes = static_cast<std::uint64_t>(npy.header().type.bytes);
  ULPROOF_CHECK(index == 0 && first % bytes == 0 && count % bytes == 0);
  return npy.Write(first / bytes, count / bytes, data);
}

Status TensorOutput::Copy(std::size_t index, const TensorInput& input, const FileTensor& tensor) {
  std::vector<char> piece(std::min(kCopyBytes, tensor.bytes()));
  for (std::uint64_t done = 0; done < tensor.bytes();) {
    const std::uint64_t count = std::min<std::uint64_t>(piece.size(), tensor.bytes() - done);
    if (Status read = input.Read(tensor, done, count, piece.data()); !read.ok()) return read;
    if (Status put = Write(index, done, count, piece.data()); !put.ok()) return put;
    done += count;
  }
  return base::Done{};
}

Status TensorOutput::Commit() {
  return std::visit([](auto& writer) { return writer.Commit(); }, writer_);
}

}  // namespace ulproof::cli
