// SPDX-License-Identifier: Apache-2.0
// ulproof underflow: what formats and bitwidths do to every tensor of a checkpoint, observed and
// expected (contract section 10).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/measure_files.h"
#include "cli/number_lists.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report/file.h"
#include "cli/report/underflow_report.h"
#include "reference/compare/statistics.h"
#include "reference/inspect/law_table.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;

// Beyond this many tensors the record keeps binades for the total alone.
constexpr std::size_t kMaxTensorsWithBinades = 10'000;

struct UnderflowOptions {
  std::vector<std::string> files;
  std::vector<float> bits;
  std::vector<formats::FormatSpec> to = {formats::kBfloat16};
  formats::Operation op = {.kind = formats::OpKind::kSample};
  std::string glob;
  std::optional<formats::FormatSpec> dtype;
  bool no_expect = false;
  UnderflowView view;
  std::string csv;
  RecordFiles record;
};

Result<std::string> ParseSort(const std::string& text) {
  std::vector<std::string_view> known = {"name", "snr"};
  for (const CountedEvent& event : kCountedEvents) known.push_back(event.name);
  if (std::ranges::find(known, text) != known.end()) return text;
  return base::UnknownName("order", text, known);
}

double FiniteElements(const cpu::WeightCounts& counts) {
  return static_cast<double>(counts.elements - counts.non_finite);
}

// The least of the logarithmic chances of the counters (0 without an expectation).
double LeastLogChance(const Measurement& m) {
  double least = 0;
  if (!m.expected) return least;
  for (std::size_t i = 0; i < kCountedEvents.size(); ++i) {
    if (std::isnan(m.expected->events[i])) continue;  // Not known.
    const auto observed = static_cast<double>(m.observed.total.*kCountedEvents[i].count);
    least = std::min(least,
                     LogChance(observed, m.expected->events[i], FiniteElements(m.observed.total)));
  }
  return least;
}

Json BinadesJson(const Measurement& m) {
  Json binades = Json::array();
  for (std::size_t k = 0; k < m.observed.below_max.size(); ++k) {
    const cpu::WeightCounts& counts = m.observed.below_max[k];
    if (counts.elements == 0) continue;
    Json row = {{"binade", k},
                {"elements", counts.elements},
                {"noisy", counts.noisy},
                {"absorbed", counts.absorbed},
                {"swamped", counts.swamped},
                {"flushed", counts.flushed}};
    if (m.expected && k < m.expected->noisy_below_max.size()) {
      row["expected_noisy"] = m.expected->noisy_below_max[k];
      row["expected_absorbed"] = m.expected->absorbed_below_max[k];
    }
    binades.push_back(std::move(row));
  }
  return binades;
}

Json ResultJson(const Measurement& m, double log_limit, bool with_binades) {
  const cpu::WeightCounts& total = m.observed.total;
  Json json = {{"elements", total.elements},
               {"zero_weights", m.observed.zero_weights.elements},
               {"non_finite", total.non_finite},
               {"noisy", total.noisy}};
  for (const CountedEvent& event : kCountedEvents) {
    json[std::string(event.name)] = total.*event.count;
  }
  json["signal"] = JsonNumber(total.signal);
  json["noise"] = JsonNumber(total.noise);
  json["snr_db"] = JsonNumber(SnrDb(total));
  json["expected"] = nullptr;
  if (m.expected) {
    json["expected"] = {{"noisy", m.expected->noisy}};
    for (std::size_t i = 0; i < kCountedEvents.size(); ++i) {
      json["expected"][std::string(kCountedEvents[i].name)] = JsonNumber(m.expected->events[i]);
    }
  }
  const double log_chance = LeastLogChance(m);
  json["log_chance"] = JsonNumber(log_chance);  // null: impossible.
  json["agrees"] = log_chance >= log_limit;
  if (with_binades) json["below_max"] = BinadesJson(m);
  return json;
}

Json RecordOf(const UnderflowOptions& options, const MeasureRequest& request,
              const MeasurePlan& plan, const CommandContext& context) {
  Json record = RecordHead("underflow", 1, context.invocation);
  record["files"] = options.files;
  record["law"] = formats::NoiseLawName(options.op.law);
  record["round"] = formats::RoundingName(options.op.rounding);
  record["overflow"] = formats::OverflowName(options.op.overflow);
  record["pow2"] = options.op.pow2;
  record["seed"] = options.op.key.seed;
  record["stream"] = options.op.key.stream;
  record["settings"] = Json::array();
  for (const MeasureSetting& setting : request.settings) {
    record["settings"].push_back({{"to", formats::FormatName(setting.to)},
                                  {"bits", setting.bits},
                                  {"block", formats::BlockShapeName(setting.block)}});
  }
  record["skipped"] = Json::array();
  for (const SkippedTensor& skipped : plan.skipped) {
    record["skipped"].push_back(
        {{"file", skipped.file}, {"name", skipped.name}, {"why", skipped.why}});
  }
  return record;
}

