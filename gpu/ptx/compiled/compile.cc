// SPDX-License-Identifier: Apache-2.0
#include "gpu/ptx/compiled/compile.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "gpu/ptx/compiled/emit.h"

// The assembler takes the file in as it is.
__asm__(".pushsection .rodata\nulproof_ptx_prelude:\n.incbin \"" ULPROOF_PRELUDE
        "\"\n.byte 0\n.popsection\n");
extern "C" const char ulproof_ptx_prelude[];
extern char** environ;

namespace ulproof::gpu::ptx {
namespace {

namespace fs = std::filesystem;

// A folder of its own for the compiler's files, gone with the object.
class WorkFolder {
 public:
  WorkFolder() {
    const char* const parent = std::getenv("TMPDIR");
    path_ = std::string(parent != nullptr ? parent : "/tmp") + "/ulproof-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  ~WorkFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }

  bool is_made() const { return !path_.empty(); }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::string ContentsOf(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Runs the program with its output in `log`. False: it did not start, or failed.
bool RunProgram(const std::vector<std::string>& words, const std::string& log) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t child = 0;
  const int failed =
      posix_spawn(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  if (failed != 0 || waitpid(child, &status, 0) != child) return false;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

std::string FindCompiler() {
  const char* const chosen = std::getenv("CXX");
  const std::string name = chosen != nullptr && *chosen != '\0' ? chosen : "c++";
  if (name.find('/') != name.npos) return access(name.c_str(), X_OK) == 0 ? name : "";
  const char* const path = std::getenv("PATH");
  if (path == nullptr) return "";
  for (const std::string_view folder : base::Split(path, ':')) {
    std::string file = std::string(folder) + "/" + name;
    if (access(file.c_str(), X_OK) == 0) return file;
  }
  return "";
}

base::Result<std::vector<CompiledRuns>> CompileRuns(std::span<const Program* const> programs) {
  const std::string compiler = FindCompiler();
  if (compiler.empty()) {
    return base::EnvironmentError("no C++ compiler (CXX, or c++ on the PATH)");
  }
  const WorkFolder folder;
  if (!folder.is_made()) return base::EnvironmentError("cannot make a temporary folder");

  std::string text = ulproof_ptx_prelude;
  std::vector<CompiledRuns> result(programs.size());
  std::vector<compiled::EmittedProgram> emitted(programs.size());
  for (std::size_t i = 0; i < programs.size(); ++i) {
    // A fused product is not what its instruction says.
    if (programs[i]->contracted != 0) continue;
    emitted[i] = compiled::EmitRuns(*programs[i], std::to_string(i));
    text += emitted[i].text;
  }
  const std::string source = folder.File("runs.cc");
  const std::string object = folder.File("runs.so");
  const std::string log = folder.File("log");
  std::ofstream(source) << text;
  // One rounding for each operation, whatever the compiler's habits.
  if (!RunProgram({compiler, "-std=c++17", "-O2", "-march=native", "-ffp-contract=off", "-w",
                   "-shared", "-fPIC", "-o", object, source},
                  log)) {
    return base::EnvironmentError(
        compiler + " does not compile the kernel: " + ContentsOf(log).substr(0, 2000));
  }
  void* const handle = dlopen(object.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return base::EnvironmentError(dlerror());
  const std::shared_ptr<const void> library(handle, [](void* loaded) { dlclose(loaded); });
  for (std::size_t i = 0; i < programs.size(); ++i) {
    if (emitted[i].begins.empty()) continue;
    CompiledRuns& runs = result[i];
    runs.by_begin.assign(programs[i]->code.size(), nullptr);
    runs.library = library;
    runs.compiled = emitted[i].compiled;
    runs.interpreted = emitted[i].interpreted;
    for (const std::uint32_t begin : emitted[i].begins) {
      const std::string name = compiled::RunName(std::to_string(i), begin);
      runs.by_begin[begin] = reinterpret_cast<CompiledRuns::Run>(dlsym(handle, name.c_str()));
    }
  }
  return result;
}

}  // namespace ulproof::gpu::ptx
