// SPDX-License-Identifier: Apache-2.0
// ulproof train: trains a reduced GPT-2 with or without weight sampling, logs and draws its loss,
// and ends with what decides: the loss of the final weights when they are cast for real.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>

#include "cli/backends.h"
#include "cli/commands/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report/file.h"
#include "cli/report/picture_file.h"
#include "cli/report/record.h"
#include "cli/report/training_report.h"
#include "cli/training_text.h"
#include "trainer/trainer.h"

namespace ulproof::cli {
namespace {

namespace fs = std::filesystem;
using base::Result;
using base::Status;
using Clock = std::chrono::steady_clock;

// Formats that the final weights are cast to.
constexpr const char* kFinalCasts[] = {"float8_e4m3fn", "float6_e3m2fn", "mxfp8_e4m3", "mxfp6_e3m2",
                                       "mxfp4"};
constexpr std::size_t kGenerated = 200;  // Tokens of text at the end.
constexpr std::size_t kPrompt = 16;

struct TrainCommand {
  trainer::Preset preset = trainer::kPresets[1];
  trainer::MethodSpec method = {.name = "gaussws", .format = {}};
  std::uint64_t steps = 600, seed = 1, batch = 0, accumulate = 1;
  std::uint64_t eval_every = 50, eval_sequences = 64, save_every = 200;
  double learning_rate = 0;
  TrainingTextOptions text;
  std::string out, backend, teacher;
  bool resume = false;
};

double Seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

// The backend for all operations of a method: the named one, or the fastest that has the
// reference's bits for its noise.
Result<formats::Backend*> BackendOf(const TrainCommand& command) {
  const formats::Operation op = {.kind = formats::OpKind::kSample, .law = command.method.law};
  return BackendFor(command.backend, op);
}

// The lines of a log before `step`, each ended; nothing when there is no log.
std::string LogBefore(const std::string& path, std::uint64_t step) {
  std::ifstream stream(path);
  std::string kept, line;
  while (std::getline(stream, line)) {
    const Json record = Json::parse(line, nullptr, false);
    if (record.is_discarded() || !record.contains("step")) continue;
    if (record["step"].get<std::uint64_t>() <= step) kept += line + "\n";
  }
  return kept;
}

class Session {
 public:
  Session(const TrainCommand& command, CommandContext& context)
      : command_(command), context_(context) {}
  Status Run();

 private:
  std::string PathOf(const char* name) const { return (fs::path(command_.out) / name).string(); }
  Status Open();
  Status ReadTeacher(trainer::TrainerOptions& options) const;
  Status StartOrResume();
  Status Steps();
  Status Observe(const trainer::StepRecord& record);
  Status Finish();
  Status EvaluateFinalWeights(Json& summary);
  Json LoggedCurve() const;

