// SPDX-License-Identifier: Apache-2.0
// Small text helpers for input from outside: exact number parsing and "did you mean".
#ifndef ULPROOF_BASE_TEXT_H_
#define ULPROOF_BASE_TEXT_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ulproof::base {

// Whole-string unsigned numbers: no sign, no blanks; an error that names `what` when the text is
// not a number or exceeds `max`. Hex takes an optional 0x prefix.
Result<std::uint64_t> ParseUnsigned(std::string_view text, std::string_view what,
                                    std::uint64_t max = UINT64_MAX);
Result<std::uint64_t> ParseHex(std::string_view text, std::string_view what,
                               std::uint64_t max = UINT64_MAX);

// The pieces of `text` between separators; "a,,b" has an empty middle piece; "" has one empty
// piece.
std::vector<std::string_view> Split(std::string_view text, char separator);

// The candidate with the smallest edit distance to `text`, or "" when none is near enough to be
// meant.
std::string_view Nearest(std::string_view text, std::span<const std::string_view> candidates);

// "unknown format 'foo' (did you mean 'bar'?); known: a, b, c"
Error UnknownName(std::string_view kind, std::string_view text,
                  std::span<const std::string_view> known);

}  // namespace ulproof::base

#endif  // ULPROOF_BASE_TEXT_H_
