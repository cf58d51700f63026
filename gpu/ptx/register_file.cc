// SPDX-License-Identifier: Apache-2.0
#include "gpu/ptx/register_file.h"

#include "gpu/ptx/layout.h"

namespace ulproof::gpu::ptx {
namespace {

struct SpecialName {
  std::string_view name;
  Special special;
};

constexpr SpecialName kSpecials[] = {
    {"%tid.x", Special::kTidX},
    {"%tid.y", Special::kTidY},
    {"%tid.z", Special::kTidZ},
    {"%ntid.x", Special::kNtidX},
    {"%ntid.y", Special::kNtidY},
    {"%ntid.z", Special::kNtidZ},
    {"%ctaid.x", Special::kCtaidX},
    {"%ctaid.y", Special::kCtaidY},
    {"%ctaid.z", Special::kCtaidZ},
    {"%nctaid.x", Special::kNctaidX},
    {"%nctaid.y", Special::kNctaidY},
    {"%nctaid.z", Special::kNctaidZ},
    {"%warpid", Special::kWarpid},
    {"%nwarpid", Special::kNwarpid},
    {"%dynamic_smem_size", Special::kDynamicShared},
    {"%total_smem_size", Special::kTotalShared},
    {"%laneid", Special::kLaneid},
    {"%lanemask_eq", Special::kLanemaskEq},
    {"%lanemask_le", Special::kLanemaskLe},
    {"%lanemask_lt", Special::kLanemaskLt},
    {"%lanemask_ge", Special::kLanemaskGe},
    {"%lanemask_gt", Special::kLanemaskGt},
};

}  // namespace

Slot RegisterFile::Allocate(std::uint32_t bytes) {
  const Slot slot = program_.file_bytes;
  program_.file_bytes += bytes;
  return slot;
}

Slot RegisterFile::AddRegister(Type type, const std::string& name) {
  Slot slot = 0;
  std::uint32_t bytes = sizeof(LaneMask);
  if (type == Type::kPred) {
    if (next_predicate_ == predicates_end_) {
      next_predicate_ = Allocate(64);
      predicates_end_ = next_predicate_ + 64;
    }
    slot = next_predicate_;
    next_predicate_ += sizeof(LaneMask);
  } else {
    bytes = BitsOf(type) == 64 ? 8 * kLanes : 4 * kLanes;
    slot = Allocate(bytes);
  }
  program_.registers.push_back({.slot = slot, .bytes = bytes, .name = name});
  return slot;
}

std::pair<Slot, std::size_t> RegisterFile::PendingConstant(bool is_wide) {
  const Slot slot = Allocate(is_wide ? 8 * kLanes : 4 * kLanes);
  program_.constants.push_back({.slot = slot, .value = 0, .is_wide = is_wide});
  return {slot, program_.constants.size() - 1};
}

Slot RegisterFile::Constant(std::uint64_t value, bool is_wide) {
  if (value == 0) return kZeroSlot;
  const auto found = constants_.find({value, is_wide});
  if (found != constants_.end()) return found->second;
  const auto [slot, index] = PendingConstant(is_wide);
  program_.constants[index].value = value;
  constants_.emplace(std::pair(value, is_wide), slot);
  return slot;
}

Slot RegisterFile::PredicateConstant(bool value) {
  // The zero constant's first word serves as the predicate that never holds.
  return value ? kTrueSlot : kZeroSlot;
}

Slot RegisterFile::ModuleAddress(std::uint32_t variable, std::int64_t offset) {
  const auto found = addresses_.find({variable, offset});
  if (found != addresses_.end()) return found->second;
  const Slot slot = Allocate(8 * kLanes);
  program_.addresses.push_back({.slot = slot, .variable = variable, .offset = offset});
  addresses_.emplace(std::pair(variable, offset), slot);
  return slot;
}

Slot RegisterFile::Parameter(std::uint64_t offset, Type type, std::uint8_t register_bytes) {
  for (const Program::ParameterConstant& known : program_.parameter_constants) {
    if (known.offset == offset && known.type == type && known.register_bytes == register_bytes) {
      return known.slot;
    }
  }
  const bool is_wide = register_bytes == 8;
  const Slot slot = Allocate(is_wide ? 8 * kLanes : 4 * kLanes);
  program_.parameter_constants.push_back({.slot = slot,
                                          .offset = offset,
                                          .type = type,
                                          .is_wide = is_wide,
                                          .register_bytes = register_bytes});
  return slot;
}

std::optional<Slot> RegisterFile::SpecialRegister(std::string_view name, Type* type) {
  *type = Type::kU32;
  for (const SpecialName& special : kSpecials) {
    if (special.name != name) continue;
    const auto found = specials_.find(special.special);
    if (found != specials_.end()) return found->second;
    const Slot slot = Allocate(4 * kLanes);
    specials_.emplace(special.special, slot);
    program_.specials.emplace_back(special.special, slot);
    return slot;
  }
  if (name == "%smid" || name == "%gridid") {
    if (name == "%gridid") *type = Type::kU64;
    return kZeroSlot;
  }
  if (name == "%nsmid") return Constant(1, false);
  return std::nullopt;
}

}  // namespace ulproof::gpu::ptx
