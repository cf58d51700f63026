// SPDX-License-Identifier: Apache-2.0
// ulproof parity: does training stay right? Bit parity of one run across backends, and the distance
// of each method's held-out loss from bfloat16's, with a verdict that lack of data cannot pass.
#include "trainer/parity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "cli/backends.h"
#include "cli/commands/commands.h"
#include "cli/progress.h"
#include "cli/report/file.h"
#include "cli/report/record.h"
#include "cli/report/training_report.h"
#include "cli/training_text.h"
#include "trainer/statistics.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;

constexpr const char* kDefaultMethods[] = {"bf16",  "gaussws",           "gaussws-fixed",
                                           "diffq", "rtn:float8_e4m3fn", "rtn:mxfp4"};
// GaussWS broken on purpose, one way each.
struct Break {
  const char* what;
  const char* method;
};
constexpr Break kBreaks[] = {{"another noise law", "gaussws,law=uniform"},
                             {"noise beyond the format's bits", "gaussws,init=14,target=12"},
                             {"one block for the whole matrix", "gaussws,block=65536x65536"},
                             {"another R in the backward", "gaussws,backward-stream=1048576"},
                             {"no annealing", "gaussws-fixed,target=6"},
                             {"far too few bits", "gaussws-fixed,init=2,target=2"}};
constexpr const char* kCasts[] = {"float6_e3m2fn", "mxfp4"};

struct ParityCommand {
  trainer::Preset preset = trainer::kPresets[1];
  std::vector<std::string> methods, required = {"gaussws"}, backends;
  TrainingTextOptions text;
  std::string bit_method = "gaussws", junit;
  std::uint64_t steps = 300, seeds = 5, bit_steps = 5, sequences = 128, first_seed = 1;
  double margin = 0.02;
  bool breaks = false, only_bits = false, is_short = false;
  RecordFiles files;
};

Result<formats::Backend*> BackendOf(const trainer::MethodSpec& method) {
  return BackendFor("", {.kind = formats::OpKind::kSample, .law = method.law});
}

// What a method asks of a backend, up to the formats of rtn: a backend without these is skipped.
std::vector<formats::Operation> OperationsOf(const trainer::MethodSpec& method) {
  using formats::OpKind;
  std::vector<OpKind> kinds = {OpKind::kSample, OpKind::kBlockMax, OpKind::kScale,
                               OpKind::kBackward};
  const std::string& name = method.name;
  if (name == "bf16" || name == "fp32") kinds = {};
  if (name == "rtn") kinds = {OpKind::kCast};
  if (name == "nipq") kinds = {OpKind::kBlockMax, OpKind::kPerturb, OpKind::kBackward};
  if (name == "statqat" || name == "lsq" || name == "gdnsq")
    kinds = {OpKind::kFit, OpKind::kFakeQuantize, OpKind::kFakeBackward};
  std::vector<formats::Operation> operations;
  for (const OpKind kind : kinds)
    operations.push_back({.kind = kind, .law = method.law, .bits_per_block = true});
  if (!method.activations) return operations;
  for (const OpKind kind :
       {OpKind::kFit, OpKind::kRefit, OpKind::kFakeQuantize, OpKind::kFakeBackward})
    operations.push_back({.kind = kind, .levels = *method.activations});
  return operations;
}

class Session {
 public:
  Session(ParityCommand command, CommandContext& context)
      : command_(std::move(command)),
        context_(context),
        record_(RecordHead("parity", 1, context_.invocation)) {}
  Status Run();

 private:
  Status LoadText();
  trainer::TrainerOptions OptionsOf(const trainer::MethodSpec& method, std::uint64_t steps) const;
  Status Bits();
  Status OneBackend(formats::Backend& truth, formats::Backend& subject,
                    const trainer::TrainerOptions& options, Json& rows);
  Status Methods();
  void ShowMethod(const trainer::MethodRuns& runs, const trainer::MethodRuns& baseline,
                  const std::string& what, Json& rows);
  Status WriteFiles();
  // One test case of the JUnit report; a failure is the exit code too.
  enum class CaseResult { kPassed, kFailed, kSkipped };
  void AddCase(const std::string& suite, const std::string& name, CaseResult result,
               const std::string& text);

