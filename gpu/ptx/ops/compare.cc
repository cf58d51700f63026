// SPDX-License-Identifier: Apache-2.0
// Comparison and selection: setp, set, selp, slct, testp. Ordered comparisons are false and
// unordered ones (equ, neu, ...) true when a source is NaN.
#include <type_traits>

#include "gpu/ptx/layout.h"
#include "gpu/ptx/ops/float_parts.h"
#include "gpu/ptx/ops/select.h"

namespace ulproof::gpu::ptx::ops {
namespace {

// The signed integer and ordered float comparisons, the unordered ones in the same order, and the
// unsigned names (lo ls hi hs), which equal lt le gt ge on the unsigned types they are for.
constexpr std::string_view kComparisonNames[] = {"eq",  "ne",  "lt",  "le",  "gt",  "ge",
                                                 "equ", "neu", "ltu", "leu", "gtu", "geu",
                                                 "num", "nan", "lo",  "ls",  "hi",  "hs"};
enum Comparison {
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  kEqu,
  kNeu,
  kLtu,
  kLeu,
  kGtu,
  kGeu,
  kNum,
  kNanTest
};

int ComparisonOf(const Form& form) {
  const int index = form.Find(kComparisonNames);
  return index >= 14 ? index - 14 + kLt : index;
}

// IEEE on the host: all are false for NaN but !=, which becomes the ordered "ne" by (< or >).
template <int kComparison, typename T>
bool Holds(T a, T b) {
  if constexpr (kComparison == kEq) return a == b;
  if constexpr (kComparison == kNe) return std::is_floating_point_v<T> ? a < b || a > b : a != b;
  if constexpr (kComparison == kLt) return a < b;
  if constexpr (kComparison == kLe) return a <= b;
  if constexpr (kComparison == kGt) return a > b;
  if constexpr (kComparison == kGe) return a >= b;
  if constexpr (kComparison == kEqu) return !(a < b || a > b);
  if constexpr (kComparison == kNeu) return a != b;
  if constexpr (kComparison == kLtu) return !(a >= b);
  if constexpr (kComparison == kLeu) return !(a > b);
  if constexpr (kComparison == kGtu) return !(a <= b);
  if constexpr (kComparison == kGeu) return !(a < b);
  if constexpr (kComparison == kNum) return a == a && b == b;
  return !(a == a && b == b);
}

// How a source type is read as a number.
template <typename T>
struct AsIs {
  using Raw = T;
  static T Value(T a) { return a; }
};
struct FlushedFloat {
  using Raw = float;
  static float Value(float a) { return Flush(a); }
};
struct HalfValue {
  using Raw = std::uint16_t;
  static float Value(std::uint16_t a) { return FloatOf(FloatFromHalf(a)); }
};
struct HalfFlushed {
  using Raw = std::uint16_t;
  static float Value(std::uint16_t a) {
    return FloatOf(FloatFromHalf((a & 0x7C00) == 0 ? a & 0x8000U : a));
  }
};
struct BfloatValue {
  using Raw = std::uint16_t;
  static float Value(std::uint16_t a) { return FloatOf(FloatFromBfloat(a)); }
};

template <typename Reader, int kComparison>
LaneMask CompareLanes(const Operation& operation, Warp& warp, int first) {
  using Raw = typename Reader::Raw;
  return FlagLanes<Raw, Raw>(operation, warp, first, [](Raw a, Raw b) {
    return Holds<kComparison>(Reader::Value(a), Reader::Value(b));
  });
}

// The boolean modifier: 0 none, 1 and, 2 or, 3 xor with the predicate operand at `position`.
LaneMask Combine(std::uint64_t combination, const Operation& operation, Warp& warp, LaneMask test,
                 int position) {
  if (combination == 0) return test;
  LaneMask c = *warp.At<LaneMask>(operation.operand[position]);
  if ((operation.negated >> position & 1) != 0) c = ~c;
  if (combination == 1) return test & c;
  return combination == 2 ? test | c : test ^ c;
}

// setp: p = (a cmp b) op c, q = !(a cmp b) op c. Operands p, q, a, b, c.
template <typename Reader, int kComparison>
void SetPredicates(const Operation& operation, Warp& warp, LaneMask mask) {
  const LaneMask test = CompareLanes<Reader, kComparison>(operation, warp, 2);
  const LaneMask p = Combine(operation.parameter, operation, warp, test, 4);
  const LaneMask q = Combine(operation.parameter, operation, warp, ~test, 4);
  SetPredicate(warp, operation.operand[0], mask, p);
  if (operation.operand[1] != kSinkPredicateSlot) {
    SetPredicate(warp, operation.operand[1], mask, q);
  }
}

// set: all ones (integer result) or 1.0 (float result) where it holds. Operands d, a, b, c.
// Parameter: the boolean modifier in bits 0-7, the value for true above.
template <typename Reader, int kComparison>
void SetValue(const Operation& operation, Warp& warp, LaneMask mask) {
  const LaneMask test = Combine(operation.parameter & 0xFF, operation, warp,
                                CompareLanes<Reader, kComparison>(operation, warp, 1), 3);
  auto* const d = warp.At<std::uint32_t>(operation.operand[0]);
  const auto value = static_cast<std::uint32_t>(operation.parameter >> 8);
  ULPROOF_EACH_LANE
  for (int lane = 0; lane < kLanes; ++lane) {
    const std::uint32_t result = (test & kLaneBit[lane]) != 0 ? value : 0;
    d[lane] = (mask & kLaneBit[lane]) != 0 ? result : d[lane];
  }
}

template <typename Reader, bool kValue, int... kComparison>
Execute ByComparison(int comparison, std::integer_sequence<int, kComparison...>) {
  Execute found = nullptr;
  ((comparison == kComparison ? void(found = kValue ? &SetValue<Reader, kComparison>
                                                    : &SetPredicates<Reader, kComparison>)
                              : void()),
   ...);
  return found;
}

template <bool kValue>
Execute ByType(Type type, int comparison, bool flush) {
  using All = std::make_integer_sequence<int, 14>;
  using Six = std::make_integer_sequence<int, 6>;
  switch (type) {
    case Type::kF16:
      return flush ? ByComparison<HalfFlushed, kValue>(comparison, All())
                   : ByComparison<HalfValue, kValue>(comparison, All());
    case Type::kBf16:
      return ByComparison<BfloatValue, kValue>(comparison, All());
    case Type::kF32:
      return flush ? ByComparison<FlushedFloat, kValue>(comparison, All())
                   : ByComparison<AsIs<float>, kValue>(comparison, All());
    case Type::kF64:
      return ByComparison<AsIs<double>, kValue>(comparison, All());
    default:
      break;
  }
  return ForInteger(type, [&]<typename T>(TypeTag<T>) {
    return ByComparison<AsIs<T>, kValue>(comparison, Six());
  });
}

std::uint64_t CombinationOf(const Form& form) {
  static constexpr std::string_view kNames[] = {"and", "or", "xor"};
  return static_cast<std::uint64_t>(form.Find(kNames) + 1);
}

bool TestOne(int comparison, float a, float b) {
  const bool ordered = a == a && b == b;
  switch (comparison) {
    case kEq:
    case kEqu:
      return ordered ? a == b : comparison == kEqu;
    case kNe:
    case kNeu:
      return ordered ? a != b : comparison == kNeu;
    case kLt:
    case kLtu:
      return ordered ? a < b : comparison == kLtu;
    case kLe:
    case kLeu:
      return ordered ? a <= b : comparison == kLeu;
    case kGt:
    case kGtu:
      return ordered ? a > b : comparison == kGtu;
    case kGe:
    case kGeu:
      return ordered ? a >= b : comparison == kGeu;
    default:
      return ordered == (comparison == kNum);
  }
}

// Packed comparisons. Parameter: comparison in bits 0-7, 256 bfloat16, 512 .ftz, the value for
// true of one half in bits 16-31.
std::uint32_t ComparePair(std::uint64_t word, std::uint32_t a, std::uint32_t b) {
  std::uint32_t result = 0;
  for (int shift = 0; shift < 32; shift += 16) {
    const auto read = [&](std::uint32_t pair) {
      const auto code = static_cast<std::uint16_t>(pair >> shift);
      if ((word & 256) != 0) return BfloatValue::Value(code);
      return (word & 512) != 0 ? HalfFlushed::Value(code) : HalfValue::Value(code);
    };
    if (TestOne(static_cast<int>(word & 0xFF), read(a), read(b))) {
      result |= static_cast<std::uint32_t>(word >> 16 & 0xFFFF) << shift;
    }
  }
  return result;
}

// setp.f16x2: p for the low halves, q for the high ones. Parameter as for ComparePair, and the
// combination in bits 32-33. Operands p, q, a, b, c.
void SetPairPredicates(const Operation& operation, Warp& warp, LaneMask mask) {
  const auto* const a = warp.At<std::uint32_t>(operation.operand[2]);
  const auto* const b = warp.At<std::uint32_t>(operation.operand[3]);
  LaneMask low = 0;
  LaneMask high = 0;
  for (int lane = 0; lane < kLanes; ++lane) {
    const std::uint32_t test = ComparePair(operation.parameter, a[lane], b[lane]);
    if ((test & 0xFFFF) != 0) low |= kLaneBit[lane];
    if ((test >> 16) != 0) high |= kLaneBit[lane];
  }
  const std::uint64_t combination = operation.parameter >> 32;
  const LaneMask p = Combine(combination, operation, warp, low, 4);
  const LaneMask q = Combine(combination, operation, warp, high, 4);
  SetPredicate(warp, operation.operand[0], mask, p);
  SetPredicate(warp, operation.operand[1], mask, q);
}

std::uint64_t PairWord(const Form& form, Type source, std::uint32_t value) {
  return static_cast<std::uint64_t>(ComparisonOf(form)) |
         (source == Type::kBf16x2 ? 256U
          : form.Has("ftz")       ? 512U
                                  : 0U) |
         static_cast<std::uint64_t>(value) << 16;
}

template <typename T>
T SelectByPredicate(T a, T b, Predicate p) {
  // Without a branch, whatever the compiler makes of a conditional.
  const T ones = static_cast<T>(static_cast<std::int64_t>(static_cast<std::int32_t>(p.ones)));
  return static_cast<T>(b ^ ((a ^ b) & ones));
}
template <typename T>
T SelectByInteger(T a, T b, std::int32_t c) {
  return c >= 0 ? a : b;
}
template <typename T>
T SelectByFloat(T a, T b, float c) {
  return c >= 0.0F ? a : b;  // -0 counts as 0; NaN takes b.
}
template <typename T>
T SelectByFlushed(T a, T b, float c) {
  return Flush(c) >= 0.0F ? a : b;
}

constexpr std::string_view kClassNames[] = {"finite",     "infinite", "number",
                                            "notanumber", "normal",   "subnormal"};
template <typename Bits, int kTrailing>
void TestClass(const Operation& operation, Warp& warp, LaneMask mask) {
  constexpr Bits kMagnitude = ~Bits{0} >> 1;
  constexpr Bits kInfinity = kMagnitude >> kTrailing << kTrailing;
  const LaneMask test = FlagLanes<Bits>(operation, warp, 1, [&](Bits a) {
    const Bits magnitude = a & kMagnitude;
    const bool is_small = magnitude < (Bits{1} << kTrailing);
    switch (operation.parameter) {
      case 0:
        return magnitude < kInfinity;
      case 1:
        return magnitude == kInfinity;
      case 2:
        return magnitude <= kInfinity;
      case 3:
        return magnitude > kInfinity;
      case 4:
        return magnitude < kInfinity && !is_small;
      default:
        return is_small && magnitude != 0;
    }
  });
  SetPredicate(warp, operation.operand[0], mask, test);
}

}  // namespace

Binding ComparePredicates(const Form& form) {
  return {ByType<false>(form.type(), ComparisonOf(form), form.Has("ftz")), CombinationOf(form)};
}
Binding ComparePairPredicates(const Form& form) {
  return {&SetPairPredicates, PairWord(form, form.type(), 0xFFFF) | CombinationOf(form) << 32};
}

namespace {

std::uint64_t TrueValueOf(Type type) {
  switch (type) {
    case Type::kF32:
      return 0x3F800000;
    case Type::kF16:
      return 0x3C00;
    case Type::kBf16:
      return 0x3F80;
    case Type::kU16:
    case Type::kS16:
      return 0xFFFF;
    default:
      return 0xFFFFFFFF;
  }
}

}  // namespace

Binding CompareValue(const Form& form) {
  return {ByType<true>(form.type(1), ComparisonOf(form), form.Has("ftz")),
          CombinationOf(form) | TrueValueOf(form.type(0)) << 8};
}
Binding ComparePairValue(const Form& form) {
  const Type to = form.type(0);
  const Type from = form.type(1);
  const bool fits = to == from || IsInteger(to);
  if (!fits) return {};
  const std::uint32_t value = to == Type::kF16x2 ? 0x3C00 : to == Type::kBf16x2 ? 0x3F80 : 0xFFFF;
  return {&ActiveLanes<&ComparePair>, PairWord(form, from, value)};
}

Binding SelectValue(const Form& form) {
  return {ForBits(form.type(),
                  []<typename T>(TypeTag<T>) -> Execute { return &Lanes<&SelectByPredicate<T>>; })};
}
Binding SelectBySign(const Form& form) {
  const bool by_float = form.type(1) == Type::kF32;
  const bool flush = form.Has("ftz");
  return {ForBits(form.type(), [&]<typename T>(TypeTag<T>) -> Execute {
    if (!by_float) return &Lanes<&SelectByInteger<T>>;
    return flush ? &Lanes<&SelectByFlushed<T>> : &Lanes<&SelectByFloat<T>>;
  })};
}
Binding TestFloatClass(const Form& form) {
  const auto which = static_cast<std::uint64_t>(form.Find(kClassNames));
  return {form.type() == Type::kF32 ? &TestClass<std::uint32_t, 23> : &TestClass<std::uint64_t, 52>,
          which};
}

}  // namespace ulproof::gpu::ptx::ops
