// SPDX-License-Identifier: Apache-2.0
#include "cli/simulation.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>

#include "base/text.h"
#include "formats/catalogue.h"
#include "gpu/ptx/compiled/compile.h"
#include "reference/ops/parse_value.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;
using gpu::ptx::Arguments;
using gpu::ptx::DeviceAddress;
using gpu::ptx::Memory;
using gpu::ptx::RunReport;
using Kind = SimulationArgument::Kind;

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 34;

struct ScalarType {
  std::string_view name;
  io::NpyType npy;                                 // bf16 and codes are kept as unsigned integers.
  std::optional<formats::FormatSpec> format = {};  // Of values in floating point.
  bool is_code = false;                            // Hexadecimal.
};
constexpr auto kScalarTypes = std::to_array<ScalarType>({
    {.name = "u8", .npy = {'u', 1}},
    {.name = "u16", .npy = {'u', 2}},
    {.name = "u32", .npy = {'u', 4}},
    {.name = "u64", .npy = {'u', 8}},
    {.name = "i8", .npy = {'i', 1}},
    {.name = "i16", .npy = {'i', 2}},
    {.name = "i32", .npy = {'i', 4}},
    {.name = "i64", .npy = {'i', 8}},
    {.name = "f16", .npy = {'f', 2}, .format = formats::kFloat16},
    {.name = "f32", .npy = {'f', 4}, .format = formats::kFloat32},
    {.name = "f64", .npy = {'f', 8}, .format = formats::kFloat64},
    {.name = "bf16", .npy = {'u', 2}, .format = formats::kBfloat16},
    {.name = "b8", .npy = {'u', 1}, .is_code = true},
    {.name = "b16", .npy = {'u', 2}, .is_code = true},
    {.name = "b32", .npy = {'u', 4}, .is_code = true},
    {.name = "b64", .npy = {'u', 8}, .is_code = true},
});

Result<ScalarType> FindScalarType(std::string_view name) {
  std::vector<std::string_view> known;
  for (const ScalarType& type : kScalarTypes) {
    if (type.name == name) return type;
    known.push_back(type.name);
  }
  return base::UnknownName("type", name, known);
}

std::uint64_t MaxOf(int bytes) { return UINT64_MAX >> (64 - 8 * bytes); }

Result<std::uint64_t> ParseScalar(const ScalarType& type, std::string_view text) {
  const std::uint64_t max = MaxOf(type.npy.bytes);
  if (type.is_code) return base::ParseHex(text, "code", max);
  if (type.format) return reference::ParseValue(*type.format, text);
  if (type.npy.kind == 'u') return base::ParseUnsigned(text, "number", max);
  const bool negative = text.starts_with('-');
  const auto magnitude = base::ParseUnsigned(negative ? text.substr(1) : text, "number",
                                             negative ? max / 2 + 1 : max / 2);
  if (!magnitude.ok()) return magnitude.error();
  return (negative ? 0 - *magnitude : *magnitude) & max;
}

Result<std::vector<std::uint64_t>> ParseShape(std::string_view text) {
  std::vector<std::uint64_t> shape;
  std::uint64_t count = 1;
  for (const std::string_view side : base::Split(text, 'x')) {
    const auto length = base::ParseUnsigned(side, "length", kMaxBytes);
    if (!length.ok()) return length.error();
    shape.push_back(*length);
    if (__builtin_mul_overflow(count, *length, &count) || count > kMaxBytes) {
      return base::UsageError("the shape '" + std::string(text) + "' is too large");
    }
  }
  if (count == 0) return base::UsageError("the shape '" + std::string(text) + "' is empty");
  return shape;
}

Result<SimulationArgument> ParseFileArgument(std::string_view kind, std::string_view text) {
  const std::vector<std::string_view> parts = base::Split(text, ':');
  const auto wrong = [&](const std::string& form) {
    return base::UsageError("expected " + std::string(kind) + ":" + form);
  };
  SimulationArgument argument;
  if (kind == "in") {
    if (text.empty()) return wrong("FILE");
    argument.kind = Kind::kInput;
    argument.in = text;
    return argument;
  }
  if (kind == "inout") {
    if (parts.size() != 2 || parts[0].empty() || parts[1].empty()) return wrong("FILE:OUT");
    argument.kind = Kind::kInOut;
    argument.in = parts[0];
    argument.out = parts[1];
    return argument;
  }
  if (parts.size() != 3 || parts[0].empty()) return wrong("OUT:TYPE:SHAPE");
  const Result<ScalarType> type = FindScalarType(parts[1]);
  if (!type.ok()) return type.error();
  Result<std::vector<std::uint64_t>> shape = ParseShape(parts[2]);
  if (!shape.ok()) return shape.error();
  argument.kind = Kind::kOutput;
  argument.out = parts[0];
  argument.header = {.type = type->npy, .shape = std::move(*shape)};
  return argument;
}