  ParityCommand command_;
  CommandContext& context_;
  trainer::Corpus corpus_;
  Json record_;
  std::string cases_;
  int case_count_ = 0, failures_ = 0;
};

void Session::AddCase(const std::string& suite, const std::string& name, CaseResult result,
                      const std::string& text) {
  ++case_count_;
  const std::string message = XmlEscaped(text);
  cases_ +=
      fmt::format("  <testcase classname=\"parity.{}\" name=\"{}\">", suite, XmlEscaped(name));
  if (result == CaseResult::kFailed) {
    ++failures_;
    cases_ += fmt::format("<failure message=\"{}\"/>", message);
    context_.SetExitCode(base::ExitCode::kMismatch);
  } else if (result == CaseResult::kSkipped) {
    cases_ += fmt::format("<skipped message=\"{}\"/>", message);
  }
  cases_ += "</testcase>\n";
}

Status Session::LoadText() {
  auto loaded = LoadTrainingText(command_.text, context_);
  if (!loaded.ok()) return loaded.error();
  corpus_ = std::move(loaded->corpus);
  record_["corpus"] = corpus_.origin;
  record_["preset"] = command_.preset.name;
  return base::Done{};
}

trainer::TrainerOptions Session::OptionsOf(const trainer::MethodSpec& method,
                                           std::uint64_t steps) const {
  trainer::TrainerOptions options = {.method = method, .seed = command_.first_seed};
  trainer::ApplyPreset(command_.preset, steps, options);
  options.model.vocabulary = std::max(options.model.vocabulary, corpus_.vocabulary);
  return options;
}

Status Session::OneBackend(formats::Backend& truth, formats::Backend& subject,
                           const trainer::TrainerOptions& options, Json& rows) {
  const std::string name(subject.name());
  Json row = {{"backend", name}};
  std::string text;
  bool diverged = false;
  std::string why = subject.why_unavailable();
  for (const formats::Operation& op : OperationsOf(options.method)) {
    if (why.empty()) why = subject.why_unsupported(op);
  }
  if (!why.empty()) {
    row["skipped"] = why;
    text = "skipped: " + why;
  } else {
    const auto parity = trainer::CompareBits(options, corpus_, truth, subject, command_.bit_steps);
    if (!parity.ok()) return parity.error();
    row["steps"] = parity->steps;
    Json losses = Json::array();
    for (const std::uint32_t bits : parity->losses) losses.push_back(fmt::format("{:08x}", bits));
    row["loss_bits"] = losses;
    diverged = parity->divergence.has_value();
    if (diverged) {
      const trainer::Divergence& d = *parity->divergence;
      text = fmt::format("differs at step {}: {}, element {}: {:x}, not {:x}", d.step, d.tensor,
                         d.element, d.subject, d.truth);
      row["divergence"] = {{"step", d.step},
                           {"tensor", d.tensor},
                           {"element", d.element},
                           {"truth", fmt::format("{:x}", d.truth)},
                           {"subject", fmt::format("{:x}", d.subject)}};
    } else {
      text = fmt::format("the same bits in {} steps; last loss {:08x}", parity->steps,
                         parity->losses.empty() ? 0 : parity->losses.back());
    }
  }
  context_.out << fmt::format("  {:<16} {}\n", name, text) << std::flush;
  AddCase("bits", name,
          diverged       ? CaseResult::kFailed
          : !why.empty() ? CaseResult::kSkipped
                         : CaseResult::kPassed,
          text);
  rows.push_back(row);
  return base::Done{};
}

