// SPDX-License-Identifier: Apache-2.0
// ulproof sample: Gaussian weight sampling (contract section 7) of the tensors of a file, streamed.
#include <fmt/format.h>

#include <charconv>
#include <memory>
#include <optional>

#include "cli/backends.h"
#include "cli/commands/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/sample_tensor.h"
#include "cli/tensor_file.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;
using formats::Operation;

struct SampleOptions {
  Operation op = {.kind = formats::OpKind::kSample};
  std::string in, out, tensor, bits_file, backend;
  std::optional<float> bits;
  std::optional<formats::FormatSpec> dtype;
};

Result<std::optional<float>> ParseBits(const std::string& text) {
  float bits = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), bits);
  if (code != std::errc() || end != text.data() + text.size()) {
    return base::UsageError(fmt::format("bitwidth '{}' is not a number of float32", text));
  }
  if (const Status valid = CheckBits(bits); !valid.ok()) return valid.error();
  return std::optional(bits);
}

// One tensor of the output: sampled, or copied.
struct Job {
  FileTensor tensor;
  std::optional<Operation> op;
};

Result<std::vector<Job>> PlanJobs(const SampleOptions& options, const TensorInput& input) {
  const auto selected = input.SelectWeights(options.tensor, options.dtype);
  if (!selected.ok()) return selected.error();
  std::vector<Job> jobs;
  std::uint64_t sampled = 0;
  for (const auto& [tensor, format] : *selected) {
    Job& job = jobs.emplace_back(Job{.tensor = tensor, .op = std::nullopt});
    if (!format) continue;
    Operation op = options.op;
    op.from = *format;
    op.shape = MatrixOf(tensor);
    op.bits_per_block = !options.bits_file.empty();
    if (sampled > UINT64_MAX - op.key.stream) {
      return input.Unusable(tensor, "its stream, --stream plus its number, passes 2^64");
    }
    op.key.stream += sampled++;
    if (const Status valid = formats::ValidateOperation(op); !valid.ok()) {
      return input.Unusable(tensor, valid.error().message);
    }
    job.op = op;
  }
  if (sampled > 1 && !options.bits_file.empty()) {
    return base::UsageError("--bits-file is for one tensor; name it with --tensor");
  }
  return jobs;
}

Result<io::NpyReader> OpenBits(const std::string& path, const Operation& op) {
  auto reader = io::NpyReader::Open(path);
  if (!reader.ok()) return reader;
  const formats::BlockGrid grid = op.grid();
  if (reader->header().type != io::kNpyFloat32 || reader->header().count() != grid.count()) {
    return base::Error{
        .message = fmt::format("holds {} elements of {}; needed are {} x {} of <f4, one a block",
                               reader->header().count(), io::NpyTypeName(reader->header().type),
                               grid.rows(), grid.cols()),
        .file = path};
  }
  return reader;
}

// What the output says of how it was made: the operation's canonical spelling.
std::string Origin(const Operation& op, const SampleOptions& options) {
  const std::string bits = options.bits ? fmt::format("{}", *options.bits) : "per block";
  return fmt::format("{}; b = {}", formats::OperationName(op), bits);
}

Result<TensorOutput> CreateOutput(const SampleOptions& options, const std::vector<Job>& jobs,
                                  const TensorInput& input) {
  io::SafetensorsMetadata metadata = input.metadata();
  metadata["ulproof.version"] = ULPROOF_VERSION;
  std::vector<FileTensor> tensors;
  for (const Job& job : jobs) {
    FileTensor& tensor = tensors.emplace_back(job.tensor);
    if (!job.op) continue;
    tensor.dtype = StorageOf(formats::ElementType::CodeOf(job.op->to), input.kind());
    metadata["ulproof.sample." + tensor.name] = Origin(*job.op, options);
    metadata["ulproof.format." + tensor.name] = formats::FormatName(job.op->to);
  }
  return TensorOutput::Create(options.out, std::move(tensors), metadata);
}

