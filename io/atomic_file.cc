// SPDX-License-Identifier: Apache-2.0
#include "io/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/check.h"
#include "io/input_file.h"

namespace ulproof::io {
namespace {

constexpr std::uint64_t kMaxTransferBytes = std::uint64_t{1} << 30;

// The temporary files of this process, where a signal handler can read them: fixed memory, and a
// path that is complete before `used` says so.
struct TemporarySlot {
  std::atomic<bool> taken{false};
  std::atomic<bool> used{false};
  char path[PATH_MAX];
};
std::array<TemporarySlot, AtomicFile::kMaxOpen> temporary_slots;

int Remember(const std::string& path) {
  for (int i = 0; i < AtomicFile::kMaxOpen; ++i) {
    TemporarySlot& slot = temporary_slots[static_cast<std::size_t>(i)];
    if (slot.taken.exchange(true)) continue;
    std::memcpy(slot.path, path.c_str(), path.size() + 1);
    slot.used.store(true);
    return i;
  }
  ULPROOF_CHECK(false, "too many AtomicFiles at once");
  return -1;
}

void Forget(int index) {
  TemporarySlot& slot = temporary_slots[static_cast<std::size_t>(index)];
  slot.used.store(false);
  slot.taken.store(false);
}

// Only async-signal-safe calls.
void RemoveTemporariesAndDie(int signal_number) {
  for (const TemporarySlot& slot : temporary_slots) {
    if (slot.used.load()) unlink(slot.path);
  }
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  sigaction(signal_number, &standard, nullptr);
  raise(signal_number);  // Delivered when this handler returns.
}

std::string TemporaryName() {
  static std::atomic<unsigned> counter{0};
  return fmt::format(".ulproof-{}-{}.partial", getpid(), counter++);
}

base::Error OutputError(std::string path, std::string message) {
  return {.exit_code = base::ExitCode::kEnvironment,
          .message = std::move(message),
          .file = std::move(path)};
}

}  // namespace

base::Result<AtomicFile> AtomicFile::Create(std::string path) {
  AtomicFile file;
  file.path_ = std::move(path);
  std::error_code error;
  std::filesystem::path target = file.path_;
  struct stat status {};
  const bool exists = stat(file.path_.c_str(), &status) == 0;
  if (exists && !S_ISREG(status.st_mode)) {
    return OutputError(file.path_, "cannot write: exists and is not a regular file");
  }
  if (exists) target = std::filesystem::canonical(target, error);
  if (error) return SystemError(file.path_, "cannot write", error.value());
  if (target.filename().empty()) return OutputError(file.path_, "cannot write: not a file name");
  file.target_ = target.string();
  // A name left by a process that was killed is skipped over.
  do {
    const std::string temporary = (target.parent_path() / TemporaryName()).string();
    if (temporary.size() >= PATH_MAX) return SystemError(file.path_, "cannot write", ENAMETOOLONG);
    const int slot = Remember(temporary);  // Before the file exists: a signal may come in between.
    file.fd_ = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file.fd_ < 0) {
      const int error_number = errno;
      Forget(slot);
      if (error_number != EEXIST) return SystemError(file.path_, "cannot write", error_number);
    } else {
      file.slot_ = slot;
      file.temporary_ = temporary;
    }
  } while (file.fd_ < 0);
  if (exists && fchmod(file.fd_, status.st_mode & 07777) != 0) {
    return SystemError(file.path_, "cannot keep the permissions", errno);
  }
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept { *this = std::move(other); }

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(target_, other.target_);
  std::swap(temporary_, other.temporary_);
  std::swap(fd_, other.fd_);
  std::swap(slot_, other.slot_);
  return *this;
}

AtomicFile::~AtomicFile() { Discard(); }

void AtomicFile::Discard() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
  if (!temporary_.empty()) unlink(temporary_.c_str());
  temporary_.clear();
  if (slot_ >= 0) Forget(std::exchange(slot_, -1));
}

base::Status AtomicFile::WriteAt(std::uint64_t offset, const void* data, std::uint64_t bytes) {
  ULPROOF_CHECK(fd_ >= 0);
  const char* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t put =
        pwrite(fd_, next, std::min(bytes, kMaxTransferBytes), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return SystemError(path_, "cannot write", errno);
    next += put;
    offset += static_cast<std::uint64_t>(put);
    bytes -= static_cast<std::uint64_t>(put);
  }
  return base::Done{};
}

base::Status AtomicFile::Commit() {
  ULPROOF_CHECK(fd_ >= 0);
  const auto failed = [this](int error_number) -> base::Status {
    Discard();
    return SystemError(path_, "cannot write", error_number);
  };
  // Some file systems refuse fsync; they may not refuse to store the data, which close reports.
  if (fsync(fd_) != 0 && errno != EINVAL && errno != ENOTSUP) return failed(errno);
  if (close(std::exchange(fd_, -1)) != 0) return failed(errno);
  if (rename(temporary_.c_str(), target_.c_str()) != 0) return failed(errno);
  temporary_.clear();
  Discard();
  // The new name is made durable as well as the file system can; the data already is.
  const std::string parent = std::filesystem::path(target_).parent_path().string();
  const int directory = open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_CLOEXEC);
  if (directory >= 0) {
    fsync(directory);
    close(directory);
  }
  return base::Done{};
}

void RemovePartialFilesOnSignals() {
  struct sigaction action {};
  action.sa_handler = RemoveTemporariesAndDie;
  sigfillset(&action.sa_mask);
  for (const int signal_number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction old {};
    if (sigaction(signal_number, nullptr, &old) == 0 && old.sa_handler == SIG_IGN) continue;
    sigaction(signal_number, &action, nullptr);
  }
  action = {};
  action.sa_handler = SIG_IGN;
  sigaction(SIGXFSZ, &action, nullptr);
}

}  // namespace ulproof::io
