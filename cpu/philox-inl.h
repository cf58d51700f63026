// SPDX-License-Identifier: Apache-2.0
// Philox4x32-10 (contract section 4), several groups a vector. The four counter words of a group
// stand in the low halves of 64-bit lanes of four vectors, because the 32 x 32 -> 64 multiplication
// that the round needs reads exactly those; the high halves hold whatever the last product left.
// Included once a target, inside cpu/*.cc files that use foreach_target.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "formats/noise_law.h"

#if defined(ULPROOF_CPU_PHILOX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ULPROOF_CPU_PHILOX_INL_H_
#undef ULPROOF_CPU_PHILOX_INL_H_
#else
#define ULPROOF_CPU_PHILOX_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// PhiloxWords writes whole vectors, of at most 8 groups. The readers of the words take up to 16
// groups at once.
constexpr std::size_t PhiloxPaddedGroups(std::size_t groups) { return (groups + 15) / 16 * 16; }

namespace philox {

inline constexpr std::uint32_t kMultiplier0 = 0xD2511F53;
inline constexpr std::uint32_t kMultiplier1 = 0xCD9E8D57;
inline constexpr std::uint32_t kKeyStep0 = 0x9E3779B9;
inline constexpr std::uint32_t kKeyStep1 = 0xBB67AE85;
inline constexpr int kRounds = 10;

using D = hn::ScalableTag<std::uint64_t>;
using V = hn::Vec<D>;

// The product of the low halves of the lanes.
HWY_INLINE V MulLow32(V a, V b) {
#if HWY_TARGET == HWY_SCALAR
  constexpr std::uint64_t kLow = 0xFFFFFFFF;
  return hn::Set(D(), (hn::GetLane(a) & kLow) * (hn::GetLane(b) & kLow));
#else
  const hn::Repartition<std::uint32_t, D> d32;
  return hn::MulEven(hn::BitCast(d32, a), hn::BitCast(d32, b));
#endif
}

// The counter words of one group a lane; only the low halves mean anything.
struct State {
  V x0, x1, x2, x3;
};

HWY_INLINE void Round(State& s, V key0, V key1) {
  const V product0 = MulLow32(s.x0, hn::Set(D(), kMultiplier0));
  const V product1 = MulLow32(s.x2, hn::Set(D(), kMultiplier1));
  s.x0 = hn::Xor3(hn::ShiftRight<32>(product1), s.x1, key0);
  s.x1 = product1;
  s.x2 = hn::Xor3(hn::ShiftRight<32>(product0), s.x3, key1);
  s.x3 = product0;
}

// The keys of the rounds, in memory so that vectors of them cost a load and no shuffle.
struct KeySchedule {
  explicit KeySchedule(std::uint64_t seed) {
    std::uint32_t k0 = static_cast<std::uint32_t>(seed);
    std::uint32_t k1 = static_cast<std::uint32_t>(seed >> 32);
    for (int round = 0; round < kRounds; ++round) {
      key0[round] = k0;
      key1[round] = k1;
      k0 += kKeyStep0;
      k1 += kKeyStep1;
    }
  }
  std::uint64_t key0[kRounds];
  std::uint64_t key1[kRounds];
};

// The first two rounds for groups that differ in their low halves only: of the eight words that
// these rounds make, four are the same for all lanes.
class Start {
 public:
  HWY_INLINE Start(const KeySchedule& keys, std::uint64_t stream, std::uint64_t group_high) {
    const std::uint64_t stream_low = stream & 0xFFFFFFFF;
    const std::uint64_t product1 = stream_low * kMultiplier1;
    const std::uint64_t x0 = (product1 >> 32) ^ group_high ^ keys.key0[0];
    const std::uint64_t product0 = x0 * kMultiplier0;
    const D d;
    first_x2_ = hn::Set(d, stream >> 32 ^ keys.key1[0]);
    second_x0_ = hn::Set(d, (product1 & 0xFFFFFFFF) ^ keys.key0[1]);
    second_x2_ = hn::Set(d, product0 >> 32 ^ keys.key1[1]);
    second_x3_ = hn::Set(d, product0);
  }

  // `group`: group numbers, of which the low halves are read.
  HWY_INLINE State TwoRounds(V group) const {
    const V product0 = MulLow32(group, hn::Set(D(), kMultiplier0));
    const V x2 = hn::Xor(hn::ShiftRight<32>(product0), first_x2_);
    const V product1 = MulLow32(x2, hn::Set(D(), kMultiplier1));
    return {hn::Xor(hn::ShiftRight<32>(product1), second_x0_), product1,
            hn::Xor(product0, second_x2_), second_x3_};
  }

