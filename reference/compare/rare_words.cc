// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/rare_words.h"

#include <array>
#include <cstdint>

#include "reference/random/philox_inverse.h"

namespace ulproof::reference {

// Kernels take aligned runs of so many elements by another path than single ones.
constexpr std::uint64_t kRunElements = 8;

std::vector<formats::RandomKey> KeysOfRareWords(formats::NoiseLaw law, Rng& rng) {
  using formats::NoiseLaw;
  if (law != NoiseLaw::kRg16 && law != NoiseLaw::kRg32) return {};
  const formats::ThresholdLaw& thresholds =
      law == NoiseLaw::kRg16 ? formats::kRg16Law : formats::kRg32Law;
  // rg16 compares halves; kernels compare the upper one with what stands below it still there.
  const int shift = 31 - thresholds.magnitude_bits;
  std::vector<std::uint32_t> rare;
  for (const std::uint32_t threshold : thresholds.thresholds) {
    if (threshold == 0) continue;
    rare.push_back(threshold << shift);
    rare.push_back((threshold << shift) - 1);
  }
  const auto elements = static_cast<std::uint64_t>(formats::GroupingOf(law).elements);
  const std::uint64_t last_group = (~std::uint64_t{0} >> 1) / elements;
  const std::uint64_t groups_in_run = kRunElements / elements;
  std::vector<formats::RandomKey> keys;
  for (std::size_t i = 0; i < rare.size() * groups_in_run; ++i) {
    const std::size_t rotation = i / groups_in_run, place_in_run = i % groups_in_run;
    std::array<std::uint32_t, 4> words;
    for (std::size_t word = 0; word < words.size(); ++word) {
      words[word] = rare[(rotation + word) % rare.size()] | (rng.OneIn(2) ? 0x80000000u : 0);
    }
    // Seeds are drawn until the place is one that an element has, and that one of its run.
    std::uint64_t seed = rng.Next();
    WordsPlace place = PlaceOfWords(seed, words);
    while (place.group > last_group || place.group < elements ||
           place.group % groups_in_run != place_in_run) {
      seed = rng.Next();
      place = PlaceOfWords(seed, words);
    }
    keys.push_back({.seed = seed, .stream = place.stream, .offset = elements * place.group});
  }
  return keys;
}

}  // namespace ulproof::reference
