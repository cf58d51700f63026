// SPDX-License-Identifier: Apache-2.0
// One kernel on .npy files: its arguments as a user spells them, the runs that a simulation makes
// (as compiled, contracted, in other schedules), and what they found. Reports are rendered in
// report/simulation_report.h.
#ifndef ULPROOF_CLI_SIMULATION_H_
#define ULPROOF_CLI_SIMULATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gpu/ptx/launch.h"
#include "io/npy.h"

namespace ulproof::cli {

// A kernel argument:
//   in:FILE                the address of a read-only copy of an .npy file
//   inout:FILE:OUT         the address of a copy, written to OUT afterwards
//   out:OUT:TYPE:SHAPE     the address of unwritten memory, written to OUT afterwards
//   zero:BYTES             the address of memory that holds zeros
//   TYPE:VALUE             a number by value; b8 to b64 take hexadecimal codes
// TYPE is u8, u16, u32, u64, i8, i16, i32, i64, f16, f32, f64, b8, b16, b32, b64, or bf16. SHAPE is
// N or RxC.
struct SimulationArgument {
  enum class Kind : std::uint8_t { kInput, kInOut, kOutput, kZero, kScalar };
  Kind kind = Kind::kScalar;
  std::string text;           // As it was spelled.
  std::string in, out;        // Files.
  io::NpyHeader header = {};  // kOutput.
  std::uint64_t bits = 0;     // kScalar: the value; kZero: the number of bytes.
  int bytes = 8;              // kScalar.
};
base::Result<SimulationArgument> ParseSimulationArgument(std::string_view text);

// "4", "4,2" or "4,2,1".
base::Result<gpu::ptx::Dim3> ParseDim3(std::string_view text);

enum class ContractMode : std::uint8_t { kNo, kYes, kBoth };

struct SimulationPlan {
  gpu::ptx::Module module;
  std::string entry;
  gpu::ptx::LaunchShape shape;
  std::vector<SimulationArgument> arguments;
  ContractMode contract = ContractMode::kNo;
  // Further runs: the first with blocks and warps in reverse order, the others in random ones.
  std::uint64_t schedules = 0;
  std::uint64_t instruction_budget = std::uint64_t{1} << 30;
  // Straight runs by the machine's C++ compiler; not with ContractMode::kYes.
  bool compiled = false;
};

// The first byte in which a further run differs from the first run.
struct OutputDifference {
  std::string run;   // "contracted", "schedule 2"
  std::string file;  // Of the output.
  std::uint64_t byte = 0;
  std::uint64_t bytes_that_differ = 0;  // In that output.
};

struct Simulation {
  gpu::ptx::RunReport report;  // Of the first run.
  int fused_when_contracted = 0;
  std::vector<OutputDifference> differences;
  struct Unwritten {
    std::string file;
    std::uint64_t byte = 0;  // The first that nothing wrote.
  };
  std::vector<Unwritten> unwritten;

  // Whether nothing speaks against the kernel.
  bool ok() const { return differences.empty() && unwritten.empty() && report.races == 0; }
};

// Runs the kernel and then writes all outputs; on an error none is written. Errors: files; what
// the launch finds (gpu/ptx/launch.h).
base::Result<Simulation> Simulate(const SimulationPlan& plan);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_SIMULATION_H_
