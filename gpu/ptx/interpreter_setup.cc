// SPDX-License-Identifier: Apache-2.0
// The state of a block before its first instruction.
#include <algorithm>
#include <bit>
#include <cstring>

#include "gpu/ptx/interpreter.h"
#include "gpu/ptx/lanes.h"
#include "gpu/ptx/layout.h"

namespace ulproof::gpu::ptx {
namespace {

static_assert(std::endian::native == std::endian::little,
              "device memory is little-endian and is read in place");

constexpr std::size_t kFileAlignment = 64;
// What shared and local memory hold before a kernel writes to them.
constexpr std::uint8_t kPoison = 0xDB;

template <typename T>
void Fill(std::byte* file, Slot slot, T value) {
  T* const lanes = reinterpret_cast<T*>(file + slot);
  std::fill(lanes, lanes + kLanes, value);
}

}  // namespace

BlockRunner::BlockRunner(const BlockEnvironment& environment)
    : environment_(environment), program_(*environment.program) {
  const auto threads = static_cast<std::uint32_t>(environment.shape.block.count());
  const std::uint32_t warps = (threads + kLanes - 1) / kLanes;
  const std::size_t file_bytes =
      (program_.file_bytes + kFileAlignment - 1) / kFileAlignment * kFileAlignment;
  registers_ = std::make_unique<std::byte[]>(file_bytes * warps + kFileAlignment);
  const auto address = reinterpret_cast<std::uintptr_t>(registers_.get());
  file_ = registers_.get() + (kFileAlignment - address % kFileAlignment) % kFileAlignment;
  block_.program = &program_;
  block_.memory = environment.memory;
  block_.parameters = environment.parameters;
  block_.count_sectors = environment.options.count_sectors;
  block_.shared.resize(program_.static_shared_bytes + environment.shape.dynamic_shared_bytes);
  block_.local.resize(program_.local_bytes * warps * kLanes);
  if (environment.options.check_races) {
    race_ = std::make_unique<RaceCheck>(block_.shared.size());
    block_.race = race_.get();
  }
  counts_.warp_steps.resize(program_.code.size() + 1);
  counts_.thread_steps.resize(program_.code.size() + 1);
  warps_.resize(warps);
  for (std::uint32_t i = 0; i < warps; ++i) {
    WarpState& state = warps_[i];
    const std::uint32_t lanes = std::min<std::uint32_t>(kLanes, threads - i * kLanes);
    state.born = lanes == kLanes ? kAllLanes : (LaneMask{1} << lanes) - 1;
    state.warp = {
        .registers = file_ + file_bytes * i, .block = &block_, .exited = 0, .index = i, .phase = 0};
  }
  order_.resize(warps);
  FillConstants();
}

// The register bits of a parameter: sign- or zero-extended to the register, no further.
std::uint64_t BlockRunner::ParameterValue(const Program::ParameterConstant& parameter) const {
  std::uint64_t value = 0;
  std::memcpy(&value, environment_.parameters.data() + parameter.offset,
              static_cast<std::size_t>(BytesOf(parameter.type)));
  const int unused = 64 - BitsOf(parameter.type);
  if (IsSigned(parameter.type)) {
    value = static_cast<std::uint64_t>(static_cast<std::int64_t>(value << unused) >> unused);
  }
  const int outside = 64 - 8 * parameter.register_bytes;
  return value << outside >> outside;
}

// Everything in the register files that no block changes.
void BlockRunner::FillConstants() {
  const Dim3 block = environment_.shape.block;
  const Dim3 grid = environment_.shape.grid;
  const auto dynamic_bytes = environment_.shape.dynamic_shared_bytes;
  for (WarpState& state : warps_) {
    std::byte* const file = state.warp.registers;
    *state.warp.At<LaneMask>(kTrueSlot) = kAllLanes;
    for (const Program::Constant& constant : program_.constants) {
      if (constant.is_wide) {
        Fill<std::uint64_t>(file, constant.slot, constant.value);
      } else {
        Fill<std::uint32_t>(file, constant.slot, static_cast<std::uint32_t>(constant.value));
      }
    }
    for (const Program::ParameterConstant& parameter : program_.parameter_constants) {
      const std::uint64_t value = ParameterValue(parameter);
      if (parameter.is_wide) {
        Fill<std::uint64_t>(file, parameter.slot, value);
      } else {
        Fill<std::uint32_t>(file, parameter.slot, static_cast<std::uint32_t>(value));
      }
    }
    for (std::size_t i = 0; i < program_.addresses.size(); ++i) {
      Fill<std::uint64_t>(file, program_.addresses[i].slot, environment_.module_addresses[i]);
    }
    for (const auto& [special, slot] : program_.specials) {
      auto* const lanes = reinterpret_cast<std::uint32_t*>(file + slot);
      for (std::uint32_t lane = 0; lane < kLanes; ++lane) {
        const std::uint32_t thread = state.warp.index * kLanes + lane;
        const std::uint32_t bit = kLaneBit[lane];
        switch (special) {
          case Special::kTidX:
            lanes[lane] = thread % block.x;
            break;
          case Special::kTidY:
            lanes[lane] = thread / block.x % block.y;
            break;
          case Special::kTidZ:
            lanes[lane] = thread / block.x / block.y;
            break;
          case Special::kNtidX:
            lanes[lane] = block.x;
            break;
          case Special::kNtidY:
            lanes[lane] = block.y;
            break;
          case Special::kNtidZ:
            lanes[lane] = block.z;
            break;
          case Special::kNctaidX:
            lanes[lane] = grid.x;
            break;
          case Special::kNctaidY:
            lanes[lane] = grid.y;
            break;
          case Special::kNctaidZ:
            lanes[lane] = grid.z;
            break;
          case Special::kWarpid:
            lanes[lane] = state.warp.index;
            break;
          case Special::kNwarpid:
            lanes[lane] = static_cast<std::uint32_t>(warps_.size());
            break;
          case Special::kDynamicShared:
            lanes[lane] = dynamic_bytes;
            break;
          case Special::kTotalShared:
            lanes[lane] = static_cast<std::uint32_t>(block_.shared.size());
            break;
          case Special::kLaneid:
            lanes[lane] = lane;
            break;
          case Special::kLanemaskEq:
            lanes[lane] = bit;
            break;
          case Special::kLanemaskLt:
            lanes[lane] = bit - 1;
            break;
          case Special::kLanemaskLe:
            lanes[lane] = bit | (bit - 1);
            break;
          case Special::kLanemaskGe:
            lanes[lane] = ~(bit - 1);
            break;
          case Special::kLanemaskGt:
            lanes[lane] = ~(bit | (bit - 1));
            break;
          case Special::kCtaidX:
          case Special::kCtaidY:
          case Special::kCtaidZ:
            break;  // StartWarps
        }
      }
    }
  }
}

void BlockRunner::StartWarps(std::uint64_t block_index) {
  const Dim3 grid = environment_.shape.grid;
  const auto x = static_cast<std::uint32_t>(block_index % grid.x);
  const auto y = static_cast<std::uint32_t>(block_index / grid.x % grid.y);
  const auto z = static_cast<std::uint32_t>(block_index / grid.x / grid.y);
  for (WarpState& state : warps_) {
    std::byte* const file = state.warp.registers;
    for (const auto& [special, slot] : program_.specials) {
      if (special == Special::kCtaidX) Fill<std::uint32_t>(file, slot, x);
      if (special == Special::kCtaidY) Fill<std::uint32_t>(file, slot, y);
      if (special == Special::kCtaidZ) Fill<std::uint32_t>(file, slot, z);
    }
    for (const Program::RegisterSlot& cleared : program_.maybe_uninitialised) {
      std::memset(file + cleared.slot, 0, cleared.bytes);
    }
    *state.warp.At<LaneMask>(kCarrySlot) = 0;
    state.warp.exited = ~state.born;
    state.warp.phase = 0;
    state.fragments[0] = {.pc = 0, .mask = state.born, .waits = false};
    state.count = 1;
  }
  std::fill(block_.shared.begin(), block_.shared.end(), kPoison);
  std::fill(block_.local.begin(), block_.local.end(), kPoison);
  for (Barrier& barrier : barriers_) barrier = {};
  block_.phase = 0;
  if (race_ != nullptr) race_->Reset();
  alive_ = static_cast<std::uint32_t>(environment_.shape.block.count());
  budget_ = environment_.options.instruction_budget;
}

}  // namespace ulproof::gpu::ptx
