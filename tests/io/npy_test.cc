// SPDX-License-Identifier: Apache-2.0
#include "io/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "tests/io/temporary_directory.h"

namespace ulproof::io {
namespace {

using ::testing::HasSubstr;

// A version 1 or 2 file with this dictionary and data.
std::string NpyBytes(const std::string& dictionary, const std::string& data, int major = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(major);
  bytes += '\0';
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) {
    bytes += static_cast<char>(dictionary.size() >> (8 * i) & 0xFF);
  }
  return bytes + dictionary + data;
}

const std::string kGoodHeader = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";

std::string OpenError(const std::string& bytes) {
  const TemporaryDirectory directory;
  WriteFile(directory / "x.npy", bytes);
  const auto reader = NpyReader::Open(directory / "x.npy");
  if (reader.ok()) return "";
  EXPECT_EQ(reader.error().exit_code, base::ExitCode::kUsage);
  EXPECT_EQ(reader.error().file, directory / "x.npy");
  return reader.error().message;
}

// Catches a header that NumPy would not read: these bytes are what numpy.save writes.
TEST(NpyTest, WritesWhatNumpyWrites) {
  const TemporaryDirectory directory;
  auto writer = NpyWriter::Create(directory / "x.npy", {.type = {'u', 2}, .shape = {3}});
  ASSERT_TRUE(writer.ok());
  const std::uint16_t data[3] = {1, 2, 0x0403};
  ASSERT_TRUE(writer->Write(2, 1, data + 2).ok());
  ASSERT_TRUE(writer->Write(0, 2, data).ok());
  ASSERT_TRUE(writer->Commit().ok());
  std::string expected("\x93NUMPY\x01\x00\x76\x00", 10);
  expected += "{'descr': '<u2', 'fortran_order': False, 'shape': (3,), }";
  expected.append(128 - 1 - expected.size(), ' ');
  expected += '\n';
  expected += std::string("\x01\x00\x02\x00\x03\x04", 6);
  EXPECT_EQ(ReadFile(directory / "x.npy"), expected);
}

// Catches wrong element offsets and shapes, for every rank to 3 and several types.
TEST(NpyTest, RoundTrips) {
  const TemporaryDirectory directory;
  const std::vector<std::vector<std::uint64_t>> shapes = {{}, {5}, {2, 3}, {2, 1, 4}, {0}, {3, 0}};
  for (const NpyType type :
       {NpyType{'f', 4}, NpyType{'f', 2}, NpyType{'f', 8}, NpyType{'u', 1}, NpyType{'i', 1},
        NpyType{'u', 4}, NpyType{'i', 8}, NpyType{'b', 1}, NpyType{'V', 2}}) {
    for (const auto& shape : shapes) {
      const NpyHeader header = {type, shape};
      std::vector<char> data(header.count() * static_cast<std::uint64_t>(type.bytes));
      std::iota(data.begin(), data.end(), char{1});
      auto writer = NpyWriter::Create(directory / "x.npy", header);
      ASSERT_TRUE(writer.ok());
      ASSERT_TRUE(writer->Write(0, header.count(), data.data()).ok());
      ASSERT_TRUE(writer->Commit().ok());
      const auto reader = NpyReader::Open(directory / "x.npy");
      ASSERT_TRUE(reader.ok()) << reader.error().ToString();
      EXPECT_EQ(reader->header(), header);
      std::vector<char> back(data.size());
      ASSERT_TRUE(reader->Read(0, header.count(), back.data()).ok());
      EXPECT_EQ(back, data);
      if (header.count() < 2) continue;
      const auto bytes = static_cast<std::size_t>(type.bytes);
      std::vector<char> second(bytes);
      ASSERT_TRUE(reader->Read(1, 1, second.data()).ok());
      EXPECT_EQ(second,
                std::vector<char>(data.begin() + type.bytes, data.begin() + 2 * type.bytes));
    }
  }
}

// Catches refusing headers that other writers make: versions 2 and 3, other orders, quotes and
// blanks.
TEST(NpyTest, AcceptsOtherSpellings) {
  const std::string data(24, 'x');
  for (const std::string& text :
       {kGoodHeader, std::string("{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<f4\"}"),
        std::string("  { 'descr' : '<f4' ,\n'fortran_order': False, 'shape': ( 2L , 3L ) }   \n"),
        std::string("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }"),
        // Fortran order says nothing about one dimension.
        std::string("{'descr': '<f4', 'fortran_order': True, 'shape': (6,), }")}) {
    for (const int major : {1, 2, 3}) {
      EXPECT_EQ(OpenError(NpyBytes(text, data, major)), "") << text;
    }
  }
}

// Catches a wrong or unclear refusal: each header, with a word of its message.
TEST(NpyTest, RefusesWithTheReason) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3)}", "big-endian"},
      {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}", "Fortran order"},
      {"{'descr': '<c8', 'fortran_order': False, 'shape': (3,)}", "'<c8' is not supported"},
      {"{'descr': '<f3', 'fortran_order': False, 'shape': (8,)}", "'<f3' is not supported"},
      {"{'descr': '|f4', 'fortran_order': False, 'shape': (6,)}", "byte order"},
      {"{'descr': '<f16', 'fortran_order': False, 'shape': (6,)}", "'<f16' is not supported"},
      {"{'descr': '|O', 'fortran_order': False, 'shape': (3,)}", "'|O' is not supported"},
      {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,)}", "structured"},
      {"{'descr': '<f4', 'fortran_order': 0, 'shape': (6,)}", "True or False"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (6)}", "expected ','"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (-6,)}", "number of elements"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': [6]}", "expected '('"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "too large"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
       "larger than"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9223372036854775807, 4)}",
       "larger than"},
      {"{'descr': '<f4', 'fortran_order': False}", "does not give all"},
      {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (6,)}", "repeated"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'x': 1}", "unknown"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,)} x", "the end"},
      {"{'descr': '<f4' 'fortran_order': False, 'shape': (6,)}", "column 17: expected ','"},
      {"((((((((((((((((((((((((((((((((((((", "column 1: expected '{'"},
      {"", "expected '{'"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (7,)}", "24 bytes of data"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (5,)}", "24 bytes of data"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2305843009213693951,)}", "larger than"},
  };
  for (const auto& [text, word] : cases) {
    EXPECT_THAT(OpenError(NpyBytes(text, std::string(24, 'x'))), HasSubstr(word)) << text;
  }
  std::string many_sides = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
  for (int i = 0; i < 65; ++i) many_sides += "1, ";
  EXPECT_THAT(OpenError(NpyBytes(many_sides + ")}", "xxxx")), HasSubstr("more than 64"));
}

