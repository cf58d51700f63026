// SPDX-License-Identifier: Apache-2.0
// Levels of the quantizers with a fitted scale (contract section 14): the level of a number, and an
// element's way to it. All codes are binary32.
#ifndef ULPROOF_REFERENCE_QUANTIZERS_LEVELS_H_
#define ULPROOF_REFERENCE_QUANTIZERS_LEVELS_H_

#include "formats/codec.h"
#include "formats/levels.h"

namespace ulproof::reference {

// Q(u): integers to nearest even and then to the nearer end, formats by rne and sat. Exact. A zero
// is +0; NaN gives the canonical NaN; an infinity the outermost level (itself among all integers).
formats::Code RoundToLevel(const formats::Levels& levels, formats::Code u);

// An element under a scale and a zero point.
struct LeveledElement {
  formats::Code distance;  // d = RN32(x - z)
  formats::Code scaled;    // u = RN32(d / s); +0 where s is a zero and d is not NaN
  formats::Code level;     // q = Q(u)
};
LeveledElement LevelElement(const formats::Levels& levels, formats::Code x, formats::Code scale,
                            formats::Code zero);

// binary32 codes of LevelsWidth, half of it, and the outermost levels.
formats::Code WidthCode(const formats::Levels& levels);
formats::Code HalfWidthCode(const formats::Levels& levels);
formats::Code LowestCode(const formats::Levels& levels);
formats::Code HighestCode(const formats::Levels& levels);

// a < b as numbers; false where either is NaN.
bool IsLess32(formats::Code a, formats::Code b);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_LEVELS_H_
