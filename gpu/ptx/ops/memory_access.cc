// SPDX-License-Identifier: Apache-2.0
#include "gpu/ptx/ops/memory_access.h"

#include <cstring>
#include <string>

#include "gpu/ptx/lanes.h"

namespace ulproof::gpu::ptx::ops {
namespace {

constexpr std::uint64_t kSectorBytes = 32;

// A range of addresses and the host bytes behind it.
struct Region {
  std::uint64_t base = 0;
  std::uint64_t size = 0;
  std::uint8_t* data = nullptr;
  std::uint8_t* written = nullptr;  // Flags for each byte, or null.
  Space space = Space::kGlobal;
  Buffer* buffer = nullptr;
};

std::string Hex(std::uint64_t value) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "0x";
  for (int shift = 60; shift >= 0; shift -= 4) {
    if (value >> shift != 0 || shift == 0) text += kDigits[value >> shift & 15];
  }
  return text;
}

std::string Describe(AccessKind kind, std::size_t bytes) {
  constexpr std::string_view kNames[] = {"load", "store", "atomic"};
  return std::to_string(bytes) + "-byte " + std::string(kNames[static_cast<int>(kind)]);
}

std::uint64_t AddressOf(const Operation& operation, Warp& warp, int lane, int operand) {
  const Slot slot = operation.operand[operand];
  const std::uint64_t base = operation.is_wide_address ? warp.At<std::uint64_t>(slot)[lane]
                                                       : warp.At<std::uint32_t>(slot)[lane];
  return base + static_cast<std::uint64_t>(operation.offset);
}

// Says why [address, address + bytes) is not all inside the region.
std::string OutOfBounds(const Region& region, std::uint64_t address, std::size_t bytes,
                        AccessKind kind) {
  const std::string what = region.buffer != nullptr
                               ? "buffer '" + region.buffer->name + "'"
                               : std::string(SpaceName(region.space)) + " memory";
  const auto offset = static_cast<std::int64_t>(address - region.base);
  return Describe(kind, bytes) + " out of bounds: offset " + std::to_string(offset) + " of " +
         what + ", which has " + std::to_string(region.size) + " bytes";
}

// The region that holds `address` in the operation's space, from the view of one thread. Changes a
// generic address to one within the space. False: no region is there.
bool FindRegion(const Operation& operation, const Warp& warp, int lane, std::uint64_t& address,
                Region& region) {
  Block& block = *warp.block;
  Space space = operation.space;
  if (space == Space::kGeneric || space == Space::kConst) {
    space = SpaceOf(address);
    if (space != Space::kGlobal) address %= kWindowSize;
  }
  region.space = space;
  switch (space) {
    case Space::kGlobal: {
      Buffer* const buffer = block.memory->Find(address);
      if (buffer == nullptr) return false;
      region.base = Memory::BaseOf(address);
      region.size = buffer->bytes.size();
      region.data = buffer->bytes.data();
      region.written = buffer->written.empty() ? nullptr : buffer->written.data();
      region.buffer = buffer;
      return true;
    }
    case Space::kShared:
      region.base = 0;
      region.size = block.shared.size();
      region.data = block.shared.data();
      return true;
    case Space::kLocal: {
      const std::uint64_t frame = block.program->local_bytes;
      region.base = 0;
      region.size = frame;
      region.data = block.local.data() +
                    (std::uint64_t{warp.index} * kLanes + static_cast<std::uint64_t>(lane)) * frame;
      return true;
    }
    case Space::kParam:
      region.base = 0;
      region.size = block.parameters.size();
      region.data = const_cast<std::uint8_t*>(block.parameters.data());
      return true;
    default:
      return false;
  }
}

bool Contains(const Region& region, std::uint64_t address, std::size_t bytes) {
  return address >= region.base && bytes <= region.size &&
         address - region.base <= region.size - bytes;
}

// Checks that need the region, and the marks of stores. False: a fault was set.
bool Admit(const Operation& at, Warp& warp, int lane, const Region& region, std::uint64_t address,
           std::size_t bytes, AccessKind kind) {
  Block& block = *warp.block;
  if (kind != AccessKind::kLoad) {
    if (region.space == Space::kParam || (region.buffer != nullptr && region.buffer->is_constant)) {
      block.SetFault(at, warp, lane, Describe(kind, bytes) + " to read-only memory");
      return false;
    }
  }
  if (region.written == nullptr) return true;
  std::uint8_t* const flags = region.written + (address - region.base);
  if (kind != AccessKind::kStore) {
    const auto* const missing = std::find(flags, flags + bytes, 0);
    if (missing != flags + bytes) {
      block.SetFault(at, warp, lane,
                     Describe(kind, bytes) + " of offset " + std::to_string(address - region.base) +
                         " of buffer '" + region.buffer->name + "', which nothing has written");
      return false;
    }
  } else {
    std::fill(flags, flags + bytes, 1);
  }
  return true;
}

void CheckRace(const Operation& at, Warp& warp, int lane, std::uint64_t address, std::size_t bytes,
               AccessKind kind) {
  // Atomics do not race with each other, and mixing them with loads is the program's own protocol.
  Block& block = *warp.block;
  if (block.race == nullptr || kind == AccessKind::kAtomic) return;
  std::string race =
      block.race->Access(block, warp, lane, address, bytes, kind == AccessKind::kStore);
  if (race.empty()) return;
  ++block.race->races;
  if (block.race->first_races.size() < 16) {
    const Program::Origin& origin = block.program->origins[block.PcOf(at)];
    const int line = origin.instruction != nullptr ? origin.instruction->position.line : 0;
    block.race->first_races.push_back("line " + std::to_string(line) + ": " + race);
  }
}

void Count(Block& block, Space space, AccessKind kind, std::uint64_t bytes) {
  const auto index = static_cast<std::size_t>(space);
  if (kind != AccessKind::kStore) block.traffic.loaded_bytes[index] += bytes;
  if (kind != AccessKind::kLoad) block.traffic.stored_bytes[index] += bytes;
}

void CountSectors(Block& block, const std::uint64_t* addresses, LaneMask mask, std::size_t bytes) {
  if (!block.count_sectors) return;
  std::uint64_t sectors[2 * kLanes];
  std::size_t count = 0;
  for (LaneMask rest = mask; rest != 0; rest &= rest - 1) {
    const std::uint64_t address = addresses[std::countr_zero(rest)];
    sectors[count++] = address / kSectorBytes;
    sectors[count++] = (address + bytes - 1) / kSectorBytes;
  }
  std::sort(sectors, sectors + count);
  block.traffic.global_accesses += 1;
  block.traffic.global_sectors +=
      static_cast<std::uint64_t>(std::unique(sectors, sectors + count) - sectors);
}

void Misaligned(const Operation& at, Warp& warp, int lane, std::uint64_t address, std::size_t bytes,
                AccessKind kind) {
  warp.block->SetFault(at, warp, lane,
                       "misaligned " + Describe(kind, bytes) + " at " + Hex(address));
}

}  // namespace

