// SPDX-License-Identifier: Apache-2.0
#include "cpu/cast_kernels.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/cast_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/cast-inl.h"
#include "cpu/rounding_random-inl.h"
#include "cpu/widen-inl.h"

#ifndef ULPROOF_CPU_CAST_TILE_
#define ULPROOF_CPU_CAST_TILE_
namespace ulproof::cpu {
// Elements that are widened, given their random bits and cast at a time: all of it stays in the
// first-level cache.
inline constexpr std::size_t kCastTile = 512;
}  // namespace ulproof::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void WidenBfloat16(const void* codes, float* HWY_RESTRICT out, std::size_t count) {
  const auto* HWY_RESTRICT in = static_cast<const std::uint16_t*>(codes);
  const cast::DU d;
  const hn::Rebind<std::uint16_t, cast::DU> narrow;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const cast::VU x = Float32OfBfloat16(hn::PromoteTo(d, hn::LoadU(narrow, in + i)));
    hn::StoreU(hn::BitCast(cast::DF(), x), cast::DF(), out + i);
  }
  for (; i < count; ++i) {
    const std::uint32_t x = std::uint32_t{in[i]} << 16;
    hwy::CopySameSize(&x, out + i);
  }
}

void WidenFloat16(const void* codes, float* HWY_RESTRICT out, std::size_t count) {
  const auto* HWY_RESTRICT in = static_cast<const std::uint16_t*>(codes);
  const cast::DU d;
  const hn::Rebind<std::uint16_t, cast::DU> narrow;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const cast::VU x = Float32OfFloat16(hn::PromoteTo(d, hn::LoadU(narrow, in + i)));
    hn::StoreU(hn::BitCast(cast::DF(), x), cast::DF(), out + i);
  }
  for (; i < count; ++i) {
    const cast::VU x = Float32OfFloat16(hn::Set(d, in[i]));
    out[i] = hn::GetLane(hn::BitCast(cast::DF(), x));
  }
}

void RoundingRandomRow(int random_bits, const formats::RandomKey& key, std::uint64_t first,
                       std::size_t count, std::uint32_t* HWY_RESTRICT random) {
  static_assert(kCastTile <= kRoundingRowElements);
  RoundingNumbers(random_bits, key, first, count, random);
}

