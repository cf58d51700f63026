// SPDX-License-Identifier: Apache-2.0
// ulproof dequantize: the inverse of ulproof quantize, each element the exact product of element
// and scale rounded once (contract section 9).
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

#include "cli/backends.h"
#include "cli/block_scaled_file.h"
#include "cli/commands/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/tensor_file.h"
#include "formats/case.h"
#include "io/bit_packing.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;
using formats::Operation;

struct DequantizeOptions {
  Operation op = {.kind = formats::OpKind::kDequantize, .to = formats::kFloat32};
  std::string in, out, tensor, backend;
};

// A tensor of the output: from these parts of the input, or copied from the one part there is.
struct Job {
  std::optional<BlockScaledTensor> scaled;
  std::vector<FileTensor> parts;
};

// The parts of a recorded tensor, checked to be as the layout says.
Result<std::vector<FileTensor>> FindParts(const BlockScaledTensor& scaled,
                                          const TensorInput& input) {
  std::vector<FileTensor> parts;
  for (const FileTensor& expected : BlockScaledLayout(scaled)) {
    const auto part = input.Find(expected.name);
    if (!part.ok()) return part.error();
    if (part->dtype != expected.dtype || part->shape != expected.shape) {
      return base::Error{.message = fmt::format("tensor {} does not have the type and shape that "
                                                "the metadata asks for",
                                                io::QuotedName(expected.name)),
                         .file = input.path()};
    }
    parts.push_back(*part);
  }
  return parts;
}

Result<std::vector<Job>> PlanJobs(const DequantizeOptions& options, const TensorInput& input,
                                  FileKind out_kind) {
  const auto recorded = RecordedBlockScaled(input.metadata());
  if (!recorded.ok()) {
    base::Error error = recorded.error();
    error.file = input.path();
    return error;
  }
  std::vector<Job> jobs;
  std::set<std::string> used;
  for (const BlockScaledTensor& scaled : *recorded) {
    if (!options.tensor.empty() && scaled.name != options.tensor) continue;
    auto parts = FindParts(scaled, input);
    if (!parts.ok()) return parts.error();
    for (const FileTensor& part : *parts) used.insert(part.name);
    jobs.push_back({.scaled = scaled, .parts = std::move(*parts)});
  }
  if (jobs.empty()) {
    const std::string which =
        options.tensor.empty() ? "no tensor" : "no tensor " + io::QuotedName(options.tensor);
    return base::Error{.message = which + " of its is recorded as made by ulproof quantize",
                       .file = input.path()};
  }
  if (options.tensor.empty() && out_kind == FileKind::kSafetensors) {
    for (const FileTensor& tensor : input.tensors()) {
      if (!used.contains(tensor.name)) jobs.push_back({.scaled = std::nullopt, .parts = {tensor}});
    }
  }
  return jobs;
}

// Reads one input port of the operation.
Status ReadPort(const BlockScaledTensor& scaled, const FileTensor& part, const TensorInput& input,
                bool packed, const formats::Buffer& port) {
  if (!packed) return input.Read(part, 0, part.bytes(), port.data);
  std::vector<std::uint8_t> bytes(part.bytes());
  if (Status read = input.Read(part, 0, bytes.size(), bytes.data()); !read.ok()) return read;
  return io::UnpackCodes(bytes, scaled.op.block_format.element_bits,
                         {port.As<std::uint8_t>(), port.count});
}

Status RunJob(const DequantizeOptions& options, const Job& job, std::size_t index,
              const TensorInput& input, TensorOutput& output) {
  const BlockScaledTensor& scaled = *job.scaled;
  Operation op = options.op;
  op.block_format = scaled.op.block_format;
  op.square = scaled.op.square;
  op.shape = scaled.op.shape;
  const auto backend = BackendFor(options.backend, op);
  if (!backend.ok()) return backend.error();
  formats::Case c = formats::EmptyCase(op);
  for (std::size_t i = 0; i < job.parts.size(); ++i) {
    const FileTensor& part = job.parts[i];
    const formats::Buffer port = c.inputs[i].view();
    Status status = ReadPort(scaled, part, input, scaled.packed && i == 0, port);
    if (status.ok()) status = CheckCodes(port, 0, part);
    if (status.ok()) continue;
    base::Error error = status.error();
    error.file = input.path();
    return error;
  }
  const auto outputs = formats::RunCase(**backend, c);
  if (!outputs.ok()) return outputs.error();
  const formats::Tensor& y = outputs->front();
  return output.Write(index, 0, y.count() * static_cast<std::uint64_t>(y.type().bytes()),
                      y.view().data);
}

Result<TensorOutput> CreateOutput(const DequantizeOptions& options, const std::vector<Job>& jobs,
                                  const TensorInput& input, FileKind out_kind) {
  // What the input's metadata said of its tensors is no longer so.
  io::SafetensorsMetadata metadata;
  for (const auto& [key, value] : input.metadata()) {
    if (!key.starts_with("ulproof.")) metadata.emplace(key, value);
  }
  metadata["ulproof.version"] = ULPROOF_VERSION;
  std::vector<FileTensor> tensors;
  for (const Job& job : jobs) {
    FileTensor& tensor = tensors.emplace_back(job.parts.front());
    if (!job.scaled) continue;
    tensor.shape = job.scaled->shape;
    tensor.dtype = StorageOf(formats::ElementType::CodeOf(options.op.to), out_kind);
    metadata["ulproof.format." + tensor.name] = formats::FormatName(options.op.to);
  }
  return TensorOutput::Create(options.out, std::move(tensors), metadata);
}

Status Run(const DequantizeOptions& options, CommandContext& context) {
  const auto out_kind = FileKindOf(options.out);
  if (!out_kind.ok()) return out_kind.error();
  if (const Status valid = formats::ValidateOperation(options.op); !valid.ok()) return valid;
  const auto input = TensorInput::Open(options.in);
  if (!input.ok()) return input.error();
  const auto jobs = PlanJobs(options, *input, *out_kind);
  if (!jobs.ok()) return jobs.error();
  auto output = CreateOutput(options, *jobs, *input, *out_kind);
  if (!output.ok()) return output.error();
  ProgressBar progress(context, "dequantize", jobs->size());
  for (std::size_t i = 0; i < jobs->size(); ++i) {
    const Job& job = (*jobs)[i];
    const Status done = job.scaled ? RunJob(options, job, i, *input, *output)
                                   : output->Copy(i, *input, job.parts.front());
    if (!done.ok()) return done;
    progress.Advance(1);
  }
  return output->Commit();
}

}  // namespace

void AddDequantizeCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("dequantize", "Turn a file of ulproof quantize into plain numbers");
  const auto options = std::make_shared<DequantizeOptions>();
  command->add_option("IN", options->in, "A .safetensors file that ulproof quantize wrote")
      ->required();
  command->add_option("--out", options->out, "Result: .safetensors, or .npy for one tensor")
      ->required()
      ->type_name("FILE");
  command->add_option("--tensor", options->tensor, "Only this tensor (default: all)")
      ->type_name("NAME");
  AddFormatOption(*command, "--to", options->op.to, "Format of the result (default float32)");
  AddRoundingOptions(*command, options->op);
  AddBackendOption(*command, options->backend);
  command->footer(
      "Each element is the exact product of element and scale, rounded once. Other tensors of the\n"
      "file are copied to a .safetensors result. Memory: one tensor with its result.\n"
      "Examples:\n"
      "  ulproof dequantize q.safetensors --out back.npy\n"
      "  ulproof dequantize q.safetensors --to bfloat16 --out back.safetensors");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
