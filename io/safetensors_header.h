// SPDX-License-Identifier: Apache-2.0
// The JSON header of a .safetensors file as text: parsed strictly, without building a tree (so
// neither deep nesting nor a large header costs more than itself), and written.
#ifndef ULPROOF_IO_SAFETENSORS_HEADER_H_
#define ULPROOF_IO_SAFETENSORS_HEADER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/safetensors.h"

namespace ulproof::io {

inline constexpr std::uint64_t kMaxSafetensorsHeaderBytes = 100'000'000;  // The format's own limit.

struct SafetensorsHeader {
  std::vector<SafetensorsTensor> tensors;  // In order of name.
  SafetensorsMetadata metadata;
};

// `data_bytes` is the length of what follows the header: the tensors must cover it exactly once.
base::Result<SafetensorsHeader> ParseSafetensorsHeader(std::string_view text,
                                                       std::uint64_t data_bytes);

// Assigns data_begin to every tensor (by falling alignment, then name) and returns the text, padded
// with blanks to a multiple of 8 bytes. Errors: as SafetensorsWriter::Create.
base::Result<std::string> LayOutSafetensors(std::vector<SafetensorsTensor>& tensors,
                                            const SafetensorsMetadata& metadata);

}  // namespace ulproof::io

#endif  // ULPROOF_IO_SAFETENSORS_HEADER_H_
