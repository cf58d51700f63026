// SPDX-License-Identifier: Apache-2.0
// The noise laws (contract section 5) over runs of consecutive logical elements, from the words of
// cpu/philox-inl.h to int8 or binary32. Any first element, any count up to kNoiseRowElements:
// a row is made from the first whole run of words that touches it, and starts inside it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "formats/noise_law.h"

#if defined(ULPROOF_CPU_NOISE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ULPROOF_CPU_NOISE_INL_H_
#undef ULPROOF_CPU_NOISE_INL_H_
#else
#define ULPROOF_CPU_NOISE_INL_H_
#endif

#include <hwy/highway.h>

#include "cpu/box_muller-inl.h"
#include "cpu/philox-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

inline constexpr std::size_t kNoiseRowElements = 512;

namespace noise {

using formats::ThresholdLaw;

// Number of thresholds above the magnitude, with the sign of u. T is int16_t for rg16 and int32_t
// for rg32: u's top bit is the sign.
template <class D>
HWY_INLINE hn::Vec<D> ThresholdNoise(D d, hn::Vec<D> u, const ThresholdLaw& law) {
  using T = hn::TFromD<D>;
  const auto magnitude = hn::And(u, hn::Set(d, hwy::LimitsMax<T>()));
  auto minus_count = hn::Zero(d);
  for (const std::uint32_t threshold : law.thresholds) {
    if (threshold == 0) break;
    minus_count = hn::Add(
        minus_count, hn::VecFromMask(d, hn::Lt(magnitude, hn::Set(d, static_cast<T>(threshold)))));
  }
  return hn::IfThenElse(hn::Lt(u, hn::Zero(d)), minus_count, hn::Neg(minus_count));
}

template <class T>
HWY_INLINE void ThresholdRow(const T* HWY_RESTRICT words, std::size_t count,
                             const ThresholdLaw& law, std::int8_t* HWY_RESTRICT out) {
  const hn::ScalableTag<T> d;
  const hn::Rebind<std::int8_t, decltype(d)> d8;
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
    hn::StoreU(hn::DemoteTo(d8, ThresholdNoise(d, hn::LoadU(d, words + i), law)), d8, out + i);
  }
}

// One bit a byte: byte i of the result is bit i of the low 8 bits.
HWY_INLINE std::uint64_t SpreadBits(std::uint32_t bits) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  const std::uint64_t chosen = ((bits & 0xFF) * kOnes) & 0x8040201008040201;
  return ((chosen + 0x7F * kOnes) >> 7) & kOnes;
}

// Whether the number whose planes are given, most significant first, is below the threshold: one
// bit an element, by the borrow of a comparison from the top bit down.
HWY_INLINE std::uint32_t BitSlicedBelow(const std::uint32_t* HWY_RESTRICT planes,
                                        const ThresholdLaw& law, std::uint32_t threshold) {
  std::uint32_t below = 0;
  std::uint32_t equal = ~std::uint32_t{0};
  for (int bit = law.magnitude_bits - 1; bit >= 0; --bit) {
    const std::uint32_t plane = *planes++;
    if ((threshold >> bit & 1) != 0) {
      below |= equal & ~plane;
      equal &= plane;
    } else {
      equal &= ~plane;
    }
  }
  return below;
}

HWY_INLINE void BitSlicedRow(const std::uint32_t* HWY_RESTRICT words, std::size_t runs,
                             std::int8_t* HWY_RESTRICT out) {
  constexpr const ThresholdLaw& kLaw = formats::kRgbitsLaw;
  for (std::size_t run = 0; run < runs; ++run, words += 12, out += 32) {
    const std::uint32_t one = BitSlicedBelow(words + 1, kLaw, kLaw.thresholds[0]);
    const std::uint32_t two = BitSlicedBelow(words + 1, kLaw, kLaw.thresholds[1]);
    const std::uint32_t negative = words[0] & one;  // R = 0 has no sign.
    for (int byte = 0; byte < 4; ++byte) {
      const std::uint64_t magnitude = SpreadBits(one >> 8 * byte) + SpreadBits(two >> 8 * byte);
      const std::uint64_t sign = SpreadBits(negative >> 8 * byte);
      const std::uint64_t noise = (magnitude ^ sign * 0xFF) + sign;  // Two's complement a byte.
      std::memcpy(out + 8 * byte, &noise, sizeof(noise));
    }
  }
}

// The nearest integers, ties to even, for |x| < 2^21: adding and subtracting 1.5 * 2^23 rounds.
HWY_INLINE void RoundToInt8(const float* HWY_RESTRICT x, std::size_t count,
                            std::int8_t* HWY_RESTRICT out) {
  const hn::ScalableTag<float> df;
  const hn::RebindToSigned<decltype(df)> di;
  const hn::Rebind<std::int8_t, decltype(df)> d8;
  const auto magic = hn::Set(df, 0x1.8p23f);
  for (std::size_t i = 0; i < count; i += hn::Lanes(df)) {
    const auto rounded = hn::Sub(hn::Add(hn::LoadU(df, x + i), magic), magic);
    hn::StoreU(hn::DemoteTo(d8, hn::ConvertTo(di, rounded)), d8, out + i);
  }
}

