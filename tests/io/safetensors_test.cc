// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tests/io/temporary_directory.h"

namespace ulproof::io {
namespace {

using ::testing::HasSubstr;

std::string OpenError(const std::string& bytes) {
  const TemporaryDirectory directory;
  WriteFile(directory / "x.safetensors", bytes);
  const auto reader = SafetensorsReader::Open(directory / "x.safetensors");
  if (reader.ok()) return "";
  EXPECT_EQ(reader.error().exit_code, base::ExitCode::kUsage);
  EXPECT_EQ(reader.error().file, directory / "x.safetensors");
  return reader.error().message;
}

std::string FileBytes(std::uint64_t header_bytes, const std::string& rest) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &header_bytes, 8);
  return bytes + rest;
}

// Catches a dtype that points to another format than its size or name says.
TEST(SafetensorsTest, EveryFormatOfADtypeExistsAndHasItsBits) {
  for (const SafetensorsDtype& dtype : kSafetensorsDtypes) {
    EXPECT_EQ(*ParseSafetensorsDtype(dtype.name), dtype);
    if (dtype.format.empty()) continue;
    const auto format = formats::ParseFormat(dtype.format);
    ASSERT_TRUE(format.ok()) << dtype.format;
    EXPECT_EQ(format->storage_bits(), dtype.bits) << dtype.name;
    EXPECT_EQ(NativeDtype(*format), dtype);
  }
  EXPECT_EQ(NativeDtype(formats::kFloat8E4m3fn)->name, "F8_E4M3");
  EXPECT_EQ(NativeDtype(formats::kFloat4E2m1fn), std::nullopt);
}

// Catches wrong byte places: tensors written in pieces and out of order are read back whole.
TEST(SafetensorsTest, RoundTripsInPieces) {
  const TemporaryDirectory directory;
  auto writer = SafetensorsWriter::Create(
      directory / "x.safetensors",
      {{.name = "bytes", .dtype = *ParseSafetensorsDtype("U8"), .shape = {5}},
       {.name = "wide", .dtype = *ParseSafetensorsDtype("F32"), .shape = {2}}},
      {{"origin", "test"}});
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->Write(0, 2, 3, "cde").ok());
  ASSERT_TRUE(writer->Write(1, 4, 4, "5678").ok());
  ASSERT_TRUE(writer->Write(0, 0, 2, "ab").ok());
  ASSERT_TRUE(writer->Write(1, 0, 4, "1234").ok());
  ASSERT_TRUE(writer->Commit().ok());
  EXPECT_EQ(directory.Names(), std::set<std::string>{"x.safetensors"});
  const auto reader = SafetensorsReader::Open(directory / "x.safetensors");
  ASSERT_TRUE(reader.ok()) << reader.error().ToString();
  EXPECT_EQ(reader->metadata().at("origin"), "test");
  char text[9] = {};
  ASSERT_TRUE(reader->Read(*reader->Find("bytes"), 0, 5, text).ok());
  EXPECT_STREQ(text, "abcde");
  ASSERT_TRUE(reader->Read(*reader->Find("wide"), 2, 4, text).ok());
  EXPECT_EQ(std::string(text, 4), "3456");
  EXPECT_THAT(reader->Find("byte").error().ToString(), HasSubstr("did you mean \"bytes\"?"));
}

// Catches believing the length of the header before the file has it.
TEST(SafetensorsTest, RefusesLyingLengths) {
  EXPECT_THAT(OpenError(""), HasSubstr("it has 0 bytes"));
  EXPECT_THAT(OpenError(FileBytes(UINT64_MAX, "{}")), HasSubstr("claims 18446744073709551615"));
  EXPECT_THAT(OpenError(FileBytes(100'000'001, "{}")), HasSubstr("the format allows 100000000"));
  EXPECT_THAT(OpenError(FileBytes(3, "{}")), HasSubstr("the file has 2 left"));
  EXPECT_THAT(OpenError(FileBytes(0, "{}")), HasSubstr("does not begin with '{'"));
  EXPECT_EQ(OpenError(FileBytes(2, "{}")), "");
}

// Catches accepting a part: the file cut at every byte, or with one byte more, is refused.
TEST(SafetensorsTest, RefusesEveryTruncation) {
  const std::string header = R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} )";
  const std::string bytes = FileBytes(header.size(), header + "12345678");
  ASSERT_EQ(OpenError(bytes), "");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(OpenError(bytes.substr(0, size)), "") << size;
  }
  EXPECT_NE(OpenError(bytes + "x"), "");
}

}  // namespace
}  // namespace ulproof::io