// Catches believing a length before the file has it, above all one that would allocate gigabytes.
TEST(NpyTest, RefusesLyingLengths) {
  std::string bytes = NpyBytes(kGoodHeader, std::string(24, 'x'), 2);
  for (std::size_t i = 8; i < 12; ++i) bytes[i] = '\xFF';
  EXPECT_THAT(OpenError(bytes), HasSubstr("claims 4294967295 bytes"));
  bytes = NpyBytes(kGoodHeader, "", 1);
  bytes[8] = '\x7F';
  EXPECT_THAT(OpenError(bytes), HasSubstr("claims 127 bytes, the file has 60 left"));
  EXPECT_THAT(OpenError("\x93NUMPY\x04" + std::string(200, '\0')), HasSubstr("version 4.0"));
  EXPECT_THAT(OpenError("PK\x03\x04 an npz file"), HasSubstr("is not an .npy file"));
}

// Catches reading past the end or accepting a part: the file cut at every byte is refused.
TEST(NpyTest, RefusesEveryTruncation) {
  for (const int major : {1, 2}) {
    const std::string bytes = NpyBytes(kGoodHeader, std::string(24, 'x'), major);
    ASSERT_EQ(OpenError(bytes), "");
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_NE(OpenError(bytes.substr(0, size)), "") << size;
    }
    EXPECT_NE(OpenError(bytes + "x"), "");
  }
}

// Catches a crash in the parser: every byte of a good header replaced by every other must parse or
// be refused, and what parses must be usable.
TEST(NpyTest, SurvivesEveryChangedByte) {
  for (std::size_t i = 0; i < kGoodHeader.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text = kGoodHeader;
      text[i] = static_cast<char>(byte);
      const auto header = ParseNpyHeader(text);
      if (header.ok()) {
        EXPECT_LT(header->count(), std::uint64_t{1} << 62);
      }
    }
    if (i <= kGoodHeader.rfind('}')) {
      EXPECT_FALSE(ParseNpyHeader(kGoodHeader.substr(0, i)).ok()) << i;
    }
  }
}

// Catches a commit of a file with holes.
TEST(NpyDeathTest, CommitNeedsEveryElement) {
  const TemporaryDirectory directory;
  auto writer = NpyWriter::Create(directory / "x.npy", {.type = kNpyInt8, .shape = {2}});
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->Write(0, 1, "x").ok());
  EXPECT_DEATH((void)writer->Commit(), "1 elements written");
}

}  // namespace
}  // namespace ulproof::io
