// SPDX-License-Identifier: Apache-2.0
// The TestFloat way to test any program in any language: text lines of inputs go out, the same
// lines with the outputs appended come back. docs/protocol.md describes the lines for those who
// write such a program; LineLayout is the same description as data.
#ifndef ULPROOF_REFERENCE_COMPARE_PROTOCOL_H_
#define ULPROOF_REFERENCE_COMPARE_PROTOCOL_H_

#include <cstdint>
#include <functional>
#include <istream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/case.h"
#include "reference/compare/judge.h"

namespace ulproof::reference {

// What stands on a line before the input elements. Casts and scales are elementwise: one element a
// line, no shape. Everything else carries its shape and, where there is noise, its offset.
struct LineLayout {
  bool has_shape = false;   // ROWS COLS, decimal.
  bool has_offset = false;  // OFFSET, decimal.
  bool has_random = false;  // r, decimal: a stochastic cast without random=.
};
LineLayout LayoutOf(const formats::Operation& op);

// The input line of a case of `op`, without newline: header, then the elements of every input port
// in order, hexadecimal, then r where the layout of `op` has it.
std::string InputLine(const formats::Operation& op, const formats::Case& c);

// Reads the input tokens at the start of a line; `rest` is what follows them (the outputs). Shape,
// offset and r replace those of `op`. Errors name line and column; `line_number` is put into them.
base::Result<formats::Case> ParseInputLine(const formats::Operation& op, std::string_view line,
                                           int line_number, std::string_view& rest);

// Reads the outputs of a case from the rest of its line: hexadecimal, except int8 in signed
// decimal.
base::Result<std::vector<formats::Tensor>> ParseOutputs(const formats::Case& c,
                                                        std::string_view line,
                                                        std::string_view rest, int line_number);

// The output elements as they stand on a line, each after a blank.
std::string OutputText(const formats::Case& c, std::span<const formats::Tensor> outputs);

// Calls emit for the input line of every test case of `op` at `level` (1: edges and some thousand
// random ones; 2: all codes of sources of 16 bits or less, ten times as many random ones), until
// emit returns false. The sequence depends on nothing but the arguments. Precondition: op is valid;
// its shape is ignored except for elementwise operations, which are 1x1.
void GenerateLines(const formats::Operation& op, int level, std::uint64_t seed,
                   const std::function<bool(const std::string& line)>& emit);

struct CheckedLines {
  std::uint64_t lines = 0;
  std::uint64_t wrong_lines = 0;
  Comparison comparison;
  // The first mismatch.
  int first_wrong_line = 0;
  std::string first_input;  // Its case line, for replay.
};

// The inputs that must come back, when the caller knows how they were generated.
struct Generated {
  int level;
  std::uint64_t seed;
};

// Reads lines until the end of the input and compares each with `truth`. Errors (exit code 2): a
// line that does not parse, does not end, or (with `generated`) is not the line that was sent; no
// lines at all; with `generated`, missing lines.
base::Result<CheckedLines> CheckLines(const formats::Operation& op, std::istream& in,
                                      formats::Backend& truth,
                                      const std::optional<Generated>& generated);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_PROTOCOL_H_
