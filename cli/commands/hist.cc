// SPDX-License-Identifier: Apache-2.0
// ulproof hist: counts of a noise law against its exact probabilities, in bounded memory.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <memory>

#include "base/text.h"
#include "cli/backends.h"
#include "cli/commands/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report/hist_report.h"
#include "formats/case.h"
#include "reference/compare/statistics.h"
#include "reference/inspect/law_table.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;
using formats::NoiseLaw;
using formats::Operation;

constexpr std::uint64_t kChunkElements = std::uint64_t{1} << 20;
// Lanes and lags need their elements at one time.
constexpr std::uint64_t kBatteryElements = std::uint64_t{1} << 23;

struct HistOptions {
  std::vector<NoiseLaw> laws = {NoiseLaw::kRg16};
  formats::RandomKey key;
  std::uint64_t count = 1'000'000;
  std::string backend = "cpu";
  RecordFiles files;
};

Result<std::vector<NoiseLaw>> ParseLaws(const std::string& text) {
  if (text == "all")
    return std::vector<NoiseLaw>(formats::kNoiseLaws.begin(), formats::kNoiseLaws.end());
  std::vector<NoiseLaw> laws;
  for (const std::string_view name : base::Split(text, ',')) {
    const auto law = formats::ParseNoiseLaw(name);
    if (!law.ok()) return law.error();
    laws.push_back(*law);
  }
  return laws;
}

// One class of R: an integer, or [low, high) of a real law.
struct HistClass {
  std::string label;
  std::string tick;
  std::string exact;
  double probability;
  std::uint64_t count = 0;
};

class Histogram {
 public:
  explicit Histogram(NoiseLaw law) : law_(law), table_(reference::LawTableOf(law)) {
    if (formats::HasIntegerNoise(law)) {
      for (const reference::LawValue& value : table_.values) {
        const std::string name = std::to_string(value.r);
        classes_.push_back({name, name, value.exact, value.probability});
      }
      return;
    }
    // 16 equal parts; the normal law has tails beside them.
    low_ = law == NoiseLaw::kUniform ? -0.5 : -2;
    width_ = -low_ / 8;
    const double least = law == NoiseLaw::kUniform ? low_ : -INFINITY;
    for (int i = -1; i <= 16; ++i) {
      const double low = i < 0 ? least : low_ + i * width_;
      const double high = i == 16 ? -least : low_ + (i + 1) * width_;
      classes_.push_back({fmt::format("[{}, {})", low, high),
                          fmt::format("{:.3g}", low_ + (i + 0.5) * width_), "",
                          reference::RealLawProbability(law, low, high)});
    }
    if (law == NoiseLaw::kUniform) {
      classes_.front().label = "below";
      classes_.back().label = "above";
    }
  }

  void Add(const formats::ConstBuffer& noise) {
    for (std::uint64_t i = 0; i < noise.count; ++i) {
      const double r = formats::HasIntegerNoise(law_)
                           ? noise.As<std::int8_t>()[i]
                           : std::bit_cast<float>(noise.As<std::uint32_t>()[i]);
      ++classes_[ClassOf(r)].count;
      sum_ += r;
      squares_ += r * r;
    }
    count_ += noise.count;
  }

  // Without the battery and the verdict.
  Json Record() const {
    const double n = static_cast<double>(count_);
    std::vector<std::uint64_t> counts;
    std::vector<double> probabilities;
    double variation = 0;
    Json classes = Json::array();
    for (const HistClass& entry : classes_) {
      // The bins beside the uniform law's range are shown only when something is in them.
      if (entry.probability == 0 && entry.count == 0) continue;
      counts.push_back(entry.count);
      probabilities.push_back(entry.probability);
      variation += std::fabs(static_cast<double>(entry.count) / n - entry.probability) / 2;
      Json row = {{"label", entry.label},
                  {"tick", entry.tick},
                  {"count", entry.count},
                  {"probability", entry.probability}};
      if (!entry.exact.empty()) row["exact"] = entry.exact;
      classes.push_back(std::move(row));
    }
    const reference::ChiSquare chi = reference::TestCounts(counts, probabilities);
    const double mean = sum_ / n;
    const double second = squares_ / n;
    const double spread = std::sqrt((table_.fourth_moment - table_.variance * table_.variance) / n);
    return {{"law", formats::NoiseLawName(law_)},
            {"classes", std::move(classes)},
            {"chi_square",
             {{"statistic", JsonNumber(chi.statistic)},
              {"degrees_of_freedom", chi.degrees_of_freedom},
              {"p_value", chi.p_value}}},
            {"total_variation", variation},
            {"mean", mean},
            {"mean_z", mean / std::sqrt(table_.variance / n)},
            {"variance", second},  // About 0, the mean of the law.
            {"law_variance", table_.variance},
            {"variance_z", (second - table_.variance) / spread}};
  }

