// SPDX-License-Identifier: Apache-2.0
// ulproof anneal: what noise leaves of the weights along a schedule of bitwidths, b(step) =
// target + a (start - target) with a falling from 1 to 0 (contract section 10).
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <memory>

#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/measure_files.h"
#include "cli/number_lists.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report/anneal_report.h"
#include "cpu/cast_kernels.h"
#include "cpu/noise_kernels.h"
#include "reference/inspect/law_table.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;
using formats::NoiseLaw;
using formats::Operation;

// Default weights draw from this stream, so that they share no words with the noise on them.
constexpr std::uint64_t kWeightStreamBit = std::uint64_t{1} << 62;
constexpr std::uint64_t kMaxBlocks = 1 << 16;

struct AnnealOptions {
  std::string file;
  std::string glob;
  std::optional<formats::FormatSpec> dtype;
  std::vector<float> bits;  // Empty: the schedule.
  double start = 6;
  double target = 4;
  std::uint64_t steps = 9;
  std::uint64_t blocks = 64;
  std::uint64_t max_weights = std::uint64_t{1} << 25;
  std::vector<NoiseLaw> laws = {NoiseLaw::kRg16, NoiseLaw::kUniform, NoiseLaw::kNormal2};
  std::vector<formats::FormatSpec> to = {formats::kBfloat16};
  Operation op = {.kind = formats::OpKind::kSample};
  std::string panel;
  RecordFiles record;
};

Result<std::vector<NoiseLaw>> ParseLaws(const std::string& text) {
  std::vector<NoiseLaw> laws;
  for (const std::string_view name : base::Split(text, ',')) {
    const auto law = formats::ParseNoiseLaw(name);
    if (!law.ok()) return law.error();
    laws.push_back(*law);
  }
  return laws;
}

Result<std::string> ParsePanel(const std::string& text) {
  if (std::ranges::find(kAnnealPanels, text) != kAnnealPanels.end()) return text;
  return base::UnknownName("panel", text, kAnnealPanels);
}

// N(0, 1) in bfloat16: 2 R of the law normal2.
formats::Tensor NormalWeights(const Operation& sample, std::uint64_t blocks) {
  const cpu::Target target = cpu::RunnableTargets()[0];
  Operation noise = {.kind = formats::OpKind::kNoise, .law = NoiseLaw::kNormal2};
  noise.key = {.seed = sample.key.seed, .stream = sample.key.stream ^ kWeightStreamBit};
  noise.shape.cols = blocks * sample.block.rows * sample.block.cols;
  formats::Tensor z(formats::ElementType::CodeOf(formats::kFloat32), noise.shape.cols);
  cpu::RunNoise(target, noise, z.view());
  auto* values = z.view().As<std::uint32_t>();
  for (std::uint64_t i = 0; i < z.count(); ++i) {
    values[i] = std::bit_cast<std::uint32_t>(2 * std::bit_cast<float>(values[i]));
  }
  Operation cast = {.kind = formats::OpKind::kCast};
  cast.shape = noise.shape;
  formats::Tensor w(formats::ElementType::CodeOf(formats::kBfloat16), z.count());
  cpu::RunCast(target, cast, z.view(), w.view());
  return w;
}

std::vector<float> ScheduleOf(const AnnealOptions& options) {
  if (!options.bits.empty()) return options.bits;
  std::vector<float> bits;
  for (std::uint64_t step = 0; step < options.steps; ++step) {
    const double a = options.steps == 1
                         ? 1
                         : 1 - static_cast<double>(step) / static_cast<double>(options.steps - 1);
    bits.push_back(static_cast<float>(options.target + a * (options.start - options.target)));
  }
  return bits;
}

// Measures all weights under the request's settings.
Result<std::vector<Measurement>> MeasureAll(const MeasureRequest& request,
                                            const std::optional<MeasurePlan>& plan,
                                            const formats::Tensor& normal, ProgressBar& progress) {
  const auto advance = [&](std::uint64_t elements) { progress.Advance(elements); };
  std::vector<Measurement> sums(request.settings.size());
  const auto add = [&](const TensorMeasurement& measured) {
    for (std::size_t i = 0; i < sums.size(); ++i) {
      Join(sums[i], measured.settings[i]);
    }
  };
  if (plan) {
    const Status measured = MeasureSources(
        *plan, request, [&](const TensorSource&, const TensorMeasurement& m) { add(m); }, advance);
    if (!measured.ok()) return measured.error();
    return sums;
  }
  MeasureRequest own = request;
  own.op.from = formats::kBfloat16;
  own.op.shape = {.rows = normal.count() / own.op.block.cols, .cols = own.op.block.cols};
  if (const std::string why = WhyMeasureRefused(own); !why.empty()) return base::UsageError(why);
  const auto read = [&](std::uint64_t first, std::uint64_t count, void* out) -> Status {
    std::memcpy(out, normal.view().As<std::uint16_t>() + first, count * 2);
    return base::Done{};
  };
  const auto measured = MeasureTensor(own, read, advance);
  if (!measured.ok()) return measured.error();
  add(*measured);
  return sums;
}

