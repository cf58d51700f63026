// SPDX-License-Identifier: Apache-2.0
// From the type of a form to the instantiation that runs it.
#ifndef ULPROOF_GPU_PTX_OPS_SELECT_H_
#define ULPROOF_GPU_PTX_OPS_SELECT_H_

#include <cstdint>

#include "gpu/ptx/form.h"
#include "gpu/ptx/lanes.h"

namespace ulproof::gpu::ptx::ops {

template <typename T>
struct TypeTag {
  using type = T;
};

// Calls choose(TypeTag<T>) with the C++ type of a PTX integer type of 16 to 64 bits.
template <typename Choose>
Execute ForInteger(Type type, Choose choose) {
  switch (type) {
    case Type::kB16:
    case Type::kU16:
      return choose(TypeTag<std::uint16_t>{});
    case Type::kS16:
      return choose(TypeTag<std::int16_t>{});
    case Type::kB32:
    case Type::kU32:
      return choose(TypeTag<std::uint32_t>{});
    case Type::kS32:
      return choose(TypeTag<std::int32_t>{});
    case Type::kB64:
    case Type::kU64:
      return choose(TypeTag<std::uint64_t>{});
    case Type::kS64:
      return choose(TypeTag<std::int64_t>{});
    default:
      return nullptr;
  }
}

// The same by width alone, for operations on bits.
template <typename Choose>
Execute ForBits(Type type, Choose choose) {
  switch (BitsOf(type)) {
    case 8:
      return choose(TypeTag<std::uint8_t>{});
    case 16:
      return choose(TypeTag<std::uint16_t>{});
    case 32:
      return choose(TypeTag<std::uint32_t>{});
    case 64:
      return choose(TypeTag<std::uint64_t>{});
    default:
      return nullptr;
  }
}

}  // namespace ulproof::gpu::ptx::ops

#endif  // ULPROOF_GPU_PTX_OPS_SELECT_H_