HWY_INLINE void Widen(const std::int8_t* HWY_RESTRICT x, std::size_t count,
                      float* HWY_RESTRICT out) {
  const hn::ScalableTag<float> df;
  const hn::RebindToSigned<decltype(df)> di;
  const hn::Rebind<std::int8_t, decltype(df)> d8;
  for (std::size_t i = 0; i < count; i += hn::Lanes(df)) {
    hn::StoreU(hn::ConvertTo(df, hn::PromoteTo(di, hn::LoadU(d8, x + i))), df, out + i);
  }
}

// (w >> 8) 2^-24 - 1/2: exact.
HWY_INLINE void UniformRow(const std::uint32_t* HWY_RESTRICT words, std::size_t count,
                           float* HWY_RESTRICT out) {
  const hn::ScalableTag<float> df;
  const hn::RebindToSigned<decltype(df)> di;
  const hn::RebindToUnsigned<decltype(df)> du;
  for (std::size_t i = 0; i < count; i += hn::Lanes(df)) {
    const auto top = hn::BitCast(di, hn::ShiftRight<8>(hn::LoadU(du, words + i)));
    const auto scaled = hn::Mul(hn::ConvertTo(df, top), hn::Set(df, 0x1p-24f));
    hn::StoreU(hn::Sub(scaled, hn::Set(df, 0.5f)), df, out + i);
  }
}

}  // namespace noise

// The noise of one (law, seed, stream), a row at a time, with the working memory for it. Rows are
// valid until the next is made. Preconditions on rows: 1 <= count <= kNoiseRowElements.
class NoiseSource {
 public:
  NoiseSource(formats::NoiseLaw law, const formats::RandomKey& key)
      : law_(law), stream_(key.seed, key.stream) {}

  // The random words of elements [first, first + count), which start `phase` elements (of 16 bits
  // for rg16, ...) into the array.
  struct Words {
    const std::uint32_t* words;
    std::size_t groups;
    std::size_t phase;
  };
  HWY_INLINE Words WordsOf(std::uint64_t first, std::size_t count) {
    const formats::NoiseGrouping grouping = formats::GroupingOf(law_);
    const std::size_t elements = static_cast<std::size_t>(grouping.elements);
    const std::size_t phase = static_cast<std::size_t>(first % elements);
    const std::size_t groups = (phase + count + elements - 1) / elements * grouping.groups;
    stream_.Words(first / elements * grouping.groups, groups, words_);
    return {words_, groups, phase};
  }

  // The R of elements [first, first + count) of an integer law.
  const std::int8_t* Integers(std::uint64_t first, std::size_t count) {
    using formats::NoiseLaw;
    const Words run = WordsOf(first, count);
    const std::size_t end = run.phase + count;
    switch (law_) {
      case NoiseLaw::kRg16:
        std::memcpy(halves_, run.words, sizeof(halves_));
        noise::ThresholdRow(halves_, end, formats::kRg16Law, integers_);
        break;
      case NoiseLaw::kRg32:
        noise::ThresholdRow(reinterpret_cast<const std::int32_t*>(run.words), end,
                            formats::kRg32Law, integers_);
        break;
      case NoiseLaw::kRgbits:
        noise::BitSlicedRow(run.words, run.groups / 3, integers_);
        break;
      default:
        BoxMullerHalves(run.words, run.groups, reals_);
        noise::RoundToInt8(reals_, end, integers_);
        break;
    }
    return integers_ + run.phase;
  }

  // The same as binary32, for every law.
  const float* Reals(std::uint64_t first, std::size_t count) {
    if (formats::HasIntegerNoise(law_)) {
      noise::Widen(Integers(first, count), count, reals_);
      return reals_;
    }
    const Words run = WordsOf(first, count);
    if (law_ == formats::NoiseLaw::kUniform) {
      noise::UniformRow(run.words, run.phase + count, reals_);
    } else {
      BoxMullerHalves(run.words, run.groups, reals_);
    }
    return reals_ + run.phase;
  }

 private:
  // A row may start in the middle of a run of up to 32, and vectors write up to 64 elements past
  // the end. The worst law has one group for 2 elements.
  static constexpr std::size_t kElements = kNoiseRowElements + 32 + 64;

  formats::NoiseLaw law_;
  PhiloxStream stream_;
  alignas(64) std::uint32_t words_[4 * PhiloxPaddedGroups(kElements / 2)];
  alignas(64) std::int16_t halves_[kElements];
  alignas(64) std::int8_t integers_[kElements];
  alignas(64) float reals_[kElements];
};

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
