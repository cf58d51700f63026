// SPDX-License-Identifier: Apache-2.0
// Keys under which the noise comes from words that random keys do not meet: those on either side of
// a threshold, where a comparison that is off by one shows. For rg32 that is one word in 2^31.
#ifndef ULPROOF_REFERENCE_COMPARE_RARE_WORDS_H_
#define ULPROOF_REFERENCE_COMPARE_RARE_WORDS_H_

#include <vector>

#include "formats/noise_law.h"
#include "formats/operation.h"
#include "reference/compare/inputs.h"

namespace ulproof::reference {

// One key a rotation of the words and a place of the group in an aligned run of eight elements, so
// that each of them stands in each place of such a run. The offset is that of the group's first
// element. Empty for laws without thresholds in whole words.
std::vector<formats::RandomKey> KeysOfRareWords(formats::NoiseLaw law, Rng& rng);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_RARE_WORDS_H_
