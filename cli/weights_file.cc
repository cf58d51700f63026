// SPDX-License-Identifier: Apache-2.0
#include "cli/weights_file.h"

#include <fmt/format.h>

#include "cli/tensor_file.h"

namespace ulproof::cli {

using base::Result;
using reference::Dyadic;

Result<std::vector<Dyadic>> ReadWeights(const std::string& path, const std::string& name,
                                        const std::optional<formats::FormatSpec>& dtype) {
  const auto input = TensorInput::Open(path);
  if (!input.ok()) return input.error();
  const auto selected = input->SelectWeights(name, dtype);
  if (!selected.ok()) return selected.error();
  const SelectedTensor* weights = nullptr;
  for (const SelectedTensor& candidate : *selected) {
    if (!candidate.format) continue;
    if (weights != nullptr) {
      return base::Error{.message = "has several tensors: choose one with --tensor", .file = path};
    }
    weights = &candidate;
  }
  const FileTensor& tensor = weights->tensor;
  const auto type = formats::ElementType::CodeOf(*weights->format);
  const std::uint64_t count = MatrixOf(tensor).count();
  if (count == 0) return input->Unusable(tensor, "has no elements");
  if (count > kMaxExactWeights) {
    return input->Unusable(tensor, fmt::format("has {} elements; exact sums take at most {}", count,
                                               kMaxExactWeights));
  }
  formats::Tensor codes(type, count);
  const auto bytes = static_cast<std::uint64_t>(type.bytes());
  if (const auto read = input->Read(tensor, 0, count * bytes, codes.view().data); !read.ok()) {
    return read.error();
  }
  if (const auto valid = CheckCodes(codes.view(), 0, tensor); !valid.ok()) {
    base::Error error = valid.error();
    error.file = path;
    return error;
  }
  std::vector<Dyadic> values;
  values.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const formats::Code code = codes.view().Get(i);
    if (!type.format.IsFinite(code)) {
      return input->Unusable(
          tensor, fmt::format("element {} is {}", i, type.format.IsNan(code) ? "NaN" : "infinite"));
    }
    values.push_back(Dyadic::FromCode(type.format, code));
  }
  return values;
}

}  // namespace ulproof::cli
