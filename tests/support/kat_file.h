// SPDX-License-Identifier: Apache-2.0
// Known-answer files (tests/vectors/*.kat): one case a line, words between blanks, `#` starts a
// comment. The first word names the subject, and a test must account for every line it reads.
#ifndef ULPROOF_TESTS_SUPPORT_KAT_FILE_H_
#define ULPROOF_TESTS_SUPPORT_KAT_FILE_H_

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/text.h"

namespace ulproof::tests {

class KatLine {
 public:
  KatLine(std::string place, std::vector<std::string> words)
      : place_(std::move(place)), words_(std::move(words)) {}

  // "philox4x32.kat:7", for SCOPED_TRACE.
  const std::string& place() const { return place_; }
  std::size_t size() const { return words_.size(); }
  const std::string& operator[](std::size_t i) const {
    ULPROOF_CHECK(i < words_.size(), place_ + ": line is too short");
    return words_[i];
  }
  std::uint64_t Hex(std::size_t i) const { return *base::ParseHex((*this)[i], place_); }
  std::uint64_t Unsigned(std::size_t i) const { return *base::ParseUnsigned((*this)[i], place_); }
  long Integer(std::size_t i) const { return std::stol((*this)[i]); }

 private:
  std::string place_;
  std::vector<std::string> words_;
};

// All lines of tests/vectors/<name> that are not empty or comments. Aborts when the file is
// missing or has none: a test without cases must not pass.
inline std::vector<KatLine> ReadKat(const std::string& name) {
  std::ifstream file(std::string(ULPROOF_SOURCE_DIR) + "/tests/vectors/" + name);
  ULPROOF_CHECK(file.is_open(), "cannot open tests/vectors/" + name);
  std::vector<KatLine> lines;
  std::string text;
  for (int number = 1; std::getline(file, text); ++number) {
    std::istringstream stream(text.substr(0, text.find('#')));
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    if (!words.empty()) lines.emplace_back(name + ":" + std::to_string(number), std::move(words));
  }
  ULPROOF_CHECK(!lines.empty(), "no cases in tests/vectors/" + name);
  return lines;
}

}  // namespace ulproof::tests

#endif  // ULPROOF_TESTS_SUPPORT_KAT_FILE_H_