Status RunJob(const SampleOptions& options, const Job& job, std::size_t index,
              const TensorInput& input, TensorOutput& output, ProgressBar& progress) {
  const Operation& op = *job.op;
  const auto backend = BackendFor(options.backend, op);
  if (!backend.ok()) return backend.error();
  std::optional<io::NpyReader> bits_file;
  if (op.bits_per_block) {
    auto opened = OpenBits(options.bits_file, op);
    if (!opened.ok()) return opened.error();
    bits_file = std::move(*opened);
  }
  const auto from_bytes = static_cast<std::uint64_t>(op.from.storage_bytes());
  const auto to_bytes = static_cast<std::uint64_t>(op.to.storage_bytes());
  const SampleStreams streams = {
      .read = [&](std::uint64_t first, std::uint64_t count, void* out) -> Status {
        Status read = input.Read(job.tensor, first * from_bytes, count * from_bytes, out);
        if (!read.ok()) return read;
        const formats::ConstBuffer codes = {formats::ElementType::CodeOf(op.from), out, count};
        Status valid = CheckCodes(codes, first, job.tensor);
        if (valid.ok()) return valid;
        base::Error error = valid.error();
        error.file = input.path();
        return error;
      },
      .write =
          [&](std::uint64_t first, std::uint64_t count, const void* data) {
            return output.Write(index, first * to_bytes, count * to_bytes, data);
          },
      .read_bits = [&](std::uint64_t first, std::uint64_t count, float* out) -> Status {
        if (bits_file) return bits_file->Read(first, count, out);
        *out = *options.bits;
        return base::Done{};
      },
      .advance = [&](std::uint64_t elements) { progress.Advance(elements * from_bytes); }};
  return SampleTensor(op, streams, **backend);
}

Status Run(const SampleOptions& options, CommandContext& context) {
  if (options.bits.has_value() == !options.bits_file.empty()) {
    return base::UsageError("give the bitwidth by one of --bits and --bits-file");
  }
  const auto input = TensorInput::Open(options.in);
  if (!input.ok()) return input.error();
  const auto out_kind = FileKindOf(options.out);
  if (!out_kind.ok()) return out_kind.error();
  if (*out_kind != input->kind()) {
    return base::Error{.message = "the output must be of the input's kind", .file = options.out};
  }
  const auto jobs = PlanJobs(options, *input);
  if (!jobs.ok()) return jobs.error();
  auto output = CreateOutput(options, *jobs, *input);
  if (!output.ok()) return output.error();
  std::uint64_t total_bytes = 0;
  for (const Job& job : *jobs) total_bytes += job.tensor.bytes();
  ProgressBar progress(context, "sample", total_bytes);
  for (std::size_t i = 0; i < jobs->size(); ++i) {
    const Job& job = (*jobs)[i];
    progress.SetLabel(job.tensor.name);
    const Status done = job.op ? RunJob(options, job, i, *input, *output, progress)
                               : output->Copy(i, *input, job.tensor);
    if (!done.ok()) return done;
    if (!job.op) progress.Advance(job.tensor.bytes());
  }
  return output->Commit();
}

}  // namespace

void AddSampleCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("sample", "Sample the weights of a file with Gaussian noise");
  const auto options = std::make_shared<SampleOptions>();
  Operation& op = options->op;
  command->add_option("IN", options->in, "Weights: .npy or .safetensors")->required();
  command->add_option("--out", options->out, "Result, of the same kind")
      ->required()
      ->type_name("FILE");
  AddParsedOption(*command, "--bits", options->bits, ParseBits, "Bitwidth b of the whole tensor")
      ->type_name("B");
  command->add_option("--bits-file", options->bits_file, "Bitwidths, one a block: .npy of float32")
      ->type_name("FILE");
  command->add_option("--tensor", options->tensor, "Sample only this tensor (default: all)")
      ->type_name("NAME");
  AddFormatOption(*command, "--dtype", options->dtype,
                  "Format of the codes in a file of unsigned integers, as bfloat16");
  AddLawOption(*command, op);
  AddKeyOptions(*command, op.key);
  AddParsedOption(*command, "--block", op.block, formats::ParseBlockShape,
                  "Block that shares a maximum (default 32x32)")
      ->type_name("RxC");
  command->add_flag("--pow2", op.pow2, "Round block maxima up to powers of two");
  AddFormatOption(*command, "--out-format", op.to, "Format of the result (default bfloat16)");
  AddRoundingOptions(*command, op);
  AddBackendOption(*command, options->backend);
  command->footer(
      "A .safetensors file's weights are its tensors of F32, F16 and BF16; the k-th of\n"
      "them, from 0 in order of name, uses stream + k; other tensors are copied.\n"
      "Tensors of more than two sides are matrices of their last side. The result\n"
      "holds numbers where the file kind has the type, else codes as unsigned integers;\n"
      ".safetensors metadata records format and operation. Memory stays below 128 MiB\n"
      "for files of any size (unless one block needs more).\n"
      "Examples:\n"
      "  ulproof sample w.npy --bits 4 --seed 1 --stream 2 --out sampled.npy\n"
      "  ulproof sample codes.npy --dtype bfloat16 --bits 4 --block 1x32 --out sampled.npy\n"
      "  ulproof sample model.safetensors --bits 6 --law rg32 --out noisy.safetensors");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
