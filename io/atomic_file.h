// SPDX-License-Identifier: Apache-2.0
// An output file that appears whole or not at all: written beside its target under a temporary name
// (".ulproof-<pid>-<n>.partial"), made durable, then renamed. Safe when the target is also an input
// that is still open.
#ifndef ULPROOF_IO_ATOMIC_FILE_H_
#define ULPROOF_IO_ATOMIC_FILE_H_

#include <cstdint>
#include <string>

#include "base/result.h"

namespace ulproof::io {

class AtomicFile {
 public:
  // At most this many exist at a time (a CHECK): what the signal handler can remember.
  static constexpr int kMaxOpen = 16;

  // A symbolic link is followed; an existing target keeps its permissions. Errors (exit code 3, the
  // target's path): no such directory, not writable, or the target is not a regular file (renaming
  // over a device or a pipe would destroy it).
  static base::Result<AtomicFile> Create(std::string path);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  // Without a Commit that succeeded, removes what was written; the target stays as it was.
  ~AtomicFile();

  const std::string& path() const { return path_; }

  // Any order of offsets; a part never written reads as zeros. Errors (3): the system's, as on a
  // full disk.
  base::Status WriteAt(std::uint64_t offset, const void* data, std::uint64_t bytes);

  // Puts the file in the target's place. At most once, after the last write. On an error nothing is
  // left behind.
  base::Status Commit();

 private:
  AtomicFile() = default;
  void Discard();

  std::string path_;       // As the caller wrote it, for messages.
  std::string target_;     // Where it goes: path_ without links.
  std::string temporary_;  // Empty when there is nothing to remove.
  int fd_ = -1;
  int slot_ = -1;
};

// Makes SIGINT, SIGTERM and SIGHUP remove all temporary files and then end the process as they
// would have (signals that are ignored stay ignored), and makes a write beyond the file size limit
// an error instead of a signal. Called once, by main.
void RemovePartialFilesOnSignals();

}  // namespace ulproof::io

#endif  // ULPROOF_IO_ATOMIC_FILE_H_
