// SPDX-License-Identifier: Apache-2.0
// ulproof quantizer fit: which scale suits the tensors of a file. Each method fits and quantises
// through the SIMD backend (contract section 14); the errors are sums over the file's own weights.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <vector>

#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/options.h"
#include "cli/report/file.h"
#include "cli/report/record.h"
#include "cli/report/terminal_text.h"
#include "cli/tensor_file.h"
#include "cpu/backend_cpu.h"
#include "formats/case.h"
#include "formats/codec.h"
#include "reference/quantizers/aciq_clip.h"
#include "reference/quantizers/analysis/scale_optimum.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;
using formats::FitRule;
using formats::Operation;
using formats::OpKind;
using formats::Tensor;

// What a rule that takes a clip is given.
enum class Clip {
  kNone,
  kBestForNormal,  // The scale that is best for normal weights, times the half-width.
  kAciqNormal,
  kAciqLaplace,
};

// A rule of section 14's fit, and whether least-squares steps go on from there.
struct Method {
  std::string_view name;
  FitRule rule;
  Clip clip = Clip::kNone;
  bool is_iterative = false;
};
constexpr auto kMethods = std::to_array<Method>({
    {"minmax", FitRule::kMinmax},
    {"range", FitRule::kRange},
    {"statqat", FitRule::kSigma, Clip::kBestForNormal},
    {"iterative", FitRule::kSigma, Clip::kBestForNormal, true},
    {"iterative-minmax", FitRule::kMinmax, Clip::kNone, true},
    {"aciq", FitRule::kSigma, Clip::kAciqNormal},
    {"aciq-laplace", FitRule::kLaplace, Clip::kAciqLaplace},
    {"octav", FitRule::kOctav},
    {"sawb", FitRule::kSawb},
    {"lsq", FitRule::kLsq},
});
constexpr int kSteps = 20;
constexpr std::uint32_t kLargestSide = 65536;
constexpr int kDigits = 12;

struct FitOptions {
  std::string file;
  std::string tensor;
  std::vector<Method> methods;  // Empty: all.
  formats::Levels levels;
  std::uint64_t group = 0;  // 0: the whole tensor.
  std::string csv;
  RecordFiles files;
};

Result<std::vector<Method>> ParseFitMethods(const std::string& text) {
  std::vector<std::string_view> names;
  for (const Method& method : kMethods) names.push_back(method.name);
  std::vector<Method> methods;
  for (const std::string_view name : base::Split(text, ',')) {
    const auto found = std::ranges::find(kMethods, name, &Method::name);
    if (found == kMethods.end()) return base::UnknownName("method", name, names);
    methods.push_back(*found);
  }
  return methods;
}

// SAWB has constants for 2 and 4 bits.
bool IsDefined(const Method& method, const formats::Levels& levels) {
  const int bits = formats::LevelsBits(levels);
  return method.rule != FitRule::kSawb || bits == 2 || bits == 4;
}

// What is fitted: several methods that were asked for; beside a single one all others, for
// comparison.
Result<std::vector<Method>> MethodsOf(const FitOptions& options) {
  for (const Method& method : options.methods) {
    if (!IsDefined(method, options.levels)) {
      return base::UsageError(
          fmt::format("--method {} has constants for 2 and 4 bits only; {} has {}", method.name,
                      LevelsName(options.levels), formats::LevelsBits(options.levels)));
    }
  }
  if (options.methods.size() > 1) return options.methods;
  std::vector<Method> methods;
  std::ranges::copy_if(kMethods, std::back_inserter(methods),
                       [&](const Method& method) { return IsDefined(method, options.levels); });
  return methods;
}

// The best scale for normal weights of deviation 1, times the half-width.
Result<float> NormalClip(const formats::Levels& levels) {
  const auto grid = reference::ParseGrid(LevelsName(levels));
  if (!grid.ok()) return grid.error();
  const auto law = reference::WeightLaw::kNormal;
  const auto found = FindScaleMinima(*grid, law, reference::RangeOfAllMinima(*grid, law), kDigits);
  if (!found || found->minima.empty())
    return base::UsageError(grid->name + " has no best scale for normal weights");
  const std::string text = reference::DecimalText(found->minima[found->best].scale, kDigits);
  return std::strtof(text.c_str(), nullptr) * formats::LevelsWidth(levels) / 2;
}

struct Fitted {
  Tensor scale, zero;
};

class TensorFit {
 public:
  TensorFit(const Tensor& weights, const formats::Shape& shape, const FitOptions& options,
            float normal_clip, formats::Backend& backend)
      : weights_(weights), normal_clip_(normal_clip), backend_(backend) {
    op_.from = weights.type().format;
    op_.shape = shape;
    op_.levels = options.levels;
    op_.block = options.group == 0
                    ? formats::BlockShape{kLargestSide, kLargestSide}
                    : formats::BlockShape{1, static_cast<std::uint32_t>(options.group)};
  }

