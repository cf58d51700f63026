// SPDX-License-Identifier: Apache-2.0
// ulproof quantize: the tensors of a file in a block-scaled format (contract section 9), one at a
// time in memory (NVFP4 needs the maximum of the whole tensor before its first element).
#include <fmt/format.h>

#include <memory>

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

struct QuantizeOptions {
  Operation op = {.kind = formats::OpKind::kQuantize};
  bool pack = false;
  std::string in, out, tensor, backend;
  std::optional<formats::FormatSpec> dtype;
};

// One tensor of the input and the tensors of the output that come of it: from `first` on,
// BlockScaledLayout's in their order, or the tensor itself.
struct Job {
  FileTensor tensor;
  std::optional<Operation> op;
  std::size_t first;
};

struct Plan {
  std::vector<Job> jobs;
  std::vector<FileTensor> tensors;
  io::SafetensorsMetadata metadata;
};

Result<Plan> MakePlan(const QuantizeOptions& options, const TensorInput& input) {
  const auto selected = input.SelectWeights(options.tensor, options.dtype);
  if (!selected.ok()) return selected.error();
  Plan plan;
  plan.metadata = input.metadata();
  plan.metadata["ulproof.version"] = ULPROOF_VERSION;
  for (const auto& [tensor, format] : *selected) {
    Job& job = plan.jobs.emplace_back(
        Job{.tensor = tensor, .op = std::nullopt, .first = plan.tensors.size()});
    if (!format) {
      plan.tensors.push_back(tensor);
      continue;
    }
    Operation op = options.op;
    op.from = *format;
    op.shape = MatrixOf(tensor);
    if (const Status valid = formats::ValidateOperation(op); !valid.ok()) {
      return input.Unusable(tensor, valid.error().message);
    }
    job.op = op;
    const BlockScaledTensor scaled = {
        .name = tensor.name, .op = op, .shape = tensor.shape, .packed = options.pack};
    for (FileTensor& part : BlockScaledLayout(scaled)) plan.tensors.push_back(std::move(part));
    RecordBlockScaled(scaled, plan.metadata);
  }
  return plan;
}

// Writes one output port, packed where asked.
Status WritePort(TensorOutput& output, std::size_t index, const formats::Tensor& port,
                 int packed_bits) {
  const std::uint64_t bytes = port.count() * static_cast<std::uint64_t>(port.type().bytes());
  const auto* data = static_cast<const std::uint8_t*>(port.view().data);
  if (packed_bits == 0) return output.Write(index, 0, bytes, data);
  std::vector<std::uint8_t> packed(io::PackedBytes(port.count(), packed_bits));
  io::PackCodes({data, bytes}, packed_bits, packed);
  return output.Write(index, 0, packed.size(), packed.data());
}

Status RunJob(const QuantizeOptions& options, const Job& job, const TensorInput& input,
              TensorOutput& output) {
  const Operation& op = *job.op;
  const auto backend = BackendFor(options.backend, op);
  if (!backend.ok()) return backend.error();
  formats::Case c = formats::EmptyCase(op);
  const formats::Buffer weights = c.inputs[0].view();
  if (Status read = input.Read(job.tensor, 0, job.tensor.bytes(), weights.data); !read.ok()) {
    return read;
  }
  if (const Status valid = CheckCodes(weights, 0, job.tensor); !valid.ok()) {
    base::Error error = valid.error();
    error.file = input.path();
    return error;
  }
  const auto outputs = formats::RunCase(**backend, c);
  if (!outputs.ok()) return outputs.error();
  for (std::size_t i = 0; i < outputs->size(); ++i) {
    const int packed_bits = options.pack && i == 0 ? op.block_format.element_bits : 0;
    if (Status put = WritePort(output, job.first + i, (*outputs)[i], packed_bits); !put.ok()) {
      return put;
    }
  }
  return base::Done{};
}

Status Run(const QuantizeOptions& options, CommandContext& context) {
  const auto out_kind = FileKindOf(options.out);
  if (!out_kind.ok()) return out_kind.error();
  if (*out_kind != FileKind::kSafetensors) {
    return base::Error{
        .message = "the output holds several tensors: its name must end in .safetensors",
        .file = options.out};
  }
  const auto input = TensorInput::Open(options.in);
  if (!input.ok()) return input.error();
  const auto plan = MakePlan(options, *input);
  if (!plan.ok()) return plan.error();
  auto output = TensorOutput::Create(options.out, plan->tensors, plan->metadata);
  if (!output.ok()) return output.error();
  std::uint64_t total_bytes = 0;
  for (const Job& job : plan->jobs) total_bytes += job.tensor.bytes();
  ProgressBar progress(context, "quantize", total_bytes);
  for (const Job& job : plan->jobs) {
    progress.SetLabel(job.tensor.name);
    const Status done = job.op ? RunJob(options, job, *input, *output)
                               : output->Copy(job.first, *input, job.tensor);
    if (!done.ok()) return done;
    progress.Advance(job.tensor.bytes());
  }
  return output->Commit();
}

}  // namespace

void AddQuantizeCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("quantize", "Store weights in a block-scaled format");
  const auto options = std::make_shared<QuantizeOptions>();
  Operation& op = options->op;
  command->add_option("IN", options->in, "Weights: .npy or .safetensors")->required();
  AddParsedOption(*command, "--format", op.block_format, formats::ParseBlockFormat,
                  "mxfp8_e4m3, mxfp8_e5m2, mxfp6_e3m2, mxfp6_e2m3, mxfp4, mxint8 or nvfp4")
      ->required()
      ->type_name("NAME");
  command->add_option("--out", options->out, "Result: .safetensors")->required()->type_name("FILE");
  CLI::Option* rule =
      AddParsedOption(*command, "--scale-rule", op.rule, formats::ParseScaleRule,
                      "How MX scales are chosen: floor (default), ceil, even, rceil")
          ->type_name("RULE");
  command->add_flag("--square", op.square, "Scales of square blocks instead of groups along rows");
  command->add_flag("--pack", options->pack,
                    "Elements densely packed (mxfp4, nvfp4: two a byte, the even index low)");
  command->add_option("--tensor", options->tensor, "Only this tensor (default: all)")
      ->type_name("NAME");
  AddFormatOption(*command, "--dtype", options->dtype,
                  "Format of the codes in a file of unsigned integers, as bfloat16");
  AddBackendOption(*command, options->backend);
  command->footer(
      "Writes tensors NAME (codes, one a byte unless --pack), NAME.scale and, for nvfp4,\n"
      "NAME.tensor_scale; metadata records the operation, the shape and the packing. The\n"
      "name of an .npy file's tensor is the file's. A .safetensors file's weights are its\n"
      "tensors of F32, F16 and BF16; others are copied. Memory: one tensor with its result.\n"
      "Examples:\n"
      "  ulproof quantize w.npy --format mxfp8_e4m3 --scale-rule rceil --out q.safetensors\n"
      "  ulproof quantize model.safetensors --format nvfp4 --pack --out q.safetensors\n"
      "  ulproof dequantize q.safetensors --out back.npy");
  command->callback([options, rule, &context] {
    if (options->op.block_format.has_tensor_scale && rule->count() > 0) {
      context.Fail(base::UsageError("--scale-rule is for MX formats; nvfp4 has one rule"));
      return;
    }
    context.Report(Run(*options, context));
  });
}

}  // namespace ulproof::cli
