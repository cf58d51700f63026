// SPDX-License-Identifier: Apache-2.0
#include "io/atomic_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string_view>

#include "io/input_file.h"
#include "tests/io/temporary_directory.h"

namespace ulproof::io {
namespace {

using Names = std::set<std::string>;

base::Status WriteText(AtomicFile& file, std::string_view text, std::uint64_t offset = 0) {
  return file.WriteAt(offset, text.data(), text.size());
}

// Catches a target that appears before its time, or a temporary name that stays.
TEST(AtomicFileTest, AppearsOnlyOnCommit) {
  const TemporaryDirectory directory;
  auto file = AtomicFile::Create(directory / "out");
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(WriteText(*file, "world", 6).ok());
  ASSERT_TRUE(WriteText(*file, "hello ").ok());
  EXPECT_EQ(directory.Names().count("out"), 0u);
  EXPECT_EQ(directory.Names().size(), 1u);
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_EQ(directory.Names(), Names{"out"});
  EXPECT_EQ(ReadFile(directory / "out"), "hello world");
}

// Catches a failure path that leaves half a file or spoils the old one.
TEST(AtomicFileTest, WithoutCommitTheTargetStaysAsItWas) {
  const TemporaryDirectory directory;
  WriteFile(directory / "out", "old");
  {
    auto file = AtomicFile::Create(directory / "out");
    ASSERT_TRUE(file.ok());
    AtomicFile moved = std::move(*file);
    ASSERT_TRUE(WriteText(moved, "new").ok());
  }
  EXPECT_EQ(directory.Names(), Names{"out"});
  EXPECT_EQ(ReadFile(directory / "out"), "old");
}

// Catches writing into the file that is still being read.
TEST(AtomicFileTest, TheTargetMayBeAnInputThatIsOpen) {
  const TemporaryDirectory directory;
  WriteFile(directory / "data", "old content");
  const auto input = InputFile::Open(directory / "data");
  ASSERT_TRUE(input.ok());
  auto file = AtomicFile::Create(directory / "data");
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(WriteText(*file, "new").ok());
  ASSERT_TRUE(file->Commit().ok());
  std::string text(input->size(), '\0');
  ASSERT_TRUE(input->ReadAt(0, text.data(), text.size()).ok());
  EXPECT_EQ(text, "old content");
  EXPECT_EQ(ReadFile(directory / "data"), "new");
}

// Catches replacing a link by a file, and losing the mode of the file behind it.
TEST(AtomicFileTest, FollowsLinksAndKeepsPermissions) {
  const TemporaryDirectory directory;
  WriteFile(directory / "real", "old");
  ASSERT_EQ(chmod((directory / "real").c_str(), 0640), 0);
  ASSERT_EQ(symlink("real", (directory / "link").c_str()), 0);
  auto file = AtomicFile::Create(directory / "link");
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(WriteText(*file, "new").ok());
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_EQ(directory.Names(), (Names{"real", "link"}));
  EXPECT_TRUE(std::filesystem::is_symlink(directory / "link"));
  EXPECT_EQ(ReadFile(directory / "real"), "new");
  struct stat status {};
  ASSERT_EQ(stat((directory / "real").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640u);
}

// Catches an error without the path or with another exit code, and renaming over a device.
TEST(AtomicFileTest, ErrorsNameTheTarget) {
  const TemporaryDirectory directory;
  for (const std::string& path :
       {directory / "no/such/place", directory.path(), std::string("/dev/full"),
        std::string("/dev/null"), std::string()}) {
    const auto file = AtomicFile::Create(path);
    ASSERT_FALSE(file.ok()) << path;
    EXPECT_EQ(file.error().exit_code, base::ExitCode::kEnvironment);
    EXPECT_EQ(file.error().file, path);
  }
  EXPECT_EQ(directory.Names(), Names{});
  struct stat status {};
  ASSERT_EQ(stat("/dev/full", &status), 0);
  EXPECT_TRUE(S_ISCHR(status.st_mode));
}

// Catches a write error that is lost. The file size limit stands in for a full disk: the write
// fails in the middle in the same way.
TEST(AtomicFileTest, AFailedWriteIsAnErrorAndLeavesNothing) {
  const TemporaryDirectory directory;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    RemovePartialFilesOnSignals();
    const rlimit limit = {1000, 1000};
    setrlimit(RLIMIT_FSIZE, &limit);
    const std::string text(3000, 'x');
    int verdict = 1;
    {
      auto file = AtomicFile::Create(directory / "out");
      const base::Status put = file.ok() ? WriteText(*file, text) : base::Status(file.error());
      if (!put.ok() && put.error().exit_code == base::ExitCode::kEnvironment &&
          put.error().file == directory / "out") {
        verdict = 0;
      }
    }
    _exit(verdict);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(directory.Names(), Names{});
}

// Catches a signal that leaves a temporary file, or that no longer ends the process as itself.
TEST(AtomicFileTest, SignalsRemoveTemporaryFiles) {
  for (const int signal_number : {SIGINT, SIGTERM, SIGHUP}) {
    const TemporaryDirectory directory;
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      RemovePartialFilesOnSignals();
      auto first = AtomicFile::Create(directory / "first");
      auto second = AtomicFile::Create(directory / "second");
      if (!WriteText(*first, "half").ok() || !second.ok()) _exit(9);
      raise(signal_number);
      _exit(8);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signal_number) << status;
    EXPECT_EQ(directory.Names(), Names{});
  }
}

}  // namespace
}  // namespace ulproof::io