// What a curve shows at one bitwidth, from counts and sums that may be expectations.
Json Values(double elements, double noisy, double absorbed, double signal, double noise,
            double error, double ideal_noise, double mean_square_scale) {
  return {{"unchanged", JsonNumber((elements - noisy + absorbed) / elements)},
          {"absorbed", JsonNumber(absorbed / noisy)},
          {"effective_bits", JsonNumber(std::log2(signal / noise) / 2)},
          {"variance_ratio", JsonNumber(noise / ideal_noise)},
          {"bias", JsonNumber(error / elements / std::sqrt(mean_square_scale))}};
}

Json PointJson(std::size_t step, float bits, const Measurement& m, const reference::LawTable& law) {
  const cpu::WeightCounts& total = m.observed.total;
  const auto elements = static_cast<double>(total.elements - total.non_finite);
  const double ideal = law.variance * m.scale_squares;
  const double mean_square = m.scale_squares / elements;
  Json json = {{"step", step},
               {"bits", bits},
               {"elements", total.elements},
               {"exact", nullptr},
               {"sampled", Values(elements, static_cast<double>(total.noisy),
                                  static_cast<double>(total.absorbed), total.signal, total.noise,
                                  total.error, ideal, mean_square)},
               {"below_max", Json::array()}};
  if (m.expected) {
    json["exact"] = Values(elements, m.expected->noisy, m.expected->events[0], total.signal,
                           m.expected->noise, m.expected->error, ideal, mean_square);
  }
  for (std::size_t k = 0; k < m.observed.below_max.size(); ++k) {
    const cpu::WeightCounts& counts = m.observed.below_max[k];
    if (counts.elements == 0) continue;
    const auto number = static_cast<double>(counts.elements);
    // Mean squares of the weights, and of the errors given that R != 0.
    const double noise = m.expected
                             ? m.expected->noisy_noise_below_max[k] / m.expected->noisy_below_max[k]
                             : counts.noise / number;
    const double survive = std::log2(counts.signal / number / noise) / 2;
    Json row = {{"binade", k},
                {"elements", counts.elements},
                {"intact", law.intact},
                {"surviving_bits", JsonNumber(std::max(survive, 0.0))}};
    if (m.expected) {
      row["absorbed"] =
          JsonNumber(m.expected->absorbed_below_max[k] / m.expected->noisy_below_max[k]);
    }
    json["below_max"].push_back(std::move(row));
  }
  return json;
}

