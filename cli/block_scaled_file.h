// SPDX-License-Identifier: Apache-2.0
// How a block-scaled tensor stands in a .safetensors file: which tensors, of which dtype and shape,
// and the metadata that says how to read them. What quantize writes and dequantize reads.
#ifndef ULPROOF_CLI_BLOCK_SCALED_FILE_H_
#define ULPROOF_CLI_BLOCK_SCALED_FILE_H_

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/tensor_file.h"
#include "formats/operation.h"

namespace ulproof::cli {

struct BlockScaledTensor {
  std::string name;
  formats::Operation op;             // The quantize that made it, with the shape of the matrix.
  std::vector<std::uint64_t> shape;  // Of the tensor.
  bool packed = false;
};

// The tensors of the file, in the order of the operation's outputs: NAME, NAME.scale and where the
// format has one NAME.tensor_scale. Unpacked elements keep the shape, packed ones are a row of
// bytes; scales have the shape with groups in place of the last side, or the grid of square blocks.
// E8M0 scales are U8 and not the newer F8_E8M0, which many readers lack.
std::vector<FileTensor> BlockScaledLayout(const BlockScaledTensor& tensor);

// ulproof.quantize.NAME (the operation's canonical spelling), ulproof.shape.NAME ("2,3"; "" for
// rank 0) and ulproof.packed.NAME ("0" or "1").
void RecordBlockScaled(const BlockScaledTensor& tensor, io::SafetensorsMetadata& metadata);

// The tensors that the metadata records. Errors: an entry that does not say what RecordBlockScaled
// writes.
base::Result<std::vector<BlockScaledTensor>> RecordedBlockScaled(
    const io::SafetensorsMetadata& metadata);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_BLOCK_SCALED_FILE_H_
