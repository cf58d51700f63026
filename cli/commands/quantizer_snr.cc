// SPDX-License-Identifier: Apache-2.0
// ulproof quantizer snr: the exact error of rounding weights to a scaled format, its best scale and
// all other local minima, for a law of weights or the weights of a file.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/options.h"
#include "cli/report/quantizer_report.h"
#include "cli/weights_file.h"
#include "formats/block_spec.h"
#include "reference/quantizers/analysis/block_error.h"
#include "reference/quantizers/analysis/empirical.h"
#include "reference/quantizers/analysis/scale_optimum.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;
using reference::Dyadic;
using reference::Grid;
using reference::WeightLaw;

// A search over all scales takes seconds up to here, and minutes beyond.
constexpr std::size_t kMaxSearchedValues = 512;
constexpr int kCurveDigits = 8;
constexpr int kCurvePoints = 96;
// Weights times points of a curve that are evaluated at most.
constexpr std::uint64_t kCurveWork = std::uint64_t{1} << 21;
// Local minima that a record lists.
constexpr std::size_t kListedMinima = 64;

constexpr std::string_view kTableFormats =
    "int2,int3,int4,int5,int6,int8,float4_e2m1fn,float4_e3m0,float6_e2m3fn,float6_e3m2fn,"
    "float8_e4m3fn,float8_e5m2,nvfp4,mxfp4";

// A grid with a scale, or a block-scaled format that makes its own.
struct Target {
  Grid grid;
  std::optional<formats::BlockFormat> block;
};

struct SnrOptions {
  std::vector<Target> targets;
  bool table = false;
  std::string dist = "normal";
  std::string tensor;
  std::optional<formats::FormatSpec> dtype;
  std::string scale = "auto";
  std::optional<std::pair<std::string, std::string>> range;
  std::uint64_t digits = 12;
  RecordFiles files;
};

Result<std::vector<Target>> ParseTargets(std::string_view text) {
  std::vector<Target> targets;
  for (const std::string_view name : base::Split(text, ',')) {
    if (const auto block = formats::ParseBlockFormat(name); block.ok()) {
      targets.push_back({{.name = std::string(name), .values = {}}, *block});
      continue;
    }
    auto grid = reference::ParseGrid(name);
    if (!grid.ok()) return grid.error();
    targets.push_back({std::move(*grid), std::nullopt});
  }
  return targets;
}

// "A..B".
Result<std::optional<std::pair<std::string, std::string>>> ParseRange(const std::string& text) {
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos) return base::UsageError("'" + text + "' is not LOW..HIGH");
  return std::optional(std::pair(text.substr(0, dots), text.substr(dots + 2)));
}

// What is asked of every target.
class Analysis {
 public:
  Analysis(const SnrOptions& options, int digits) : options_(options), digits_(digits) {}

  // Reads what the options name. Errors: a file's, numbers that are none.
  Status Prepare() {
    for (const WeightLaw law : reference::kWeightLaws) {
      if (WeightLawName(law) == options_.dist) law_ = law;
    }
    if (!law_ && options_.dist.find('.') == std::string::npos) {
      const auto unknown = reference::ParseWeightLaw(options_.dist);
      return base::UsageError("--dist: " + unknown.error().message +
                              "; or an .npy or .safetensors file");
    }
    if (!law_) {
      const auto weights = ReadWeights(options_.dist, options_.tensor, options_.dtype);
      if (!weights.ok()) return weights.error();
      weights_ = *weights;
    }
    if (options_.scale != "auto") {
      auto scale = PositiveNumber("--scale", options_.scale);
      if (!scale.ok()) return scale.error();
      scale_ = *scale;
    }
    if (options_.range) {
      auto low = PositiveNumber("--range", options_.range->first);
      if (!low.ok()) return low.error();
      auto high = PositiveNumber("--range", options_.range->second);
      if (!high.ok()) return high.error();
      if (*low >= *high) return base::UsageError("--range: the first scale is not the smaller one");
      range_ = {*low, *high};
      if (scale_) return base::UsageError("--range is for --scale auto");
    }
    return base::Done{};
  }

  Json DistJson() const {
    if (law_) return {{"law", WeightLawName(*law_)}, {"deviation", 1}};
    Dyadic signal;
    for (const Dyadic& x : weights_) signal += x * x;
    const double mean_square = Number(signal) / static_cast<double>(weights_.size());
    return {{"file", options_.dist},
            {"tensor", options_.tensor},
            {"weights", weights_.size()},
            {"deviation", std::sqrt(mean_square)}};
  }

  Result<Json> Row(const Target& target) const {
    if (target.block) return BlockRow(*target.block);
    Json row = {{"format", target.grid.name},
                {"values", target.grid.values.size()},
                {"reach", Text(target.grid.Reach())}};
    return law_ ? LawRow(target.grid, std::move(row)) : FileRow(target.grid, std::move(row));
  }

 private:
  std::string Text(const Dyadic& x) const { return reference::DecimalText(x, digits_); }
  std::string Decibels(const Dyadic& noise) const {
    return noise.is_zero() ? "inf" : Text(reference::SnrDb(noise, digits_));
  }
  static double Number(const Dyadic& x) { return std::stod(reference::DecimalText(x, 17)); }