  const TrainCommand& command_;
  CommandContext& context_;
  TrainingText text_;
  trainer::Batch validation_;
  std::unique_ptr<trainer::Trainer> trainer_;
  std::ofstream log_;
  std::uint64_t first_step_ = 0;
  Clock::time_point start_;
};

Status Session::ReadTeacher(trainer::TrainerOptions& options) const {
  if (command_.teacher.empty()) return base::Done{};
  fs::path path = command_.teacher;
  std::error_code failed;
  if (fs::is_directory(path, failed)) path /= "checkpoint.safetensors";
  if (Status valid = trainer::ValidateConfig(options.model); !valid.ok()) return valid;
  auto parameters = trainer::ReadParameters(path.string(), options.model);
  if (!parameters.ok()) return parameters.error();
  options.teacher = std::make_shared<const std::vector<float>>(std::move(*parameters));
  return base::Done{};
}

Status Session::Open() {
  auto loaded = LoadTrainingText(command_.text, context_);
  if (!loaded.ok()) return loaded.error();
  text_ = std::move(*loaded);
  const auto backend = BackendOf(command_);
  if (!backend.ok()) return backend.error();
  trainer::TrainerOptions options = {.method = command_.method, .seed = command_.seed};
  trainer::ApplyPreset(command_.preset, command_.steps, options);
  options.model.vocabulary = std::max(options.model.vocabulary, text_.corpus.vocabulary);
  if (command_.batch != 0) options.batch = command_.batch;
  options.accumulate = command_.accumulate;
  if (command_.learning_rate > 0) {
    options.schedule.top = static_cast<float>(command_.learning_rate);
    options.schedule.bottom = options.schedule.top / 10;
  }
  if (Status read = ReadTeacher(options); !read.ok()) return read;
  auto created = trainer::Trainer::Create(options, text_.corpus, **backend);
  if (!created.ok()) return created.error();
  trainer_ = std::make_unique<trainer::Trainer>(std::move(*created));
  validation_ =
      trainer::ValidationBatch(text_.corpus, command_.eval_sequences, options.model.context);
  context_.out << fmt::format("{}: {} parameters, method {}, backend {}, {} tokens of {}\n",
                              command_.preset.name, trainer_->model().parameters().size(),
                              command_.method.ToString(), (*backend)->name(),
                              text_.corpus.tokens.size(), text_.corpus.origin);
  return base::Done{};
}

Status Session::StartOrResume() {
  std::error_code failed;
  fs::create_directories(command_.out, failed);
  if (failed) return base::EnvironmentError(command_.out + ": " + failed.message());
  const std::string checkpoint = PathOf("checkpoint.safetensors");
  const bool exists = fs::exists(checkpoint);
  if (exists && !command_.resume) {
    return base::Error{.message = "a run is here already: --resume goes on with it",
                       .file = checkpoint};
  }
  if (exists) {
    if (Status loaded = trainer_->Load(checkpoint); !loaded.ok()) return loaded;
    context_.out << fmt::format("resumed at step {}\n", trainer_->step());
  }
  first_step_ = trainer_->step();
  const std::string log = PathOf("log.jsonl");
  if (Status kept = WriteReport(log, exists ? LogBefore(log, first_step_) : ""); !kept.ok())
    return kept;
  log_.open(log, std::ios::app);
  if (!log_) return base::EnvironmentError(log + ": cannot write");
  return base::Done{};
}

Status Session::Observe(const trainer::StepRecord& record) {
  const auto counts = trainer_->CountAbsorbed();
  if (!counts.ok()) return counts.error();
  trainer_->UseMasterWeights();
  const trainer::Evaluation evaluation = trainer_->Evaluate(validation_);
  const double seconds = Seconds(start_);
  const auto done = static_cast<double>(trainer_->step() - first_step_);
  const double speed = done * static_cast<double>(trainer_->tokens_per_step()) / seconds;
  const double left = seconds / done * static_cast<double>(command_.steps - trainer_->step());
  Json line = {{"step", trainer_->step()},
               {"loss", record.loss},
               {"validation_loss", evaluation.loss},
               {"validation_half_width", JsonNumber(evaluation.half_width)},
               {"learning_rate", record.learning_rate},
               {"gradient_norm", record.gradient_norm},
               {"tokens_per_second", speed}};
  std::string noise;
  if (command_.method.distill != 0) {
    line["divergence"] = record.divergence;
    noise = fmt::format("  divergence {:.4f}", record.divergence);
  }
  if (const auto bits = trainer_->MeanBits()) {
    const double absorbed = counts->noisy == 0 ? 0
                                               : static_cast<double>(counts->absorbed) /
                                                     static_cast<double>(counts->noisy);
    line["mean_bits"] = *bits;
    line["absorbed"] = absorbed;
    noise += fmt::format("  b {:.3f}  absorbed {}", *bits, Percent(absorbed));
  }
  log_ << line.dump() << '\n' << std::flush;
  if (!log_) return base::EnvironmentError(PathOf("log.jsonl") + ": cannot write");
  context_.out << fmt::format(
                      "step {:>6}  loss {:.4f}  validation {:.4f} +- {:.4f}{}  {:.0f} tokens/s  "
                      "{:.0f} s left\n",
                      trainer_->step(), record.loss, evaluation.loss, evaluation.half_width, noise,
                      speed, left)
               << std::flush;
  return base::Done{};
}

Status Session::Steps() {
  start_ = Clock::now();
  ProgressBar bar(context_, "train", command_.steps - first_step_);
  while (trainer_->step() < command_.steps) {
    const auto record = trainer_->Step();
    if (!record.ok()) return record.error();
    bar.Advance(1);
    const std::uint64_t done = trainer_->step();
    const bool last = done == command_.steps;
    if (last || done == 1 || (command_.eval_every != 0 && done % command_.eval_every == 0)) {
      if (Status observed = Observe(*record); !observed.ok()) return observed;
    }
    if (last || (command_.save_every != 0 && done % command_.save_every == 0)) {
      if (Status saved = trainer_->Save(PathOf("checkpoint.safetensors")); !saved.ok())
        return saved;
    }
  }
  return base::Done{};
}

Status Session::EvaluateFinalWeights(Json& summary) {
  context_.out << "\nvalidation loss of the final weights\n";
  Json rows = Json::array();
  double master = NAN;
  const auto evaluate = [&](const std::string& name) {
    const trainer::Evaluation e = trainer_->Evaluate(validation_);
    if (std::isnan(master)) master = e.loss;
    context_.out << fmt::format("  {:<34} {:.4f} +- {:.4f}  {:+.4f}\n", name, e.loss, e.half_width,
                                e.loss - master);
    rows.push_back(
        {{"weights", name}, {"validation_loss", e.loss}, {"half_width", JsonNumber(e.half_width)}});
  };
  trainer_->UseMasterWeights();
  evaluate("in bfloat16");
  if (trainer_->MeanBits()) {
    if (Status used = trainer_->UseSampledWeights(); !used.ok()) return used;
    evaluate("with noise");
    if (Status used = trainer_->UseSteppedWeights(); !used.ok()) return used;
    evaluate("rounded to steps of each block's b");
  }
  for (const char* name : kFinalCasts) {
    const auto target = trainer::ParseCastTarget(name);
    if (Status used = trainer_->UseCastWeights(target.value()); !used.ok()) return used;
    evaluate(fmt::format("cast to {}", name));
  }
  trainer_->UseMasterWeights();
  summary["final_weights"] = rows;
  return base::Done{};
}

// The log's lines, as far as they are whole.
Json Session::LoggedCurve() const {
  Json curve = Json::array();
  std::ifstream stream(PathOf("log.jsonl"));
  for (std::string line; std::getline(stream, line);) {
    Json record = Json::parse(line, nullptr, false);
    if (!record.is_discarded()) curve.push_back(std::move(record));
  }
  return curve;
}

Status Session::Finish() {
  Json summary = RecordHead("train", 1, context_.invocation);
  summary["run"] = trainer_->Fingerprint();
  summary["preset"] = command_.preset.name;
  summary["method"] = command_.method.ToString();
  summary["corpus"] = text_.corpus.origin;
  summary["parameters"] = trainer_->model().parameters().size();
  if (trainer_->SampledParameters() != 0) {
    const double bytes = static_cast<double>(trainer_->ExtraBytes()) /
                         static_cast<double>(trainer_->SampledParameters());
    summary["extra_bytes_per_sampled_parameter"] = bytes;
    context_.out << fmt::format(
        "the method's own memory: {:.4f} bytes for each of {} sampled parameters\n", bytes,
        trainer_->SampledParameters());
  }
  if (Status evaluated = EvaluateFinalWeights(summary); !evaluated.ok()) return evaluated;
  const std::vector<std::int32_t> prompt(
      validation_.tokens.begin(),
      validation_.tokens.begin() +
          static_cast<std::ptrdiff_t>(std::min(kPrompt, validation_.tokens.size())));
  if (text_.TextOf(prompt)) {
    const std::string text = *text_.TextOf(trainer_->Generate(prompt, kGenerated, command_.seed));
    summary["generated"] = text;
    context_.out << "\n" << text << "\n";
  }
  summary["curve"] = LoggedCurve();
  if (Status drawn = WriteSvg(PathOf("loss.svg"), TrainPicture(summary)); !drawn.ok()) return drawn;
  return WriteReport(PathOf("summary.json"), summary.dump(2) + "\n");
}

Status Session::Run() {
  for (Status (Session::*part)() :
       {&Session::Open, &Session::StartOrResume, &Session::Steps, &Session::Finish}) {
    if (Status done = (this->*part)(); !done.ok()) return done;
  }
  return base::Done{};
}

}  // namespace

void AddTrainCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "train", "Train a reduced GPT-2 with weight sampling, and cast the result for real");
  const auto options = std::make_shared<TrainCommand>();
  AddParsedOption(*command, "--preset", options->preset, trainer::FindPreset,
                  "pico, nano (default), micro or 124M");
  AddParsedOption(
      *command, "--method", options->method, trainer::ParseMethod,
      "bf16, fp32, gaussws (default), gaussws-fixed, diffq, statqat, lsq, gdnsq, nipq or "
      "rtn:FORMAT, with options after commas: law=, block=RxC, init=, target=, lambda=, "
      "rate=, layers=all|attention|mlp, settle= (b whole, its mean at the target, from "
      "that part of the run on), act=BITS|LEVELS (quantised activations), "
      "optimizer=adamw|radam, distill= (the divergence's part of the loss), "
      "divergence=jeffreys|kl, noise=uniform|histogram (nipq)");
  command
      ->add_option("--teacher", options->teacher,
                   "Checkpoint, or directory of a run, that a method with distill= learns from")
      ->type_name("PATH");
  AddUnsignedOption(*command, "--steps", options->steps, "Steps (default 600)", 1u << 30);
  AddTrainingTextOptions(*command, options->text);
  command->add_option("--out", options->out, "Directory for checkpoint, log and curve")
      ->required()
      ->type_name("DIR");
  command->add_flag("--resume", options->resume, "Go on from the checkpoint in DIR");
  AddUnsignedOption(*command, "--seed", options->seed, "Seed (default 1)");
  AddUnsignedOption(*command, "--batch", options->batch,
                    "Sequences a micro-step (default: the preset's)", 1u << 20);
  AddUnsignedOption(*command, "--accumulate", options->accumulate, "Micro-steps a step (default 1)",
                    1u << 20);
  command->add_option("--learning-rate", options->learning_rate, "Its top (default: the preset's)")
      ->check(CLI::Range(1e-9, 10.0));
  AddUnsignedOption(*command, "--eval-every", options->eval_every,
                    "Steps between log lines (default 50)");
  AddUnsignedOption(*command, "--eval-sequences", options->eval_sequences,
                    "Held-out sequences to evaluate (default 64)", 1u << 20);
  AddUnsignedOption(*command, "--save-every", options->save_every,
                    "Steps between checkpoints (default 200)");
  AddBackendOption(*command, options->backend);
  command->footer(
      "DIR gets checkpoint.safetensors (Hugging Face names; kill the run at any moment and\n"
      "--resume goes on with the same bits), log.jsonl, loss.svg and summary.json.\n"
      "Examples:\n"
      "  ulproof train --data book.txt --out run1\n"
      "  ulproof train --preset nano --method gaussws,lambda=0.1 --steps 300 --out run2\n"
      "  ulproof train --preset nano --method rtn:mxfp4 --data book.txt --out run3\n"
      "  ulproof train --method bf16 --data book.txt --out teacher\n"
      "  ulproof train --method gdnsq,init=10,target=3,settle=0.6,optimizer=radam,distill=1 \\\n"
      "      --teacher teacher --data book.txt --out run4");
  command->callback([options, &context] {
    Session session(*options, context);
    context.Report(session.Run());
  });
}

}  // namespace ulproof::cli