  Result<Fitted> Fit(const Method& method) const {
    Operation op = op_;
    op.kind = OpKind::kFit;
    op.fit = method.rule;
    formats::Case c = formats::EmptyCase(op);
    c.inputs[0] = weights_;
    if (method.clip != Clip::kNone) c.inputs[1].Set(0, ClipCode(method.clip));
    auto out = formats::RunCase(backend_, c);
    if (!out.ok()) return out.error();
    Fitted fitted = {(*out)[0], (*out)[1]};
    if (!method.is_iterative) return fitted;
    for (int step = 0; step < kSteps; ++step) {
      auto next = formats::RunCase(backend_, CaseOf(OpKind::kRefit, fitted));
      if (!next.ok()) return next.error();
      fitted = {(*next)[0], (*next)[1]};
    }
    return fitted;
  }

  // 10 log10 of the sum of squares over that of squared errors; NaN when a group came out NaN.
  Result<double> SnrDb(const Fitted& fitted) const {
    const auto y = formats::RunCase(backend_, CaseOf(OpKind::kFakeQuantize, fitted));
    if (!y.ok()) return y.error();
    double signal = 0, noise = 0;
    for (std::uint64_t i = 0; i < weights_.count(); ++i) {
      const double x = ValueOf(op_.from, weights_.Get(i));
      const double error = x - ValueOf(formats::kFloat32, (*y)[0].Get(i));
      signal += x * x;
      noise += error * error;
    }
    return 10 * std::log10(signal / noise);
  }

 private:
  formats::Code ClipCode(Clip clip) const {
    const auto bits = static_cast<std::size_t>(formats::LevelsBits(op_.levels));
    if (clip == Clip::kAciqNormal) return reference::kAciqNormalClips[bits - 1];
    if (clip == Clip::kAciqLaplace) return reference::kAciqLaplaceClips[bits - 1];
    return std::bit_cast<std::uint32_t>(normal_clip_);
  }
  static double ValueOf(const formats::FormatSpec& format, formats::Code code) {
    if (!format.IsFinite(code)) return std::nan("");
    const auto decoded = formats::Decode(format, code);
    const double magnitude = std::ldexp(static_cast<double>(decoded.significand), decoded.exponent);
    return decoded.negative ? -magnitude : magnitude;
  }
  formats::Case CaseOf(OpKind kind, const Fitted& fitted) const {
    Operation op = op_;
    op.kind = kind;
    return {op, {weights_, fitted.scale, fitted.zero}};
  }

  Operation op_;
  const Tensor& weights_;
  float normal_clip_;
  formats::Backend& backend_;
};

float FirstOf(const Tensor& tensor) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(tensor.Get(0)));
}

Result<Json> RowOf(const FileTensor& file_tensor, const TensorFit& fit,
                   const std::vector<Method>& methods) {
  Json row = {{"tensor", file_tensor.name}, {"methods", Json::array()}, {"best", nullptr}};
  double best = -INFINITY;
  for (const Method& method : methods) {
    const auto fitted = fit.Fit(method);
    if (!fitted.ok()) return fitted.error();
    const auto snr = fit.SnrDb(*fitted);
    if (!snr.ok()) return snr.error();
    row["groups"] = fitted->scale.count();
    row["methods"].push_back({{"method", method.name},
                              {"snr_db", JsonNumber(*snr)},
                              {"is_exact", *snr == INFINITY},  // JSON has no infinity.
                              {"first_scale", JsonNumber(FirstOf(fitted->scale))},
                              {"first_zero", JsonNumber(FirstOf(fitted->zero))}});
    if (*snr > best) {
      best = *snr;
      row["best"] = method.name;
    }
  }
  return row;
}

std::string SnrText(const Json& method) {
  if (method["is_exact"].get<bool>()) return "exact";
  const Json& snr = method["snr_db"];
  return snr.is_null() ? "-" : fmt::format("{:.3f}", snr.get<double>());
}

// How far the method that was asked for is below the best; nothing without one.
std::string AskedText(const Json& row) {
  if (!row.contains("asked") || row["best"].is_null()) return "";
  double asked = NAN, best = NAN;
  for (const Json& method : row["methods"]) {
    if (method["method"] == row["asked"]) asked = NumberFrom(method["snr_db"]);
    if (method["method"] == row["best"]) best = NumberFrom(method["snr_db"]);
  }
  if (!std::isfinite(best - asked)) return "";
  return fmt::format(", {} is {:.3f} dB below", row["asked"].get<std::string>(), best - asked);
}

void PrintRows(const Json& record, std::ostream& out) {
  out << fmt::format(
      "SNR in dB, {} in groups of {}; first scale in brackets\n",
      record["levels"].get<std::string>(),
      record["group"] == 0 ? "the whole tensor" : fmt::format("{}", record["group"].get<int>()));
  for (const Json& row : record["rows"]) {
    out << fmt::format("{}: best {}{}\n", Printable(row["tensor"].get<std::string>()),
                       row["best"].is_null() ? "none" : row["best"].get<std::string>(),
                       AskedText(row));
    for (const Json& method : row["methods"]) {
      out << fmt::format("  {:<17}{:>9}  [{}]\n", method["method"].get<std::string>(),
                         SnrText(method),
                         method["first_scale"].is_null()
                             ? "NaN"
                             : fmt::format("{:.6g}", method["first_scale"].get<double>()));
    }
  }
}

