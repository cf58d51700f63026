// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>

#include <bit>
#include <cmath>

#include "tests/cli/run_ulproof.h"
#include "tests/cli/tensor_files.h"
#include "tests/io/temporary_directory.h"

namespace ulproof::cli {
namespace {

using io::TemporaryDirectory;
using ::testing::HasSubstr;
using Codes = std::vector<std::uint16_t>;
using Names = std::set<std::string>;

// The contract's worked example of section 7: 3 x 5 bfloat16 weights, b = 2, rg16, seed 1,
// stream 2.
const Codes kWeights = {0xbf2b, 0x3ea0, 0xbe88, 0x3e77, 0xbf88, 0xbdf1, 0x3e0d, 0x3f70,
                        0xbde3, 0xbfc4, 0xbf4d, 0x3e14, 0xbfa4, 0xbf8b, 0x4002};
const Codes kSampled = {0x3eb2, 0x3ea0, 0xbe88, 0xbf46, 0xbd40, 0xbdf1, 0x3e0d, 0x3ffa,
                        0xbde3, 0xbfc4, 0xbf4d, 0x3e14, 0xbe88, 0xbf8b, 0x4002};
// The same with b = 4 and float6_e3m2fn.
const std::vector<std::uint8_t> kSampledE3m2 = {0x27, 0x05, 0x24, 0x20, 0x2a, 0x22, 0x02, 0x0d,
                                                0x22, 0x2e, 0x2a, 0x02, 0x2c, 0x2c, 0x10};

std::vector<std::string> Sample(const std::string& in, const std::string& out,
                                std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"sample", in, "--out", out};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}
const std::vector<std::string> kExample = {"--bits", "2", "--seed", "1", "--stream", "2"};

std::vector<std::string> Join(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::vector<float> Widened(const Codes& codes) {
  std::vector<float> values;
  for (const std::uint16_t code : codes) {
    values.push_back(std::bit_cast<float>(std::uint32_t{code} << 16));
  }
  return values;
}

// Catches a wrong key, scale, rounding or file type, against known answers.
TEST(SampleCommandTest, KnownAnswersFromNpy) {
  const TemporaryDirectory directory;
  const std::string in = directory / "w.npy", out = directory / "s.npy";
  WriteNpy(in, {'u', 2}, {3, 5}, kWeights);
  CommandResult result = RunUlproof(Sample(in, out, Join(kExample, {"--dtype", "bfloat16"})));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out + result.err, "");
  EXPECT_EQ(ReadNpy<std::uint16_t>(out), kSampled);
  EXPECT_EQ(io::NpyReader::Open(out)->header(), (io::NpyHeader{{'u', 2}, {3, 5}}));
  // The weights are exact in float32, so a float32 file gives the same.
  WriteNpy(in, io::kNpyFloat32, {3, 5}, Widened(kWeights));
  EXPECT_EQ(RunUlproof(Sample(in, out, kExample)).exit_code, 0);
  EXPECT_EQ(ReadNpy<std::uint16_t>(out), kSampled);
  result = RunUlproof(Sample(
      in, out, {"--bits", "4", "--seed", "1", "--stream", "2", "--out-format", "float6_e3m2fn"}));
  EXPECT_EQ(ReadNpy<std::uint8_t>(out), kSampledE3m2);
  // Ml_dtypes writes bfloat16 as raw bytes.
  WriteNpy(in, {'V', 2}, {3, 5}, kWeights);
  RunUlproof(Sample(in, out, Join(kExample, {"--dtype", "bfloat16", "--out-format", "float32"})));
  EXPECT_EQ(io::NpyReader::Open(out)->header().type, io::kNpyFloat32);
  EXPECT_EQ(directory.Names(), (Names{"w.npy", "s.npy"}));
}

// Catches a tensor that gets another's stream, that is left out, or whose bytes move.
TEST(SampleCommandTest, SafetensorsTensorsHaveTheirOwnStreams) {
  const TemporaryDirectory directory;
  const std::string in = directory / "m.safetensors", out = directory / "s.safetensors";
  const std::vector<std::uint8_t> steps = {1, 2, 3, 4, 5, 6, 7, 8};
  WriteSafetensors(in,
                   {{"b", "BF16", {3, 5}, BytesOf(kWeights)},
                    {"a", "F32", {15}, BytesOf(Widened(kWeights))},
                    {"exact", "F64", {1}, steps},
                    {"step", "I64", {}, steps}},
                   {{"kept", "yes"}});
  // "a" is the first in order of name and gets stream 1, "b" gets stream 2: the example.
  const std::vector<std::string> key = {"--bits", "2", "--seed", "1", "--stream", "1"};
  const CommandResult result = RunUlproof(Sample(in, out, key));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(ReadSafetensors(out, "b").bytes, BytesOf(kSampled));
  EXPECT_EQ(ReadSafetensors(out, "b").dtype, "BF16");
  EXPECT_EQ(ReadSafetensors(out, "step").bytes, steps);
  EXPECT_EQ(ReadSafetensors(out, "step").dtype, "I64");
  EXPECT_EQ(ReadSafetensors(out, "exact").bytes, steps);
  EXPECT_EQ(ReadSafetensors(out, "a").shape, std::vector<std::uint64_t>{15});
  const auto metadata = ReadMetadata(out);
  EXPECT_EQ(metadata.at("kept"), "yes");
  EXPECT_THAT(metadata.at("ulproof.sample.a"), HasSubstr("shape=1x15 seed=1 stream=1 "));
  EXPECT_THAT(metadata.at("ulproof.sample.b"), HasSubstr("shape=3x5 seed=1 stream=2 "));
  EXPECT_EQ(metadata.at("ulproof.format.b"), "bfloat16");
  // Named, a tensor of integers can hold codes; without a name it is taken when its size fits.
  WriteSafetensors(in, {{"codes", "U16", {3, 5}, BytesOf(kWeights)}, {"id", "U8", {1}, {7}}});
  for (const std::vector<std::string>& which :
       {std::vector<std::string>{}, {"--tensor", "codes"}}) {
    RunUlproof(Sample(in, out, Join(Join(kExample, {"--dtype", "bfloat16"}), which)));
    EXPECT_EQ(ReadSafetensors(out, "codes").bytes, BytesOf(kSampled));
    EXPECT_EQ(ReadSafetensors(out, "codes").dtype, "BF16");
  }
}

// Catches a tensor that is not the one named, and codes that are stored as another type.
TEST(SampleCommandTest, OneTensorOfSafetensors) {
  const TemporaryDirectory directory;
  const std::string in = directory / "m.safetensors", out = directory / "s.safetensors";
  WriteSafetensors(in, {{"a", "F64", {1}, {0, 0, 0, 0, 0, 0, 0, 0}},
                        {"b", "BF16", {3, 5}, BytesOf(kWeights)},
                        {"c", "I64", {1}, {0, 0, 0, 0, 0, 0, 0, 0}}});
  // With the stream of the example.
  EXPECT_EQ(RunUlproof(Sample(in, out, Join(kExample, {"--tensor", "b"}))).exit_code, 0);
  EXPECT_EQ(ReadSafetensors(out, "b").bytes, BytesOf(kSampled));
  EXPECT_EQ(io::SafetensorsReader::Open(out)->tensors().size(), 1u);
  // A format without a dtype is stored as codes.
  RunUlproof(Sample(in, out,
                    {"--bits", "4", "--seed", "1", "--stream", "2", "--tensor", "b", "--out-format",
                     "float6_e3m2fn"}));
  EXPECT_EQ(ReadSafetensors(out, "b").bytes, kSampledE3m2);
  EXPECT_EQ(ReadSafetensors(out, "b").dtype, "U8");
  EXPECT_EQ(ReadMetadata(out).at("ulproof.format.b"), "float6_e3m2fn");
}

// Catches an output that overwrites its input while that is being read.
TEST(SampleCommandTest, TheOutputMayBeTheInput) {
  const TemporaryDirectory directory;
  const std::string path = directory / "w.safetensors";
  WriteSafetensors(path, {{"w", "BF16", {3, 5}, BytesOf(kWeights)}});
  ASSERT_EQ(RunUlproof(Sample(path, path, kExample)).exit_code, 0);
  EXPECT_EQ(ReadSafetensors(path, "w").bytes, BytesOf(kSampled));
  EXPECT_EQ(directory.Names(), Names{"w.safetensors"});
}

// Catches results that depend on who computes them, or on how many.
TEST(SampleCommandTest, BackendsAndThreadsAgree) {
  const TemporaryDirectory directory;
  std::vector<float> weights(67 * 301);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] = static_cast<float>((i * 2654435761u) % 100003) / 50000.0f - 1.0f;
  }
  const std::string in = directory / "w.npy";
  WriteNpy(in, io::kNpyFloat32, {67, 301}, weights);
  std::string expected;
  for (const std::vector<std::string>& how : {std::vector<std::string>{"--backend", "reference"},
                                              {"--backend", "cpu", "--threads", "1"},
                                              {"--backend", "cpu", "--threads", "2"},
                                              {"--threads", "7"}}) {
    const std::string out = directory / "s.npy";
    const CommandResult result = RunUlproof(
        Sample(in, out, Join({"--bits", "4.5", "--block", "16x20", "--offset", "77"}, how)));
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const std::string bytes = io::ReadFile(out);
    if (expected.empty()) expected = bytes;
    EXPECT_EQ(bytes, expected) << testing::PrintToString(how);
  }
}

