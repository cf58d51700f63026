// SPDX-License-Identifier: Apache-2.0
// ulproof formats-for: which output format, bitwidth and block keep absorption and error within a
// budget, for each tensor and for the whole file.
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
#include "cli/report/formats_for_report.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;

struct FormatsForOptions {
  std::vector<std::string> files;
  double max_absorbed = 0.01;
  double min_snr_db = 20;
  std::vector<float> bits = {3, 4, 5, 6, 7, 8};
  std::vector<formats::FormatSpec> to = {
      formats::kBfloat16,     formats::kFloat16,      formats::kFloat8E4m3fn, formats::kFloat8E5m2,
      formats::kFloat6E3m2fn, formats::kFloat6E2m3fn, formats::kFloat4E2m1fn};
  std::vector<formats::BlockShape> blocks = {{}};
  formats::Operation op = {.kind = formats::OpKind::kSample};
  std::string glob;
  std::optional<formats::FormatSpec> dtype;
  RecordFiles record;
};

Result<std::vector<formats::BlockShape>> ParseBlocks(const std::string& text) {
  std::vector<formats::BlockShape> blocks;
  for (const std::string_view piece : base::Split(text, ',')) {
    const auto block = formats::ParseBlockShape(piece);
    if (!block.ok()) return block.error();
    blocks.push_back(*block);
  }
  return blocks;
}

struct Point {
  MeasureSetting setting;
  double absorbed;
  double snr_db;
  bool meets;
  bool pareto = false;

  int width() const { return setting.to.storage_bits(); }
};

// At least as narrow and as good, and better in one of both.
bool Dominates(const Point& a, const Point& b) {
  return a.width() <= b.width() && a.snr_db >= b.snr_db &&
         (a.width() < b.width() || a.snr_db > b.snr_db);
}

std::vector<Point> PointsOf(const FormatsForOptions& options,
                            const std::vector<MeasureSetting>& settings,
                            const std::vector<Measurement>& measured) {
  std::vector<Point> points;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const cpu::WeightCounts& total = measured[i].observed.total;
    Point point = {.setting = settings[i],
                   .absorbed = total.noisy == 0 ? 0
                                                : static_cast<double>(total.absorbed) /
                                                      static_cast<double>(total.noisy),
                   .snr_db = SnrDb(total),
                   .meets = false};
    // What an overflow took out of the sums meets no budget.
    point.meets = point.absorbed <= options.max_absorbed && point.snr_db >= options.min_snr_db &&
                  total.overflowed == 0;
    points.push_back(point);
  }
  for (Point& point : points) {
    point.pareto =
        !std::isnan(point.snr_db) &&
        std::ranges::none_of(points, [&](const Point& other) { return Dominates(other, point); });
  }
  return points;
}

Json PointJson(const Point& point) {
  return {{"to", formats::FormatName(point.setting.to)},
          {"width", point.width()},
          {"bits", point.setting.bits},
          {"block", formats::BlockShapeName(point.setting.block)},
          {"absorbed", JsonNumber(point.absorbed)},
          {"snr_db", JsonNumber(point.snr_db)},
          {"meets", point.meets},
          {"pareto", point.pareto}};
}

// The narrowest that meets the budget, of those the one of the best SNR.
Json Best(const std::vector<Point>& points) {
  const Point* best = nullptr;
  for (const Point& point : points) {
    if (!point.meets) continue;
    if (best == nullptr || point.width() < best->width() ||
        (point.width() == best->width() && point.snr_db > best->snr_db)) {
      best = &point;
    }
  }
  return best == nullptr ? Json(nullptr) : PointJson(*best);
}

Json PointsJson(const std::vector<Point>& points) {
  Json json = Json::array();
  for (const Point& point : points) json.push_back(PointJson(point));
  return json;
}

