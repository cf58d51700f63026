// SPDX-License-Identifier: Apache-2.0
// Operations across the lanes of a warp: shuffle, vote, match, redux. The interpreter has made sure
// that every lane of each member mask that has not exited is active.
#include <bit>

#include "gpu/ptx/block.h"
#include "gpu/ptx/layout.h"
#include "gpu/ptx/ops/float_parts.h"
#include "gpu/ptx/ops/select.h"

namespace ulproof::gpu::ptx::ops {
namespace {

enum Shuffle { kUp, kDown, kButterfly, kIndex };

// Operands d, p, a, b, c, members. c: segment mask << 8 | clamp. A source out of the segment leaves
// the lane its own value and p false.
template <Shuffle kMode>
ULPROOF_TARGET_CLONES void ShuffleLanes(const Operation& operation, Warp& warp, LaneMask mask) {
  auto* const d = warp.At<std::uint32_t>(operation.operand[0]);
  const auto* const a = warp.At<std::uint32_t>(operation.operand[2]);
  const auto* const b = warp.At<std::uint32_t>(operation.operand[3]);
  const auto* const c = warp.At<std::uint32_t>(operation.operand[4]);
  std::int32_t sources[kLanes];
  std::uint8_t in_range[kLanes];
  for (std::int32_t lane = 0; lane < kLanes; ++lane) {
    const auto offset = static_cast<std::int32_t>(b[lane] & 31);
    const auto clamp = static_cast<std::int32_t>(c[lane] & 31);
    const auto segment = static_cast<std::int32_t>(c[lane] >> 8 & 31);
    const std::int32_t maximum = (lane & segment) | (clamp & ~segment);
    const std::int32_t source = kMode == kUp          ? lane - offset
                                : kMode == kDown      ? lane + offset
                                : kMode == kButterfly ? lane ^ offset
                                                      : (lane & segment) | (offset & ~segment);
    const bool holds = kMode == kUp ? source >= maximum : source <= maximum;
    sources[lane] = holds ? source : lane;
    in_range[lane] = holds ? 1 : 0;
  }
  if (mask != kAllLanes) {
    for (LaneMask rest = mask; rest != 0; rest &= rest - 1) {
      const int lane = std::countr_zero(rest);
      if ((mask & kLaneBit[sources[lane]]) != 0) continue;
      warp.block->SetFault(
          operation, warp, lane,
          "shuffle reads lane " + std::to_string(sources[lane]) + ", which does not take part");
      return;
    }
  }
  std::uint32_t result[kLanes];
  for (int lane = 0; lane < kLanes; ++lane) result[lane] = a[sources[lane]];
  for (int lane = 0; lane < kLanes; ++lane) {
    d[lane] = (mask & kLaneBit[lane]) != 0 ? result[lane] : d[lane];
  }
  SetPredicate(warp, operation.operand[1], mask, PackFlags(in_range));
}

LaneMask PredicateOf(const Operation& operation, Warp& warp, int i) {
  const LaneMask value = *warp.At<LaneMask>(operation.operand[i]);
  return (operation.negated >> i & 1) != 0 ? ~value : value;
}

// Operands p, a, members. Parameter: 0 all, 1 any, 2 uni.
void VotePredicate(const Operation& operation, Warp& warp, LaneMask mask) {
  const auto* const members = warp.At<LaneMask>(operation.operand[2]);
  const LaneMask a = PredicateOf(operation, warp, 1);
  LaneMask result = 0;
  for (LaneMask rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    const LaneMask voters = members[lane] & mask;
    const bool all = (a & voters) == voters;
    const bool any = (a & voters) != 0;
    const bool holds = operation.parameter == 0   ? all
                       : operation.parameter == 1 ? any
                                                  : all || !any;
    if (holds) result |= kLaneBit[lane];
  }
  SetPredicate(warp, operation.operand[0], mask, result);
}

// Operands d, a, members.
void VoteBallot(const Operation& operation, Warp& warp, LaneMask mask) {
  auto* const d = warp.At<std::uint32_t>(operation.operand[0]);
  const auto* const members = warp.At<LaneMask>(operation.operand[2]);
  const LaneMask a = PredicateOf(operation, warp, 1) & mask;
  for (LaneMask rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    d[lane] = a & members[lane];
  }
}

// Operands d, a, members (any) or d, p, a, members (all).
template <typename T, bool kAll>
void Match(const Operation& operation, Warp& warp, LaneMask mask) {
  constexpr int kSource = kAll ? 2 : 1;
  const auto* const a = warp.At<T>(operation.operand[kSource]);
  const auto* const members = warp.At<LaneMask>(operation.operand[kSource + 1]);
  std::uint32_t result[kLanes];
  LaneMask all_equal = 0;
  for (LaneMask rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    const LaneMask group = members[lane] & mask;
    LaneMask equal = 0;
    for (LaneMask others = group; others != 0; others &= others - 1) {
      const int other = std::countr_zero(others);
      if (a[other] == a[lane]) equal |= kLaneBit[other];
    }
    if (equal == group) all_equal |= kLaneBit[lane];
    result[lane] = kAll ? (equal == group ? group : 0) : equal;
  }
  auto* const d = warp.At<std::uint32_t>(operation.operand[0]);
  for (LaneMask rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    d[lane] = result[lane];
  }
  if (kAll) SetPredicate(warp, operation.operand[1], mask, all_equal);
}

void ActiveMask(const Operation& operation, Warp& warp, LaneMask mask) {
  auto* const d = warp.At<std::uint32_t>(operation.operand[0]);
  for (LaneMask rest = mask; rest != 0; rest &= rest - 1) d[std::countr_zero(rest)] = mask;
}

// elect.sync d|p, members: the lowest member leads.
void Elect(const Operation& operation, Warp& warp, LaneMask mask) {
  auto* const d = warp.At<std::uint32_t>(operation.operand[0]);
  const auto* const members = warp.At<LaneMask>(operation.operand[2]);
  LaneMask leaders = 0;
  for (LaneMask rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    const int leader = std::countr_zero(members[lane] & mask);
    d[lane] = static_cast<std::uint32_t>(leader);
    if (leader == lane) leaders |= kLaneBit[lane];
  }
  SetPredicate(warp, operation.operand[1], mask, leaders);
}

template <typename T>
T Sum(T a, T b) {
  return static_cast<T>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}
template <typename T>
T Smaller(T a, T b) {
  return b < a ? b : a;
}
template <typename T>
T Larger(T a, T b) {
  return a < b ? b : a;
}
std::uint32_t BitAnd(std::uint32_t a, std::uint32_t b) { return a & b; }
std::uint32_t BitOr(std::uint32_t a, std::uint32_t b) { return a | b; }
std::uint32_t BitXor(std::uint32_t a, std::uint32_t b) { return a ^ b; }
// The numeric minimum or maximum of two binary32; a NaN loses.
template <bool kMaximum>
float Extreme(float a, float b) {
  if (a != a) return b;
  if (b != b) return a;
  const bool a_below = a < b || (a == b && std::signbit(a));
  return a_below == kMaximum ? b : a;
}

// Operands d, a, members. Parameter: 1 .abs, 2 .NaN (binary32 only).
template <typename T, T (*kCombine)(T, T)>
void Reduce(const Operation& operation, Warp& warp, LaneMask mask) {
  auto* const d = warp.At<std::uint32_t>(operation.operand[0]);
  const auto* const a = warp.At<std::uint32_t>(operation.operand[1]);
  const auto* const members = warp.At<LaneMask>(operation.operand[2]);
  std::uint32_t result[kLanes];
  int previous = std::countr_zero(mask);
  for (LaneMask rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    LaneMask group = members[lane] & mask;
    // Mostly all lanes name the same members.
    if (lane != previous && members[lane] == members[previous]) {
      result[lane] = result[previous];
      continue;
    }
    previous = lane;
    const auto read = [&](int other) {
      return FromWord<T>((operation.parameter & 1) != 0 ? a[other] & ~kSign32 : a[other]);
    };
    T total = read(std::countr_zero(group));
    bool has_nan = total != total;
    for (group &= group - 1; group != 0; group &= group - 1) {
      const T next = read(std::countr_zero(group));
      has_nan = has_nan || next != next;
      total = kCombine(total, next);
    }
    const bool is_nan = total != total || (has_nan && (operation.parameter & 2) != 0);
    result[lane] = is_nan ? kNan32 : ToWord<T>(total);
  }
  for (LaneMask rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    d[lane] = result[lane];
  }
}

void Nothing(const Operation&, Warp& warp, LaneMask) { ++warp.phase; }

}  // namespace

Binding ShuffleWarp(const Form& form) {
  if (form.Has("up")) return {&ShuffleLanes<kUp>};
  if (form.Has("down")) return {&ShuffleLanes<kDown>};
  return {form.Has("bfly") ? &ShuffleLanes<kButterfly> : &ShuffleLanes<kIndex>};
}
Binding VoteWarp(const Form& form) {
  static constexpr std::string_view kNames[] = {"all", "any", "uni"};
  return {&VotePredicate, static_cast<std::uint64_t>(form.Find(kNames))};
}
Binding BallotWarp(const Form&) { return {&VoteBallot}; }
Binding MatchWarp(const Form& form) {
  const bool is_wide = form.type() == Type::kB64;
  if (form.Has("all")) {
    return {is_wide ? &Match<std::uint64_t, true> : &Match<std::uint32_t, true>};
  }
  return {is_wide ? &Match<std::uint64_t, false> : &Match<std::uint32_t, false>};
}
Binding ActiveMaskWarp(const Form&) { return {&ActiveMask}; }
Binding ElectWarp(const Form&) { return {&Elect}; }
Binding SyncWarp(const Form&) { return {&Nothing}; }
Binding ReduceWarp(const Form& form) {
  const bool is_signed = form.type() == Type::kS32;
  if (form.type() == Type::kF32) {
    const std::uint64_t word = (form.Has("abs") ? 1U : 0U) | (form.Has("NaN") ? 2U : 0U);
    return {form.Has("max") ? &Reduce<float, &Extreme<true>> : &Reduce<float, &Extreme<false>>,
            word};
  }
  if (form.Has("add")) return {&Reduce<std::uint32_t, &Sum<std::uint32_t>>};
  if (form.Has("and")) return {&Reduce<std::uint32_t, &BitAnd>};
  if (form.Has("or")) return {&Reduce<std::uint32_t, &BitOr>};
  if (form.Has("xor")) return {&Reduce<std::uint32_t, &BitXor>};
  if (form.Has("min")) {
    return {is_signed ? &Reduce<std::int32_t, &Smaller<std::int32_t>>
                      : &Reduce<std::uint32_t, &Smaller<std::uint32_t>>};
  }
  return {is_signed ? &Reduce<std::int32_t, &Larger<std::int32_t>>
                    : &Reduce<std::uint32_t, &Larger<std::uint32_t>>};
}

}  // namespace ulproof::gpu::ptx::ops
