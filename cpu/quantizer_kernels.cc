// SPDX-License-Identifier: Apache-2.0
#include "cpu/quantizer_kernels.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/quantizer_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/canonical_sum-inl.h"
#include "cpu/fused_multiply_add-inl.h"
#include "cpu/noise-inl.h"
#include "cpu/quantizer_level-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {

// The terms of an element, one for each sum.
template <std::size_t kSums>
struct Terms {
  SumVector v[kSums];
};

template <std::size_t kSums>
HWY_INLINE std::array<RowSum, kSums> RowSums(std::uint64_t terms) {
  if constexpr (kSums == 1) {
    return {RowSum(terms)};
  } else {
    static_assert(kSums == 2);
    return {RowSum(terms), RowSum(terms)};
  }
}

// The totals of a block. Calls body(row, first column, how many of 32, sums of the row).
template <std::size_t kSums, class Body>
HWY_INLINE std::array<float, kSums> SumBlock(const formats::BlockGrid::Extent& block,
                                             const Body& body) {
  const std::uint64_t cols = block.col_end - block.col_begin;
  std::array<BlockSum, kSums> sums;
  for (std::uint64_t row = block.row_begin; row < block.row_end; ++row) {
    auto row_sums = RowSums<kSums>(cols);
    ForSteps(block.col_begin, block.col_end,
             [&](std::uint64_t col, auto count) HWY_ATTR { body(row, col, count, row_sums); });
    ForConstants<kSums>([&](auto i) HWY_ATTR { sums[i].AddRow(row_sums[i].Total()); });
  }
  std::array<float, kSums> totals;
  ForConstants<kSums>([&](auto i) HWY_ATTR { totals[i] = sums[i].Total(); });
  return totals;
}

// The same for one matrix: terms_of(x) gives the Terms of its elements.
template <std::size_t kSums, class TermsOf>
HWY_INLINE std::array<float, kSums> SumTerms(const QuantizerPlan& plan, const void* data,
                                             const formats::BlockGrid::Extent& block,
                                             const TermsOf& terms_of) {
  const Input input(plan, data);
  return SumBlock<kSums>(
      block, [&](std::uint64_t row, std::uint64_t col, auto count, auto& sums) HWY_ATTR {
        const Input::Step x(input, row, col, count);
        ForVectors([&](auto k) HWY_ATTR {
          const Terms<kSums> terms = terms_of(x.Vector(k));
          ForConstants<kSums>([&](auto i) HWY_ATTR { sums[i].Add(k, terms.v[i], count); });
        });
      });
}

HWY_INLINE float Count(const formats::BlockGrid::Extent& block) {
  return static_cast<float>((block.row_end - block.row_begin) * (block.col_end - block.col_begin));
}

BlockMoments Moments(const QuantizerPlan& plan, const void* data,
                     const formats::BlockGrid::Extent& block) {
  const float count = Count(block);
  const float mean =
      SumTerms<1>(plan, data, block, [](auto x) HWY_ATTR { return Terms<1>{x}; })[0] / count;
  const auto center = hn::Set(SumTag(), mean);
  const bool squares = plan.op.fit == formats::FitRule::kSigma;
  const auto deviations = SumTerms<1>(plan, data, block, [&](auto x) HWY_ATTR {
    const auto deviation = hn::Sub(x, center);
    return Terms<1>{squares ? hn::Mul(deviation, deviation) : hn::Abs(deviation)};
  });
  return {mean, deviations[0] / count};
}

BlockMagnitudes Magnitudes(const QuantizerPlan& plan, const void* data,
                           const formats::BlockGrid::Extent& block) {
  const float count = Count(block);
  const auto sums = SumTerms<2>(plan, data, block, [](auto x) HWY_ATTR {
    return Terms<2>{hn::Abs(x), hn::Mul(x, x)};
  });
  return {sums[0] / count, sums[1] / count};
}