Space SpaceOfForm(const Form& form) {
  static constexpr std::string_view kNames[] = {"global", "const", "shared",       "shared::cta",
                                                "local",  "param", "param::entry", "param::func"};
  static constexpr Space kSpaces[] = {Space::kGlobal, Space::kConst, Space::kShared, Space::kShared,
                                      Space::kLocal,  Space::kParam, Space::kParam,  Space::kParam};
  const int index = form.Find(kNames);
  return index < 0 ? Space::kGeneric : kSpaces[index];
}

bool ResolveLane(const Operation& at, const Operation& operation, Warp& warp, int lane,
                 int address_operand, std::size_t bytes, std::size_t alignment, AccessKind kind,
                 Access& access) {
  Block& block = *warp.block;
  const std::uint64_t generic = AddressOf(operation, warp, lane, address_operand);
  std::uint64_t address = generic;
  Region region;
  if (!FindRegion(operation, warp, lane, address, region)) {
    block.SetFault(at, warp, lane,
                   Describe(kind, bytes) + " at " + Hex(generic) + ", where no buffer is");
    return false;
  }
  if ((address & (alignment - 1)) != 0) {
    Misaligned(at, warp, lane, generic, bytes, kind);
    return false;
  }
  if (!Contains(region, address, bytes)) {
    block.SetFault(at, warp, lane, OutOfBounds(region, address, bytes, kind));
    return false;
  }
  if (!Admit(at, warp, lane, region, address, bytes, kind)) return false;
  if (region.space == Space::kShared) CheckRace(at, warp, lane, address, bytes, kind);
  Count(block, region.space, kind, bytes);
  access.pointer[lane] = region.data + (address - region.base);
  return true;
}

