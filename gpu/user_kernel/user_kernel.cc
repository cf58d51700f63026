// SPDX-License-Identifier: Apache-2.0
#include "gpu/user_kernel/user_kernel.h"

#include <cxxabi.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>

#include "base/text.h"
#include "gpu/ptx/parser.h"

namespace ulproof::gpu {
namespace {

using base::Error;
using base::Result;
using base::Status;
using formats::Operation;
using formats::OpKind;
using Kind = ManifestArgument::Kind;

constexpr std::uint64_t kAddressBytes = 8;
constexpr std::uint64_t kMaxThreads = 1024;  // Of a thread block.
constexpr std::uint64_t kMaxSharedBytes = std::uint64_t{1} << 18;
constexpr std::uint64_t kMaxScratchBytes = std::uint64_t{1} << 32;

// "my_cast" for "_Z7my_castPKfPhj" and for "_ZN3lib7my_castEPKf"; empty for other names.
std::string FunctionName(const std::string& mangled) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), &std::free);
  if (status != 0) return {};
  const std::string name = text.get();
  return name.substr(0, name.find('('));
}

const EntryInfo* FindEntry(std::span<const EntryInfo> entries, const std::string& name) {
  const auto exact = std::ranges::find(entries, name, &EntryInfo::name);
  if (exact != entries.end()) return &*exact;
  const EntryInfo* found = nullptr;
  for (const EntryInfo& entry : entries) {
    if (FunctionName(entry.name) != name) continue;
    if (found != nullptr) return nullptr;  // Overloads: the mangled name has to be given.
    found = &entry;
  }
  return found;
}

}  // namespace

Result<std::vector<EntryInfo>> EntriesOf(std::string_view ptx, std::string_view file) {
  const auto module = ptx::ParseModule(ptx, file);
  if (!module.ok()) return module.error();
  std::vector<EntryInfo> entries;
  for (const ptx::Function& function : module->functions) {
    if (!function.is_entry || !function.is_defined) continue;
    EntryInfo& entry = entries.emplace_back();
    entry.name = function.name;
    entry.line = function.position.line;
    for (const ptx::Parameter& parameter : function.parameters) {
      entry.parameter_bytes.push_back(function.variables[parameter.index].size);
    }
  }
  return entries;
}

Error UserKernel::Wrong(const std::string& place, const std::string& message) const {
  Error error = base::UsageError(place.empty() ? message : place + ": " + message);
  error.file = manifest_.file;
  return error;
}

Result<UserKernel> UserKernel::Bind(Manifest manifest, std::span<const EntryInfo> entries,
                                    std::string_view file) {
  UserKernel kernel(std::move(manifest));
  for (ManifestLaunch& launch : kernel.manifest_.launches) {
    if (Status bound = kernel.BindLaunch(launch, entries, file); !bound.ok()) return bound.error();
  }
  Status fine = kernel.CheckPorts();
  if (fine.ok()) fine = kernel.CheckExpressions();
  if (!fine.ok()) return fine.error();
  return kernel;
}

Status UserKernel::BindLaunch(ManifestLaunch& launch, std::span<const EntryInfo> entries,
                              std::string_view file) {
  std::vector<std::string_view> names;
  for (const EntryInfo& entry : entries) names.push_back(entry.name);
  if (names.empty()) {
    Error error = base::UsageError("no kernel entry (.visible .entry)");
    error.file = file;
    return error;
  }
  if (launch.entry.empty()) {
    if (entries.size() != 1) {
      return Wrong("", fmt::format("{} has {} entries: a launch must name its \"entry\"; known: {}",
                                   file, entries.size(), fmt::join(names, ", ")));
    }
    launch.entry = entries.front().name;
  }
  const EntryInfo* const entry = FindEntry(entries, launch.entry);
  if (entry == nullptr) {
    Error error = base::UnknownName("entry", launch.entry, names);
    error.file = file;
    return error;
  }
  launch.entry = entry->name;
  const std::size_t count = entry->parameter_bytes.size();
  if (count != launch.arguments.size()) {
    std::vector<std::string_view> places;
    for (const ManifestArgument& argument : launch.arguments) places.push_back(argument.place);
    Error error = base::UsageError(fmt::format(
        "entry {} takes {} parameters ({} bytes), but {} gives {}{}", entry->name, count,
        fmt::join(entry->parameter_bytes, ", "),
        manifest_.file.empty() ? "our own argument order" : manifest_.file, places.size(),
        manifest_.file.empty() ? fmt::format(" ({}); describe yours in a manifest (--manifest)",
                                             fmt::join(places, ", "))
                               : ""));
    error.file = file;
    error.line = entry->line;
    return error;
  }
  const formats::Signature signature = formats::SignatureOf(manifest_.op);
  for (std::size_t i = 0; i < count; ++i) {
    Status fine = CheckArgument(launch.arguments[i], entry->parameter_bytes[i], signature);
    if (!fine.ok()) return fine;
  }
  return base::Done{};
}