 private:
  std::size_t ClassOf(double r) const {
    const double place = formats::HasIntegerNoise(law_) ? r - table_.values.front().r
                                                        : std::floor((r - low_) / width_) + 1;
    return static_cast<std::size_t>(
        std::clamp(place, 0.0, static_cast<double>(classes_.size() - 1)));
  }

  NoiseLaw law_;
  reference::LawTable table_;
  double low_ = 0;
  double width_ = 1;
  std::vector<HistClass> classes_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
  double squares_ = 0;
};

Result<Json> RecordLaw(const HistOptions& options, NoiseLaw law, ProgressBar& progress) {
  Operation op = {.kind = formats::OpKind::kNoise, .law = law, .key = options.key};
  op.shape.cols = options.count;
  if (const Status valid = formats::ValidateOperation(op); !valid.ok()) return valid.error();
  const auto backend = BackendFor(options.backend, op);
  if (!backend.ok()) return backend.error();
  Histogram histogram(law);
  const std::uint64_t kept = std::min(kBatteryElements, options.count);
  const auto type = formats::SignatureOf(op).outputs[0].type;
  formats::Tensor battery_noise(type, kept);
  for (std::uint64_t done = 0; done < options.count;) {
    Operation chunk = op;
    chunk.shape.cols = std::min(kChunkElements, options.count - done);
    chunk.key.offset += done;
    const auto made = formats::RunCase(**backend, {.op = chunk, .inputs = {}});
    if (!made.ok()) return made.error();
    histogram.Add(made->front().view());
    if (done < kept) {
      const std::uint64_t copied = std::min(chunk.shape.cols, kept - done);
      std::memcpy(static_cast<char*>(battery_noise.view().data) + done * type.bytes(),
                  made->front().view().data, copied * type.bytes());
    }
    done += chunk.shape.cols;
    progress.Advance(chunk.shape.cols);
  }
  Json record = histogram.Record();
  record["backend"] = (*backend)->name();
  const reference::StatisticsReport battery = reference::TestNoise(law, battery_noise.view());
  Json failures = Json::array();
  for (const reference::StatisticsFinding& failure : battery.failures) {
    failures.push_back({{"test", failure.test},
                        {"statistic", JsonNumber(failure.result.statistic)},
                        {"degrees_of_freedom", failure.result.degrees_of_freedom},
                        {"p_value", failure.result.p_value}});
  }
  const bool holds = battery.failures.empty() &&
                     record["chi_square"]["p_value"].get<double>() >= reference::kFalseAlarmRate;
  record["battery"] = {{"elements", kept},
                       {"tests", battery.tests},
                       {"least_p_value", battery.least_p_value},
                       {"failures", std::move(failures)}};
  record["verdict"] = holds ? "pass" : "fail";
  return record;
}

Status Run(const HistOptions& options, CommandContext& context) {
  if (options.count == 0) return base::UsageError("--count must be at least 1");
  Json record = RecordHead("hist", 1, context.invocation);
  record["count"] = options.count;
  record["seed"] = options.key.seed;
  record["stream"] = options.key.stream;
  record["false_alarm_rate"] = reference::kFalseAlarmRate;
  record["laws"] = Json::array();
  record["verdict"] = "pass";
  {
    ProgressBar progress(context, "hist", options.count * options.laws.size());
    for (const NoiseLaw law : options.laws) {
      auto one = RecordLaw(options, law, progress);
      if (!one.ok()) return one.error();
      if ((*one)["verdict"] == "fail") {
        record["verdict"] = "fail";
        context.SetExitCode(base::ExitCode::kMismatch);
      }
      record["laws"].push_back(std::move(*one));
    }
  }
  context.out << HistText(record, context.terminal_columns, context.use_color);
  return WriteRecord(options.files, record, HistPicture(record));
}

}  // namespace

void AddHistCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("hist", "Count noise and compare it with its exact law");
  const auto options = std::make_shared<HistOptions>();
  AddParsedOption(*command, "--law", options->laws, ParseLaws,
                  "One law or several, as rg16,rg32, or all (default rg16)")
      ->type_name("LAW[,LAW...]");
  AddUnsignedOption(*command, "--count", options->count, "Elements of each law (default 1000000)");
  AddUnsignedOption(*command, "--seed", options->key.seed, "The run (default 0)");
  AddUnsignedOption(*command, "--stream", options->key.stream, "The draw within it (default 0)");
  AddBackendOption(*command, options->backend)->description("Who makes the noise (default cpu)");
  AddRecordOptions(*command, options->files);
  command->footer(
      "Exit code 1 when a law does not hold: a test of the counts, of a lane or of a lag has a\n"
      "chance below 1e-9 (over all tests of the law). Lanes and lags look at the first 2^23\n"
      "elements.\n"
      "Examples:\n"
      "  ulproof hist --law rg16 --count 10000000 --seed 1\n"
      "  ulproof hist --law all --count 1000000 --svg laws.svg --json laws.json");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
