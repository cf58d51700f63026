// SPDX-License-Identifier: Apache-2.0
// What the tables on the terminal are made of.
#ifndef ULPROOF_CLI_REPORT_TERMINAL_TEXT_H_
#define ULPROOF_CLI_REPORT_TERMINAL_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace ulproof::cli {

// ANSI colours, or none.
class Painter {
 public:
  explicit Painter(bool use_color) : use_color_(use_color) {}
  std::string Bold(std::string text) const { return Paint("1", std::move(text)); }
  std::string Dim(std::string text) const { return Paint("2", std::move(text)); }
  std::string Good(std::string text) const { return Paint("32", std::move(text)); }
  std::string Bad(std::string text) const { return Paint("1;31", std::move(text)); }
  std::string Warning(std::string text) const { return Paint("33", std::move(text)); }

 private:
  std::string Paint(const char* code, std::string text) const;
  bool use_color_;
};

// 1234567 -> "1,234,567".
std::string Grouped(std::uint64_t number);

// What comes from a file or a model, fit for a terminal: each byte of a control character, or of
// what is not UTF-8, is '?'. With `keeps_lines` line feeds stay.
std::string Printable(std::string_view text, bool keeps_lines = false);

// "87 ms", "1.2 s", "150 s".
std::string SecondsText(double seconds);

// The model name of this machine's processor, or "unknown processor".
std::string ProcessorName();

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_TERMINAL_TEXT_H_
