// SPDX-License-Identifier: Apache-2.0
// Catches: targets that are not the next tokens, training on held-out text, token files misread,
// and bad files taken.
#include "trainer/corpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "tests/io/temporary_directory.h"

namespace ulproof::trainer {
namespace {

using testing::HasSubstr;

Corpus Counting(std::size_t count) {
  Corpus corpus = {.origin = "counting", .tokens = {}, .train_count = count - count / 10};
  for (std::size_t i = 0; i < count; ++i) corpus.tokens.push_back(static_cast<std::uint16_t>(i));
  return corpus;
}

TEST(CorpusTest, BatchesAreNextTokensOfTheTrainingPart) {
  const Corpus corpus = Counting(1000);
  std::set<std::int32_t> starts;
  for (std::uint64_t index = 0; index < 200; ++index) {
    const Batch batch = TrainingBatch(corpus, 5, index, 3, 8);
    ASSERT_EQ(batch.tokens.size(), 24u);
    for (std::size_t i = 0; i < 24; ++i) {
      EXPECT_EQ(batch.targets[i], batch.tokens[i] + 1);
      EXPECT_LT(batch.targets[i], 900) << "held out";
      if (i % 8 == 0) starts.insert(batch.tokens[i]);
    }
  }
  EXPECT_GT(starts.size(), 400u);
  EXPECT_EQ(TrainingBatch(corpus, 5, 7, 3, 8).tokens, TrainingBatch(corpus, 5, 7, 3, 8).tokens);
  EXPECT_NE(TrainingBatch(corpus, 6, 7, 3, 8).tokens, TrainingBatch(corpus, 5, 7, 3, 8).tokens);
  // A micro-step of three is three micro-steps of one: accumulation reads the same text.
  EXPECT_EQ(TrainingBatch(corpus, 5, 7, 3, 8).tokens[16],
            TrainingBatch(corpus, 5, 23, 1, 8).tokens[0]);
}

TEST(CorpusTest, ValidationIsHeldOutAndSpread) {
  const Corpus corpus = Counting(1000);
  const Batch all = ValidationBatch(corpus, 100, 8);
  EXPECT_EQ(all.tokens.size(), 12u * 8);
  EXPECT_EQ(all.tokens[0], 900);
  EXPECT_EQ(all.targets.back(), 900 + 12 * 8);
  const Batch some = ValidationBatch(corpus, 3, 8);
  EXPECT_EQ(some.tokens[8], 900 + 4 * 8);
}

std::string Words(std::initializer_list<std::uint32_t> head, std::size_t head_bytes,
                  const std::vector<std::uint16_t>& tokens) {
  std::string bytes(head_bytes, '\0');
  if (head_bytes != 0) std::memcpy(bytes.data(), head.begin(), head.size() * 4);
  bytes.append(reinterpret_cast<const char*>(tokens.data()), tokens.size() * 2);
  return bytes;
}

TEST(CorpusTest, ReadsTextAndTokenFiles) {
  const io::TemporaryDirectory directory;
  const std::string text = directory / "t.txt", llmc = directory / "a.bin",
                    nano = directory / "b.bin";
  io::WriteFile(text, "a\xC3\xA9");
  EXPECT_EQ(LoadCorpus(text)->tokens, (std::vector<std::uint16_t>{'a', 0xC3, 0xA9}));
  const std::vector<std::uint16_t> tokens = {50256, 1, 2, 65535};
  io::WriteFile(llmc, Words({20240520, 1, 4}, 1024, tokens));
  io::WriteFile(nano, Words({}, 0, tokens));
  for (const std::string& path : {llmc, nano}) {
    EXPECT_EQ(LoadCorpus(path)->tokens, tokens);
    EXPECT_FALSE(LoadCorpus(path)->is_bytes);
  }
}

TEST(CorpusTest, RefusesBadFiles) {
  const io::TemporaryDirectory directory;
  const std::string path = directory / "x.bin";
  const auto message = [&](const std::string& bytes) {
    io::WriteFile(path, bytes);
    const auto loaded = LoadCorpus(path);
    if (loaded.ok()) return CheckCorpus(*loaded, 100, 4).error().ToString();
    EXPECT_EQ(static_cast<int>(loaded.error().exit_code), 2);
    return loaded.error().ToString();
  };
  EXPECT_THAT(message(Words({20240520, 2, 4}, 1024, {1, 2, 3, 4})), HasSubstr("version 2"));
  EXPECT_THAT(message(Words({20240520, 1, 5}, 1024, {1, 2, 3, 4})), HasSubstr("counts 5 tokens"));
  EXPECT_THAT(message("abc"), HasSubstr("odd number"));
  EXPECT_THAT(message(""), HasSubstr("holds 0 tokens, too few"));
  std::vector<std::uint16_t> many(200, 7);
  many[150] = 100;
  EXPECT_THAT(message(Words({}, 0, many)), HasSubstr("token 150 is 100"));
  EXPECT_EQ(static_cast<int>(LoadCorpus(directory / "none").error().exit_code), 3);
}

TEST(CorpusTest, TheGrammarIsTheSameEverywhere) {
  const Corpus corpus = GeneratedCorpus(1000);
  std::string text(corpus.tokens.begin(), corpus.tokens.end());
  EXPECT_THAT(text, testing::Not(HasSubstr("A old")));
  const Corpus longer = GeneratedCorpus(5000);
  EXPECT_EQ(text, std::string(longer.tokens.begin(), longer.tokens.begin() + text.size()));
  std::uint64_t hash = 0;
  for (const char c : text) hash = hash * 1099511628211u + static_cast<unsigned char>(c);
  EXPECT_EQ(hash, 16777396872581412400u) << text;
}

}  // namespace
}  // namespace ulproof::trainer