std::string CsvOf(const Json& record) {
  std::string csv = "tensor,method,snr_db,first_scale,first_zero,best\n";
  for (const Json& row : record["rows"]) {
    for (const Json& method : row["methods"]) {
      csv += fmt::format("{},{},{},{},{},{}\n", CsvField(row["tensor"].get<std::string>()),
                         method["method"].get<std::string>(), method["snr_db"].dump(),
                         method["first_scale"].dump(), method["first_zero"].dump(),
                         method["method"] == row["best"] ? 1 : 0);
    }
  }
  return csv;
}

Picture PictureOf(const Json& record) {
  Chart chart = {.title = "", .x = {.label = "tensor"}, .y = {.label = "SNR, dB"}};
  for (std::size_t m = 0; m < record["rows"][0]["methods"].size(); ++m) {
    ChartSeries series = {.name = record["rows"][0]["methods"][m]["method"],
                          .mark = ChartMark::kBars};
    for (std::size_t i = 0; i < record["rows"].size(); ++i) {
      const Json& snr = record["rows"][i]["methods"][m]["snr_db"];
      if (!snr.is_null()) series.points.push_back({static_cast<double>(i), snr.get<double>()});
    }
    chart.series.push_back(std::move(series));
  }
  for (const Json& row : record["rows"]) chart.x.categories.push_back(row["tensor"]);
  return {.title = "Scales fitted to " + record["file"].get<std::string>(),
          .subtitle = record["levels"].get<std::string>(),
          .panels = {std::move(chart)}};
}

Status Run(const FitOptions& options, CommandContext& context) {
  const auto input = TensorInput::Open(options.file);
  if (!input.ok()) return input.error();
  const auto selected = input->SelectWeights(options.tensor, std::nullopt);
  if (!selected.ok()) return selected.error();
  const auto methods = MethodsOf(options);
  if (!methods.ok()) return methods.error();
  const auto clip = NormalClip(options.levels);
  if (!clip.ok()) return clip.error();
  Json record = RecordHead("quantizer-fit", 1, context.invocation);
  record["file"] = options.file;
  record["levels"] = LevelsName(options.levels);
  record["group"] = options.group;
  record["clip"] = *clip;
  record["rows"] = Json::array();
  const auto backend = cpu::MakeCpuBackend();
  for (const SelectedTensor& weights : *selected) {
    const formats::Shape shape = MatrixOf(weights.tensor);
    if (!weights.format || shape.count() == 0) continue;
    Tensor codes(formats::ElementType::CodeOf(*weights.format), shape.count());
    const Status read = input->Read(
        weights.tensor, 0, shape.count() * weights.format->storage_bytes(), codes.view().data);
    if (!read.ok()) return read;
    auto row = RowOf(weights.tensor, TensorFit(codes, shape, options, *clip, *backend), *methods);
    if (!row.ok()) return row.error();
    if (options.methods.size() == 1) (*row)["asked"] = options.methods[0].name;
    record["rows"].push_back(std::move(*row));
  }
  if (record["rows"].empty()) return base::UsageError(options.file + ": no weights");
  PrintRows(record, context.out);
  if (!options.csv.empty()) {
    if (Status written = WriteReport(options.csv, CsvOf(record)); !written.ok()) return written;
  }
  return WriteRecord(options.files, record, PictureOf(record));
}

}  // namespace

void AddQuantizerFit(CLI::App& quantizer, CommandContext& context) {
  CLI::App* command =
      quantizer.add_subcommand("fit", "Fit scales to the tensors of a file and compare the errors");
  const auto options = std::make_shared<FitOptions>();
  command->add_option("FILE", options->file, ".npy or .safetensors")->required();
  command->add_option("--tensor", options->tensor, "One tensor (default: all weights)")
      ->type_name("NAME");
  AddParsedOption(*command, "--method", options->methods, ParseFitMethods,
                  "minmax, range, statqat, iterative, iterative-minmax, aciq, aciq-laplace, octav, "
                  "sawb or lsq: how far it is below the best of all; several, separated by commas: "
                  "only these (default: all)")
      ->type_name("METHODS");
  AddParsedOption(*command, "--format", options->levels, formats::ParseLevels,
                  "int2 to int16, or a float format of up to 8 bits (default int4)")
      ->type_name("LEVELS");
  AddUnsignedOption(*command, "--group", options->group,
                    "Elements along a row that share a scale (default: the whole tensor)",
                    kLargestSide);
  command->add_option("--csv", options->csv, "Write the rows as CSV to FILE")->type_name("FILE");
  AddRecordOptions(*command, options->files);
  command->footer(
      "statqat takes the scale that is best for normal weights of the group's deviation; "
      "iterative\n"
      "goes on from there by 20 least-squares steps, iterative-minmax from minmax. aciq and\n"
      "aciq-laplace clip where normal and Laplace weights should be, octav by its iteration, sawb\n"
      "(2 and 4 bits) by its line; lsq is the step that LSQ's training starts from.\n"
      "Example:\n"
      "  ulproof quantizer fit model.safetensors --format int4 --group 128 --csv fit.csv");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
