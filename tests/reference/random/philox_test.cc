// SPDX-License-Identifier: Apache-2.0
// Philox4x32 against answers that its authors and NVIDIA published. Would catch: a wrong constant,
// swapped high and low halves, a key stepped once too often, seed or stream in the wrong words.
#include "reference/random/philox.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "reference/random/philox_inverse.h"
#include "tests/support/kat_file.h"

namespace ulproof::reference {
namespace {

std::array<std::uint32_t, 4> FourWords(const tests::KatLine& line, std::size_t first) {
  std::array<std::uint32_t, 4> words;
  for (std::size_t i = 0; i < 4; ++i) words[i] = static_cast<std::uint32_t>(line.Hex(first + i));
  return words;
}

TEST(PhiloxTest, GivesTheAuthorsKnownAnswers) {
  int cases = 0;
  for (const tests::KatLine& line : tests::ReadKat("philox4x32.kat")) {
    SCOPED_TRACE(line.place());
    ASSERT_EQ(line[0], "philox4x32");
    ASSERT_EQ(line.size(), 12u);
    const std::array<std::uint32_t, 2> key = {static_cast<std::uint32_t>(line.Hex(6)),
                                              static_cast<std::uint32_t>(line.Hex(7))};
    EXPECT_EQ(Philox4x32(FourWords(line, 2), key, static_cast<int>(line.Unsigned(1))),
              FourWords(line, 8));
    ++cases;
  }
  EXPECT_EQ(cases, 6);
}

TEST(PhiloxTest, ZeroRoundsIsTheIdentity) {
  EXPECT_EQ(Philox4x32({1, 2, 3, 4}, {5, 6}, 0), (std::array<std::uint32_t, 4>{1, 2, 3, 4}));
}

// Each product is odd-constant times a word, so every round can be undone: distinct counters give
// distinct words. A lost carry or a 32-bit product would collide.
TEST(PhiloxTest, IsInjectiveOnCounters) {
  std::set<std::array<std::uint32_t, 4>> seen;
  for (std::uint64_t group = 0; group < 4096; ++group) {
    for (int word = 0; word < 4; ++word) {
      std::array<std::uint32_t, 4> counter = {7, 7, 7, 7};
      counter[word] = static_cast<std::uint32_t>(group << 20 | 7);
      if (group != 0 || word == 0) {
        EXPECT_TRUE(seen.insert(Philox4x32(counter, {1, 2})).second);
      }
    }
  }
}

TEST(WordsTest, GivesTheContractsExamples) {
  int cases = 0;
  for (const tests::KatLine& line : tests::ReadKat("random_examples.kat")) {
    if (line[0] != "words") continue;
    SCOPED_TRACE(line.place());
    EXPECT_EQ(Words(line.Unsigned(1), line.Unsigned(2), line.Unsigned(3)), FourWords(line, 4));
    ++cases;
  }
  EXPECT_EQ(cases, 3);
}

// How the contract's words map to cuRAND's: cuRAND keeps the seed in the key, the offset in words /
// 4 in the low two counter words and the subsequence in the high two, so
//   words(seed, stream, group) = curand4() after curand_init(seed, stream, 4 * group).
// A kernel that draws with cuRAND can therefore be compared; offsets that are no multiple of 4
// start inside a group.
TEST(WordsTest, AreThoseOfCurand) {
  int cases = 0;
  for (const tests::KatLine& line : tests::ReadKat("curand_philox.kat")) {
    SCOPED_TRACE(line.place());
    ASSERT_EQ(line[0], "curand");
    const std::uint64_t seed = line.Unsigned(1);
    const std::uint64_t subsequence = line.Unsigned(2);
    const std::uint64_t offset = line.Unsigned(3);
    ASSERT_EQ(offset % 4, 0u);
    EXPECT_EQ(Words(seed, subsequence, offset / 4), FourWords(line, 4));
    ++cases;
  }
  EXPECT_EQ(cases, 140);
}

// Would catch a round that is undone with the wrong key or the halves of a product swapped.
TEST(PlaceOfWordsTest, UndoesWords) {
  std::mt19937_64 rng(1);
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t seed = rng(), stream = rng(), group = rng();
    const WordsPlace place = PlaceOfWords(seed, Words(seed, stream, group));
    EXPECT_EQ(place.stream, stream);
    EXPECT_EQ(place.group, group);
  }
}

}  // namespace
}  // namespace ulproof::reference
