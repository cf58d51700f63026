// SPDX-License-Identifier: Apache-2.0
#include "cli/report/terminal_text.h"

#include <fmt/format.h>

#include <algorithm>
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

namespace {

// The length of the UTF-8 character that the text begins with, by the table of RFC 3629; 0 if there
// is none. Precondition: not empty.
std::size_t CharacterLength(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  // Shorter forms exist below the least second byte, surrogates and U+110000 are above the largest.
  const unsigned char least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < least || byte(1) > most) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  }
  return length;
}

}  // namespace

std::string Printable(std::string_view text, bool keeps_lines) {
  std::string printable;
  while (!text.empty()) {
    const std::size_t length = CharacterLength(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(length, 1));
    const auto lead = static_cast<unsigned char>(character[0]);
    const bool is_line_feed = keeps_lines && lead == '\n';
    const bool is_c0 = lead < 0x20 || lead == 0x7F;
    const bool is_c1 = lead == 0xC2 && length == 2 && static_cast<unsigned char>(text[1]) < 0xA0;
    if (is_line_feed || (length != 0 && !is_c0 && !is_c1)) {
      printable += character;
    } else {
      printable.append(character.size(), '?');
    }
    text.remove_prefix(character.size());
  }
  return printable;
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