  Result<Dyadic> PositiveNumber(std::string_view option, const std::string& text) const {
    auto number = reference::ParseDecimal(text, digits_);
    if (!number.ok()) return base::UsageError(std::string(option) + ": " + number.error().message);
    if (number->sign() <= 0) {
      return base::UsageError(std::string(option) + ": " + text + " is not positive");
    }
    return number;
  }

  Result<Json> BlockRow(const formats::BlockFormat& block) const {
    const std::string name(block.name);
    if (!law_) return base::UsageError(name + " is for laws; see quantizer fit for files");
    if (scale_) return base::UsageError(name + " makes its own scale: leave --scale auto");
    // A group's maximum of 2688 times the scale unit: the tensor's scale is 1.
    const Dyadic mse = block.has_tensor_scale
                           ? reference::Nvfp4Error(*law_, Dyadic::FromInteger(2688), digits_)
                           : reference::MxFloorError(block, *law_, digits_);
    return Json{{"format", name},
                {"group", block.group},
                {"rule", block.has_tensor_scale ? "max / 6, G = 1" : "floor"},
                {"mse", Text(mse)},
                {"snr_db", Decibels(mse)}};
  }

  Result<Json> LawRow(const Grid& grid, Json row) const {
    Dyadic scale;
    if (scale_) {
      scale = *scale_;
    } else {
      if (grid.values.size() > kMaxSearchedValues && !range_) {
        return base::UsageError(
            fmt::format("{} has {} values: name a --scale, or a short --range of scales to search",
                        grid.name, grid.values.size()));
      }
      const auto range = range_ ? *range_ : RangeOfAllMinima(grid, *law_);
      const auto found = FindScaleMinima(grid, *law_, range, digits_);
      if (!found) {
        return base::UsageError(grid.name + ": the derivative touches zero in the range; no list");
      }
      row["range"] = {Text(range.low), Text(range.high)};
      row["all_scales"] = !range_;
      row["minima_count"] = found->minima.size();
      row["minima"] = Json::array();
      for (const auto& minimum : found->minima) {
        if (row["minima"].size() == kListedMinima) break;
        row["minima"].push_back({{"scale", Text(minimum.scale)},
                                 {"mse", Text(minimum.mse)},
                                 {"snr_db", Decibels(minimum.mse)},
                                 {"rate", Text(minimum.rate)}});
      }
      if (found->minima.empty()) {
        return base::UsageError(grid.name + ": no local minimum in the range");
      }
      row["best"] = found->best;
      scale = found->minima[found->best].scale;
    }
    const reference::ScaleError error = ErrorAtScale(grid, *law_, scale, digits_);
    AddError(row, scale, error.mse, error.granular, error.clipping, grid);
    if (options_.files.any_picture() || !options_.files.json.empty()) {
      std::vector<Dyadic> scales = CurveScales(scale, kCurvePoints);
      const auto errors = ErrorsAtScales(grid, *law_, scales, kCurveDigits);
      row["curve"] = Json::array();
      for (std::size_t i = 0; i < scales.size(); ++i) AddPoint(row, scales[i], errors[i].mse);
    }
    return row;
  }

  Result<Json> FileRow(const Grid& grid, Json row) const {
    Dyadic scale;
    bool is_exact = false;  // The scale is a rounded quotient, so sums at it may miss a 0.
    if (scale_) {
      scale = *scale_;
    } else {
      if (range_) return base::UsageError("--range is for laws: a file's search takes all scales");
      const auto found = FindEmpiricalMinima(grid, weights_);
      if (!found.ok()) return base::Error{.message = found.error().message, .file = options_.dist};
      const int bits = 4 * digits_ + 64;
      const auto scale_of = [&](const reference::EmpiricalMinimum& minimum) {
        return QuotientToOdd(minimum.a, minimum.b, bits);
      };
      // 1 - a^2 / (b signal): exactly 0 where the weights are values of the scaled grid.
      const auto noise_of = [&](const reference::EmpiricalMinimum& minimum) {
        return QuotientToOdd(found->signal * minimum.b - minimum.a * minimum.a,
                             found->signal * minimum.b, bits);
      };
      row["all_scales"] = true;
      row["minima_count"] = found->minima.size();
      row["minima"] = Json::array();
      row["best"] = found->best;
      for (std::size_t i = 0; i < std::min(found->minima.size(), kListedMinima); ++i) {
        const auto& minimum = found->minima[i];
        row["minima"].push_back({{"scale", Text(scale_of(minimum))},
                                 {"mse", Text(noise_of(minimum))},
                                 {"snr_db", Decibels(noise_of(minimum))}});
      }
      scale = scale_of(found->minima[found->best]);
      is_exact = noise_of(found->minima[found->best]).is_zero();
    }
    const auto sums = EmpiricalErrorAtScale(grid, weights_, scale);
    if (sums.signal.is_zero()) {
      return base::Error{.message = "has no weight but zeros", .file = options_.dist};
    }
    const auto share = [&](const Dyadic& sum) {
      return QuotientToOdd(sum, sums.signal, 4 * digits_ + 64);
    };
    if (is_exact) {
      AddError(row, scale, {}, {}, {}, grid);
    } else {
      AddError(row, scale, share(sums.error), share(sums.granular), share(sums.clipping), grid);
    }
    if (options_.files.any_picture()) {
      const auto points = std::min<std::uint64_t>(kCurvePoints, kCurveWork / weights_.size());
      row["curve"] = Json::array();
      for (const Dyadic& at : CurveScales(scale, static_cast<int>(points))) {
        AddPoint(row, at, share(EmpiricalErrorAtScale(grid, weights_, at).error));
      }
    }
    return row;
  }