Status Session::Bits() {
  const auto method = trainer::ParseMethod(command_.bit_method);
  if (!method.ok()) return method.error();
  const auto truth = FindBackend("reference");
  if (!truth.ok()) return truth.error();
  std::vector<formats::Backend*> subjects;
  for (const std::string& name : command_.backends) {
    const auto found = FindBackend(name);
    if (!found.ok()) return found.error();
    subjects.push_back(*found);
  }
  if (subjects.empty()) {
    for (formats::Backend* backend : AllBackends()) {
      if (backend != *truth && !RepeatsAnother(*backend)) subjects.push_back(backend);
    }
  }
  const trainer::TrainerOptions options = OptionsOf(*method, command_.bit_steps);
  context_.out << fmt::format("bit parity: {} with {}, each step against the reference\n",
                              command_.preset.name, method->ToString());
  Json rows = Json::array();
  for (formats::Backend* subject : subjects) {
    if (Status done = OneBackend(**truth, *subject, options, rows); !done.ok()) return done;
  }
  record_["bit_parity"] = {{"method", method->ToString()}, {"backends", rows}};
  return base::Done{};
}

void Session::ShowMethod(const trainer::MethodRuns& runs, const trainer::MethodRuns& baseline,
                         const std::string& what, Json& rows) {
  const std::string name = runs.method.ToString();
  const trainer::Interval d =
      trainer::Difference(runs, trainer::kMaster, baseline, trainer::kMaster);
  const trainer::Verdict verdict = trainer::Judge(d, command_.margin);
  Json row = {{"method", name},
              {"baseline", baseline.method.ToString()},
              {"difference", d.mean},
              {"half_width", JsonNumber(d.half_width)},
              {"verdict", trainer::VerdictName(verdict)}};
  if (!what.empty()) row["broken"] = what;
  Json losses = Json::array();
  for (const auto& outcome : runs.seeds) losses.push_back(JsonNumber(outcome.validation));
  row["validation_losses"] = losses;
  std::string extra;
  const trainer::Outcome& first = runs.seeds.front();
  if (first.mean_bits) {
    row["mean_bits"] = *first.mean_bits;
    row["absorbed"] = *first.absorbed;
    extra = fmt::format("  b {:.2f}  absorbed {}", *first.mean_bits, Percent(*first.absorbed));
    // Really quantised, with each block's own b, against the baseline's weights.
    std::vector<double> differences;
    for (std::size_t i = 0; i < runs.seeds.size(); ++i)
      differences.push_back(*runs.seeds[i].quantised_validation - baseline.seeds[i].validation);
    const trainer::Interval quantised = trainer::MeanInterval(differences);
    row["quantised"] = {{"difference", quantised.mean},
                        {"half_width", JsonNumber(quantised.half_width)}};
    extra += fmt::format("  quantised {:+.4f} +- {:.4f}", quantised.mean, quantised.half_width);
  }
  double mean = 0;
  for (const auto& outcome : runs.seeds) mean += outcome.validation / runs.seeds.size();
  row["mean_validation_loss"] = mean;
  context_.out << fmt::format("  {:<34} {:.4f}  {:+.4f} +- {:.4f}  {:<9}",
                              what.empty() ? name : what, mean, d.mean, d.half_width,
                              trainer::VerdictName(verdict));
  Json casts = Json::object();
  for (std::size_t i = 0; i < std::size(kCasts); ++i) {
    const trainer::Interval c = trainer::Difference(runs, i, baseline, trainer::kMaster);
    casts[kCasts[i]] = {{"difference", c.mean}, {"half_width", JsonNumber(c.half_width)}};
    context_.out << fmt::format("  {:+.4f} +- {:.4f}", c.mean, c.half_width);
  }
  row["casts"] = casts;
  context_.out << extra << '\n';
  if (what.empty()) {
    Json curve = Json::array();  // Mean training loss, at points evenly through the run.
    for (std::size_t i = 0; i < first.curve.size(); ++i) {
      double sum = 0;
      for (const auto& outcome : runs.seeds) sum += outcome.curve[i];
      curve.push_back(JsonNumber(sum / static_cast<double>(runs.seeds.size())));
    }
    row["curve"] = curve;
  }
  rows.push_back(row);
  const bool required = what.empty() && std::ranges::count(command_.required, name) != 0;
  const bool passed = verdict == trainer::Verdict::kWithin || verdict == trainer::Verdict::kBetter;
  AddCase(what.empty() ? "methods" : "breaks", name,
          required && !passed ? CaseResult::kFailed : CaseResult::kPassed,
          fmt::format("{}: {:+.4f} +- {:.4f}, margin {}", trainer::VerdictName(verdict), d.mean,
                      d.half_width, command_.margin));
}