namespace {

void ReadAddresses(const Operation& operation, Warp& warp, int operand, std::uint64_t* addresses) {
  const Slot slot = operation.operand[operand];
  const auto offset = static_cast<std::uint64_t>(operation.offset);
  if (operation.is_wide_address) {
    const auto* const base = warp.At<std::uint64_t>(slot);
    for (int lane = 0; lane < kLanes; ++lane) addresses[lane] = base[lane] + offset;
  } else {
    const auto* const base = warp.At<std::uint32_t>(slot);
    for (int lane = 0; lane < kLanes; ++lane) addresses[lane] = base[lane] + offset;
  }
}

bool AreWritten(const std::uint8_t* flags, std::size_t bytes) {
  return std::memchr(flags, 0, bytes) == nullptr;
}

// The usual access: every active lane in one buffer or in shared memory, aligned, and with nothing
// to say against it. False: that is not so, or it is not known here, and nothing has been done.
bool ResolveTogether(const Operation& operation, Warp& warp, LaneMask mask,
                     const std::uint64_t* addresses, std::size_t bytes, AccessKind kind,
                     Access& access) {
  Block& block = *warp.block;
  const int leader = std::countr_zero(mask);
  std::uint64_t apart = 0;
  for (int lane = 0; lane < kLanes; ++lane)
    apart |= addresses[lane] ^ (addresses[0] + static_cast<std::uint64_t>(lane) * bytes);
  const bool is_run = apart == 0 && mask == kAllLanes;
  std::uint64_t least = addresses[leader], most = least, bits = least;
  if (is_run) {
    most += (kLanes - 1) * bytes;
  } else {
    for (int lane = 0; lane < kLanes; ++lane) {
      const bool is_active = (mask & kLaneBit[lane]) != 0;
      const std::uint64_t address = is_active ? addresses[lane] : addresses[leader];
      least = std::min(least, address);
      most = std::max(most, address);
      bits |= address;
    }
  }
  Region region;
  std::uint64_t address = least;
  if (!FindRegion(operation, warp, leader, address, region) || address != least) return false;
  const bool is_shared = region.space == Space::kShared && block.race == nullptr;
  if (!(region.space == Space::kGlobal || is_shared) || (bits & (bytes - 1)) != 0 ||
      !Contains(region, least, most - least + bytes)) {
    return false;
  }
  const bool is_load = kind == AccessKind::kLoad;
  if (!is_load && region.buffer != nullptr && region.buffer->is_constant) return false;
  if (region.written != nullptr) {
    const auto admits = [&](std::uint64_t first, std::size_t count) {
      std::uint8_t* const flags = region.written + (first - region.base);
      if (kind != AccessKind::kStore) return AreWritten(flags, count);
      std::memset(flags, 1, count);
      return true;
    };
    if (is_run) {
      if (!admits(least, kLanes * bytes)) return false;
    } else {
      // Lane by lane: between them there may be others' bytes.
      for (LaneMask rest = mask; rest != 0; rest &= rest - 1) {
        if (!admits(addresses[std::countr_zero(rest)], bytes)) return false;
      }
    }
  }
  Count(block, region.space, kind, bytes * static_cast<unsigned>(std::popcount(mask)));
  if (region.space == Space::kGlobal) CountSectors(block, addresses, mask, bytes);
  if (is_run) {
    access.consecutive = region.data + (least - region.base);
  } else {
    for (int lane = 0; lane < kLanes; ++lane) {
      const std::uint64_t own = (mask & kLaneBit[lane]) != 0 ? addresses[lane] : least;
      access.pointer[lane] = region.data + (own - region.base);
    }
  }
  return true;
}

}  // namespace

bool Resolve(const Operation& operation, Warp& warp, LaneMask mask, int address_operand,
             std::size_t bytes, AccessKind kind, Access& access) {
  Block& block = *warp.block;
  // A constant address in a space that all lanes share: kernel parameters, mostly.
  const bool is_uniform = operation.operand[address_operand] == kZeroSlot &&
                          operation.space != Space::kLocal && operation.space != Space::kGeneric;
  if (is_uniform && kind == AccessKind::kLoad && block.race == nullptr) {
    const int first = std::countr_zero(mask);
    if (!ResolveLane(operation, operation, warp, first, address_operand, bytes, bytes, kind,
                     access)) {
      return false;
    }
    std::fill(access.pointer, access.pointer + kLanes, access.pointer[first]);
    return true;
  }
  std::uint64_t addresses[kLanes];
  ReadAddresses(operation, warp, address_operand, addresses);
  if (operation.space != Space::kLocal &&
      ResolveTogether(operation, warp, mask, addresses, bytes, kind, access)) {
    return true;
  }
  LaneMask global_lanes = 0;
  for (LaneMask rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    if (!ResolveLane(operation, operation, warp, lane, address_operand, bytes, bytes, kind,
                     access)) {
      return false;
    }
    if (block.memory->Find(addresses[lane]) != nullptr) global_lanes |= kLaneBit[lane];
  }
  if (global_lanes != 0) CountSectors(block, addresses, global_lanes, bytes);
  return true;
}

}  // namespace ulproof::gpu::ptx::ops
