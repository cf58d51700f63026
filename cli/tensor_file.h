// SPDX-License-Identifier: Apache-2.0
// Tensors in .npy and .safetensors files behind one face, so that a command is written once for
// both. The kind of a file is that of its name.
#ifndef ULPROOF_CLI_TENSOR_FILE_H_
#define ULPROOF_CLI_TENSOR_FILE_H_

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "formats/block_spec.h"
#include "formats/tensor.h"
#include "io/npy.h"
#include "io/safetensors.h"

namespace ulproof::cli {

enum class FileKind { kNpy, kSafetensors };

// Errors: the name ends in neither .npy nor .safetensors.
base::Result<FileKind> FileKindOf(const std::string& path);

// A tensor of a file; an .npy file has one, named after the file. Its dtype is written as
// safetensors would, also for .npy.
using FileTensor = io::SafetensorsTensor;

// The matrix that a tensor is to an operation: rank 0 and 1 are one row, above 2 the leading sides
// are multiplied.
formats::Shape MatrixOf(const FileTensor& tensor);

// How elements of a type are stored: by the dtype of their format where the file kind has one, else
// as unsigned integers that hold the codes.
io::SafetensorsDtype StorageOf(const formats::ElementType& type, FileKind kind);

// The float format whose codes a tensor holds: that of its dtype, or `codes` for plain integers of
// its size. Errors: neither, both and different, or of another size.
base::Result<formats::FormatSpec> FormatOf(const FileTensor& tensor,
                                           const std::optional<formats::FormatSpec>& codes);

// Whether every code fits its format, as files of integers may violate; `first` is the index of the
// first one in its tensor, for the error.
base::Status CheckCodes(const formats::ConstBuffer& codes, std::uint64_t first,
                        const FileTensor& tensor);

// A tensor of a file that a command works on.
struct SelectedTensor {
  FileTensor tensor;
  std::optional<formats::FormatSpec> format;  // Of its weights; nothing when it is only copied.
};

class TensorInput {
 public:
  static base::Result<TensorInput> Open(const std::string& path);

  FileKind kind() const;
  const std::string& path() const;
  const std::vector<FileTensor>& tensors() const { return tensors_; }  // In order of name.
  io::SafetensorsMetadata metadata() const;

  // Bytes [first, first + count) of a tensor of this file.
  base::Status Read(const FileTensor& tensor, std::uint64_t first, std::uint64_t count,
                    void* out) const;

  // Errors: no such tensor, with the nearest name.
  base::Result<FileTensor> Find(const std::string& name) const;

  // With a name: that tensor, whose elements must be codes of a float format. Without: the weights
  // of the file (F32, F16 and BF16), and the other tensors to be copied. Unsigned integers are
  // weights when `codes` names a format of their size. Errors: no such tensor, no weights, a name
  // for an .npy file.
  base::Result<std::vector<SelectedTensor>> SelectWeights(
      const std::string& name, const std::optional<formats::FormatSpec>& codes) const;

  // The error for content that a command cannot use.
  base::Error Unusable(const FileTensor& tensor, const std::string& why) const;

 private:
  using Reader = std::variant<io::NpyReader, io::SafetensorsReader>;
  TensorInput(Reader reader, std::vector<FileTensor> tensors)
      : reader_(std::move(reader)), tensors_(std::move(tensors)) {}

  Reader reader_;
  std::vector<FileTensor> tensors_;
};

class TensorOutput {
 public:
  // An .npy file takes exactly one tensor and no metadata (an error for more than one).
  static base::Result<TensorOutput> Create(const std::string& path, std::vector<FileTensor> tensors,
                                           const io::SafetensorsMetadata& metadata);

  // Bytes [first, first + count) of the tensor of that index in Create's list; each byte once.
  base::Status Write(std::size_t index, std::uint64_t first, std::uint64_t count, const void* data);

  // Copies a tensor of an input unchanged.
  base::Status Copy(std::size_t index, const TensorInput& input, const FileTensor& tensor);

  // Precondition: every byte was written.
  base::Status Commit();

 private:
  using Writer = std::variant<io::NpyWriter, io::SafetensorsWriter>;
  explicit TensorOutput(Writer writer) : writer_(std::move(writer)) {}

  Writer writer_;
};

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_TENSOR_FILE_H_