// Catches a bits file that is read in another order or not checked.
TEST(SampleCommandTest, BitsPerBlock) {
  const TemporaryDirectory directory;
  const std::string in = directory / "w.npy", bits = directory / "b.npy", out = directory / "s.npy";
  WriteNpy(in, {'u', 2}, {3, 5}, kWeights);
  const auto run = [&](const std::vector<std::string>& how) {
    return RunUlproof(
        Sample(in, out, Join({"--dtype", "bfloat16", "--seed", "1", "--stream", "2"}, how)));
  };
  // Equal bitwidths are the bitwidth of the tensor.
  WriteNpy<float>(bits, io::kNpyFloat32, {1, 1}, {2});
  ASSERT_EQ(run({"--bits-file", bits}).exit_code, 0);
  EXPECT_EQ(ReadNpy<std::uint16_t>(out), kSampled);
  // One row of blocks a row: the rows with huge b keep their weights.
  WriteNpy<float>(bits, io::kNpyFloat32, {3, 1}, {100, 2, 100});
  ASSERT_EQ(run({"--bits-file", bits, "--block", "1x5"}).exit_code, 0);
  const Codes mixed = ReadNpy<std::uint16_t>(out);
  EXPECT_EQ(Codes(mixed.begin(), mixed.begin() + 5), Codes(kWeights.begin(), kWeights.begin() + 5));
  EXPECT_EQ(Codes(mixed.begin() + 10, mixed.end()), Codes(kWeights.begin() + 10, kWeights.end()));
  EXPECT_NE(mixed[7], kWeights[7]);
  const CommandResult few = run({"--bits-file", bits});
  EXPECT_EQ(few.exit_code, 2);
  EXPECT_THAT(few.err, HasSubstr(bits + ": holds 3 elements of <f4; needed are 1 x 1"));
  WriteNpy<float>(bits, io::kNpyFloat32, {1}, {NAN});
  EXPECT_THAT(run({"--bits-file", bits}).err, HasSubstr("bitwidth nan"));
}

