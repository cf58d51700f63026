// SPDX-License-Identifier: Apache-2.0
// Loads and stores of every space and width. Addresses of all lanes are checked before any lane
// moves; lanes that touch consecutive elements of one buffer move as one copy. Lanes that store to
// the same place do so in lane order (PTX leaves the order open).
#include <cstring>

#include "gpu/ptx/ops/by_operand.h"
#include "gpu/ptx/ops/memory_access.h"
#include "gpu/ptx/ops/select.h"

namespace ulproof::gpu::ptx::ops {
namespace {

// Element `e` of the lane's vector, as register bits.
template <typename T>
T ReadElement(const std::uint8_t* from, int e) {
  T value;
  std::memcpy(&value, from + static_cast<std::size_t>(e) * sizeof(T), sizeof(T));
  return value;
}

template <typename T, typename Lane>
ULPROOF_TARGET_CLONES void Load(const Operation& operation, Warp& warp, LaneMask mask) {
  const int count = operation.count;
  const std::size_t bytes = sizeof(T) * static_cast<std::size_t>(count);
  Access access;
  if (!Resolve(operation, warp, mask, count, bytes, AccessKind::kLoad, access)) return;
  // A signed narrow value is extended to the register, no further.
  const int register_bytes = operation.register_bytes[0];
  const Lane keep = register_bytes >= static_cast<int>(sizeof(Lane))
                        ? ~Lane{0}
                        : static_cast<Lane>((Lane{1} << 8 * register_bytes) - 1);
  for (int e = 0; e < count; ++e) {
    if (operation.operand[e] == kSinkSlot) continue;
    Lane* const result = warp.At<Lane>(operation.operand[e]);
    if (access.consecutive != nullptr) {
      const std::uint8_t* const from = access.consecutive + static_cast<std::size_t>(e) * sizeof(T);
      ULPROOF_EACH_LANE
      for (int lane = 0; lane < kLanes; ++lane) {
        result[lane] = static_cast<Lane>(ReadElement<T>(from + lane * bytes, 0)) & keep;
      }
    } else if (mask == kAllLanes) {
      for (int lane = 0; lane < kLanes; ++lane) {
        result[lane] = static_cast<Lane>(ReadElement<T>(access.pointer[lane], e)) & keep;
      }
    } else {
      for (LaneMask rest = mask; rest != 0; rest &= rest - 1) {
        const int lane = std::countr_zero(rest);
        result[lane] = static_cast<Lane>(ReadElement<T>(access.pointer[lane], e)) & keep;
      }
    }
  }
}

template <typename T, typename Lane>
ULPROOF_TARGET_CLONES void Store(const Operation& operation, Warp& warp, LaneMask mask) {
  const int count = operation.count;
  const std::size_t bytes = sizeof(T) * static_cast<std::size_t>(count);
  Access access;
  if (!Resolve(operation, warp, mask, 0, bytes, AccessKind::kStore, access)) return;
  for (int e = 0; e < count; ++e) {
    const Lane* const source = warp.At<Lane>(operation.operand[e + 1]);
    const auto write = [&](std::uint8_t* to, int lane) {
      const auto value = static_cast<T>(source[lane]);
      std::memcpy(to + static_cast<std::size_t>(e) * sizeof(T), &value, sizeof(T));
    };
    if (access.consecutive != nullptr) {
      ULPROOF_EACH_LANE
      for (int lane = 0; lane < kLanes; ++lane) write(access.consecutive + lane * bytes, lane);
    } else if (mask == kAllLanes) {
      for (int lane = 0; lane < kLanes; ++lane) write(access.pointer[lane], lane);
    } else {
      for (LaneMask rest = mask; rest != 0; rest &= rest - 1) {
        const int lane = std::countr_zero(rest);
        write(access.pointer[lane], lane);
      }
    }
  }
}

template <typename Choose>
Execute ForMemoryType(Type type, Choose choose) {
  if (type == Type::kS8) return choose(TypeTag<std::int8_t>{});
  if (type == Type::kU8 || type == Type::kB8) return choose(TypeTag<std::uint8_t>{});
  if (IsInteger(type)) return ForInteger(type, choose);
  return ForBits(type, choose);
}

// cp.async: a copy from global to shared that is complete at once. Operands: shared address,
// global address, and the bytes to read, the rest of the copy being zeros. Parameter: size of the
// copy in bits 0-7, offset of the global address above.
void CopyAsync(const Operation& operation, Warp& warp, LaneMask mask) {
  const std::uint64_t size = operation.parameter & 0xFF;
  Operation to = operation;
  to.space = Space::kShared;
  Operation from = operation;
  from.space = Space::kGlobal;
  from.offset = static_cast<std::int64_t>(operation.parameter) >> 8;
  from.is_wide_address = true;
  const bool has_read_size = operation.operand[2] != kSinkSlot;
  for (LaneMask rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    std::uint8_t bytes[16] = {};
    std::uint64_t read = size;
    if (has_read_size) {
      read = std::min<std::uint64_t>(size, warp.At<std::uint32_t>(operation.operand[2])[lane]);
    }
    Access access;
    if (read != 0) {
      if (!ResolveLane(operation, from, warp, lane, 1, read, size, AccessKind::kLoad, access))
        return;
      std::memcpy(bytes, access.pointer[lane], read);
    }
    if (!ResolveLane(operation, to, warp, lane, 0, size, size, AccessKind::kStore, access)) return;
    std::memcpy(access.pointer[lane], bytes, size);
  }
}

// The generic window of an address: parameter is what to add.
std::uint64_t AddWindow(std::uint64_t window, std::uint64_t a) { return a + window; }
std::uint64_t Copy64(std::uint64_t a) { return a; }

void IsInSpace(const Operation& operation, Warp& warp, LaneMask mask) {
  const auto space = static_cast<Space>(operation.parameter);
  const LaneMask test = FlagLanes<std::uint64_t>(
      operation, warp, 1, [&](std::uint64_t address) { return SpaceOf(address) == space; });
  SetPredicate(warp, operation.operand[0], mask, test);
}

void Nothing(const Operation&, Warp&, LaneMask) {}

void MakePolicy(const Operation& operation, Warp& warp, LaneMask mask) {
  auto* const d = warp.At<std::uint64_t>(operation.operand[0]);
  for (int lane = 0; lane < kLanes; ++lane) {
    if ((mask & kLaneBit[lane]) != 0) d[lane] = 0;
  }
}

std::uint64_t WindowOf(const Form& form) {
  switch (SpaceOfForm(form)) {
    case Space::kShared:
      return kSharedWindow;
    case Space::kLocal:
      return kLocalWindow;
    case Space::kParam:
      return kParamWindow;
    default:
      return 0;
  }
}

}  // namespace

Binding LoadMemory(const Form& form) {
  return {ForMemoryType(form.type(),
                        []<typename T>(TypeTag<T>) -> Execute { return &Load<T, Word<T>>; })};
}
Binding StoreMemory(const Form& form) {
  return {ForMemoryType(form.type(),
                        []<typename T>(TypeTag<T>) -> Execute { return &Store<T, Word<T>>; })};
}
// The same for 64-bit registers and a narrower type.
Execute WideLoad(const Form& form) {
  return ForMemoryType(form.type(),
                       []<typename T>(TypeTag<T>) -> Execute { return &Load<T, std::uint64_t>; });
}
Execute WideStore(const Form& form) {
  return ForMemoryType(form.type(),
                       []<typename T>(TypeTag<T>) -> Execute { return &Store<T, std::uint64_t>; });
}

Binding CopyAsyncBytes(const Form&) { return {&CopyAsync}; }
Binding ConvertAddress(const Form& form) {
  const std::uint64_t window = WindowOf(form);
  if (window == 0) return {&Lanes<&Copy64>};
  return {&ActiveLanes<&AddWindow>, form.Has("to") ? ~window + 1 : window};
}
Binding TestAddressSpace(const Form& form) {
  return {&IsInSpace, static_cast<std::uint64_t>(SpaceOfForm(form))};
}
Binding NoOperation(const Form&) { return {&Nothing}; }
Binding CreatePolicy(const Form&) { return {&MakePolicy}; }

}  // namespace ulproof::gpu::ptx::ops