 private:
  // What the first round xors into x2, the second into x0 and x2, and x3 after the second.
  V first_x2_, second_x0_, second_x2_, second_x3_;
};

// Lane -> group within the vector, so that the interleaving in Store gives consecutive groups: even
// lanes hold the first half, odd lanes the second.
HWY_INLINE V LaneGroups() {
  const D d;
  const V lane = hn::Iota(d, 0);
  const V is_odd = hn::And(lane, hn::Set(d, 1));
  const V half = hn::Set(d, hn::Lanes(d) / 2);
  return hn::Add(hn::ShiftRight<1>(lane), hn::And(hn::Sub(hn::Zero(d), is_odd), half));
}

// Writes w0..w3 of each group of the vector, group by group.
HWY_INLINE void Store(const State& s, std::uint32_t* HWY_RESTRICT words) {
#if HWY_TARGET == HWY_SCALAR
  words[0] = static_cast<std::uint32_t>(hn::GetLane(s.x0));
  words[1] = static_cast<std::uint32_t>(hn::GetLane(s.x1));
  words[2] = static_cast<std::uint32_t>(hn::GetLane(s.x2));
  words[3] = static_cast<std::uint32_t>(hn::GetLane(s.x3));
#else
  const D d;
  const hn::Repartition<std::uint32_t, D> d32;
  const auto pair = [&](V low, V high) {
    return hn::BitCast(
        d, hn::OddEven(hn::BitCast(d32, hn::ShiftLeft<32>(high)), hn::BitCast(d32, low)));
  };
  const V w01 = pair(s.x0, s.x1);
  const V w23 = pair(s.x2, s.x3);
  std::uint64_t* HWY_RESTRICT out = reinterpret_cast<std::uint64_t*>(words);
  hn::StoreU(hn::InterleaveLower(d, w01, w23), d, out);
  hn::StoreU(hn::InterleaveUpper(d, w01, w23), d, out + hn::Lanes(d));
#endif
}

// Enough vectors at once to hide the latency of the multiplication, as many as the registers hold.
inline constexpr std::size_t kVectors = HWY_TARGET <= HWY_AVX3 ? 4 : 2;

// Writes the words of the groups of `count` vectors from `group` on; returns the next `group`.
template <std::size_t count>
HWY_INLINE V Step(const KeySchedule& keys, const Start& start, V group,
                  std::uint32_t* HWY_RESTRICT words) {
  const D d;
  State states[count];
  for (State& state : states) {
    state = start.TwoRounds(group);
    group = hn::Add(group, hn::Set(d, hn::Lanes(d)));
  }
  for (int round = 2; round < kRounds; ++round) {
    const V key0 = hn::Set(d, keys.key0[round]);
    const V key1 = hn::Set(d, keys.key1[round]);
    for (State& state : states) Round(state, key0, key1);
  }
  for (std::size_t i = 0; i < count; ++i) Store(states[i], words + i * 4 * hn::Lanes(d));
  return group;
}

}  // namespace philox

// The random words of one (seed, stream).
class PhiloxStream {
 public:
  HWY_INLINE PhiloxStream(std::uint64_t seed, std::uint64_t stream)
      : keys_(seed), stream_(stream) {}

  // words[4 g .. 4 g + 3] = w0..w3 of group first_group + g, for g < groups; group numbers wrap at
  // 2^64. Little-endian memory makes these words the 32-bit u of rg32 in order of elements, and
  // read as 16-bit numbers the u of rg16. `words` has room for PhiloxPaddedGroups(groups) groups.
  HWY_INLINE void Words(std::uint64_t first_group, std::size_t groups,
                        std::uint32_t* HWY_RESTRICT words) const {
    const philox::D d;
    const std::size_t lanes = hn::Lanes(d);
    while (groups > 0) {
      // All but a few calls in 2^32 see one high half of the group number, which with the stream is
      // the same in all lanes for two rounds.
      const std::uint64_t until_carry = (std::uint64_t{1} << 32) - (first_group & 0xFFFFFFFF);
      const std::size_t part =
          static_cast<std::size_t>(std::min<std::uint64_t>(groups, until_carry));
      const philox::Start start(keys_, stream_, first_group >> 32);
      philox::V group = hn::Add(hn::Set(d, first_group), philox::LaneGroups());
      // What is written beyond `part` is padding, or is written again by the next part.
      std::size_t done = 0;
      for (; done + philox::kVectors * lanes <= part; done += philox::kVectors * lanes) {
        group = philox::Step<philox::kVectors>(keys_, start, group, words + 4 * done);
      }
      for (; done < part; done += lanes) {
        group = philox::Step<1>(keys_, start, group, words + 4 * done);
      }
      first_group += part;
      groups -= part;
      words += 4 * part;
    }
  }

 private:
  philox::KeySchedule keys_;
  std::uint64_t stream_;
};

// The same for a single use.
HWY_INLINE void PhiloxWords(std::uint64_t seed, std::uint64_t stream, std::uint64_t first_group,
                            std::size_t groups, std::uint32_t* HWY_RESTRICT words) {
  PhiloxStream(seed, stream).Words(first_group, groups, words);
}

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
