// SPDX-License-Identifier: Apache-2.0
// ulproof noise: the noise R of contract section 5, as text or as an .npy file.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "cli/backends.h"
#include "cli/commands/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "formats/case.h"
#include "formats/describe.h"
#include "formats/tensor.h"
#include "io/npy.h"

namespace ulproof::cli {
namespace {

using base::Status;
using formats::Operation;

constexpr std::uint64_t kChunkElements = std::uint64_t{1} << 20;

struct NoiseOptions {
  Operation op = {.kind = formats::OpKind::kNoise};
  std::string out;
  std::string backend;
};

void AppendText(const formats::Tensor& noise, fmt::memory_buffer& text) {
  for (std::uint64_t i = 0; i < noise.count(); ++i) {
    if (noise.type().kind == formats::ElementKind::kInt8) {
      fmt::format_to(std::back_inserter(text), "{}\n", static_cast<std::int8_t>(noise.Get(i)));
    } else {
      text.append(formats::HexFloat(formats::kFloat32, noise.Get(i)));
      text.push_back('\n');
    }
  }
}

Status Run(const NoiseOptions& options, CommandContext& context) {
  const Operation& op = options.op;
  if (const Status valid = formats::ValidateOperation(op); !valid.ok()) return valid;
  const auto backend = BackendFor(options.backend, op);
  if (!backend.ok()) return backend.error();
  const std::uint64_t count = op.shape.cols;
  std::optional<io::NpyWriter> file;
  if (!options.out.empty()) {
    const io::NpyType type = formats::HasIntegerNoise(op.law) ? io::kNpyInt8 : io::kNpyFloat32;
    auto created = io::NpyWriter::Create(options.out, {.type = type, .shape = {count}});
    if (!created.ok()) return created.error();
    file = std::move(*created);
  }
  ProgressBar progress(context, "noise", file ? count : 0);
  fmt::memory_buffer text;
  for (std::uint64_t done = 0; done < count;) {
    Operation chunk = op;
    chunk.shape.cols = std::min(kChunkElements, count - done);
    chunk.key.offset = op.key.offset + done;
    const auto made = formats::RunCase(**backend, {.op = chunk, .inputs = {}});
    if (!made.ok()) return made.error();
    const formats::Tensor& noise = made->front();
    if (file) {
      if (const Status put = file->Write(done, noise.count(), noise.view().data); !put.ok()) {
        return put;
      }
    } else {
      text.clear();
      AppendText(noise, text);
      if (!context.out.write(text.data(), static_cast<std::streamsize>(text.size()))) {
        return base::EnvironmentError("cannot write to standard output");
      }
    }
    done += chunk.shape.cols;
    progress.Advance(chunk.shape.cols);
  }
  return file ? file->Commit() : Status(base::Done{});
}

}  // namespace

void AddNoiseCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("noise", "Print or store the noise R of a law");
  const auto options = std::make_shared<NoiseOptions>();
  AddLawOption(*command, options->op);
  AddKeyOptions(*command, options->op.key);
  AddUnsignedOption(*command, "--count", options->op.shape.cols, "How many elements")->required();
  command
      ->add_option("--out", options->out,
                   "Write an .npy file (int8, or float32 for uniform and normal2) instead")
      ->type_name("FILE");
  AddBackendOption(*command, options->backend);
  command->footer(
      "One R a line: an integer, or a hexadecimal float for the laws uniform and normal2.\n"
      "Examples:\n"
      "  ulproof noise --law rg16 --seed 1 --stream 2 --offset 5 --count 10\n"
      "  ulproof noise --law uniform --seed 1 --count 1000000 --out noise.npy");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
