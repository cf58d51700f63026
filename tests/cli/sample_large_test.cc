// SPDX-License-Identifier: Apache-2.0
// A file of 2 GiB, made by ulproof itself, through `ulproof sample` in bounded memory.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

#include "tests/cli/run_ulproof.h"
#include "tests/cli/tensor_files.h"
#include "tests/io/temporary_directory.h"

namespace ulproof::cli {
namespace {

constexpr std::uint64_t kElements = std::uint64_t{1} << 29;  // 2 GiB of float32.
constexpr long kBoundKib = 128 << 10;                        // What the command's help promises.
constexpr std::uint64_t kCols = 4096;
constexpr std::uint64_t kShardRow = 100'000 / 32 * 32;
constexpr std::uint64_t kShardRows = 64;

// Gives the array of an .npy file another shape of as many elements. The header keeps its length.
void Reshape(const std::string& path, const std::string& from, const std::string& to) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  std::string header(128, '\0');
  file.read(header.data(), 128);
  const std::size_t at = header.find(from);
  ASSERT_NE(at, header.npos);
  ASSERT_GE(from.size(), to.size());
  header.replace(at, from.size(), to + std::string(from.size() - to.size(), ' '));
  file.seekp(0);
  file.write(header.data(), 128);
}

// Catches memory that grows with the file, and pieces that a small call would compute otherwise.
TEST(SampleLargeTest, TwoGibibytesInBoundedMemory) {
  const io::TemporaryDirectory directory;
  const std::string in = directory / "w.npy", out = directory / "s.npy";
  ASSERT_EQ(RunUlproof({"noise", "--law", "uniform", "--seed", "3", "--count",
                        fmt::format("{}", kElements), "--out", in})
                .exit_code,
            0);
  const std::vector<std::string> sample = {"sample", in,         "--bits", "3.5",   "--seed",
                                           "1",      "--stream", "2",      "--out", out};
  for (const bool matrix : {false, true}) {
    if (matrix) Reshape(in, "(536870912,), }", fmt::format("({}, {})}}", kElements / kCols, kCols));
    const auto start = std::chrono::steady_clock::now();
    const CommandResult result = RunUlproof(sample);
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_LT(result.peak_memory_kib, kBoundKib);
    fmt::print("{}: peak {} MiB, {:.1f} s, {:.2f} GB/s read and written\n",
               matrix ? "131072 x 4096" : "1 x 2^29", result.peak_memory_kib >> 10, seconds,
               static_cast<double>(kElements) * 6 / seconds / 1e9);
  }
  // Some rows alone, as a shard with its offset, by the reference.
  std::vector<float> rows(kShardRows * kCols);
  const auto reader = io::NpyReader::Open(in);
  ASSERT_TRUE(reader.ok());
  ASSERT_TRUE(reader->Read(kShardRow * kCols, rows.size(), rows.data()).ok());
  const std::string shard_in = directory / "v.npy", shard_out = directory / "t.npy";
  WriteNpy(shard_in, io::kNpyFloat32, {kShardRows, kCols}, rows);
  ASSERT_EQ(RunUlproof({"sample", shard_in, "--bits", "3.5", "--seed", "1", "--stream", "2",
                        "--offset", fmt::format("{}", kShardRow * kCols), "--backend", "reference",
                        "--out", shard_out})
                .exit_code,
            0);
  std::vector<std::uint16_t> whole_rows(rows.size());
  ASSERT_TRUE(
      io::NpyReader::Open(out)->Read(kShardRow * kCols, whole_rows.size(), whole_rows.data()).ok());
  EXPECT_EQ(ReadNpy<std::uint16_t>(shard_out), whole_rows);
}

}  // namespace
}  // namespace ulproof::cli
