// SPDX-License-Identifier: Apache-2.0
// Runs fuzz targets on files, without a fuzzing engine: `fuzz_replay TARGET PATH...` puts each
// file, and each file of each folder, to the target. A broken promise aborts after naming its file.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "fuzz/target.h"

namespace ulproof::fuzz {
namespace {

namespace fs = std::filesystem;

std::map<std::string_view, TargetFunction>& Targets() {
  static std::map<std::string_view, TargetFunction> targets;
  return targets;
}

// The files under the paths, in an order that does not depend on the file system. Errors: none; a
// path that does not exist stays in the list, and fails to open.
std::vector<fs::path> FilesUnder(std::span<char* const> paths) {
  std::vector<fs::path> files;
  for (const char* path : paths) {
    if (!fs::is_directory(path)) {
      files.emplace_back(path);
      continue;
    }
    const std::size_t first = files.size();
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(first), files.end());
  }
  return files;
}

int Main(std::span<char* const> arguments) {
  const auto target = arguments.size() < 3 ? Targets().end() : Targets().find(arguments[1]);
  if (target == Targets().end()) {
    std::fprintf(stderr, "usage: fuzz_replay TARGET PATH...\ntargets:");
    for (const auto& [name, function] : Targets()) {
      std::fprintf(stderr, " %.*s", static_cast<int>(name.size()), name.data());
    }
    std::fprintf(stderr, "\n");
    return 2;
  }
  PrepareProcess();
  const std::vector<fs::path> files = FilesUnder(arguments.subspan(2));
  for (const fs::path& file : files) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) {
      std::fprintf(stderr, "fuzz_replay: cannot read %s\n", file.c_str());
      return 3;
    }
    const std::vector<char> content((std::istreambuf_iterator<char>(stream)), {});
    // On a failure this line is the last but one: say it before, not after.
    std::fprintf(stderr, "%s %s\n", arguments[1], file.c_str());
    target->second({reinterpret_cast<const std::uint8_t*>(content.data()), content.size()});
  }
  std::printf("%s: %zu inputs, every promise kept\n", arguments[1], files.size());
  return files.empty() ? 2 : 0;
}

}  // namespace

bool AddTarget(std::string_view name, TargetFunction function) {
  Targets().emplace(name, function);
  return true;
}

}  // namespace ulproof::fuzz

int main(int argc, char** argv) {
  return ulproof::fuzz::Main({argv, static_cast<std::size_t>(argc)});
}