// One step of OCTAV: what lies beyond the clip, over how much does and the noise of the rest.
float NextOctavClip(const QuantizerPlan& plan, const void* data,
                    const formats::BlockGrid::Extent& block, float noise, float clip) {
  const SumTag d;
  const auto limit = hn::Set(d, clip);
  std::uint64_t beyond = 0;
  const auto sum = SumTerms<1>(plan, data, block, [&](auto x) HWY_ATTR {
    // The +0 that fill up a row's last step are inside.
    const auto magnitude = hn::Abs(x);
    const auto is_beyond = hn::Not(hn::Le(magnitude, limit));
    beyond += hn::CountTrue(d, is_beyond);
    return Terms<1>{hn::IfThenElseZero(is_beyond, magnitude)};
  });
  const std::uint64_t elements =
      (block.row_end - block.row_begin) * (block.col_end - block.col_begin);
  return sum[0] / (noise * static_cast<float>(elements - beyond) + static_cast<float>(beyond));
}

// The largest magnitude as a code, so that NaN is above infinity above the rest.
std::uint32_t LargestCode(const QuantizerPlan& plan, const void* data,
                          const formats::BlockGrid::Extent& block) {
  const hn::RebindToSigned<SumTag> di;
  const Input input(plan, data);
  auto largest = hn::Zero(di);
  for (std::uint64_t row = block.row_begin; row < block.row_end; ++row) {
    ForSteps(block.col_begin, block.col_end, [&](std::uint64_t col, auto count) HWY_ATTR {
      const Input::Step x(input, row, col, count);
      ForVectors([&](auto k) HWY_ATTR {
        largest = hn::Max(largest, hn::BitCast(di, hn::Abs(x.Vector(k))));
      });
    });
  }
  return static_cast<std::uint32_t>(hn::GetLane(hn::MaxOfLanes(di, largest)));
}

// Of a block without NaN.
BlockEnds Ends(const QuantizerPlan& plan, const void* data,
               const formats::BlockGrid::Extent& block) {
  const SumTag d;
  const Input input(plan, data);
  auto min = hn::Set(d, std::numeric_limits<float>::infinity());
  auto max = hn::Neg(min);
  for (std::uint64_t row = block.row_begin; row < block.row_end; ++row) {
    ForSteps(block.col_begin, block.col_end, [&](std::uint64_t col, auto count) HWY_ATTR {
      const Input::Step x(input, row, col, count);
      for (std::size_t k = 0; k < kSumVectors; ++k) {
        if (k * kSumLanes >= count) break;
        // Lane 0 is there; it stands in for those that are not.
        const auto here = hn::FirstN(d, std::min(count - k * kSumLanes, kSumLanes));
        const auto v = x.Vector(k);
        const auto value = hn::IfThenElse(here, v, hn::Set(d, hn::GetLane(v)));
        min = hn::Min(min, value);
        max = hn::Max(max, value);
      }
    });
  }
  return {hn::GetLane(hn::MinOfLanes(d, min)) + 0.0f, hn::GetLane(hn::MaxOfLanes(d, max)) + 0.0f};
}

FittedPair Refit(const QuantizerPlan& plan, const void* data,
                 const formats::BlockGrid::Extent& block, const FittedPair& start) {
  const Leveler leveler(plan, start.scale, start.zero);
  const auto [products, squares] = SumTerms<2>(plan, data, block, [&](auto x) HWY_ATTR {
    const Leveled leveled = leveler(x);
    return Terms<2>{hn::Mul(leveled.d, leveled.q), hn::Mul(leveled.q, leveled.q)};
  });
  FittedPair next = start;
  if (squares != 0) next.scale = products / squares;
  if (!plan.op.mean_zero) return next;
  const auto minus_scale = hn::Set(SumTag(), -next.scale);
  const auto rest = SumTerms<1>(plan, data, block, [&](auto x) HWY_ATTR {
    return Terms<1>{FusedMultiplyAddWhole(minus_scale, leveler(x).q, x)};
  });
  next.zero = rest[0] / Count(block);
  return next;
}

// Stores vector k of 32 results of which there are `count`.
HWY_INLINE void StoreStep(SumVector v, std::size_t k, std::size_t count, float* to) {
  const SumTag d;
  if (count == kStep) {
    hn::StoreU(v, d, to + k * kSumLanes);
    return;
  }
  alignas(64) float values[kSumLanes];
  hn::Store(v, d, values);
  const std::size_t first = k * kSumLanes;
  if (first < count)
    std::memcpy(to + first, values, std::min(count - first, kSumLanes) * sizeof(float));
}