// The buffers of one run.
class Run {
 public:
  // Reads the inputs. Errors: the files'.
  static Result<std::vector<std::vector<std::uint8_t>>> ReadInputs(
      std::vector<SimulationArgument>& arguments) {
    std::vector<std::vector<std::uint8_t>> contents;
    for (SimulationArgument& argument : arguments) {
      std::vector<std::uint8_t>& content = contents.emplace_back();
      if (argument.in.empty()) continue;
      const Result<io::NpyReader> reader = io::NpyReader::Open(argument.in);
      if (!reader.ok()) return reader.error();
      argument.header = reader->header();
      const std::uint64_t count = argument.header.count();
      content.resize(count * static_cast<std::uint64_t>(argument.header.type.bytes));
      if (const Status read = reader->Read(0, count, content.data()); !read.ok()) {
        return read.error();
      }
    }
    return contents;
  }

  Run(const std::vector<SimulationArgument>& arguments,
      const std::vector<std::vector<std::uint8_t>>& contents) {
    for (std::size_t i = 0; i < arguments.size(); ++i) Place(arguments[i], contents[i]);
  }

  Result<RunReport> Launch(const gpu::ptx::Kernel& kernel, const gpu::ptx::LaunchShape& shape,
                           const gpu::ptx::LaunchOptions& options) {
    return kernel.Launch(shape, arguments_, memory_, options);
  }
  const Memory& memory() const { return memory_; }
  DeviceAddress address(std::size_t i) const { return addresses_[i]; }

 private:
  void Place(const SimulationArgument& argument, const std::vector<std::uint8_t>& content) {
    DeviceAddress address = 0;
    switch (argument.kind) {
      case Kind::kInput:
        address = memory_.UploadConstant(argument.in, content);
        break;
      case Kind::kInOut:
        address = memory_.Upload(argument.in, content);
        break;
      case Kind::kOutput:
        address = memory_.Allocate(
            argument.out,
            argument.header.count() * static_cast<std::uint64_t>(argument.header.type.bytes));
        break;
      case Kind::kZero:
        address = memory_.Upload(argument.text, std::vector<std::uint8_t>(argument.bits));
        break;
      case Kind::kScalar:
        break;
    }
    addresses_.push_back(address);
    if (argument.kind != Kind::kScalar) {
      arguments_.Add(address);
      return;
    }
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(argument.bytes));
    std::memcpy(bytes.data(), &argument.bits, bytes.size());
    arguments_.AddBytes(std::move(bytes));
  }

  Memory memory_;
  Arguments arguments_;
  std::vector<DeviceAddress> addresses_;
};

void Compare(const std::string& name, const std::vector<SimulationArgument>& arguments,
             const Run& first, const Run& other, Simulation& simulation) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].out.empty()) continue;
    const std::span<const std::uint8_t> a = first.memory().Bytes(first.address(i));
    const std::span<const std::uint8_t> b = other.memory().Bytes(other.address(i));
    OutputDifference difference = {.run = name, .file = arguments[i].out};
    for (std::size_t byte = a.size(); byte-- > 0;) {
      if (a[byte] == b[byte]) continue;
      difference.byte = byte;
      ++difference.bytes_that_differ;
    }
    if (difference.bytes_that_differ != 0) simulation.differences.push_back(difference);
  }
}

Status WriteOutputs(const std::vector<SimulationArgument>& arguments, const Run& run,
                    Simulation& simulation) {
  std::vector<io::NpyWriter> writers;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const SimulationArgument& argument = arguments[i];
    if (argument.out.empty()) continue;
    Result<io::NpyWriter> writer = io::NpyWriter::Create(argument.out, argument.header);
    if (!writer.ok()) return writer.error();
    const std::span<const std::uint8_t> bytes = run.memory().Bytes(run.address(i));
    if (Status ok = writer->Write(0, argument.header.count(), bytes.data()); !ok.ok()) return ok;
    writers.push_back(std::move(*writer));
    if (const auto hole = run.memory().FirstUnwritten(run.address(i))) {
      simulation.unwritten.push_back({.file = argument.out, .byte = *hole});
    }
  }
  for (io::NpyWriter& writer : writers) {
    if (Status ok = writer.Commit(); !ok.ok()) return ok;
  }
  return base::Done{};
}

}  // namespace

