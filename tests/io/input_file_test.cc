// SPDX-License-Identifier: Apache-2.0
#include "io/input_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/io/temporary_directory.h"

namespace ulproof::io {
namespace {

// Catches wrong offsets and a lost tail.
TEST(InputFileTest, ReadsAtOffsets) {
  const TemporaryDirectory directory;
  WriteFile(directory / "in", "0123456789");
  const auto file = InputFile::Open(directory / "in");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->size(), 10u);
  char text[4] = {};
  ASSERT_TRUE(file->ReadAt(7, text, 3).ok());
  EXPECT_STREQ(text, "789");
}

// Catches garbage in place of bytes that are no longer there.
TEST(InputFileTest, AFileThatShrankIsAnError) {
  const TemporaryDirectory directory;
  WriteFile(directory / "in", "0123456789");
  const auto file = InputFile::Open(directory / "in");
  ASSERT_TRUE(file.ok());
  std::filesystem::resize_file(directory / "in", 8);
  char text[10];
  const base::Status status = file->ReadAt(0, text, 10);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().ToString(), directory / "in" + ": ends at byte 8; it was longer before");
}

// Catches hanging on a FIFO without a writer, reading a directory, and errors without the path.
TEST(InputFileTest, RefusesWhatIsNotARegularFile) {
  const TemporaryDirectory directory;
  ASSERT_EQ(mkfifo((directory / "fifo").c_str(), 0600), 0);
  for (const std::string& path :
       {directory / "fifo", directory.path(), directory / "missing", std::string("/dev/zero")}) {
    const auto file = InputFile::Open(path);
    ASSERT_FALSE(file.ok()) << path;
    EXPECT_EQ(file.error().exit_code, base::ExitCode::kEnvironment);
    EXPECT_EQ(file.error().file, path);
  }
}

}  // namespace
}  // namespace ulproof::io