Status UserKernel::CheckArgument(ManifestArgument& argument, std::uint64_t bytes,
                                 const formats::Signature& signature) const {
  const bool is_number = argument.kind == Kind::kExpression || argument.kind == Kind::kBits;
  if (!is_number && !(argument.kind == Kind::kInput && argument.type)) {
    if (argument.type) return Wrong(argument.place, "an address has no \"type\"");
    if (bytes == kAddressBytes) return base::Done{};
    return Wrong(argument.place,
                 fmt::format("an address takes 8 bytes; the kernel's parameter has {}", bytes));
  }
  if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) {
    return Wrong(argument.place,
                 fmt::format("the kernel's parameter has {} bytes: structures passed by value are "
                             "not supported",
                             bytes));
  }
  if (!argument.type) {
    static constexpr std::array<ScalarType, 4> kUnsigned = {ScalarType::kU8, ScalarType::kU16,
                                                            ScalarType::kU32, ScalarType::kU64};
    argument.type = kUnsigned[static_cast<std::size_t>(std::countr_zero(bytes))];
  }
  const std::string_view type = kScalarTypeNames[static_cast<std::size_t>(*argument.type)];
  if (static_cast<std::uint64_t>(ScalarBytes(*argument.type)) != bytes) {
    return Wrong(argument.place, fmt::format("{} has {} bytes; the kernel's parameter has {}", type,
                                             ScalarBytes(*argument.type), bytes));
  }
  if (argument.kind == Kind::kInput) {
    const formats::Port& port = signature.inputs[argument.index];
    const bool is_single = (port.name == "bits" && !manifest_.op.bits_per_block) ||
                           port.name == "clip" || port.name == "tensor_scale";
    if (!is_single || static_cast<std::uint64_t>(port.type.bytes()) != bytes) {
      return Wrong(argument.place,
                   fmt::format("input {} ({}) cannot be passed by value as {}", port.name,
                               formats::ElementTypeName(port.type), type));
    }
  }
  return base::Done{};
}

Status UserKernel::CheckPorts() const {
  const auto passes = [&](Kind kind, std::size_t index) {
    return std::ranges::any_of(manifest_.launches, [&](const ManifestLaunch& launch) {
      return std::ranges::any_of(launch.arguments, [&](const ManifestArgument& argument) {
        return argument.kind == kind && argument.index == index;
      });
    });
  };
  const formats::Signature signature = formats::SignatureOf(manifest_.op);
  for (std::size_t i = 0; i < signature.outputs.size(); ++i) {
    if (passes(Kind::kOutput, i)) continue;
    return Wrong("/launches", fmt::format("no argument is output '{}': the kernel cannot write it",
                                          signature.outputs[i].name));
  }
  for (std::size_t i = 0; i < signature.inputs.size(); ++i) {
    // A kernel that is given the scale needs no bitwidth.
    const bool is_behind_scale = signature.inputs[i].name == "bits" && UsesDerived(Derived::kScale);
    if (passes(Kind::kInput, i) || is_behind_scale) continue;
    return Wrong("/launches", fmt::format("no argument is input '{}': the kernel cannot read it",
                                          signature.inputs[i].name));
  }
  return base::Done{};
}

// What divides by zero, leaves 64 bits or asks for no thread block is found before the suite
// starts, not in its midst.
Status UserKernel::CheckExpressions() const {
  const std::uint64_t element = 0;
  std::vector<formats::ConstBuffer> inputs;
  for (const formats::Port& port : formats::SignatureOf(manifest_.op).inputs) {
    inputs.push_back({port.type, &element, 1});
  }
  for (const formats::Shape& shape :
       {formats::Shape{1, 1}, formats::Shape{1, 2}, formats::Shape{33, 65},
        formats::Shape{1, std::uint64_t{1} << 16}, manifest_.op.shape}) {
    Operation op = manifest_.op;
    op.shape = shape;
    op.key.offset = 0;
    op = Fit(op);
    const auto launches = Launches(op, inputs);
    if (!launches.ok()) return launches.error();
    for (std::size_t i = 0; i < manifest_.scratch.size(); ++i) {
      const auto bytes = ScratchBytes(op, i);
      if (!bytes.ok()) return bytes.error();
    }
  }
  return base::Done{};
}

Result<LaunchArgument> UserKernel::Resolve(const ManifestArgument& argument,
                                           std::span<const std::uint64_t> values,
                                           std::span<const formats::ConstBuffer> inputs) const {
  const BufferNumbers numbers = buffer_numbers();
  switch (argument.kind) {
    case Kind::kInput:
      if (argument.type) {
        return LaunchArgument::Scalar(inputs[argument.index].Get(0), ScalarBytes(*argument.type));
      }
      return LaunchArgument::Address(static_cast<int>(argument.index));
    case Kind::kOutput:
      return LaunchArgument::Address(static_cast<int>(numbers.outputs + argument.index));
    case Kind::kDerived:
      return LaunchArgument::Address(static_cast<int>(numbers.derived + argument.index));
    case Kind::kScratch:
      return LaunchArgument::Address(static_cast<int>(numbers.scratch + argument.index));
    case Kind::kBits:
      return LaunchArgument::Scalar(argument.bits, ScalarBytes(*argument.type));
    case Kind::kExpression:
      break;
  }
  const auto value = argument.expression.Evaluate(values);
  if (!value.ok()) return Wrong(argument.place, value.error().message);
  return LaunchArgument::Scalar(*value, ScalarBytes(*argument.type));
}