Status Session::Methods() {
  trainer::MethodParityOptions options;
  std::vector<std::string> texts = command_.methods;
  if (texts.empty()) texts.assign(std::begin(kDefaultMethods), std::end(kDefaultMethods));
  const std::size_t method_count = texts.size();
  if (command_.breaks) {
    for (const Break& b : kBreaks) texts.emplace_back(b.method);
  }
  for (const std::string& text : texts) {
    const auto method = trainer::ParseMethod(text);
    if (!method.ok()) return method.error();
    options.methods.push_back(*method);
  }
  for (const char* cast : kCasts) options.casts.push_back(trainer::ParseCastTarget(cast).value());
  options.run = OptionsOf(options.methods[0], command_.steps);
  options.first_seed = command_.first_seed;
  options.seeds = command_.seeds;
  options.validation_sequences = command_.sequences;
  options.backend = BackendOf;
  Result<std::vector<trainer::MethodRuns>> runs = std::vector<trainer::MethodRuns>();
  {
    ProgressBar bar(context_, "runs", texts.size() * command_.seeds * command_.steps);
    options.progress = [&](std::uint64_t steps) { bar.Advance(steps); };
    runs = trainer::RunMethods(options, corpus_);
  }
  if (!runs.ok()) return runs.error();
  const trainer::MethodRuns& baseline = runs->front();
  context_.out << fmt::format(
      "\nmethod parity: {}, {} steps, {} seeds, margin {} nats a token\n"
      "  {:<34} held-out loss, its difference from {} (95 % confidence), verdict; the same\n"
      "  {:<34} difference with the weights cast to {} and {}\n",
      command_.preset.name, command_.steps, command_.seeds, command_.margin, "",
      baseline.method.ToString(), "", kCasts[0], kCasts[1]);
  Json rows = Json::array();
  for (std::size_t i = 0; i < method_count; ++i) ShowMethod((*runs)[i], baseline, "", rows);
  record_["method_parity"] = {{"steps", command_.steps},
                              {"seeds", command_.seeds},
                              {"margin", command_.margin},
                              {"sequences", command_.sequences},
                              {"methods", rows}};
  if (!command_.breaks) return base::Done{};
  // Breaks are held against gaussws where it was run: does the loss notice?
  const auto whole = std::ranges::find_if(
      *runs, [](const trainer::MethodRuns& r) { return r.method.ToString() == "gaussws"; });
  const trainer::MethodRuns& against = whole == runs->end() ? baseline : *whole;
  context_.out << fmt::format("\nbroken on purpose: difference from {}\n",
                              against.method.ToString());
  rows = Json::array();
  for (std::size_t i = method_count; i < texts.size(); ++i)
    ShowMethod((*runs)[i], against, kBreaks[i - method_count].what, rows);
  record_["breaks"] = rows;
  return base::Done{};
}

Status Session::WriteFiles() {
  if (!command_.junit.empty()) {
    const std::string xml = fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuite name=\"ulproof parity\" tests=\"{}\" failures=\"{}\">\n{}</testsuite>\n",
        case_count_, failures_, cases_);
    if (Status written = WriteReport(command_.junit, xml); !written.ok()) return written;
  }
  return WriteRecord(command_.files, record_,
                     command_.only_bits ? Picture{} : ParityPicture(record_));
}

