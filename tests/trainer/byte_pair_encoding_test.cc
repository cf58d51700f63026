// SPDX-License-Identifier: Apache-2.0
// Against the tokens that Hugging Face's implementation makes of difficult texts
// (tests/vectors/makers/make_bpe_vectors.py). Catches: words cut elsewhere (blanks before words,
// contractions, Unicode letters, digits and spaces), pairs joined in another order, bytes lost.
#include "trainer/byte_pair_encoding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/io/temporary_directory.h"
#include "trainer/corpus.h"

namespace ulproof::trainer {
namespace {

using testing::HasSubstr;

const std::string kVectors = ULPROOF_SOURCE_DIR "/tests/vectors/bpe/";

BytePairEncoding Encoding() {
  auto encoding = BytePairEncoding::Load(kVectors + "vocab.json", kVectors + "merges.txt");
  EXPECT_TRUE(encoding.ok()) << encoding.error().ToString();
  return std::move(*encoding);
}

std::string Decoded(const BytePairEncoding& encoding, const std::vector<std::uint16_t>& tokens) {
  return encoding.Decode(std::vector<std::int32_t>(tokens.begin(), tokens.end()));
}

TEST(BytePairEncodingTest, AsHuggingFace) {
  const BytePairEncoding encoding = Encoding();
  EXPECT_EQ(encoding.size(), 600u);
  const auto rows = nlohmann::json::parse(io::ReadFile(kVectors + "encodings.json"));
  ASSERT_GT(rows.size(), 70u);
  for (const auto& row : rows) {
    const auto text = row["text"].get<std::string>();
    const auto tokens = encoding.Encode(text);
    ASSERT_TRUE(tokens.ok()) << tokens.error().ToString();
    EXPECT_EQ(*tokens, row["tokens"].get<std::vector<std::uint16_t>>()) << text;
    EXPECT_EQ(Decoded(encoding, *tokens), text);
  }
}

// One word of a million letters: joining must not take time with the square of its length.
TEST(BytePairEncodingTest, LongWordsTakeLinearTime) {
  const BytePairEncoding encoding = Encoding();
  std::string text;
  while (text.size() < 1'000'000) text += "thesandthe";
  const auto tokens = encoding.Encode(text);
  ASSERT_TRUE(tokens.ok());
  EXPECT_LT(tokens->size(), text.size() / 2);
  EXPECT_EQ(Decoded(encoding, *tokens), text);
  const auto blanks = encoding.Encode(std::string(1'000'000, ' ') + "a");
  ASSERT_TRUE(blanks.ok()) << blanks.error().ToString();
}

TEST(BytePairEncodingTest, CorpusInItsTokens) {
  const BytePairEncoding encoding = Encoding();
  const io::TemporaryDirectory directory;
  const std::string path = directory / "text.txt";
  io::WriteFile(path, "And God said, Let there be light: and there was light.");
  const auto corpus = LoadCorpus(path, &encoding);
  ASSERT_TRUE(corpus.ok()) << corpus.error().ToString();
  EXPECT_FALSE(corpus->is_bytes);
  EXPECT_EQ(corpus->vocabulary, 600u);
  EXPECT_EQ(Decoded(encoding, corpus->tokens),
            "And God said, Let there be light: and there was light.");
  EXPECT_LT(corpus->tokens.size(), 40u);
  io::WriteFile(path, "fine until \xff here");
  const auto broken = LoadCorpus(path, &encoding);
  ASSERT_FALSE(broken.ok());
  EXPECT_THAT(broken.error().ToString(), HasSubstr("not UTF-8 at byte 11"));
}

TEST(BytePairEncodingTest, RefusesBadFilesWithTheirPlace) {
  const io::TemporaryDirectory directory;
  const std::string vocab = directory / "vocab.json", merges = directory / "merges.txt";
  const auto error = [&](const std::string& vocabulary, const std::string& pairs) {
    io::WriteFile(vocab, vocabulary);
    io::WriteFile(merges, pairs);
    const auto encoding = BytePairEncoding::Load(vocab, merges);
    return encoding.ok() ? "taken" : encoding.error().ToString();
  };
  const std::string good = io::ReadFile(kVectors + "vocab.json");
  EXPECT_EQ(error(good, "#version: 0.2\nt h\n"), "taken");
  EXPECT_THAT(error("[1]", ""), HasSubstr("not a JSON object"));
  EXPECT_THAT(error("{\"a\": -1}", ""), HasSubstr("has the number -1"));
  EXPECT_THAT(error("{\"a\": 70000}", ""), HasSubstr("0 to 65535"));
  EXPECT_THAT(error("{\"a\": 1, \"b\": 1}", ""), HasSubstr("two tokens have the number 1"));
  EXPECT_THAT(error("{\"a\": 1}", ""), HasSubstr("no token for the byte 0x00"));
  EXPECT_THAT(error(good, "t h\nt zzz\n"), HasSubstr("merges.txt:2"));
  EXPECT_THAT(error(good, "t h\na b c\n"), HasSubstr("two tokens and a blank"));
  EXPECT_THAT(error(good, "th zq\n"), HasSubstr("not in the vocabulary"));
}

}  // namespace
}  // namespace ulproof::trainer