Status Run(const UnderflowOptions& options, CommandContext& context) {
  auto plan = PlanMeasure(options.files, options.glob, options.dtype);
  if (!plan.ok()) return plan.error();
  MeasureRequest request = {.op = options.op, .settings = {}, .expect = !options.no_expect};
  for (const formats::FormatSpec& to : options.to) {
    for (const float bits : options.bits) {
      request.settings.push_back({.to = to, .bits = bits, .block = options.op.block});
    }
  }
  const std::size_t settings = request.settings.size();
  Json record = RecordOf(options, request, *plan, context);
  // All counters of all tensors and settings together raise a false alarm at this rate.
  const double tests =
      static_cast<double>((plan->sources.size() + 1) * settings * kCountedEvents.size());
  const double log_limit = std::log(reference::kFalseAlarmRate / tests);
  record["false_alarm_rate"] = reference::kFalseAlarmRate;
  record["log_limit"] = log_limit;
  record["tensors"] = Json::array();
  std::vector<Measurement> totals(settings);
  bool agrees = true;
  {
    ProgressBar progress(context, "underflow", plan->elements() * settings);
    const auto done = [&](const TensorSource& source, const TensorMeasurement& measured) {
      progress.SetLabel(source.tensor.name);
      Json tensor = {{"file", source.file},
                     {"name", source.tensor.name},
                     {"dtype", source.tensor.dtype.name},
                     {"shape", source.tensor.shape},
                     {"stream", options.op.key.stream + source.stream},
                     {"non_finite_weights", measured.non_finite_weights},
                     {"results", Json::array()}};
      for (std::size_t i = 0; i < settings; ++i) {
        const Measurement& m = measured.settings[i];
        tensor["results"].push_back(
            ResultJson(m, log_limit, plan->sources.size() <= kMaxTensorsWithBinades));
        agrees = agrees && tensor["results"].back()["agrees"];
        Join(totals[i], m);
      }
      record["tensors"].push_back(std::move(tensor));
    };
    const Status measured = MeasureSources(
        *plan, request, done, [&](std::uint64_t elements) { progress.Advance(elements); });
    if (!measured.ok()) return measured;
  }
  record["total"] = Json::array();
  for (const Measurement& total : totals) {
    record["total"].push_back(ResultJson(total, log_limit, true));
    agrees = agrees && record["total"].back()["agrees"];
  }
  record["verdict"] = agrees ? "pass" : "fail";
  UnderflowView view = options.view;
  constexpr int kPipeColumns = 140;
  view.columns = context.out_is_terminal ? context.terminal_columns : kPipeColumns;
  view.use_color = context.use_color;
  context.out << UnderflowText(record, view);
  if (!agrees) context.SetExitCode(base::ExitCode::kMismatch);
  if (!options.csv.empty()) {
    if (Status written = WriteReport(options.csv, UnderflowCsv(record)); !written.ok()) {
      return written;
    }
  }
  return WriteRecord(options.record, record,
                     options.record.any_picture() ? UnderflowPicture(record) : Picture{});
}

}  // namespace

void AddUnderflowCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "underflow", "Count what noise and formats do to the weights of checkpoints");
  const auto options = std::make_shared<UnderflowOptions>();
  command->add_option("FILE", options->files, "Weights: .npy or .safetensors")->required();
  AddParsedOption(*command, "--bits", options->bits, ParseBitsList,
                  "Bitwidths, as 4 or 3,4,5 or 2..8 or 4..6/0.5")
      ->required()
      ->type_name("B[,B...]");
  AddParsedOption(*command, "--out-format", options->to, ParseFormatList,
                  "Formats of the result (default bfloat16)")
      ->type_name("F[,F...]");
  AddParsedOption(*command, "--block", options->op.block, formats::ParseBlockShape,
                  "Block that shares a maximum (default 32x32)")
      ->type_name("RxC");
  AddLawOption(*command, options->op);
  AddRoundingOptions(*command, options->op);
  command->add_flag("--pow2", options->op.pow2, "Round block maxima up to powers of two");
  AddKeyOptions(*command, options->op.key);
  command->add_option("--tensor", options->glob, "Only tensors whose names match this pattern")
      ->type_name("GLOB");
  AddFormatOption(*command, "--dtype", options->dtype,
                  "Format of the codes in files of unsigned integers, as bfloat16");
  command->add_flag("--no-expect", options->no_expect,
                    "Leave out the expectation over the law, for speed");
  AddParsedOption(*command, "--sort", options->view.sort, ParseSort,
                  "Order of the table: name (default), snr, absorbed, swamped, flushed, ...")
      ->type_name("KEY");
  AddUnsignedOption(*command, "--top", options->view.top, "Show only the first N tensors");
  command->add_option("--csv", options->csv, "Write one line a tensor and setting")
      ->type_name("FILE");
  AddRecordOptions(*command, options->record);
  command->footer(
      "Observed are the counts of the very noise that `ulproof sample` would add with the same\n"
      "seed and stream; expected are those over all R of the law, without a draw. Exit code 1\n"
      "when a count lies so far from its expectation that the chance is below 1e-9 in all.\n"
      "Examples:\n"
      "  ulproof underflow model.safetensors --bits 4 --out-format bfloat16,float8_e4m3fn\n"
      "  ulproof underflow model.safetensors --bits 2..8 --tensor '*.mlp.*' --sort absorbed --top "
      "5\n"
      "  ulproof underflow w.npy --bits 3 --csv w.csv --svg w.svg");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
