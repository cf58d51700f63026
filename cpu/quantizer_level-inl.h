// SPDX-License-Identifier: Apache-2.0
// Elements to levels, a vector at a time (contract section 14): d = x - z, u = d / s, q = Q(u); and
// the walk over a block 32 columns at a time, as its canonical sums go. Included once a target,
// inside cpu/*.cc files that use foreach_target.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "cpu/quantizer_plan.h"

#if defined(ULPROOF_CPU_QUANTIZER_LEVEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ULPROOF_CPU_QUANTIZER_LEVEL_INL_H_
#undef ULPROOF_CPU_QUANTIZER_LEVEL_INL_H_
#else
#define ULPROOF_CPU_QUANTIZER_LEVEL_INL_H_
#endif

#include <hwy/highway.h>

#include "cpu/canonical_sum-inl.h"
#include "cpu/widen-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Columns in hand at a time, as kSumVectors vectors.
constexpr std::size_t kStep = kReductionLanes;

// Calls body(first column, how many of 32) along [begin, end). The number is a constant in the code
// but for the last.
template <class Body>
HWY_INLINE void ForSteps(std::uint64_t begin, std::uint64_t end, const Body& body) {
  for (; begin + kStep <= end; begin += kStep)
    body(begin, std::integral_constant<std::size_t, kStep>());
  if (HWY_UNLIKELY(begin < end)) body(begin, static_cast<std::size_t>(end - begin));
}

// A matrix that is read as binary32.
class Input {
 public:
  Input(const QuantizerPlan& plan, const void* data)
      : data_(static_cast<const std::byte*>(data)),
        cols_(plan.op.shape.cols),
        bytes_(plan.input == InputKind::kFloat32 ? 4 : 2),
        kind_(plan.input) {}

  // 32 elements of a row, of which only `count` are there: the rest is +0.
  class Step {
   public:
    HWY_INLINE Step(const Input& input, std::uint64_t row, std::uint64_t col, std::size_t count)
        : from_(input.data_ + (row * input.cols_ + col) * input.bytes_), kind_(input.kind_) {
      if (count == kStep) return;
      std::memset(rest_, 0, sizeof(rest_));
      std::memcpy(rest_, from_, count * input.bytes_);
      from_ = rest_;
    }
    Step(const Step&) = delete;
    HWY_INLINE SumVector Vector(std::size_t k) const {
      const SumTag d;
      const WideTag wide;
      if (kind_ == InputKind::kFloat32)
        return hn::LoadU(d, reinterpret_cast<const float*>(from_) + k * kSumLanes);
      const auto* const codes = reinterpret_cast<const std::uint16_t*>(from_) + k * kSumLanes;
      const WideCodes code = hn::PromoteTo(wide, hn::LoadU(NarrowTag(), codes));
      if (HWY_LIKELY(kind_ == InputKind::kBfloat16)) return hn::BitCast(d, Float32OfBfloat16(code));
      return hn::BitCast(d, Float32OfFloat16(code));
    }

   private:
    const std::byte* from_;
    InputKind kind_;
    alignas(64) std::byte rest_[kStep * sizeof(float)];
  };

 private:
  const std::byte* data_;
  std::uint64_t cols_;
  std::uint64_t bytes_;
  InputKind kind_;
};

// Q(u) where no addition rounds.
inline HWY_NOINLINE SumVector LevelByTable(const QuantizerPlan& plan, SumVector u) {
  alignas(64) float values[kSumLanes];
  alignas(64) std::uint8_t codes[kSumLanes];
  hn::Store(u, SumTag(), values);
  plan.cast_row(plan.cast, values, codes, kSumLanes, nullptr);
  for (std::size_t i = 0; i < kSumLanes; ++i) values[i] = plan.level_of_code[codes[i]];
  return hn::Load(SumTag(), values);
}

// Q(u). What is done to a NaN on the way does not matter: it is put back.
HWY_INLINE SumVector Level(const QuantizerPlan& plan, SumVector u) {
  const SumTag d;
  const hn::RebindToSigned<SumTag> di;
  SumVector q;
  switch (plan.kind) {
    case LevelKind::kIntegers: {
      // Both ends are integers of less than 2^22, so that it does not matter whether the ends or
      // the rounding come first, and 1.5 * 2^23 rounds. No result is -0.
      const auto round = hn::Set(d, 0x1.8p23f);
      const auto within = hn::Min(hn::Max(u, hn::Set(d, plan.low)), hn::Set(d, plan.high));
      q = hn::Sub(hn::Add(within, round), round);
      break;
    }
    case LevelKind::kAllIntegers: {
      const auto round = hn::Set(d, 0x1p23f);  // From there on, every number is an integer.
      const auto magnitude = hn::Abs(u);
      const auto near = hn::CopySign(hn::Sub(hn::Add(magnitude, round), round), u);
      // + 0 turns -0 into +0.
      return hn::Add(hn::IfThenElse(hn::Lt(magnitude, round), near, u), hn::Zero(d));
    }
    case LevelKind::kFormat: {
      // 2^(e + 23 - m), with 2^e the power of two at or below |u| and not below the smallest normal
      // value, leaves m bits behind the first.
      const auto most = hn::Set(d, plan.high);
      const auto magnitude = hn::Min(hn::Abs(u), hn::Add(most, most));
      const auto power = hn::Max(hn::And(hn::BitCast(di, magnitude), hn::Set(di, 0x7F800000)),
                                 hn::Set(di, static_cast<std::int32_t>(plan.smallest_normal)));
      const auto round = hn::BitCast(
          d, hn::Add(power, hn::Set(di, static_cast<std::int32_t>(plan.to_last_place))));
      const auto near = hn::Min(hn::Sub(hn::Add(magnitude, round), round), most);
      q = hn::Add(hn::CopySign(near, u), hn::Zero(d));
      break;
    }
    case LevelKind::kAnyFormat:
      q = LevelByTable(plan, u);
      break;
  }
  return hn::IfThenElse(hn::Eq(u, u), q, u);
}

// Elements under a scale and a zero point.
struct Leveled {
  SumVector d, u, q;
};
class Leveler {
 public:
  HWY_INLINE Leveler(const QuantizerPlan& plan, float scale, float zero)
      : plan_(plan),
        scale_(hn::Set(SumTag(), scale)),
        zero_(hn::Set(SumTag(), zero)),
        is_collapsed_(scale == 0) {}
  HWY_INLINE Leveled operator()(SumVector x) const {
    Leveled leveled;
    leveled.d = hn::Sub(x, zero_);
    leveled.u = HWY_UNLIKELY(is_collapsed_) ? ZeroOrNan(leveled.d) : hn::Div(leveled.d, scale_);
    leveled.q = Level(plan_, leveled.u);
    return leveled;
  }

 private:
  static HWY_INLINE SumVector ZeroOrNan(SumVector v) {
    return hn::IfThenElse(hn::Eq(v, v), hn::Zero(SumTag()), v);
  }
  const QuantizerPlan& plan_;
  SumVector scale_, zero_;
  bool is_collapsed_;
};

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
