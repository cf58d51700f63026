// SPDX-License-Identifier: Apache-2.0
// From a function of one lane to the Execute of a warp. Each is one loop over the 32 lanes that the
// compiler can vectorise; with all lanes active it has no condition in it.
#ifndef ULPROOF_GPU_PTX_LANES_H_
#define ULPROOF_GPU_PTX_LANES_H_

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "base/target_clones.h"
#include "gpu/ptx/operation.h"

// A register may be source and destination of one operation; lane i then reads before it writes
// lane i, and no lane touches another's word. The compiler cannot see that from the offsets.
#if defined(__clang__)
#define ULPROOF_EACH_LANE _Pragma("clang loop vectorize(assume_safety)")
#else
#define ULPROOF_EACH_LANE _Pragma("GCC ivdep")
#endif

namespace ulproof::gpu::ptx {

inline constexpr auto kLaneBit = [] {
  std::array<LaneMask, kLanes> bits{};
  for (int lane = 0; lane < kLanes; ++lane) bits[lane] = LaneMask{1} << lane;
  return bits;
}();

// How a value of type T sits in a lane of the register file.
template <typename T>
using Word = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;

template <typename T>
constexpr T FromWord(Word<T> word) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(word);
  } else {
    return std::bit_cast<T>(word);
  }
}

template <typename T>
constexpr Word<T> ToWord(T value) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<std::make_unsigned_t<T>>(value);
  } else {
    return std::bit_cast<Word<T>>(value);
  }
}

// A predicate source of a lane function: all ones where the lane's bit is set, else zero.
struct Predicate {
  std::uint32_t ones;
};

namespace internal {

template <typename T>
struct Source {
  const Word<T>* words;
  Source(const Operation& operation, Warp& warp, int i)
      : words(warp.At<Word<T>>(operation.operand[i])) {}
  T Get(int lane) const { return FromWord<T>(words[lane]); }
};

template <>
struct Source<Predicate> {
  LaneMask mask;
  Source(const Operation& operation, Warp& warp, int i)
      : mask(*warp.At<LaneMask>(operation.operand[i]) ^
             ((operation.negated >> i & 1) != 0 ? kAllLanes : 0)) {}
  Predicate Get(int lane) const { return {(mask & kLaneBit[lane]) != 0 ? ~0U : 0U}; }
};

template <typename Result, typename... Sources, typename Function, std::size_t... kIndex>
inline void MapSources(const Operation& operation, Warp& warp, LaneMask mask, Function function,
                       std::index_sequence<kIndex...>) {
  auto* const result = warp.At<Word<Result>>(operation.operand[0]);
  const auto run = [&](const Source<Sources>... source) {
    if (mask == kAllLanes) {
      ULPROOF_EACH_LANE
      for (int lane = 0; lane < kLanes; ++lane) {
        result[lane] = ToWord<Result>(function(source.Get(lane)...));
      }
    } else {
      ULPROOF_EACH_LANE
      for (int lane = 0; lane < kLanes; ++lane) {
        const Word<Result> value = ToWord<Result>(function(source.Get(lane)...));
        result[lane] = (mask & kLaneBit[lane]) != 0 ? value : result[lane];
      }
    }
  };
  run(Source<Sources>(operation, warp, static_cast<int>(kIndex) + 1)...);
}

// The same, visiting only the active lanes: for functions too heavy to run for nothing.
template <typename Result, typename... Sources, typename Function, std::size_t... kIndex>
inline void VisitSources(const Operation& operation, Warp& warp, LaneMask mask, Function function,
                         std::index_sequence<kIndex...>) {
  auto* const result = warp.At<Word<Result>>(operation.operand[0]);
  const auto run = [&](const Source<Sources>... source) {
    for (LaneMask rest = mask; rest != 0; rest &= rest - 1) {
      const int lane = std::countr_zero(rest);
      result[lane] = ToWord<Result>(function(source.Get(lane)...));
    }
  };
  run(Source<Sources>(operation, warp, static_cast<int>(kIndex) + 1)...);
}

template <auto kFunction, typename Result, typename... Sources>
void RunLanes(Result (*)(Sources...), const Operation& operation, Warp& warp, LaneMask mask) {
  MapSources<Result, Sources...>(
      operation, warp, mask, [](Sources... source) { return kFunction(source...); },
      std::index_sequence_for<Sources...>());
}

template <auto kFunction, typename Result, typename... Sources>
void RunActive(Result (*)(std::uint64_t, Sources...), const Operation& operation, Warp& warp,
               LaneMask mask) {
  VisitSources<Result, Sources...>(
      operation, warp, mask,
      [&](Sources... source) { return kFunction(operation.parameter, source...); },
      std::index_sequence_for<Sources...>());
}

}  // namespace internal

// operand[0] <- kFunction(operand[1], operand[2], ...), by the types in kFunction's signature.
template <auto kFunction>
ULPROOF_TARGET_CLONES void Lanes(const Operation& operation, Warp& warp, LaneMask mask) {
  internal::RunLanes<kFunction>(kFunction, operation, warp, mask);
}

// The same for functions that take operation.parameter first; runs lane by lane.
template <auto kFunction>
void ActiveLanes(const Operation& operation, Warp& warp, LaneMask mask) {
  internal::RunActive<kFunction>(kFunction, operation, warp, mask);
}

// Bit i of the result is the lowest bit of flags[i]; flags are 0 or 1.
inline LaneMask PackFlags(const std::uint8_t (&flags)[kLanes]) {
  LaneMask mask = 0;
  for (int group = 0; group < 4; ++group) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, flags + 8 * group, 8);
    // The product gathers byte i's bit into bit 56 + i; no two terms meet below.
    mask |= static_cast<LaneMask>((eight * 0x0102040810204080ULL) >> 56) << (8 * group);
  }
  return mask;
}

// The mask of lanes for which kFunction(operand[first], ...) holds (all lanes, active or not).
template <typename... Sources, typename Function>
ULPROOF_TARGET_CLONES LaneMask FlagLanes(const Operation& operation, Warp& warp, int first,
                                         Function function) {
  std::uint8_t flags[kLanes];
  [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    const auto run = [&](const internal::Source<Sources>... source) {
      ULPROOF_EACH_LANE
      for (int lane = 0; lane < kLanes; ++lane) {
        flags[lane] = function(source.Get(lane)...) ? 1 : 0;
      }
    };
    run(internal::Source<Sources>(operation, warp, first + static_cast<int>(kIndex))...);
  }
  (std::index_sequence_for<Sources...>());
  return PackFlags(flags);
}

// Writes the active bits of a predicate.
inline void SetPredicate(Warp& warp, Slot slot, LaneMask mask, LaneMask value) {
  LaneMask& predicate = *warp.At<LaneMask>(slot);
  predicate = (predicate & ~mask) | (value & mask);
}

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_LANES_H_
