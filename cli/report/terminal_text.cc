// SPDX-License-Identifier: Apache-2.0
#include "cli/report/terminal_text.h"

#include <fmt/format.h>

#include <fstream>

namespace ulproof::cli {

std::string Painter::Paint(const char* code, std::string text) const {
  return use_color_ ? fmt::format("\033[{}m{}\033[0m", code, text) : text;
}

std::string Grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t i = text.size(); i > 3;) text.insert(i -= 3, ",");
  return text;
}

std::string Printable(std::string_view name) {
  std::string text(name);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return text;
}

std::string SecondsText(double seconds) {
  if (seconds < 0.095) return fmt::format("{:.0f} ms", 1000 * seconds);
  return seconds < 99.5 ? fmt::format("{:.1f} s", seconds) : fmt::format("{:.0f} s", seconds);
}

std::string ProcessorName() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != line.npos) return line.substr(colon + 2);
  }
  return "unknown processor";
}

}  // namespace ulproof::cli
