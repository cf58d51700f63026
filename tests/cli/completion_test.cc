// SPDX-License-Identifier: Apache-2.0
// The completion scripts and the manual page, read by the programs that they are for.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "tests/cli/run_ulproof.h"

namespace ulproof::cli {
namespace {

// A script in the temporary folder, gone with the test.
class ScriptFile {
 public:
  explicit ScriptFile(const std::string& text)
      : path_(testing::TempDir() + "ulproof_completion_" + std::to_string(getpid())) {
    std::ofstream(path_) << text;
  }
  ~ScriptFile() { std::filesystem::remove(path_); }
  ScriptFile(const ScriptFile&) = delete;
  ScriptFile& operator=(const ScriptFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string OutputOf(const std::string& shell_command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(shell_command.c_str(), "r"), pclose);
  std::string out;
  std::array<char, 4096> buffer;
  while (const std::size_t count = fread(buffer.data(), 1, buffer.size(), pipe.get())) {
    out.append(buffer.data(), count);
  }
  return out;
}

bool IsInstalled(const std::string& program) { return !OutputOf("command -v " + program).empty(); }

// What bash offers for the last word of `line`, one a line.
std::string Completed(const std::string& script, const std::string& line) {
  std::istringstream words(line);
  std::string quoted;
  int count = 0;
  for (std::string word; words >> word; ++count) quoted += " '" + word + "'";
  if (line.ends_with(' ')) {
    quoted += " ''";
    ++count;
  }
  const ScriptFile file(script + "COMP_WORDS=(" + quoted +
                        ")\nCOMP_CWORD=" + std::to_string(count - 1) +
                        "\n_ulproof\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n");
  return OutputOf("bash '" + file.path() + "'");
}

// Would catch: a command missing, options of another command, lost choices, a script that bash
// cannot read.
TEST(Completion, BashOffersCommandsOptionsAndNames) {
  const CommandResult script = RunUlproof({"completion", "bash"});
  ASSERT_EQ(script.exit_code, 0) << script.err;
  EXPECT_EQ(Completed(script.out, "ulproof conf"), "conform\n");
  EXPECT_EQ(Completed(script.out, "ulproof cast --ov"), "--overflow\n");
  EXPECT_EQ(Completed(script.out, "ulproof cast --thr"), "--threads\n");
  EXPECT_EQ(Completed(script.out, "ulproof cast --to float6_"), "float6_e3m2fn\nfloat6_e2m3fn\n");
  EXPECT_EQ(Completed(script.out, "ulproof hist --law rg"), "rg16\nrg32\nrgbits\n");
  EXPECT_EQ(Completed(script.out, "ulproof cast --law rg"), "\n") << "cast has no --law";
}

TEST(Completion, ZshScriptIsReadByZsh) {
  const CommandResult script = RunUlproof({"completion", "zsh"});
  ASSERT_EQ(script.exit_code, 0) << script.err;
  EXPECT_TRUE(script.out.starts_with("#compdef ulproof\n"));
  if (!IsInstalled("zsh")) GTEST_SKIP() << "zsh is not installed";
  const ScriptFile file(script.out);
  EXPECT_EQ(OutputOf("zsh -n '" + file.path() + "' 2>&1"), "");
}

TEST(Completion, UnknownShellIsAUsageError) {
  const CommandResult result = RunUlproof({"completion", "fish"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("fish"), std::string::npos);
}

// Would catch: a line that roff takes for a request, an unknown macro, a command left out.
TEST(Man, PageIsReadByGroffWithoutWarnings) {
  const CommandResult page = RunUlproof({"man"});
  ASSERT_EQ(page.exit_code, 0) << page.err;
  for (const char* section : {".SH NAME\n", ".SS conform\n", ".SS version\n", ".SH NOTES\n"}) {
    EXPECT_NE(page.out.find(section), std::string::npos) << section;
  }
  if (!IsInstalled("groff")) GTEST_SKIP() << "groff is not installed";
  const ScriptFile file(page.out);
  EXPECT_EQ(OutputOf("groff -man -Tascii -ww '" + file.path() + "' 2>&1 >/dev/null"), "");
}

}  // namespace
}  // namespace ulproof::cli
