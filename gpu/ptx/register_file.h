// SPDX-License-Identifier: Apache-2.0
// Hands out slots of the register file while a function is decoded. Internal to the decoder.
#ifndef ULPROOF_GPU_PTX_REGISTER_FILE_H_
#define ULPROOF_GPU_PTX_REGISTER_FILE_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gpu/ptx/program.h"

namespace ulproof::gpu::ptx {

class RegisterFile {
 public:
  explicit RegisterFile(Program& program) : program_(program) {}

  // A new register of that type.
  Slot AddRegister(Type type, const std::string& name);
  // A register that holds the same value in every lane for the whole run.
  Slot Constant(std::uint64_t value, bool is_wide);
  // The predicate that always (or never) holds.
  Slot PredicateConstant(bool value);
  // A constant of its own, whose value is filled in later: Program::constants[returned.second].
  std::pair<Slot, std::size_t> PendingConstant(bool is_wide);
  // The address of a module variable plus offset.
  Slot ModuleAddress(std::uint32_t variable, std::int64_t offset);
  // A kernel parameter as ld.param reads it into a register of that many bytes.
  Slot Parameter(std::uint64_t offset, Type type, std::uint8_t register_bytes);
  // %tid.x and the like. Nothing: not a register that the simulator has.
  std::optional<Slot> SpecialRegister(std::string_view name, Type* type);

 private:
  Slot Allocate(std::uint32_t bytes);

  Program& program_;
  Slot next_predicate_ = 12;  // Predicates fill words below kSinkSlot first, then their own blocks.
  Slot predicates_end_ = 64;
  std::map<std::pair<std::uint64_t, bool>, Slot> constants_;
  std::map<Special, Slot> specials_;
  std::map<std::pair<std::uint32_t, std::int64_t>, Slot> addresses_;
};

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_REGISTER_FILE_H_
