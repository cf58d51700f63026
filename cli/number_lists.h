// SPDX-License-Identifier: Apache-2.0
// Option values that are lists: "2,3,4" and "bfloat16,float8_e4m3fn".
#ifndef ULPROOF_CLI_NUMBER_LISTS_H_
#define ULPROOF_CLI_NUMBER_LISTS_H_

#include <string>
#include <vector>

#include "base/result.h"
#include "formats/catalogue.h"

namespace ulproof::cli {

// Whole-string numbers; "2..8" stands for 2, 3, ... 8 and "2..8/0.5" for steps of a half.
// Errors: the piece that is no number, a bitwidth that CheckBits refuses, more than 1000 numbers.
base::Result<std::vector<float>> ParseBitsList(const std::string& text);

// Errors: the name that is no format.
base::Result<std::vector<formats::FormatSpec>> ParseFormatList(const std::string& text);

// A finite number. Errors: anything else.
base::Result<double> ParseNumber(const std::string& text);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_NUMBER_LISTS_H_
