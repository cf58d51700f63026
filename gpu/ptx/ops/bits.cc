// SPDX-License-Identifier: Apache-2.0
// Logic, shifts and bit fields. Shift counts at or above the width shift everything out; bfe, bfi,
// shf and prmt follow the loops in the PTX ISA.
#include <algorithm>
#include <bit>
#include <type_traits>

#include "gpu/ptx/ops/by_operand.h"
#include "gpu/ptx/ops/select.h"

namespace ulproof::gpu::ptx::ops {
namespace {

template <typename T>
T And(T a, T b) {
  return a & b;
}
template <typename T>
T Or(T a, T b) {
  return a | b;
}
template <typename T>
T Xor(T a, T b) {
  return a ^ b;
}
template <typename T>
T Not(T a) {
  return static_cast<T>(~a);
}
template <typename T>
T Cnot(T a) {
  return a == 0 ? 1 : 0;
}

template <typename T>
T Shl(T a, std::uint32_t count) {
  constexpr std::uint32_t kWidth = 8 * sizeof(T);
  using Wide = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  return count >= kWidth ? T{0} : static_cast<T>(static_cast<Wide>(a) << (count & (kWidth - 1)));
}
// Arithmetic for signed T: the sign fills.
template <typename T>
T Shr(T a, std::uint32_t count) {
  constexpr std::uint32_t kWidth = 8 * sizeof(T);
  if constexpr (std::is_signed_v<T>) {
    return static_cast<T>(a >> std::min(count, kWidth - 1));
  } else {
    return count >= kWidth ? T{0} : static_cast<T>(a >> (count & (kWidth - 1)));
  }
}

// Counts known when decoded need no look at each lane: the parameter is the count.
template <typename T, bool kLeft>
ULPROOF_TARGET_CLONES void ShiftByConstant(const Operation& operation, Warp& warp, LaneMask mask) {
  auto* const result = warp.At<Word<T>>(operation.operand[0]);
  const auto* const a = warp.At<Word<T>>(operation.operand[1]);
  const std::uint32_t count = *warp.At<std::uint32_t>(operation.operand[2]);
  const bool all_out = count >= 8 * sizeof(T);
  const std::uint32_t safe = all_out ? 8 * sizeof(T) - 1 : count;
  const Word<T> keep = all_out && !(std::is_signed_v<T> && !kLeft) ? 0 : ~Word<T>{0};
  ULPROOF_EACH_LANE
  for (int lane = 0; lane < kLanes; ++lane) {
    const T x = FromWord<T>(a[lane]);
    const auto shifted =
        kLeft ? static_cast<T>(static_cast<Word<T>>(x) << safe) : static_cast<T>(x >> safe);
    const Word<T> value = ToWord<T>(shifted) & keep;
    result[lane] = (mask & kLaneBit[lane]) != 0 ? value : result[lane];
  }
}

template <bool kLeft, bool kClamp>
std::uint32_t Funnel(std::uint32_t low, std::uint32_t high, std::uint32_t count) {
  const std::uint32_t n = kClamp ? std::min<std::uint32_t>(count, 32) : count & 31;
  const std::uint64_t both = std::uint64_t{high} << 32 | low;
  return static_cast<std::uint32_t>(kLeft ? (both << n) >> 32 : both >> n);
}

template <typename T>
T BitFieldExtract(T a, std::uint32_t start, std::uint32_t length) {
  using U = std::make_unsigned_t<T>;
  constexpr std::uint32_t kWidth = 8 * sizeof(T);
  const std::uint32_t from = start & 0xFF;
  const std::uint32_t count = length & 0xFF;
  if (count == 0) return 0;
  const U field = from >= kWidth ? U{0} : static_cast<U>(a) >> from;
  const U mask = count >= kWidth ? ~U{0} : (U{1} << count) - 1;
  bool fill = false;
  if constexpr (std::is_signed_v<T>) {
    const std::uint32_t top = std::min(from + count - 1, kWidth - 1);
    fill = (static_cast<U>(a) >> top & 1) != 0;
  }
  // Bits that the field has and `a` has not are copies of the sign, as are those above the field.
  const U known = from >= kWidth ? U{0} : ~U{0} >> from;
  const U value = fill ? field | ~(known & mask) : field & mask;
  return static_cast<T>(value);
}

template <typename T>
T BitFieldInsert(T field, T into, std::uint32_t start, std::uint32_t length) {
  constexpr std::uint32_t kWidth = 8 * sizeof(T);
  const std::uint32_t from = start & 0xFF;
  const std::uint32_t count = length & 0xFF;
  if (from >= kWidth || count == 0) return into;
  const T ones = count >= kWidth ? static_cast<T>(~T{0}) : (T{1} << count) - 1;
  const T mask = ones << from;
  return (into & ~mask) | ((field << from) & mask);
}

template <typename T>
std::uint32_t FindLeading(T a) {
  using U = std::make_unsigned_t<T>;
  const U bits = static_cast<U>(std::is_signed_v<T> && a < 0 ? ~a : a);
  return bits == 0 ? UINT32_MAX : static_cast<std::uint32_t>(std::bit_width(bits)) - 1;
}
template <typename T>
std::uint32_t FindLeadingShift(T a) {
  const std::uint32_t at = FindLeading(a);
  return at == UINT32_MAX ? at : 8 * sizeof(T) - 1 - at;
}

template <typename T>
T Reverse(T a) {
  T result = 0;
  for (int i = 0; i < static_cast<int>(8 * sizeof(T)); ++i) {
    result = static_cast<T>(result << 1) | (a >> i & 1);
  }
  return result;
}
template <typename T>
std::uint32_t CountLeadingZeros(T a) {
  return static_cast<std::uint32_t>(std::countl_zero(a));
}
template <typename T>
std::uint32_t PopulationCount(T a) {
  return static_cast<std::uint32_t>(std::popcount(a));
}

// The n-th set bit of `mask` from `base` upwards (n > 0) or downwards (n < 0); n = 0: base itself
// if it is set. No such bit: all ones.
std::uint32_t FindNthSet(std::uint32_t mask, std::uint32_t base, std::int32_t n) {
  if (n == 0) return base < 32 && (mask >> base & 1) != 0 ? base : UINT32_MAX;
  const int step = n > 0 ? 1 : -1;
  std::int64_t left = n > 0 ? n : -std::int64_t{n};
  for (std::int64_t i = base; i >= 0 && i < 32; i += step) {
    if ((mask >> i & 1) != 0 && --left == 0) return static_cast<std::uint32_t>(i);
  }
  return UINT32_MAX;
}

std::uint32_t Permute(std::uint32_t a, std::uint32_t b, std::uint32_t selector) {
  const std::uint64_t bytes = std::uint64_t{b} << 32 | a;
  std::uint32_t result = 0;
  for (int i = 0; i < 4; ++i) {
    const std::uint32_t nibble = selector >> (4 * i) & 15;
    auto byte = static_cast<std::uint8_t>(bytes >> (8 * (nibble & 7)));
    if ((nibble & 8) != 0) byte = static_cast<std::uint8_t>(static_cast<std::int8_t>(byte) >> 7);
    result |= std::uint32_t{byte} << (8 * i);
  }
  return result;
}

// The selectors of the prmt modes, by the low two bits of the third operand.
std::uint32_t PermuteMode(std::uint64_t mode, std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  static constexpr std::uint16_t kSelectors[6][4] = {
      {0x3210, 0x4321, 0x5432, 0x6543},  // f4e
      {0x5670, 0x6701, 0x7012, 0x0123},  // b4e
      {0x0000, 0x1111, 0x2222, 0x3333},  // rc8
      {0x3210, 0x3211, 0x3222, 0x3333},  // ecl
      {0x0000, 0x1110, 0x2210, 0x3210},  // ecr
      {0x1010, 0x3232, 0x1010, 0x3232},  // rc16
  };
  return Permute(a, b, kSelectors[mode][c & 3]);
}

// bmsk and szext: `first` low bits; .clamp counts at most 32, .wrap takes the count modulo 32.
std::uint32_t BitMask(std::uint64_t clamp, std::uint32_t start, std::uint32_t count) {
  const std::uint32_t from = clamp != 0 ? std::min<std::uint32_t>(start, 32) : start & 31;
  const std::uint32_t n = clamp != 0 ? std::min<std::uint32_t>(count, 32) : count & 31;
  return static_cast<std::uint32_t>((((std::uint64_t{1} << n) - 1) << from) & UINT32_MAX);
}
template <typename T>
T SignOrZeroExtend(std::uint64_t clamp, T a, std::uint32_t count) {
  const std::uint32_t n = clamp != 0 ? std::min<std::uint32_t>(count, 32) : count & 31;
  if (n == 0) return 0;
  return static_cast<T>(static_cast<T>(static_cast<std::uint32_t>(a) << (32 - n)) >> (32 - n));
}

template <typename T>
T CopySign(T sign, T magnitude) {
  constexpr T kTop = T{1} << (8 * sizeof(T) - 1);
  return (magnitude & ~kTop) | (sign & kTop);
}

// and/or/xor/not of predicates act on whole warps at once.
template <int kKind>
void LogicPredicate(const Operation& operation, Warp& warp, LaneMask mask) {
  const auto source = [&](int i) {
    const LaneMask p = *warp.At<LaneMask>(operation.operand[static_cast<std::size_t>(i)]);
    return (operation.negated >> i & 1) != 0 ? ~p : p;
  };
  const LaneMask a = source(1);
  const LaneMask b = source(2);
  const LaneMask value = kKind == 0 ? a & b : kKind == 1 ? a | b : kKind == 2 ? a ^ b : ~a;
  SetPredicate(warp, operation.operand[0], mask, value);
}

#define ULPROOF_BITS_CHOICE(Function) \
  []<typename T>(TypeTag<T>) { return static_cast<Execute>(&Lanes<&Function<T>>); }

}  // namespace

Binding LogicBits(const Form& form) {
  if (form.opcode == "and") return {ForBits(form.type(), ULPROOF_BITS_CHOICE(And))};
  if (form.opcode == "or") return {ForBits(form.type(), ULPROOF_BITS_CHOICE(Or))};
  return {ForBits(form.type(), ULPROOF_BITS_CHOICE(Xor))};
}
Binding LogicPredicates(const Form& form) {
  if (form.opcode == "and") return {&LogicPredicate<0>};
  if (form.opcode == "or") return {&LogicPredicate<1>};
  if (form.opcode == "xor") return {&LogicPredicate<2>};
  return {&LogicPredicate<3>};
}
Binding NotBits(const Form& form) {
  return {form.opcode == "not" ? ForBits(form.type(), ULPROOF_BITS_CHOICE(Not))
                               : ForBits(form.type(), ULPROOF_BITS_CHOICE(Cnot))};
}

Binding ShiftBits(const Form& form) {
  const bool left = form.opcode == "shl";
  return {ForInteger(form.type(), [&]<typename T>(TypeTag<T>) -> Execute {
    return left ? &Lanes<&Shl<T>> : &Lanes<&Shr<T>>;
  })};
}
Execute ShiftByConstantOf(const Form& form) {
  const bool left = form.opcode == "shl";
  return ForInteger(form.type(), [&]<typename T>(TypeTag<T>) -> Execute {
    return left ? &ShiftByConstant<T, true> : &ShiftByConstant<T, false>;
  });
}
Binding FunnelShift(const Form& form) {
  const bool clamp = form.Has("clamp");
  if (form.Has("l")) return {clamp ? &Lanes<&Funnel<true, true>> : &Lanes<&Funnel<true, false>>};
  return {clamp ? &Lanes<&Funnel<false, true>> : &Lanes<&Funnel<false, false>>};
}

Binding ExtractField(const Form& form) {
  return {ForInteger(form.type(), ULPROOF_BITS_CHOICE(BitFieldExtract))};
}
Binding InsertField(const Form& form) {
  return {form.type() == Type::kB32 ? &Lanes<&BitFieldInsert<std::uint32_t>>
                                    : &Lanes<&BitFieldInsert<std::uint64_t>>};
}
Binding FindLeadingBit(const Form& form) {
  if (form.Has("shiftamt")) {
    return {ForInteger(form.type(), ULPROOF_BITS_CHOICE(FindLeadingShift))};
  }
  return {ForInteger(form.type(), ULPROOF_BITS_CHOICE(FindLeading))};
}
Binding CountBits(const Form& form) {
  if (form.opcode == "brev") return {ForBits(form.type(), ULPROOF_BITS_CHOICE(Reverse))};
  if (form.opcode == "clz") return {ForBits(form.type(), ULPROOF_BITS_CHOICE(CountLeadingZeros))};
  return {ForBits(form.type(), ULPROOF_BITS_CHOICE(PopulationCount))};
}
Binding FindNthBit(const Form&) { return {&Lanes<&FindNthSet>}; }
Binding PermuteBytes(const Form& form) {
  static constexpr std::string_view kModes[] = {"f4e", "b4e", "rc8", "ecl", "ecr", "rc16"};
  const int mode = form.Find(kModes);
  if (mode < 0) return {&Lanes<&Permute>};
  return {&ActiveLanes<&PermuteMode>, static_cast<std::uint64_t>(mode)};
}
Binding MakeBitMask(const Form& form) {
  return {&ActiveLanes<&BitMask>, form.Has("clamp") ? 1U : 0U};
}
Binding ExtendField(const Form& form) {
  return {form.type() == Type::kS32 ? &ActiveLanes<&SignOrZeroExtend<std::int32_t>>
                                    : &ActiveLanes<&SignOrZeroExtend<std::uint32_t>>,
          form.Has("clamp") ? 1U : 0U};
}
Binding CopySignBit(const Form& form) {
  return {ForBits(form.type(), ULPROOF_BITS_CHOICE(CopySign))};
}

}  // namespace ulproof::gpu::ptx::ops
