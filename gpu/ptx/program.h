// SPDX-License-Identifier: Apache-2.0
// A kernel ready to run: its function and all that it calls, flattened into one list of operations
// over one register file. Made by decode.h, run by the interpreter.
#ifndef ULPROOF_GPU_PTX_PROGRAM_H_
#define ULPROOF_GPU_PTX_PROGRAM_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gpu/ptx/form.h"
#include "gpu/ptx/module.h"
#include "gpu/ptx/operation.h"

namespace ulproof::gpu::ptx {

// Special registers that differ between threads or launches; the decoder makes constants of others.
enum class Special : std::uint8_t {
  kTidX,
  kTidY,
  kTidZ,
  kNtidX,
  kNtidY,
  kNtidZ,
  kCtaidX,
  kCtaidY,
  kCtaidZ,
  kNctaidX,
  kNctaidY,
  kNctaidZ,
  kWarpid,
  kNwarpid,
  kDynamicShared,  // %dynamic_smem_size
  kTotalShared,    // %total_smem_size
  kLaneid,
  kLanemaskEq,
  kLanemaskLe,
  kLanemaskLt,
  kLanemaskGe,
  kLanemaskGt,
};

struct Program {
  const Module* module = nullptr;
  const Function* entry = nullptr;

  std::vector<Operation> code;
  // For every operation: where it came from (a null instruction: made by the decoder), which form,
  // and which of its operands are written and read (bit i: operand i).
  struct Origin {
    const Instruction* instruction = nullptr;
    const FormRow* row = nullptr;
    std::uint16_t writes = 0;
    std::uint16_t reads = 0;
  };
  std::vector<Origin> origins;
  // Of a program that is to be run: the names of its forms ("add.rn.f32"), and of every operation
  // which; an operation that the decoder made has none.
  std::vector<std::string> forms;
  static constexpr std::uint32_t kNoForm = UINT32_MAX;
  std::vector<std::uint32_t> form_of;
  // For every operation, the index of the first one at or after it that is not Control::kNone.
  std::vector<std::uint32_t> run_end;
  // The forms of barrier operations, by operation.
  std::map<std::uint32_t, Form> barriers;
  // Of brx.idx: Operation::offset is an index here.
  std::vector<std::vector<std::uint32_t>> branch_targets;

  Slot file_bytes = 0;  // Size of one warp's register file.
  struct RegisterSlot {
    Slot slot;
    std::uint32_t bytes;
    std::string name;
  };
  std::vector<RegisterSlot> registers;
  struct Constant {
    Slot slot;
    std::uint64_t value;
    bool is_wide;  // 64-bit lanes.
  };
  std::vector<Constant> constants;
  std::vector<std::pair<Special, Slot>> specials;
  // Constants that are addresses of module variables, known when the memory is.
  struct Address {
    Slot slot;
    std::uint32_t variable;  // Index into Module::variables.
    std::int64_t offset;
  };
  std::vector<Address> addresses;
  // Constants that are kernel parameters, known when the launch is.
  struct ParameterConstant {
    Slot slot;
    std::uint64_t offset;
    Type type;
    bool is_wide;  // 64-bit lanes; narrower registers keep `register_bytes`.
    std::uint8_t register_bytes;
  };
  std::vector<ParameterConstant> parameter_constants;
  // Registers that some path reads before any write: cleared for every block.
  std::vector<RegisterSlot> maybe_uninitialised;

  std::uint64_t static_shared_bytes = 0;  // Dynamic shared memory begins after them.
  std::uint64_t local_bytes = 0;          // Per thread.
  struct ParameterSlot {
    std::string name;
    std::uint64_t offset;
    std::uint64_t size;
  };
  std::vector<ParameterSlot> parameters;
  std::uint64_t parameter_bytes = 0;
  int contracted = 0;  // Operations that ContractProducts has fused.
};

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_PROGRAM_H_