Status Run(const FormatsForOptions& options, CommandContext& context) {
  auto plan = PlanMeasure(options.files, options.glob, options.dtype);
  if (!plan.ok()) return plan.error();
  MeasureRequest request = {.op = options.op, .settings = {}, .expect = false};
  for (const formats::FormatSpec& to : options.to) {
    for (const formats::BlockShape& block : options.blocks) {
      for (const float bits : options.bits) request.settings.push_back({to, bits, block});
    }
  }
  Json record = RecordHead("formats-for", 1, context.invocation);
  record["files"] = options.files;
  record["law"] = formats::NoiseLawName(options.op.law);
  record["seed"] = options.op.key.seed;
  record["max_absorbed"] = options.max_absorbed;
  record["min_snr_db"] = options.min_snr_db;
  record["tensors"] = Json::array();
  std::vector<Measurement> totals(request.settings.size());
  {
    ProgressBar progress(context, "formats-for", plan->elements() * request.settings.size());
    const auto done = [&](const TensorSource& source, const TensorMeasurement& measured) {
      progress.SetLabel(source.tensor.name);
      const auto points = PointsOf(options, request.settings, measured.settings);
      record["tensors"].push_back({{"file", source.file},
                                   {"name", source.tensor.name},
                                   {"best", Best(points)},
                                   {"points", PointsJson(points)}});
      for (std::size_t i = 0; i < totals.size(); ++i) {
        totals[i].observed += measured.settings[i].observed;
      }
    };
    const Status measured = MeasureSources(
        *plan, request, done, [&](std::uint64_t elements) { progress.Advance(elements); });
    if (!measured.ok()) return measured;
  }
  const auto points = PointsOf(options, request.settings, totals);
  record["model"] = PointsJson(points);
  record["best"] = Best(points);
  record["verdict"] = record["best"].is_null() ? "fail" : "pass";
  if (record["best"].is_null()) context.SetExitCode(base::ExitCode::kMismatch);
  context.out << FormatsForText(record);
  return WriteRecord(options.record, record, FormatsForPicture(record));
}

}  // namespace

void AddFormatsForCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("formats-for", "Find formats that keep noise and error within a budget");
  const auto options = std::make_shared<FormatsForOptions>();
  command->add_option("FILE", options->files, "Weights: .npy or .safetensors")->required();
  AddParsedOption(*command, "--max-absorbed", options->max_absorbed, ParseNumber,
                  "Largest share of the noise that rounding may absorb (default 0.01)")
      ->type_name("X");
  AddParsedOption(*command, "--min-snr", options->min_snr_db, ParseNumber,
                  "Least signal to noise ratio in dB (default 20)")
      ->type_name("DB");
  AddParsedOption(*command, "--bits", options->bits, ParseBitsList, "Bitwidths (default 3..8)")
      ->type_name("B[,B...]");
  AddParsedOption(*command, "--out-format", options->to, ParseFormatList,
                  "Formats (default: bfloat16, float16, and of 8, 6 and 4 bits)")
      ->type_name("F[,F...]");
  AddParsedOption(*command, "--block", options->blocks, ParseBlocks, "Blocks (default 32x32)")
      ->type_name("RxC[,RxC...]");
  AddLawOption(*command, options->op);
  AddRoundingOptions(*command, options->op);
  AddKeyOptions(*command, options->op.key);
  command->add_option("--tensor", options->glob, "Only tensors whose names match this pattern")
      ->type_name("GLOB");
  AddFormatOption(*command, "--dtype", options->dtype,
                  "Format of the codes in files of unsigned integers, as bfloat16");
  AddRecordOptions(*command, options->record);
  command->footer(
      "Exit code 1 when no setting meets the budget for the whole model.\n"
      "Examples:\n"
      "  ulproof formats-for model.safetensors --max-absorbed 0.05 --min-snr 15\n"
      "  ulproof formats-for model.safetensors --bits 4,6 --block 32x32,1x32 --svg pareto.svg");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
