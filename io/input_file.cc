// SPDX-License-Identifier: Apache-2.0
#include "io/input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace ulproof::io {
namespace {

// Linux transfers at most 2^31 - 4096 bytes a call; less keeps the arithmetic plain.
constexpr std::uint64_t kMaxTransferBytes = std::uint64_t{1} << 30;

}  // namespace

base::Error SystemError(std::string path, const std::string& what, int error_number) {
  return {.exit_code = base::ExitCode::kEnvironment,
          .message = fmt::format("{}: {}", what, std::generic_category().message(error_number)),
          .file = std::move(path)};
}

base::Result<InputFile> InputFile::Open(std::string path) {
  // Non-blocking, so that a FIFO without a writer is refused below and not waited for.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return SystemError(std::move(path), "cannot open", errno);
  InputFile file(std::move(path), fd, 0);
  struct stat status {};
  if (fstat(fd, &status) != 0) return SystemError(file.path_, "cannot examine", errno);
  if (!S_ISREG(status.st_mode)) {
    return base::Error{.exit_code = base::ExitCode::kEnvironment,
                       .message = "is not a regular file",
                       .file = file.path_};
  }
  file.size_ = static_cast<std::uint64_t>(status.st_size);
  return file;
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  return *this;
}

InputFile::~InputFile() {
  if (fd_ >= 0) close(fd_);
}

base::Status InputFile::ReadAt(std::uint64_t offset, void* out, std::uint64_t bytes) const {
  char* next = static_cast<char*>(out);
  while (bytes > 0) {
    const ssize_t got =
        pread(fd_, next, std::min(bytes, kMaxTransferBytes), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(path_, "cannot read", errno);
    if (got == 0) {
      return base::Error{.exit_code = base::ExitCode::kEnvironment,
                         .message = fmt::format("ends at byte {}; it was longer before", offset),
                         .file = path_};
    }
    next += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::uint64_t>(got);
  }
  return base::Done{};
}

base::Error InputFile::Malformed(std::string message) const {
  return {.exit_code = base::ExitCode::kUsage, .message = std::move(message), .file = path_};
}

}  // namespace ulproof::io