Status Session::Run() {
  if (command_.is_short) {
    command_.preset = trainer::kPresets[0];
    command_.steps = std::min<std::uint64_t>(command_.steps, 60);
    command_.bit_steps = std::min<std::uint64_t>(command_.bit_steps, 2);
    command_.sequences = std::min<std::uint64_t>(command_.sequences, 32);
    command_.margin = std::max(command_.margin, 0.05);  // So few steps say no more.
    if (command_.methods.empty()) command_.methods = {"bf16", "gaussws"};
  }
  if (command_.seeds == 0 || command_.steps == 0)
    return base::UsageError("parity needs at least one seed and one step");
  if (command_.only_bits && command_.files.any_picture())
    return base::UsageError("the picture is of the methods, which --bits leaves out");
  if (Status loaded = LoadText(); !loaded.ok()) return loaded;
  if (Status done = Bits(); !done.ok()) return done;
  if (!command_.only_bits) {
    if (Status done = Methods(); !done.ok()) return done;
  }
  return WriteFiles();
}

}  // namespace

void AddParityCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("parity", "Compare training across backends and across methods");
  const auto options = std::make_shared<ParityCommand>();
  AddParsedOption(*command, "--preset", options->preset, trainer::FindPreset,
                  "pico, nano (default), micro or 124M");
  command->add_flag("--short", options->is_short,
                    "Seconds instead of minutes: pico, bf16 and gaussws, few steps, margin 0.05");
  command->add_flag("--bits", options->only_bits, "Bit parity alone");
  AddTrainingTextOptions(*command, options->text);
  command
      ->add_option("--method", options->methods,
                   "A method (repeatable); the first is the baseline (default: bf16, gaussws, "
                   "gaussws-fixed, diffq, rtn to fp8 and mxfp4)")
      ->type_name("METHOD");
  command
      ->add_option("--require", options->required,
                   "A method whose verdict must be within or better (default gaussws)")
      ->type_name("METHOD");
  command->add_flag("--breaks", options->breaks, "Also GaussWS broken in six ways");
  AddUnsignedOption(*command, "--steps", options->steps, "Steps a run (default 300)", 1u << 30);
  AddUnsignedOption(*command, "--seeds", options->seeds, "Seeds (default 5)", 10000);
  AddUnsignedOption(*command, "--first-seed", options->first_seed, "The first (default 1)");
  command
      ->add_option("--margin", options->margin,
                   "Nats a token that count as no difference (default 0.02)")
      ->check(CLI::Range(1e-9, 100.0));
  AddUnsignedOption(*command, "--sequences", options->sequences,
                    "Held-out sequences a run is judged on (default 128)", 1u << 20);
  command
      ->add_option("--backend", options->backends,
                   "A backend for bit parity (repeatable; default: all)")
      ->type_name("NAME");
  command->add_option("--bit-method", options->bit_method, "Its method (default gaussws)")
      ->type_name("METHOD");
  AddUnsignedOption(*command, "--bit-steps", options->bit_steps, "Its steps (default 5)", 1u << 30);
  AddRecordOptions(*command, options->files);
  command->add_option("--junit", options->junit, "Write a JUnit XML report to FILE")
      ->type_name("FILE");
  command->footer(
      "Runs go side by side, one thread each; results do not depend on how many. A verdict is\n"
      "'within' when the whole confidence interval lies inside the margin, 'worse' or 'better'\n"
      "when it lies on one side of 0, else 'undecided'. Exit code 1 when bits differ, or when a\n"
      "required method is worse or undecided. A method with distill= learns from the bf16 run of\n"
      "its seed, which is made first.\n"
      "Examples:\n"
      "  ulproof parity --short\n"
      "  ulproof parity --preset nano --data book.txt --breaks --json parity.json\n"
      "  ulproof parity --bits --backend cpu --bit-method gaussws,law=rg32");
  command->callback([options, &context] {
    Session session(*options, context);
    context.Report(session.Run());
  });
}

}  // namespace ulproof::cli