Status Run(const AnnealOptions& options, CommandContext& context) {
  const std::vector<float> bits = ScheduleOf(options);
  for (const float b : bits) {
    if (const Status valid = CheckBits(b); !valid.ok()) return valid;
  }
  std::optional<MeasurePlan> plan;
  formats::Tensor normal;
  if (!options.file.empty()) {
    auto planned = PlanMeasure({options.file}, options.glob, options.dtype);
    if (!planned.ok()) return planned.error();
    if (options.max_weights == 0) return base::UsageError("--weights must be at least 1");
    plan = std::move(*planned);
  } else {
    if (options.blocks == 0) return base::UsageError("--blocks must be at least 1");
    normal = NormalWeights(options.op, options.blocks);
  }
  Json record = RecordHead("anneal", 1, context.invocation);
  record["weights"] =
      plan ? Json{{"kind", "file"}, {"file", options.file}, {"tensors", plan->sources.size()}}
           : Json{{"kind", "normal"}, {"blocks", options.blocks}};
  // Of a large checkpoint, pieces at equal distances.
  constexpr std::uint64_t kSparsePieceBytes = std::uint64_t{1} << 20;
  const std::uint64_t every =
      plan ? std::max<std::uint64_t>((plan->elements() - 1) / options.max_weights + 1, 1) : 1;
  if (plan) {
    record["weights"]["elements"] = plan->elements();
    record["weights"]["measured_one_in"] = every;
  }
  record["block"] = formats::BlockShapeName(options.op.block);
  record["round"] = formats::RoundingName(options.op.rounding);
  record["overflow"] = formats::OverflowName(options.op.overflow);
  record["seed"] = options.op.key.seed;
  record["stream"] = options.op.key.stream;
  record["laws"] = Json::array();
  record["formats"] = Json::array();
  for (const NoiseLaw law : options.laws) record["laws"].push_back(formats::NoiseLawName(law));
  for (const auto& to : options.to) record["formats"].push_back(formats::FormatName(to));
  record["curves"] = Json::array();
  {
    const std::uint64_t elements = plan ? plan->elements() : normal.count();
    ProgressBar progress(context, "anneal",
                         elements * options.laws.size() * options.to.size() * bits.size());
    for (const NoiseLaw law : options.laws) {
      for (const formats::FormatSpec& to : options.to) {
        MeasureRequest request = {.op = options.op, .settings = {}, .sums_by_binade = true};
        request.op.law = law;
        request.every = every;
        if (every > 1) request.piece_bytes = kSparsePieceBytes;
        for (const float b : bits) {
          request.settings.push_back({.to = to, .bits = b, .block = options.op.block});
        }
        const auto measured = MeasureAll(request, plan, normal, progress);
        if (!measured.ok()) return measured.error();
        const reference::LawTable table = reference::LawTableOf(law);
        Json curve = {{"law", formats::NoiseLawName(law)},
                      {"to", formats::FormatName(to)},
                      {"intact", table.intact},
                      {"law_variance", table.variance},
                      {"points", Json::array()}};
        for (std::size_t i = 0; i < bits.size(); ++i) {
          curve["points"].push_back(PointJson(i, bits[i], (*measured)[i], table));
        }
        record["curves"].push_back(std::move(curve));
      }
    }
  }
  context.out << AnnealText(record);
  return WriteRecord(options.record, record, AnnealPicture(record, options.panel));
}

}  // namespace

void AddAnnealCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "anneal", "Show what noise leaves of the weights along a schedule of bitwidths");
  const auto options = std::make_shared<AnnealOptions>();
  command->add_option("FILE", options->file,
                      "Weights: .npy or .safetensors (default: blocks of N(0, 1))");
  AddParsedOption(*command, "--bits", options->bits, ParseBitsList,
                  "Bitwidths, as 6,5,4 or 2..10/0.5, instead of the schedule")
      ->type_name("B[,B...]");
  AddParsedOption(*command, "--start", options->start, ParseNumber, "First bitwidth (default 6)");
  AddParsedOption(*command, "--target", options->target, ParseNumber, "Last bitwidth (default 4)");
  AddUnsignedOption(*command, "--steps", options->steps, "Steps from first to last (default 9)",
                    1000);
  AddParsedOption(*command, "--law", options->laws, ParseLaws,
                  "Noise laws (default rg16,uniform,normal2)")
      ->type_name("LAW[,LAW...]");
  AddParsedOption(*command, "--out-format", options->to, ParseFormatList,
                  "Formats of the result (default bfloat16)")
      ->type_name("F[,F...]");
  AddParsedOption(*command, "--block", options->op.block, formats::ParseBlockShape,
                  "Block that shares a maximum (default 32x32)")
      ->type_name("RxC");
  AddRoundingOptions(*command, options->op);
  AddUnsignedOption(*command, "--blocks", options->blocks, "Blocks of N(0, 1) (default 64)",
                    kMaxBlocks);
  AddUnsignedOption(*command, "--weights", options->max_weights,
                    "Of a larger file measure about so many weights, in pieces at equal distances\n"
                    "(default 33554432)");
  AddUnsignedOption(*command, "--seed", options->op.key.seed, "The run (default 0)");
  AddUnsignedOption(*command, "--stream", options->op.key.stream, "The draw within it (default 0)");
  command->add_option("--tensor", options->glob, "Only tensors whose names match this pattern")
      ->type_name("GLOB");
  AddFormatOption(*command, "--dtype", options->dtype,
                  "Format of the codes in a file of unsigned integers, as bfloat16");
  AddParsedOption(*command, "--panel", options->panel, ParsePanel,
                  "Draw one panel: absorbed, precision, variance or binades")
      ->type_name("NAME");
  AddRecordOptions(*command, options->record);
  command->footer(
      "Examples:\n"
      "  ulproof anneal --svg anneal.svg\n"
      "  ulproof anneal --law rg16 --bits 1..12 --out-format bfloat16,float8_e4m3fn\n"
      "  ulproof anneal model.safetensors --start 8 --target 4 --tensor '*.mlp.*'");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