// Catches bad input that gets through, an unclear message, and files left after a failure.
TEST(SampleCommandTest, RefusesBadInput) {
  const TemporaryDirectory directory;
  const std::string in = directory / "w.npy", out = directory / "s.npy";
  WriteNpy(in, {'u', 2}, {3, 5}, kWeights);
  const std::string floats = directory / "f.npy", doubles = directory / "d.npy";
  WriteNpy(floats, io::kNpyFloat32, {3, 5}, Widened(kWeights));
  WriteNpy<double>(doubles, {'f', 8}, {1}, {1.0});
  const std::string empty = directory / "e.npy", ints = directory / "i.npy";
  WriteNpy<float>(empty, io::kNpyFloat32, {0, 4}, {});
  WriteNpy<std::int32_t>(ints, {'i', 4}, {1}, {1});
  const std::string cut = directory / "cut.npy", text = directory / "w.txt";
  io::WriteFile(cut, io::ReadFile(floats).substr(0, 150));
  io::WriteFile(text, "1 2 3\n");
  const std::string model = directory / "m.safetensors", model_out = directory / "o.safetensors";
  WriteSafetensors(model, {{"one", "F32", {1}, {0, 0, 0, 0}}, {"two", "F32", {1}, {0, 0, 0, 0}}});
  const std::string others = directory / "others.safetensors";
  const std::vector<std::uint8_t> zeros(8);
  WriteSafetensors(others, {{"n", "I64", {1}, zeros}, {"d", "F64", {1}, zeros}});
  const Names before = directory.Names();
  const std::vector<std::tuple<std::vector<std::string>, int, std::string>> cases = {
      {Sample(floats, out), 2, "--bits"},
      {Sample(floats, out, {"--bits", "nan"}), 2, "bitwidth nan"},
      {Sample(floats, out, {"--bits", "inf"}), 2, "bitwidth inf"},
      {Sample(floats, out, {"--bits", "1e7"}), 2, "at most"},
      {Sample(floats, out, {"--bits", "1e99"}), 2, "1e99"},
      {Sample(floats, out, {"--bits", "four"}), 2, "'four'"},
      {Sample(floats, out, {"--bits", "4", "--bits-file", floats}), 2, "one of --bits"},
      {Sample(floats, out, {"--bits", "4", "--block", "0x32"}), 2, "--block"},
      {Sample(floats, out, {"--bits", "4", "--offset", "18446744073709551610"}), 2, "2^64"},
      {Sample(in, out, {"--bits", "4"}), 2, "--dtype bfloat16"},
      {Sample(in, out, {"--bits", "4", "--dtype", "float32"}), 2,
       "a code of float32 takes 32 bits"},
      {Sample(in, out, {"--bits", "4", "--dtype", "float12_e4m7"}), 2,
       "element 0 is 0xbf2b, not a code"},
      {Sample(floats, out, {"--bits", "4", "--dtype", "bfloat16"}), 2, "F32, not bfloat16"},
      {Sample(doubles, out, {"--bits", "4"}), 2, "float64 is not"},
      {Sample(ints, out, {"--bits", "4"}), 2, "not codes of a float format"},
      {Sample(empty, out, {"--bits", "4"}), 2, empty + ": tensor \"e\": shape 0x4 has no elements"},
      {Sample(cut, out, {"--bits", "4"}), 2, cut},
      {Sample(text, out, {"--bits", "4"}), 2, "neither .npy nor .safetensors"},
      {Sample(floats, model_out, {"--bits", "4"}), 2, "the input's kind"},
      {Sample(floats, out, {"--bits", "4", "--tensor", "w"}), 2, "--tensor"},
      {Sample(model, model_out, {"--bits", "4", "--tensor", "on"}), 2, "did you mean \"one\"?"},
      {Sample(model, model_out, {"--bits-file", floats}), 2, "--bits-file is for one tensor"},
      {Sample(model, model_out, {"--bits", "4", "--stream", "18446744073709551615"}), 2,
       "passes 2^64"},
      {Sample(others, model_out, {"--bits", "4"}), 2, "has no weights"},
      {Sample(others, model_out, {"--bits", "4", "--tensor", "n"}), 2,
       "not codes of a float format"},
      {Sample(others, model_out, {"--bits", "4", "--tensor", "d"}), 2, "float64 is not"},
      {Sample(directory / "none.npy", out, {"--bits", "4"}), 3, "none.npy: cannot open"},
      {Sample(floats, directory / "no" + "/s.npy", {"--bits", "4"}), 3, "s.npy: cannot write"},
      {Sample(floats, "/dev/full", {"--bits", "4"}), 2, "/dev/full"},
  };
  for (const auto& [arguments, exit_code, word] : cases) {
    const CommandResult result = RunUlproof(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << testing::PrintToString(arguments) << result.err;
    EXPECT_THAT(result.err, HasSubstr(word)) << testing::PrintToString(arguments);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(directory.Names(), before) << testing::PrintToString(arguments);
  }
}

// A float32 .npy file of that many rows of 4096 zeros, without its blocks on disk.
void WriteSparseNpy(const std::string& path, std::uint64_t rows) {
  WriteNpy<float>(path, io::kNpyFloat32, {1}, {0});
  std::string header = io::ReadFile(path).substr(0, 128);
  const std::string shape = fmt::format("'shape': ({}, 4096), }}", rows);
  const std::size_t at = header.find("'shape'");
  header.replace(at, header.size() - 1 - at, shape + std::string(127 - at - shape.size(), ' '));
  io::WriteFile(path, header);
  std::filesystem::resize_file(path, 128 + rows * 4096 * 4);
}

// Catches a signal in the middle that leaves a part of the output.
TEST(SampleCommandTest, ASignalLeavesNothing) {
  const TemporaryDirectory directory;
  WriteSparseNpy(directory / "w.npy", 1 << 14);
  const CommandResult result = RunUlproof(
      Sample(directory / "w.npy", directory / "s.npy", {"--bits", "4", "--backend", "reference"}),
      {.kill_when_exists = ".ulproof-", .kill_in_directory = directory.path()});
  EXPECT_EQ(result.signal, SIGTERM);
  EXPECT_EQ(directory.Names(), Names{"w.npy"});
}

// Catches a whole file held in memory: the stated bound is 128 MiB for files of any size.
TEST(SampleCommandTest, MemoryIsBounded) {
  const TemporaryDirectory directory;
  WriteSparseNpy(directory / "w.npy", 24 << 10);  // 384 MiB.
  const CommandResult result =
      RunUlproof(Sample(directory / "w.npy", directory / "s.npy", {"--bits", "4"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_LT(result.peak_memory_kib, 128 << 10);
  EXPECT_EQ(std::filesystem::file_size(directory / "s.npy"), 128u + (24 << 10) * 4096 * 2);
}

// Catches half an output on a full disk. The file size limit gives the same error anywhere; a real
// full file system needs the right to mount one.
TEST(SampleCommandTest, AFullDiskLeavesNothing) {
  const TemporaryDirectory directory;
  WriteSparseNpy(directory / "w.npy", 1 << 10);
  CommandResult result =
      RunUlproof(Sample(directory / "w.npy", directory / "s.npy", {"--bits", "4"}),
                 {.max_file_bytes = 1 << 20});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr(directory / "s.npy" + ": cannot write: File too large"));
  EXPECT_EQ(directory.Names(), Names{"w.npy"});
  const std::string disk = directory / "disk";
  std::filesystem::create_directory(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "cannot mount a small file system here";
  }
  result = RunUlproof(Sample(directory / "w.npy", disk + "/s.npy", {"--bits", "4"}));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr(disk + "/s.npy: cannot write: No space left on device"));
  EXPECT_TRUE(std::filesystem::is_empty(disk));
  EXPECT_EQ(umount(disk.c_str()), 0);
}

}  // namespace
}  // namespace ulproof::cli