Result<SimulationArgument> ParseSimulationArgument(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == text.npos) {
    return base::UsageError("an argument is KIND:..., as in:x.npy or u32:5, not '" +
                            std::string(text) + "'");
  }
  const std::string_view kind = text.substr(0, colon);
  const std::string_view rest = text.substr(colon + 1);
  Result<SimulationArgument> argument = SimulationArgument{};
  if (kind == "in" || kind == "inout" || kind == "out") {
    argument = ParseFileArgument(kind, rest);
  } else if (kind == "zero") {
    const auto bytes = base::ParseUnsigned(rest, "number of bytes", kMaxBytes);
    if (!bytes.ok()) return bytes.error();
    argument->kind = Kind::kZero;
    argument->bits = *bytes;
  } else {
    std::vector<std::string_view> known = {"in", "inout", "out", "zero"};
    for (const ScalarType& type : kScalarTypes) known.push_back(type.name);
    if (std::ranges::find(known, kind) == known.end()) {
      return base::UnknownName("kind of argument", kind, known);
    }
    const Result<ScalarType> type = FindScalarType(kind);
    const Result<std::uint64_t> bits = ParseScalar(*type, rest);
    if (!bits.ok()) return bits.error();
    argument->bits = *bits;
    argument->bytes = type->npy.bytes;
  }
  if (argument.ok()) argument->text = text;
  return argument;
}

Result<gpu::ptx::Dim3> ParseDim3(std::string_view text) {
  const std::vector<std::string_view> parts = base::Split(text, ',');
  if (parts.size() > 3) return base::UsageError("expected X, X,Y or X,Y,Z");
  std::array<std::uint32_t, 3> sides = {1, 1, 1};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto side = base::ParseUnsigned(parts[i], "number", INT32_MAX);
    if (!side.ok()) return side.error();
    if (*side == 0) return base::UsageError("a side of 0 makes an empty grid");
    sides[i] = static_cast<std::uint32_t>(*side);
  }
  return gpu::ptx::Dim3{sides[0], sides[1], sides[2]};
}

Result<Simulation> Simulate(const SimulationPlan& plan) {
  std::vector<SimulationArgument> arguments = plan.arguments;
  const auto contents = Run::ReadInputs(arguments);
  if (!contents.ok()) return contents.error();
  const bool contract_first = plan.contract == ContractMode::kYes;
  Result<gpu::ptx::Kernel> kernel =
      gpu::ptx::Kernel::Prepare(plan.module, plan.entry, contract_first);
  if (!kernel.ok()) return kernel.error();
  if (plan.compiled) {
    if (contract_first) return base::UsageError("fused products are not compiled");
    const gpu::ptx::Program* const program = &kernel->program();
    auto runs = gpu::ptx::CompileRuns({&program, 1});
    if (!runs.ok()) return runs.error();
    kernel->Use(std::move(runs->front()));
  }
  gpu::ptx::LaunchOptions options = {.contract = contract_first,
                                     .check_races = true,
                                     .count_sectors = true,
                                     .instruction_budget = plan.instruction_budget};
  Run first(arguments, *contents);
  Result<RunReport> report = first.Launch(*kernel, plan.shape, options);
  if (!report.ok()) return report.error();
  Simulation simulation;
  simulation.report = std::move(*report);
  simulation.fused_when_contracted = simulation.report.contracted;

  options.check_races = false;
  options.count_sectors = false;
  if (plan.contract == ContractMode::kBoth) {
    const Result<gpu::ptx::Kernel> contracted =
        gpu::ptx::Kernel::Prepare(plan.module, plan.entry, true);
    if (!contracted.ok()) return contracted.error();
    Run other(arguments, *contents);
    const Result<RunReport> ran = other.Launch(*contracted, plan.shape, options);
    if (!ran.ok()) return ran.error();
    simulation.fused_when_contracted = ran->contracted;
    Compare("contracted", arguments, first, other, simulation);
  }
  for (std::uint64_t i = 0; i < plan.schedules; ++i) {
    const auto order = i == 0 ? gpu::ptx::Order::kReverse : gpu::ptx::Order::kRandom;
    options.block_order = order;
    options.warp_order = order;
    options.order_seed = i;
    Run other(arguments, *contents);
    const Result<RunReport> ran = other.Launch(*kernel, plan.shape, options);
    if (!ran.ok()) return ran.error();
    Compare("schedule " + std::to_string(i + 1), arguments, first, other, simulation);
  }
  if (const Status written = WriteOutputs(arguments, first, simulation); !written.ok()) {
    return written.error();
  }
  return simulation;
}

}  // namespace ulproof::cli
