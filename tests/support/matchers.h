// SPDX-License-Identifier: Apache-2.0
// Codes compared as codes, with failures that can be read. Two matchers with two names, since they
// are two promises (contract section 2):
//   EXPECT_THAT(code, SameBits(format, expected));            equal integers
//   EXPECT_THAT(code, SameBitsOrBothNan(format, expected));   or both of them NaN codes
#ifndef ULPROOF_TESTS_SUPPORT_MATCHERS_H_
#define ULPROOF_TESTS_SUPPORT_MATCHERS_H_

#include <gmock/gmock.h>

#include <string>

#include "formats/describe.h"

namespace ulproof::tests {

// Like Describe, but also for codes that are too wide for the format: a failing test must print.
inline std::string DescribeAny(const formats::FormatSpec& format, formats::Code code) {
  if (code <= format.code_mask()) return formats::Describe(format, code);
  return formats::CodeText(format, code) + " (wider than the format)";
}

class CodeMatcher {
 public:
  using is_gtest_matcher = void;

  CodeMatcher(const formats::FormatSpec& format, formats::Code expected, bool any_nan)
      : format_(format), expected_(expected), any_nan_(any_nan) {}

  bool MatchAndExplain(formats::Code actual, testing::MatchResultListener* listener) const {
    if (actual == expected_) return true;
    const bool fit = actual <= format_.code_mask() && expected_ <= format_.code_mask();
    if (any_nan_ && fit && format_.IsNan(actual) && format_.IsNan(expected_)) return true;
    *listener << DescribeAny(format_, actual);
    return false;
  }
  void DescribeTo(std::ostream* os) const {
    *os << DescribeAny(format_, expected_);
    if (any_nan_) *os << " (any NaN for a NaN)";
  }
  void DescribeNegationTo(std::ostream* os) const {
    *os << "not ";
    DescribeTo(os);
  }

 private:
  formats::FormatSpec format_;
  formats::Code expected_;
  bool any_nan_;
};

inline testing::Matcher<formats::Code> SameBits(const formats::FormatSpec& format,
                                                formats::Code expected) {
  return CodeMatcher(format, expected, false);
}
inline testing::Matcher<formats::Code> SameBitsOrBothNan(const formats::FormatSpec& format,
                                                         formats::Code expected) {
  return CodeMatcher(format, expected, true);
}

}  // namespace ulproof::tests

#endif  // ULPROOF_TESTS_SUPPORT_MATCHERS_H_