CastRowFunction SelectCastRow(const CastPlan& plan) {
  using formats::RoundingMode;
  using namespace cast;  // NOLINT: the methods, one a line.
  switch (plan.method) {
    case CastMethod::kAlignedAdd:
      return plan.overflow.positive == plan.overflow.negative ? CastRow<AlignedAdd<true>>
                                                              : CastRow<AlignedAdd<false>>;
    case CastMethod::kUpperBits:
      return CastRow<UpperBits>;
    case CastMethod::kAnyShift:
      break;
  }
  switch (plan.rounding.mode) {
    case RoundingMode::kNearestEven:
      return CastRow<AnyShift<RoundingMode::kNearestEven>>;
    case RoundingMode::kNearestAway:
      return CastRow<AnyShift<RoundingMode::kNearestAway>>;
    case RoundingMode::kTowardZero:
      return CastRow<AnyShift<RoundingMode::kTowardZero>>;
    case RoundingMode::kUp:
      return CastRow<AnyShift<RoundingMode::kUp>>;
    case RoundingMode::kDown:
      return CastRow<AnyShift<RoundingMode::kDown>>;
    case RoundingMode::kToOdd:
      return CastRow<AnyShift<RoundingMode::kToOdd>>;
    case RoundingMode::kStochasticA:
      return CastRow<AnyShift<RoundingMode::kStochasticA>>;
    case RoundingMode::kStochasticB:
      return CastRow<AnyShift<RoundingMode::kStochasticB>>;
    case RoundingMode::kStochasticC:
      break;
  }
  return CastRow<AnyShift<RoundingMode::kStochasticC>>;
}

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ulproof::cpu {

HWY_EXPORT(WidenBfloat16);
HWY_EXPORT(WidenFloat16);
HWY_EXPORT(RoundingRandomRow);
HWY_EXPORT(SelectCastRow);

namespace {

using formats::FormatSpec;
using formats::Operation;

// Elements that one thread takes at a time.
constexpr std::uint64_t kParallelGrain = std::uint64_t{1} << 16;

void CopyFloat32(const void* codes, float* out, std::size_t count) {
  std::copy_n(static_cast<const float*>(codes), count, out);
}

}  // namespace

CastRowFunction CastRowKernel(Target target, const CastPlan& plan) {
  return ULPROOF_FOR_TARGET(SelectCastRow, target)(plan);
}

std::string WhyWidenUnsupported(const FormatSpec& from) {
  if (from == formats::kFloat32 || from == formats::kBfloat16 || from == formats::kFloat16)
    return {};
  return "the SIMD kernels read float32, bfloat16 and float16, not " + formats::FormatName(from);
}

WidenRowFunction WidenRowKernel(Target target, const FormatSpec& from) {
  ULPROOF_CHECK(WhyWidenUnsupported(from).empty(), WhyWidenUnsupported(from));
  if (from == formats::kBfloat16) return ULPROOF_FOR_TARGET(WidenBfloat16, target);
  if (from == formats::kFloat16) return ULPROOF_FOR_TARGET(WidenFloat16, target);
  return CopyFloat32;
}

std::string WhyCastUnsupported(const Operation& op) {
  std::string reason = WhyWidenUnsupported(op.from);
  return reason.empty() ? WhyNotPlanned(op.to) : reason;
}

void CastRange(Target target, const Operation& op, const formats::ConstBuffer& x,
               const formats::Buffer& y, std::uint64_t begin, std::uint64_t end) {
  const CastPlan plan = MakeCastPlan(op.to, op.rounding, op.overflow);
  const CastRowFunction cast_row = CastRowKernel(target, plan);
  const WidenRowFunction widen_row = WidenRowKernel(target, op.from);
  const auto random_row = ULPROOF_FOR_TARGET(RoundingRandomRow, target);
  const bool draws = op.rounding.is_stochastic() && !op.random;
  const auto* const in = static_cast<const std::byte*>(x.data);
  auto* const out = static_cast<std::byte*>(y.data);
  const std::uint64_t in_bytes = op.from.storage_bytes();
  const std::uint64_t out_bytes = op.to.storage_bytes();
  const bool is_float32 = op.from == formats::kFloat32;

  alignas(64) std::array<float, kCastTile> widened;
  alignas(64) std::array<std::uint32_t, kCastTile> random;
  if (op.random) random.fill(*op.random);
  for (std::uint64_t i = begin; i < end;) {
    // A tile stays within a row, so that its logical elements are consecutive.
    const std::uint64_t row = i / op.shape.cols;
    const std::uint64_t col = i % op.shape.cols;
    const std::uint64_t count = std::min({std::uint64_t{kCastTile}, op.shape.cols - col, end - i});
    const float* source = widened.data();
    if (is_float32) {
      source = reinterpret_cast<const float*>(in) + i;
    } else {
      widen_row(in + i * in_bytes, widened.data(), count);
    }
    if (draws) {
      const std::uint64_t element = op.key.offset + row * op.shape.stride() + col;
      random_row(op.rounding.random_bits, op.key, element, count, random.data());
    }
    cast_row(plan, source, out + i * out_bytes, count, random.data());
    i += count;
  }
}

void RunCast(Target target, const Operation& op, const formats::ConstBuffer& x,
             const formats::Buffer& y) {
  ULPROOF_CHECK(WhyCastUnsupported(op).empty(), WhyCastUnsupported(op));
  base::ParallelFor(op.shape.count(), kParallelGrain, [&](std::uint64_t begin, std::uint64_t end) {
    CastRange(target, op, x, y, begin, end);
  });
}

}  // namespace ulproof::cpu
#endif  // HWY_ONCE