Result<std::vector<KernelLaunch>> UserKernel::Launches(
    const Operation& op, std::span<const formats::ConstBuffer> inputs) const {
  return LaunchesWithin(op, inputs, 1);
}

Result<std::vector<KernelLaunch>> UserKernel::EmptyLaunches() const {
  Operation op = manifest_.op;
  op.shape = {.rows = 1, .cols = 0};
  const std::uint64_t element = 0;
  std::vector<formats::ConstBuffer> inputs;
  for (const formats::Port& port : formats::SignatureOf(manifest_.op).inputs) {
    inputs.push_back({port.type, &element, 1});
  }
  auto launches = LaunchesWithin(op, inputs, 0);
  if (!launches.ok()) return launches;
  std::erase_if(*launches, [](const KernelLaunch& launch) {
    return launch.grid[0] == 0 || launch.grid[1] == 0 || launch.grid[2] == 0;
  });
  return launches;
}

Result<std::vector<KernelLaunch>> UserKernel::LaunchesWithin(
    const Operation& op, std::span<const formats::ConstBuffer> inputs,
    std::uint64_t smallest_grid) const {
  const auto values = FieldValues(op);
  std::vector<KernelLaunch> launches;
  for (std::size_t l = 0; l < manifest_.launches.size(); ++l) {
    const ManifestLaunch& mine = manifest_.launches[l];
    const std::string place = fmt::format("/launches/{}", l);
    KernelLaunch& launch = launches.emplace_back();
    launch.entry = mine.entry;
    const auto evaluate = [&](const Expression& expression, std::uint64_t smallest,
                              std::uint64_t largest, const std::string& what,
                              std::uint32_t& out) -> Status {
      const auto value = expression.Evaluate(values);
      if (!value.ok()) return Wrong(place + what, value.error().message);
      if (*value < smallest || *value > largest) {
        return Wrong(place + what, fmt::format("'{}' is {} for shape {}x{}; {} to {} is possible",
                                               expression.text(), *value, op.shape.rows,
                                               op.shape.cols, smallest, largest));
      }
      out = static_cast<std::uint32_t>(*value);
      return base::Done{};
    };
    Status status = base::Done{};
    for (std::size_t d = 0; d < 3 && status.ok(); ++d) {
      status = evaluate(mine.grid[d], smallest_grid, d == 0 ? INT32_MAX : UINT16_MAX, "/grid",
                        launch.grid[d]);
      if (status.ok()) {
        status = evaluate(mine.block[d], 1, kMaxThreads, "/block", launch.block[d]);
      }
    }
    if (status.ok()) {
      status = evaluate(mine.shared_bytes, 0, kMaxSharedBytes, "/shared_bytes",
                        launch.dynamic_shared_bytes);
    }
    if (!status.ok()) return status.error();
    for (const ManifestArgument& argument : mine.arguments) {
      const auto resolved = Resolve(argument, values, inputs);
      if (!resolved.ok()) return resolved.error();
      launch.arguments.push_back(*resolved);
    }
  }
  return launches;
}

UserKernel::BufferNumbers UserKernel::buffer_numbers() const {
  const formats::Signature signature = formats::SignatureOf(manifest_.op);
  const std::size_t outputs = signature.inputs.size();
  const std::size_t derived = outputs + signature.outputs.size();
  const std::size_t scratch = derived + kDerivedNames.size();
  return {outputs, derived, scratch, scratch + manifest_.scratch.size()};
}

bool UserKernel::UsesDerived(Derived derived) const {
  return std::ranges::any_of(manifest_.launches, [&](const ManifestLaunch& launch) {
    return std::ranges::any_of(launch.arguments, [&](const ManifestArgument& argument) {
      return argument.kind == Kind::kDerived && argument.index == static_cast<std::size_t>(derived);
    });
  });
}

Result<std::uint64_t> UserKernel::ScratchBytes(const Operation& op, std::size_t index) const {
  const std::string place = fmt::format("/scratch/{}/bytes", index);
  const auto bytes = manifest_.scratch[index].bytes.Evaluate(FieldValues(op));
  if (!bytes.ok()) return Wrong(place, bytes.error().message);
  if (*bytes > kMaxScratchBytes) return Wrong(place, "more than 2^32 bytes");
  return std::max<std::uint64_t>(*bytes, 1);
}

}  // namespace ulproof::gpu
