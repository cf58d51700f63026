// SPDX-License-Identifier: Apache-2.0
// Text of files and models on a terminal. Would catch control characters that reach it, letters of
// other languages that do not, and bytes that are no UTF-8 but pass for it.
#include "cli/report/terminal_text.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace ulproof::cli {
namespace {

// By the bits of the code point.
std::string Encoded(std::uint32_t point) {
  const auto low = [&](int shift) { return static_cast<char>(0x80 | (point >> shift & 0x3F)); };
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {static_cast<char>(0xC0 | point >> 6), low(0)};
  if (point < 0x10000) return {static_cast<char>(0xE0 | point >> 12), low(6), low(0)};
  return {static_cast<char>(0xF0 | point >> 18), low(12), low(6), low(0)};
}

TEST(PrintableTest, EveryCodePointStaysUnlessItIsAControlOrASurrogate) {
  for (std::uint32_t point = 0; point < 0x110800; ++point) {
    const std::string text = Encoded(point);
    const bool is_control = point < 0x20 || (point >= 0x7F && point < 0xA0);
    const bool is_surrogate = point >= 0xD800 && point < 0xE000;
    const bool stays = !is_control && !is_surrogate && point < 0x110000;
    ASSERT_EQ(Printable(text), stays ? text : std::string(text.size(), '?')) << point;
  }
}

TEST(PrintableTest, WhatIsNotUtf8BecomesQuestionMarks) {
  EXPECT_EQ(Printable("a\xC0\x80z"), "a??z");         // A longer form of U+0000.
  EXPECT_EQ(Printable("\xC1\xBF"), "??");             // Of U+007F.
  EXPECT_EQ(Printable("\xE0\x9F\xBF"), "???");        // Of U+07FF.
  EXPECT_EQ(Printable("\xF0\x8F\xBF\xBF"), "????");   // Of U+FFFF.
  EXPECT_EQ(Printable("\xF5\x80\x80\x80"), "????");   // Beyond the last code point.
  EXPECT_EQ(Printable("\x80\xBF"), "??");             // Continuations alone.
  EXPECT_EQ(Printable("\xC3"), "?");                  // Cut off.
  EXPECT_EQ(Printable("\xE2\x82"), "??");             // Cut off.
  EXPECT_EQ(Printable("\xE2\x82z"), "??z");           // Interrupted.
  EXPECT_EQ(Printable("\xC3\xC3\xA4"), "?\xC3\xA4");  // The next character is whole.
}

TEST(PrintableTest, LineFeedsStayOnDemand) {
  EXPECT_EQ(Printable("a\nb\t\x1B[1m"), "a?b??[1m");
  EXPECT_EQ(Printable("a\nb\t\x1B[1m", true), "a\nb??[1m");
}

}  // namespace
}  // namespace ulproof::cli
