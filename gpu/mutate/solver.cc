// SPDX-License-Identifier: Apache-2.0
#include "gpu/mutate/solver.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"

namespace ulproof::gpu {
namespace {

// A script in a file of its own while the solver reads it.
class ScriptFile {
 public:
  explicit ScriptFile(const std::string& script) {
    const char* const folder = std::getenv("TMPDIR");
    path_ = std::string(folder != nullptr ? folder : "/tmp") + "/ulproof-XXXXXX";
    const int fd = mkstemp(path_.data());
    if (fd < 0) return;
    std::FILE* const file = fdopen(fd, "w");
    is_written_ = file != nullptr && std::fputs(script.c_str(), file) >= 0;
    if (file != nullptr) is_written_ = std::fclose(file) == 0 && is_written_;
  }
  ScriptFile(const ScriptFile&) = delete;
  ScriptFile& operator=(const ScriptFile&) = delete;
  ~ScriptFile() { unlink(path_.c_str()); }

  bool is_written() const { return is_written_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool is_written_ = false;
};

bool Ask(const std::string& solver, const std::string& script) {
  const ScriptFile file(script);
  if (!file.is_written()) return false;
  std::FILE* const pipe =
      popen(("'" + solver + "' -smt2 -T:20 '" + file.path() + "' 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return false;
  std::array<char, 64> answer{};
  const bool answered = std::fgets(answer.data(), answer.size(), pipe) != nullptr;
  pclose(pipe);
  return answered && std::string_view(answer.data()).starts_with("unsat");
}

}  // namespace

IsUnsatisfiable FindSolver() {
  const char* const path = std::getenv("PATH");
  if (path == nullptr) return {};
  for (const std::string_view folder : base::Split(path, ':')) {
    const std::string solver = std::string(folder) + "/z3";
    if (solver.find('\'') != solver.npos || access(solver.c_str(), X_OK) != 0) continue;
    return [solver](const std::string& script) { return Ask(solver, script); };
  }
  return {};
}

}  // namespace ulproof::gpu
