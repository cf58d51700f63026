// SPDX-License-Identifier: Apache-2.0
// ulproof quantizer crossover: up to which group size the scale from the largest magnitude (absmax,
// MinMax) beats the best fixed scale in standard deviations (analytic).
#include <fmt/format.h>

#include <memory>

#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/report/quantizer_report.h"
#include "reference/quantizers/analysis/absmax.h"
#include "reference/quantizers/analysis/scale_optimum.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;
using reference::Grid;
using reference::WeightLaw;

constexpr int kDigits = 8;
constexpr std::size_t kMaxValues = 512;
constexpr int kLargestGroupBits = 20;

struct CrossoverOptions {
  std::vector<Grid> grids;
  WeightLaw law = WeightLaw::kNormal;
  RecordFiles files;
};

Result<std::vector<Grid>> ParseGrids(const std::string& text) {
  std::vector<Grid> grids;
  for (const std::string_view name : base::Split(text, ',')) {
    auto grid = reference::ParseGrid(name);
    if (!grid.ok()) return grid.error();
    if (grid->values.size() > kMaxValues) {
      return base::UsageError(fmt::format("{} has more than {} values", name, kMaxValues));
    }
    grids.push_back(std::move(*grid));
  }
  return grids;
}

Result<Json> RowOf(const Grid& grid, WeightLaw law) {
  const auto text = [](const reference::Dyadic& x) { return reference::DecimalText(x, kDigits); };
  const auto decibels = [&](const reference::Dyadic& mse) {
    return text(reference::SnrDb(mse, kDigits));
  };
  const auto table = reference::AbsmaxTable::Make(grid, law, kDigits);
  if (!table.ok()) return table.error();
  const auto found = FindScaleMinima(grid, law, RangeOfAllMinima(grid, law), kDigits);
  if (!found || found->minima.empty()) return base::UsageError(grid.name + ": no best scale");
  const reference::ScaleMinimum& best = found->minima[found->best];
  const auto worse = table->FirstWorseThan(best.mse, std::uint64_t{1} << kLargestGroupBits);
  Json row = {{"format", grid.name},
              {"analytic", {{"scale", text(best.scale)}, {"snr_db", decibels(best.mse)}}},
              {"absmax_wins_up_to", nullptr},
              {"absmax", Json::array()}};
  if (worse) row["absmax_wins_up_to"] = *worse - 1;
  for (int bits = 1; bits <= kLargestGroupBits; ++bits) {
    const std::uint64_t group = std::uint64_t{1} << bits;
    const reference::AbsmaxError error = table->At(group);
    row["absmax"].push_back({{"group", group},
                             {"mse", text(error.mse)},
                             {"snr_db", decibels(error.mse)},
                             {"difference", reference::DecimalText(error.difference, 2)}});
  }
  return row;
}

Status Run(const CrossoverOptions& options, CommandContext& context) {
  Json record = RecordHead("quantizer-crossover", 1, context.invocation);
  record["law"] = WeightLawName(options.law);
  record["rows"] = Json::array();
  for (const Grid& grid : options.grids) {
    auto row = RowOf(grid, options.law);
    if (!row.ok()) return row.error();
    record["rows"].push_back(std::move(*row));
  }
  context.out << QuantizerCrossoverText(record);
  return WriteRecord(options.files, record, QuantizerCrossoverPicture(record));
}

}  // namespace

void AddQuantizerCrossover(CLI::App& quantizer, CommandContext& context) {
  CLI::App* command = quantizer.add_subcommand(
      "crossover", "Up to which group size absmax beats the best scale in deviations");
  const auto options = std::make_shared<CrossoverOptions>();
  AddParsedOption(*command, "--format", options->grids, ParseGrids,
                  "Formats of up to 9 bits, int<bits>, uniform<levels>")
      ->required()
      ->type_name("F[,F...]");
  AddParsedOption(*command, "--dist", options->law, reference::ParseWeightLaw,
                  "normal (default), laplace or uniform")
      ->type_name("LAW");
  AddRecordOptions(*command, options->files);
  command->footer(
      "The expected error of absmax over groups of independent weights is an integral over the "
      "law\n"
      "of the largest magnitude; the record tells how far two rules for it differ.\n"
      "Example:\n"
      "  ulproof quantizer crossover --format int2,int4,float4_e2m1fn,int8 --svg crossover.svg");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
