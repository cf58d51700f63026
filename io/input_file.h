// SPDX-License-Identifier: Apache-2.0
// Reading a regular file at offsets, with errors that name it.
#ifndef ULPROOF_IO_INPUT_FILE_H_
#define ULPROOF_IO_INPUT_FILE_H_

#include <cstdint>
#include <string>

#include "base/result.h"

namespace ulproof::io {

class InputFile {
 public:
  // Errors (exit code 3): cannot be opened; not a regular file, which reading at offsets needs.
  static base::Result<InputFile> Open(std::string path);

  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  ~InputFile();

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }  // When it was opened.

  // Fills out[0, bytes) from `offset`. Errors (3): the system's, or the file has become shorter.
  base::Status ReadAt(std::uint64_t offset, void* out, std::uint64_t bytes) const;

  // The error for content that is not what its format promises: this file, exit code 2.
  base::Error Malformed(std::string message) const;

 private:
  InputFile(std::string path, int fd, std::uint64_t size)
      : path_(std::move(path)), fd_(fd), size_(size) {}

  std::string path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

// "path: what: <the system's reason for error_number>", exit code 3.
base::Error SystemError(std::string path, const std::string& what, int error_number);

}  // namespace ulproof::io

#endif  // ULPROOF_IO_INPUT_FILE_H_
