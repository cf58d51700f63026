// SPDX-License-Identifier: Apache-2.0
#include "cli/block_scaled_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "io/bit_packing.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;

constexpr std::string_view kOperationKey = "ulproof.quantize.";
constexpr std::string_view kShapeKey = "ulproof.shape.";
constexpr std::string_view kPackedKey = "ulproof.packed.";

const std::string* Find(const io::SafetensorsMetadata& metadata, const std::string& key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? nullptr : &found->second;
}

Result<std::vector<std::uint64_t>> ParseShape(const std::string& text) {
  std::vector<std::uint64_t> shape;
  if (text.empty()) return shape;
  for (const std::string_view piece : base::Split(text, ',')) {
    const auto side = base::ParseUnsigned(piece, "side");
    if (!side.ok()) return side.error();
    shape.push_back(*side);
  }
  return shape;
}

}  // namespace

std::vector<FileTensor> BlockScaledLayout(const BlockScaledTensor& tensor) {
  const formats::Operation& op = tensor.op;
  const formats::BlockFormat& format = op.block_format;
  const formats::BlockGrid grid = op.scale_grid();
  std::vector<std::uint64_t> scale_shape = {grid.rows(), grid.cols()};
  if (!op.square) {
    scale_shape = tensor.shape;
    if (scale_shape.empty()) scale_shape.push_back(1);
    scale_shape.back() = grid.cols();
  }
  std::vector<FileTensor> layout;
  for (const formats::Port& port : formats::SignatureOf(op).outputs) {
    const std::string suffix = port.name == "elements" ? ""
                               : port.name == "scales" ? ".scale"
                                                       : "." + std::string(port.name);
    FileTensor& part = layout.emplace_back();
    part.name = tensor.name + suffix;
    part.dtype = StorageOf(port.type, FileKind::kSafetensors);
    part.shape = port.name == "elements" ? tensor.shape
                 : port.name == "scales" ? scale_shape
                                         : std::vector<std::uint64_t>{1};
  }
  if (tensor.packed) {
    layout[0].dtype = io::ParseSafetensorsDtype("U8").value();
    layout[0].shape = {io::PackedBytes(op.shape.count(), format.element_bits)};
  }
  if (format.scale == formats::kFloat8E8m0fnu) {
    layout[1].dtype = io::ParseSafetensorsDtype("U8").value();
  }
  return layout;
}

void RecordBlockScaled(const BlockScaledTensor& tensor, io::SafetensorsMetadata& metadata) {
  metadata[std::string(kOperationKey) + tensor.name] = formats::OperationName(tensor.op);
  metadata[std::string(kShapeKey) + tensor.name] = fmt::format("{}", fmt::join(tensor.shape, ","));
  metadata[std::string(kPackedKey) + tensor.name] = tensor.packed ? "1" : "0";
}

Result<std::vector<BlockScaledTensor>> RecordedBlockScaled(
    const io::SafetensorsMetadata& metadata) {
  std::vector<BlockScaledTensor> tensors;
  for (const auto& [key, value] : metadata) {
    if (!key.starts_with(kOperationKey)) continue;
    BlockScaledTensor tensor;
    tensor.name = key.substr(kOperationKey.size());
    const auto failed = [&](const std::string& why) {
      return base::UsageError(
          fmt::format("metadata of tensor {}: {}", io::QuotedName(tensor.name), why));
    };
    const auto op = formats::ParseOperation(value);
    if (!op.ok()) return failed(op.error().ToString());
    if (op->kind != formats::OpKind::kQuantize) return failed("the operation is not a quantize");
    tensor.op = *op;
    const std::string* shape = Find(metadata, std::string(kShapeKey) + tensor.name);
    const std::string* packed = Find(metadata, std::string(kPackedKey) + tensor.name);
    if (!shape || !packed || (*packed != "0" && *packed != "1")) {
      return failed("shape or packing is missing");
    }
    tensor.packed = *packed == "1";
    auto sides = ParseShape(*shape);
    if (!sides.ok()) return failed(sides.error().message);
    tensor.shape = std::move(*sides);
    if (tensor.shape.size() > 1) {
      // The product is safe to form only where it can be right.
      std::uint64_t product = 1;
      for (const std::uint64_t side : tensor.shape) {
        if (side == 0 || side > tensor.op.shape.count() / product) {
          return failed(fmt::format("shape [{}] is not that of the operation", *shape));
        }
        product *= side;
      }
    }
    if (MatrixOf({.name = {}, .shape = tensor.shape}) != tensor.op.shape) {
      return failed(fmt::format("shape [{}] is not that of the operation", *shape));
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace ulproof::cli
