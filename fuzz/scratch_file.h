// SPDX-License-Identifier: Apache-2.0
// Files for targets that read by path: one folder a process, in memory where the system has such a
// place, gone when the process ends.
#ifndef ULPROOF_FUZZ_SCRATCH_FILE_H_
#define ULPROOF_FUZZ_SCRATCH_FILE_H_

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "fuzz/target.h"

namespace ulproof::fuzz {

class ScratchFolder {
 public:
  ScratchFolder() {
    const std::filesystem::path memory = "/dev/shm";
    const std::filesystem::path parent =
        std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
    std::string name = parent / "ulproof-fuzz-XXXXXX";
    ULPROOF_CHECK(mkdtemp(name.data()) != nullptr, name);
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::string operator/(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// The path of a file of this process with this content; the next call replaces it.
inline std::string ScratchFile(const char* name, Bytes content) {
  static const ScratchFolder folder;
  const std::string path = folder / name;
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream.write(reinterpret_cast<const char*>(content.data()),
               static_cast<std::streamsize>(content.size()));
  ULPROOF_CHECK(stream.flush().good(), path);
  return path;
}

}  // namespace ulproof::fuzz

#endif  // ULPROOF_FUZZ_SCRATCH_FILE_H_