// One row of the matrix: columns [begin, end), which lie in one block.
void FakeQuantizeRow(const QuantizerPlan& plan, const void* data, std::uint64_t row,
                     std::uint64_t begin, std::uint64_t end, float scale, float zero, float* y) {
  const auto s = hn::Set(SumTag(), scale);
  const auto z = hn::Set(SumTag(), zero);
  const Input input(plan, data);
  const Leveler leveler(plan, scale, zero);
  float* const out = y + row * plan.op.shape.cols;
  ForSteps(begin, end, [&](std::uint64_t col, auto count) HWY_ATTR {
    const Input::Step x(input, row, col, count);
    ForVectors([&](auto k) HWY_ATTR {
      StoreStep(FusedMultiplyAddWhole(leveler(x.Vector(k)).q, s, z), k, count, out + col);
    });
  });
}

void PerturbRow(const QuantizerPlan& plan, const void* data, std::uint64_t row, std::uint64_t begin,
                std::uint64_t end, float scale, float limit, float* y) {
  const SumTag d;
  const auto s = hn::Set(d, scale);
  const auto above = hn::Set(d, limit);
  const auto below = hn::Set(d, -limit);
  const Input input(plan, data);
  NoiseSource source(plan.op.law, plan.op.key);
  float* const out = y + row * plan.op.shape.cols;
  for (; begin < end; begin += kNoiseRowElements) {
    const std::uint64_t stop = std::min<std::uint64_t>(begin + kNoiseRowElements, end);
    const float* const noise =
        source.Reals(plan.op.key.offset + row * plan.op.shape.stride() + begin, stop - begin);
    ForSteps(begin, stop, [&](std::uint64_t col, auto count) HWY_ATTR {
      const Input::Step x(input, row, col, count);
      for (std::size_t k = 0; k < kSumVectors; ++k) {
        const auto r = hn::LoadU(d, noise + (col - begin) + k * kSumLanes);
        const auto t = FusedMultiplyAddWhole(r, s, x.Vector(k));
        const auto limited =
            hn::IfThenElse(hn::Lt(above, t), above, hn::IfThenElse(hn::Lt(t, below), below, t));
        StoreStep(limited, k, count, out + col);
      }
    });
  }
}

// AEWGS's delta: how much the rounding noise goes with the gradients' signs. against(g, n) is n as
// seen against the gradient.
template <class Against>
HWY_INLINE float Delta(const Input& grads, const Input& xs, const formats::BlockGrid::Extent& block,
                       const Leveler& leveler, const Against& against) {
  const float count = Count(block);
  const auto [noises, turned] =
      SumBlock<2>(block, [&](std::uint64_t row, std::uint64_t col, auto n, auto& sums) HWY_ATTR {
        const Input::Step grad(grads, row, col, n), x(xs, row, col, n);
        ForVectors([&](auto k) HWY_ATTR {
          const Leveled leveled = leveler(x.Vector(k));
          const auto noise = hn::Sub(leveled.q, leveled.u);
          sums[0].Add(k, noise, n);
          sums[1].Add(k, against(grad.Vector(k), noise), n);
        });
      });
  const auto mean = hn::Set(SumTag(), noises / count);
  const auto squares =
      SumBlock<1>(block, [&](std::uint64_t row, std::uint64_t col, auto n, auto& sums) HWY_ATTR {
        const Input::Step x(xs, row, col, n);
        ForVectors([&](auto k) HWY_ATTR {
          const Leveled leveled = leveler(x.Vector(k));
          const auto deviation = hn::Sub(hn::Sub(leveled.q, leveled.u), mean);
          sums[0].Add(k, hn::Mul(deviation, deviation), n);
        });
      });
  const float variance = squares[0] / count;
  constexpr float kLeast = std::bit_cast<float>(0x3A83126Fu);  // 0.001
  return turned / count / (variance < kLeast ? kLeast : variance);
}

