// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors_header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ulproof::io {
namespace {

using ::testing::HasSubstr;

std::string ParseError(const std::string& text, std::uint64_t data_bytes) {
  const auto header = ParseSafetensorsHeader(text, data_bytes);
  if (header.ok()) return "";
  EXPECT_EQ(header.error().exit_code, base::ExitCode::kUsage);
  return header.error().message;
}

std::string Tensor(const std::string& name, const std::string& dtype, const std::string& shape,
                   const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

const std::string kGood = "{\"__metadata__\":{\"made by\":\"me\"}," +
                          Tensor("b", "F32", "[2,3]", "[4,28]") + "," +
                          Tensor("a", "BF16", "[2]", "[0,4]") + "}   ";

// Catches a lost tensor, offset or metadata entry, and another order than by name.
TEST(SafetensorsHeaderTest, ReadsTensorsAndMetadata) {
  const auto header = ParseSafetensorsHeader(kGood, 28);
  ASSERT_TRUE(header.ok()) << header.error().ToString();
  ASSERT_EQ(header->tensors.size(), 2u);
  EXPECT_EQ(header->tensors[0].name, "a");
  EXPECT_EQ(header->tensors[0].dtype.name, "BF16");
  EXPECT_EQ(header->tensors[1].shape, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(header->tensors[1].data_begin, 4u);
  EXPECT_EQ(header->tensors[1].bytes(), 24u);
  EXPECT_EQ(header->metadata, (SafetensorsMetadata{{"made by", "me"}}));
}

// Catches refusing what the format allows: no tensors, empty tensors, rank 0, odd names, densely
// packed elements, key order.
TEST(SafetensorsHeaderTest, AcceptsWhatTheFormatAllows) {
  EXPECT_EQ(ParseError("{}", 0), "");
  EXPECT_EQ(ParseError("{" + Tensor("x", "F64", "[]", "[0,8]") + "}", 8), "");
  EXPECT_EQ(ParseError("{" + Tensor("x", "U8", "[3,0]", "[0,0]") + "," +
                           Tensor("y", "U8", "[1]", "[0,1]") + "}",
                       1),
            "");
  EXPECT_EQ(ParseError("{" + Tensor("x", "F4", "[3,2]", "[0,3]") + "," +
                           Tensor("y", "F6_E2M3", "[4]", "[3,6]") + "}",
                       6),
            "");
  EXPECT_EQ(ParseError(R"({"":{"data_offsets":[0,1],"shape":[1],"dtype":"I8"}})", 1), "");
  const auto odd =
      ParseSafetensorsHeader("{" + Tensor(R"(\u00e9\n\"\\)", "I8", "[1]", "[0,1]") + "}", 1);
  ASSERT_TRUE(odd.ok());
  EXPECT_EQ(odd->tensors[0].name, "\xC3\xA9\n\"\\");
  EXPECT_EQ(QuotedName(odd->tensors[0].name), "\"\xC3\xA9\\n\\\"\\\\\"");
}

// Catches a wrong or unclear refusal: each header over 8 bytes of data, with a word of its message.
TEST(SafetensorsHeaderTest, RefusesWithTheReason) {
  const std::string x = Tensor("x", "F32", "[1]", "[0,4]");
  const std::string y = Tensor("y", "F32", "[1]", "[4,8]");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "does not begin with '{'"},
      {" {}", "does not begin with '{'"},
      {"[]", "does not begin with '{'"},
      {"{" + x + "," + y, "not JSON at byte"},
      {"{" + x + "," + y + "} x", "not JSON at byte"},
      {"{\"x\xFF\":1}", "not JSON at byte"},
      {"{" + x + "," + x + "}", "\"x\" is given twice"},
      {"{" + x + "}", "the last 4 bytes belong to no tensor"},
      {"{" + x + "," + Tensor("y", "F32", "[1]", "[0,4]") + "}", "overlaps"},
      {"{" + x + "," + Tensor("y", "U8", "[5]", "[3,8]") + "}",
       "tensor \"y\" at byte 3 overlaps \"x\""},
      {"{" + x + "," + Tensor("y", "U8", "[3]", "[5,8]") + "}", "leaves a gap after \"x\""},
      {"{" + Tensor("y", "U8", "[7]", "[1,8]") + "}", "leaves a gap after the header"},
      {"{" + Tensor("x", "F32", "[3]", "[0,12]") + "}", "ends at byte 12, the data at byte 8"},
      {"{" + Tensor("x", "F32", "[3]", "[0,8]") + "}",
       "cover 8 bytes, but shape [3] of F32 takes 12"},
      {"{" + Tensor("x", "F32", "[2]", "[8,0]") + "}", "are not [begin, end]"},
      {"{" + Tensor("x", "F32", "[2]", "[0]") + "}", "are not [begin, end]"},
      {"{" + Tensor("x", "F32", "[2]", "[0,8,8]") + "}", "are not [begin, end]"},
      {"{" + Tensor("x", "F33", "[2]", "[0,8]") + "}", "unknown dtype 'F33' (did you mean"},
      {"{" + Tensor("x", "F4", "[3]", "[0,1]") + "}", "not whole bytes"},
      {"{" + Tensor("x", "F32", "[4294967296,4294967296]", "[0,0]") + "}", "larger than any file"},
      {"{" + Tensor("x", "F32", "[0,18446744073709551615]", "[0,0]") + "}", "larger than any file"},
      {"{" + Tensor("x", "F32", "[18446744073709551616]", "[0,8]") + "}", "integer below 2^64"},
      {"{" + Tensor("x", "F32", "[1e3]", "[0,8]") + "}", "integer below 2^64"},
      {"{" + Tensor("x", "F32", "[-2]", "[0,8]") + "}", "negative"},
      {"{" + Tensor("x", "F32", "[[2]]", "[0,8]") + "}", "unexpected a list"},
      {"{" + Tensor("x", "F32", "2", "[0,8]") + "}", "unexpected a number"},
      {"{" + Tensor("x", "F32", "null", "[0,8]") + "}", "unexpected null"},
      {"{" + Tensor("x", "F32", "{}", "[0,8]") + "}", "unexpected an object"},
      {R"({"x":{"dtype":"F32","shape":[2]}})", "does not give all"},
      {R"({"x":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "given twice"},
      {R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":"y"}})", "unexpected a text"},
      {R"({"x":1})", "unexpected a number for \"x\""},
      {R"({"__metadata__":{"a":1}})", "unexpected a number"},
      {R"({"__metadata__":{"a":"1","a":"2"}})", "given twice"},
      {R"({"__metadata__":"a"})", "unexpected a text"},
  };
  for (const auto& [text, word] : cases) {
    EXPECT_THAT(ParseError(text, 8), HasSubstr(word)) << text;
  }
}

// Catches recursion: a million nested lists or objects end the parse at the first level too deep.
TEST(SafetensorsHeaderTest, RefusesDeepNesting) {
  const std::string lists(1'000'000, '[');
  EXPECT_THAT(ParseError("{\"x\":" + lists, 0), HasSubstr("unexpected a list"));
  std::string objects;
  for (int i = 0; i < 1'000'000; ++i) objects += "{\"x\":";
  EXPECT_THAT(ParseError(objects, 0), HasSubstr("unexpected an object"));
}

// Catches a crash: the header cut at every byte, and with every byte replaced by each of a few that
// mean something in JSON.
TEST(SafetensorsHeaderTest, SurvivesTruncationAndChangedBytes) {
  const std::size_t length = kGood.find_last_of('}') + 1;
  for (std::size_t i = 0; i < length; ++i) {
    EXPECT_NE(ParseError(kGood.substr(0, i), 28), "") << i;
    for (const char byte : std::string("\0\xFF\"\\{}[]:,0-9.e ", 17)) {
      std::string text = kGood;
      text[i] = byte;
      const auto header = ParseSafetensorsHeader(text, 28);
      if (!header.ok()) continue;
      for (const SafetensorsTensor& tensor : header->tensors) {
        EXPECT_LE(tensor.data_begin + tensor.bytes(), 28u) << text;
      }
    }
  }
}

// Catches a layout that the reader would refuse or that misaligns: the widest first, then by name.
TEST(SafetensorsHeaderTest, LaysOutByAlignmentThenName) {
  std::vector<SafetensorsTensor> tensors = {
      {.name = "b", .dtype = *ParseSafetensorsDtype("U8"), .shape = {3}},
      {.name = "a\n", .dtype = *ParseSafetensorsDtype("U8"), .shape = {5}},
      {.name = "z", .dtype = *ParseSafetensorsDtype("F32"), .shape = {2, 2}}};
  const auto text = LayOutSafetensors(tensors, {{"k", "v\""}});
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(text->size() % 8, 0u);
  EXPECT_EQ(tensors[2].data_begin, 0u);
  EXPECT_EQ(tensors[1].data_begin, 16u);
  EXPECT_EQ(tensors[0].data_begin, 21u);
  const auto header = ParseSafetensorsHeader(*text, 24);
  ASSERT_TRUE(header.ok()) << header.error().ToString();
  EXPECT_EQ(header->tensors[0].name, "a\n");
  EXPECT_EQ(header->metadata.at("k"), "v\"");
}

TEST(SafetensorsHeaderTest, RefusesWhatItCannotLayOut) {
  const SafetensorsTensor x = {.name = "x", .dtype = *ParseSafetensorsDtype("U8"), .shape = {1}};
  std::vector<SafetensorsTensor> twice = {x, x};
  EXPECT_FALSE(LayOutSafetensors(twice, {}).ok());
  std::vector<SafetensorsTensor> reserved = {x};
  reserved[0].name = "__metadata__";
  EXPECT_FALSE(LayOutSafetensors(reserved, {}).ok());
  std::vector<SafetensorsTensor> huge = {x};
  huge[0].shape = {std::uint64_t{1} << 62, 2};
  EXPECT_FALSE(LayOutSafetensors(huge, {}).ok());
}

}  // namespace
}  // namespace ulproof::io
