// SPDX-License-Identifier: Apache-2.0
// atom and red. Each lane's update is one atomic step on the host, in lane order, so that integer
// results are right across blocks that run at the same time. Floating-point sums depend on the
// order of threads, as on a device; their rows are tagged kApproximate.
#include <atomic>
#include <bit>

#include "gpu/ptx/ops/float_parts.h"
#include "gpu/ptx/ops/memory_access.h"
#include "gpu/ptx/ops/select.h"

namespace ulproof::gpu::ptx::ops {
namespace {

enum class Update : std::uint8_t { kAdd, kMin, kMax, kAnd, kOr, kXor, kExchange, kInc, kDec, kCas };

template <typename T, Update kUpdate>
T Updated(T old, T b, [[maybe_unused]] T c) {
  using U = std::make_unsigned_t<T>;
  switch (kUpdate) {
    case Update::kAdd:
      return static_cast<T>(static_cast<U>(old) + static_cast<U>(b));
    case Update::kMin:
      return b < old ? b : old;
    case Update::kMax:
      return old < b ? b : old;
    case Update::kAnd:
      return old & b;
    case Update::kOr:
      return old | b;
    case Update::kXor:
      return old ^ b;
    case Update::kExchange:
      return b;
    case Update::kInc:
      return old >= b ? T{0} : static_cast<T>(old + 1);
    case Update::kDec:
      return old == 0 || old > b ? b : static_cast<T>(old - 1);
    case Update::kCas:
      return old == b ? c : old;
  }
}

// Sums of floating-point types on their codes.
std::uint32_t AddFloats(std::uint32_t a, std::uint32_t b) {
  // Global atomics on binary32 flush subnormals; shared ones do not. Neither is done here.
  return BitsOfFloat(Canonical(FloatOf(a) + FloatOf(b)));
}
std::uint64_t AddDoubles(std::uint64_t a, std::uint64_t b) {
  return std::bit_cast<std::uint64_t>(
      Canonical(std::bit_cast<double>(a) + std::bit_cast<double>(b)));
}
template <std::uint32_t (*kWiden)(std::uint32_t), std::uint32_t (*kNarrow)(std::uint32_t)>
std::uint16_t AddHalves(std::uint16_t a, std::uint16_t b) {
  return static_cast<std::uint16_t>(kNarrow(
      BitsOfFloat(NarrowToOdd(AddToOdd(double{FloatOf(kWiden(a))}, double{FloatOf(kWiden(b))})))));
}
template <std::uint16_t (*kAdd)(std::uint16_t, std::uint16_t)>
std::uint32_t AddPairs(std::uint32_t a, std::uint32_t b) {
  return kAdd(static_cast<std::uint16_t>(a), static_cast<std::uint16_t>(b)) |
         std::uint32_t{
             kAdd(static_cast<std::uint16_t>(a >> 16), static_cast<std::uint16_t>(b >> 16))}
             << 16;
}

// Runs `next` as the update of every active lane. Operands: d, address, b[, c] (atom) or address,
// b (red, kReturns false).
template <typename T, bool kReturns, typename Next>
void UpdateLanes(const Operation& operation, Warp& warp, LaneMask mask, Next next) {
  constexpr int kAddress = kReturns ? 1 : 0;
  Access access;
  if (!Resolve(operation, warp, mask, kAddress, sizeof(T), AccessKind::kAtomic, access)) return;
  const auto* const b = warp.At<Word<T>>(operation.operand[kAddress + 1]);
  const auto* const c = warp.At<Word<T>>(operation.operand[kAddress + 2]);
  auto* const d = warp.At<Word<T>>(operation.operand[0]);
  for (LaneMask rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    std::uint8_t* const bytes =
        access.consecutive != nullptr
            ? access.consecutive + static_cast<std::size_t>(lane) * sizeof(T)
            : access.pointer[lane];
    std::atomic_ref<T> cell(*reinterpret_cast<T*>(bytes));
    T old = cell.load(std::memory_order_relaxed);
    const T second = static_cast<T>(b[lane]);
    while (
        !cell.compare_exchange_weak(old, next(old, second, lane, c), std::memory_order_relaxed)) {
    }
    if constexpr (kReturns) d[lane] = ToWord<T>(old);
  }
}

template <typename T, bool kReturns, Update kUpdate>
void AtomicInteger(const Operation& operation, Warp& warp, LaneMask mask) {
  UpdateLanes<T, kReturns>(operation, warp, mask, [](T old, T b, int lane, const Word<T>* c) {
    if constexpr (kUpdate == Update::kCas) {
      return Updated<T, kUpdate>(old, b, static_cast<T>(c[lane]));
    } else {
      return Updated<T, kUpdate>(old, b, T{0});
    }
  });
}
template <typename T, bool kReturns, T (*kAdd)(T, T)>
void AtomicFloat(const Operation& operation, Warp& warp, LaneMask mask) {
  UpdateLanes<T, kReturns>(operation, warp, mask,
                           [](T old, T b, int, const Word<T>*) { return kAdd(old, b); });
}

template <typename T, bool kReturns>
Execute IntegerUpdate(Update update) {
  switch (update) {
    case Update::kAdd:
      return &AtomicInteger<T, kReturns, Update::kAdd>;
    case Update::kMin:
      return &AtomicInteger<T, kReturns, Update::kMin>;
    case Update::kMax:
      return &AtomicInteger<T, kReturns, Update::kMax>;
    case Update::kAnd:
      return &AtomicInteger<T, kReturns, Update::kAnd>;
    case Update::kOr:
      return &AtomicInteger<T, kReturns, Update::kOr>;
    case Update::kXor:
      return &AtomicInteger<T, kReturns, Update::kXor>;
    case Update::kExchange:
      return &AtomicInteger<T, kReturns, Update::kExchange>;
    case Update::kInc:
      return &AtomicInteger<T, kReturns, Update::kInc>;
    case Update::kDec:
      return &AtomicInteger<T, kReturns, Update::kDec>;
    case Update::kCas:
      return &AtomicInteger<T, kReturns, Update::kCas>;
  }
  return nullptr;
}

template <bool kReturns>
Binding Bind(const Form& form) {
  static constexpr std::string_view kNames[] = {"add", "min",  "max", "and", "or",
                                                "xor", "exch", "inc", "dec", "cas"};
  const int index = form.Find(kNames);
  if (index < 0) return {};
  const auto update = static_cast<Update>(index);
  return {ForInteger(form.type(), [&]<typename T>(TypeTag<T>) -> Execute {
    if constexpr (sizeof(T) == 2) {
      return update == Update::kCas ? &AtomicInteger<T, kReturns, Update::kCas> : nullptr;
    } else {
      return IntegerUpdate<T, kReturns>(update);
    }
  })};
}

template <bool kReturns>
Binding BindFloat(const Form& form) {
  switch (form.type()) {
    case Type::kF32:
      return {&AtomicFloat<std::uint32_t, kReturns, &AddFloats>};
    case Type::kF64:
      return {&AtomicFloat<std::uint64_t, kReturns, &AddDoubles>};
    case Type::kF16:
      return {&AtomicFloat<std::uint16_t, kReturns, &AddHalves<&FloatFromHalf, &HalfFromFloat>>};
    case Type::kBf16:
      return {
          &AtomicFloat<std::uint16_t, kReturns, &AddHalves<&FloatFromBfloat, &BfloatFromFloat>>};
    case Type::kF16x2:
      return {&AtomicFloat<std::uint32_t, kReturns,
                           &AddPairs<&AddHalves<&FloatFromHalf, &HalfFromFloat>>>};
    case Type::kBf16x2:
      return {&AtomicFloat<std::uint32_t, kReturns,
                           &AddPairs<&AddHalves<&FloatFromBfloat, &BfloatFromFloat>>>};
    default:
      return {};
  }
}

}  // namespace

Binding AtomicUpdate(const Form& form) {
  return form.opcode == "atom" ? Bind<true>(form) : Bind<false>(form);
}
Binding AtomicFloatAdd(const Form& form) {
  return form.opcode == "atom" ? BindFloat<true>(form) : BindFloat<false>(form);
}

}  // namespace ulproof::gpu::ptx::ops
