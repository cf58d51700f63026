// SPDX-License-Identifier: Apache-2.0
// Philox backwards. Under any key it is a bijection, so the place of any four words can be had:
// test cases for the one word in 2^31 by which a threshold and its neighbour differ.
#ifndef ULPROOF_REFERENCE_RANDOM_PHILOX_INVERSE_H_
#define ULPROOF_REFERENCE_RANDOM_PHILOX_INVERSE_H_

#include <array>
#include <cstdint>

namespace ulproof::reference {

struct WordsPlace {
  std::uint64_t stream, group;
};

// Where these words are: Words(seed, place.stream, place.group) == words. Exact and total; a group
// may lie beyond the last one that an element has.
WordsPlace PlaceOfWords(std::uint64_t seed, std::array<std::uint32_t, 4> words);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_RANDOM_PHILOX_INVERSE_H_