// Writes grad_x and returns grad_s of one block.
float FakeBackward(const QuantizerPlan& plan, const void* grad_data, const void* x_data,
                   const formats::BlockGrid::Extent& block, float scale, float zero,
                   float* grad_x) {
  using formats::Estimator;
  const SumTag d;
  const hn::RebindToUnsigned<SumTag> du;
  const auto none = hn::Zero(d);
  const auto low = hn::Set(d, plan.low);
  const auto high = hn::Set(d, plan.high);
  const bool is_aewgs = plan.op.estimator == Estimator::kAewgs;
  const Input grads(plan, grad_data), xs(plan, x_data);
  const Leveler leveler(plan, scale, zero);
  // The rounding noise as seen against the gradient: its sign turned where g < 0, +0 where g = 0.
  const auto against = [&](auto g, auto n) HWY_ATTR {
    const auto turned = hn::IfThenElse(hn::Lt(g, none), hn::Neg(n), n);
    return hn::IfThenElse(hn::Eq(g, none), none, turned);
  };
  const auto delta = hn::Set(d, is_aewgs ? Delta(grads, xs, block, leveler, against) : 0.0f);
  const auto one = hn::Set(d, 1.0f);
  const auto largest = hn::Set(d, std::bit_cast<float>(0x3F7D70A4u));  // 0.99
  const auto sign = hn::Set(du, 0x80000000u);
  const auto xi = hn::Set(du, 0x3E93CD3Au);  // 1 / (2 sqrt 3)
  const auto s = hn::Set(d, scale);
  const bool draws = plan.op.estimator != Estimator::kLsq;
  NoiseSource source(formats::NoiseLaw::kUniform, plan.op.key);
  const std::uint32_t* words = nullptr;  // Of the elements from `words_begin` on.
  std::uint64_t words_begin = 0;
  return SumBlock<1>(
      block, [&](std::uint64_t row, std::uint64_t col, auto n, auto& by_scale) HWY_ATTR {
        if (draws && (col - block.col_begin) % kNoiseRowElements == 0) {
          const std::uint64_t logical = plan.op.key.offset + row * plan.op.shape.stride() + col;
          const auto run = source.WordsOf(
              logical, std::min<std::uint64_t>(kNoiseRowElements, block.col_end - col));
          words = run.words + run.phase;
          words_begin = col;
        }
        const Input::Step grad(grads, row, col, n), x(xs, row, col, n);
        float* const out = grad_x + row * plan.op.shape.cols + col;
        ForVectors([&](auto k) HWY_ATTR {
          const auto g = grad.Vector(k);
          const Leveled leveled = leveler(x.Vector(k));
          const auto noise = hn::Sub(leveled.q, leveled.u);
          auto slope = noise;
          if (draws) {
            // The uniform R is negative where its word's first bit is 0.
            const auto word = hn::LoadU(du, words + (col - words_begin) + k * kSumLanes);
            const auto signed_xi = hn::Xor(xi, hn::AndNot(word, sign));
            slope = FusedMultiplyAddWhole(s, hn::BitCast(d, signed_xi), noise);
          }
          const auto inside = hn::And(hn::Lt(low, leveled.u), hn::Lt(leveled.u, high));
          auto through = g;
          if (is_aewgs) {
            const auto step = hn::Mul(delta, against(g, noise));
            const auto limited = hn::IfThenElse(hn::Lt(largest, step), largest, step);
            through = hn::Mul(g, hn::Sub(one, limited));
          }
          StoreStep(hn::IfThenElseZero(inside, through), k, n, out);
          by_scale[0].Add(k, hn::Mul(g, hn::IfThenElse(inside, slope, leveled.q)), n);
        });
      })[0];
}

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ulproof::cpu {

HWY_EXPORT(Moments);
HWY_EXPORT(Magnitudes);
HWY_EXPORT(NextOctavClip);
HWY_EXPORT(LargestCode);
HWY_EXPORT(Ends);
HWY_EXPORT(Refit);
HWY_EXPORT(FakeQuantizeRow);
HWY_EXPORT(PerturbRow);
HWY_EXPORT(FakeBackward);

QuantizerKernels QuantizerKernelsOf(Target target) {
  return {.moments = ULPROOF_FOR_TARGET(Moments, target),
          .magnitudes = ULPROOF_FOR_TARGET(Magnitudes, target),
          .next_octav_clip = ULPROOF_FOR_TARGET(NextOctavClip, target),
          .largest_code = ULPROOF_FOR_TARGET(LargestCode, target),
          .ends = ULPROOF_FOR_TARGET(Ends, target),
          .refit = ULPROOF_FOR_TARGET(Refit, target),
          .fake_quantize_row = ULPROOF_FOR_TARGET(FakeQuantizeRow, target),
          .perturb_row = ULPROOF_FOR_TARGET(PerturbRow, target),
          .fake_backward = ULPROOF_FOR_TARGET(FakeBackward, target)};
}

}  // namespace ulproof::cpu
#endif  // HWY_ONCE
