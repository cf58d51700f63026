// SPDX-License-Identifier: Apache-2.0
// The weights of a file as exact numbers.
#ifndef ULPROOF_CLI_WEIGHTS_FILE_H_
#define ULPROOF_CLI_WEIGHTS_FILE_H_

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/format_spec.h"
#include "reference/exact/dyadic.h"

namespace ulproof::cli {

inline constexpr std::uint64_t kMaxExactWeights = std::uint64_t{1} << 22;

// The tensor `name` of the file, or its only one. `dtype`: the format of codes that are stored as
// unsigned integers. Errors: the file's; several tensors and no name; no weights; more than
// kMaxExactWeights; a NaN or an infinity, with its index.
base::Result<std::vector<reference::Dyadic>> ReadWeights(
    const std::string& path, const std::string& name,
    const std::optional<formats::FormatSpec>& dtype);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_WEIGHTS_FILE_H_