  void AddError(Json& row, const Dyadic& scale, const Dyadic& mse, const Dyadic& granular,
                const Dyadic& clipping, const Grid& grid) const {
    row["scale"] = Text(scale);
    row["clip"] = Text(scale * grid.Reach());
    row["mse"] = Text(mse);
    row["granular"] = Text(granular);
    row["clipping"] = Text(clipping);
    row["snr_db"] = Decibels(mse);
  }

  void AddPoint(Json& row, const Dyadic& scale, const Dyadic& mse) const {
    if (mse.is_zero()) return;
    const double x = Number(scale);
    row["curve"].push_back({x, Number(reference::SnrDb(mse, kCurveDigits))});
  }

  // From 1/8 to 8 times the scale, evenly in its logarithm.
  static std::vector<Dyadic> CurveScales(const Dyadic& scale, int count) {
    std::vector<Dyadic> scales;
    for (int i = 0; i < count; ++i) {
      const double factor = std::exp2(6.0 * i / std::max(1, count - 1) - 3);
      scales.push_back(scale *
                       Dyadic(static_cast<std::int64_t>(std::lround(factor * 0x1p20)), -20));
    }
    return scales;
  }

  const SnrOptions& options_;
  int digits_;
  std::optional<WeightLaw> law_;
  std::vector<Dyadic> weights_;
  std::optional<Dyadic> scale_;
  std::optional<reference::ScaleRange> range_;
};

Status Run(const SnrOptions& options, CommandContext& context) {
  std::vector<Target> targets = options.targets;
  if (options.table) {
    auto table = ParseTargets(kTableFormats);
    if (!table.ok()) return table.error();
    targets.insert(targets.end(), table->begin(), table->end());
  }
  if (targets.empty()) return base::UsageError("--format or --table is required");
  if (options.digits < 1 || options.digits > 1000) {
    return base::UsageError("--digits must be 1 to 1000");
  }
  Analysis analysis(options, static_cast<int>(options.digits));
  if (const Status ready = analysis.Prepare(); !ready.ok()) return ready;
  Json record = RecordHead("quantizer-snr", 1, context.invocation);
  record["dist"] = analysis.DistJson();
  record["digits"] = options.digits;
  record["rows"] = Json::array();
  for (const Target& target : targets) {
    auto row = analysis.Row(target);
    if (!row.ok()) return row.error();
    record["rows"].push_back(std::move(*row));
  }
  context.out << QuantizerSnrText(record);
  return WriteRecord(options.files, record, QuantizerSnrPicture(record));
}

}  // namespace

void AddQuantizerSnr(CLI::App& quantizer, CommandContext& context) {
  CLI::App* command = quantizer.add_subcommand(
      "snr", "The exact error of a scaled format, its best scale and all local minima");
  const auto options = std::make_shared<SnrOptions>();
  AddParsedOption(*command, "--format", options->targets, ParseTargets,
                  "Formats of up to 16 bits, int<bits>, uniform<levels>, or block formats as nvfp4")
      ->type_name("F[,F...]");
  command->add_flag("--table", options->table, "A table over the usual formats");
  command
      ->add_option("--dist", options->dist,
                   "normal, laplace or uniform, of deviation 1, or a file of weights (default "
                   "normal)")
      ->type_name("LAW|FILE");
  command->add_option("--tensor", options->tensor, "The tensor of a file that has several")
      ->type_name("NAME");
  AddFormatOption(*command, "--dtype", options->dtype,
                  "Format of the codes in files of unsigned integers, as bfloat16");
  command
      ->add_option("--scale", options->scale,
                   "What a value of the format is multiplied by, or auto: the one of least error "
                   "(default)")
      ->type_name("X|auto");
  AddParsedOption(*command, "--range", options->range, ParseRange,
                  "Scales to search (default: all that can hold a local minimum)")
      ->type_name("LOW..HIGH");
  AddUnsignedOption(*command, "--digits", options->digits,
                    "Significant digits of the results (default 12, at most 1000)");
  AddRecordOptions(*command, options->files);
  command->footer(
      "Errors are relative to the signal: the mean of (x - s q)^2 over that of x^2.\n"
      "Examples:\n"
      "  ulproof quantizer snr --format float4_e3m0\n"
      "  ulproof quantizer snr --format int4,uniform15 --dist laplace --digits 30\n"
      "  ulproof quantizer snr --table --svg snr.svg\n"
      "  ulproof quantizer snr --format int4 --scale 0.3 --dist w.npy");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
