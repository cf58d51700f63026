// SPDX-License-Identifier: Apache-2.0
// Catches: a run whose bits depend on threads, on the backend or on having been stopped; a
// checkpoint that loses state or is taken by another run; a loss that does not fall.
#include "trainer/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "base/parallel.h"
#include "tests/io/temporary_directory.h"
#include "tests/trainer/backends.h"

namespace ulproof::trainer {
namespace {

using testing::HasSubstr;

const Corpus& Text() {
  static const Corpus corpus = GeneratedCorpus(20000);
  return corpus;
}

// Small enough for the sanitizers.
TrainerOptions Options(const char* method, std::uint64_t steps = 8) {
  TrainerOptions options = {.method = ParseMethod(method).value()};
  ApplyPreset(kPresets[0], steps, options);
  options.model.width = 32;
  options.model.context = 16;
  return options;
}
Trainer Make(const TrainerOptions& options) {
  return std::move(Trainer::Create(options, Text(), Cpu())).value();
}
std::vector<float> Losses(Trainer& trainer, int steps) {
  std::vector<float> losses;
  for (int i = 0; i < steps; ++i) losses.push_back(trainer.Step().value().loss);
  return losses;
}

TEST(TrainerTest, LossFalls) {
  for (const char* method : {"bf16", "gaussws", "rtn:float8_e4m3fn"}) {
    Trainer trainer = Make(Options(method, 60));
    const std::vector<float> losses = Losses(trainer, 60);
    EXPECT_NEAR(losses[0], std::log(256.0), 0.2) << method;
    EXPECT_LT(losses[59], 3.2) << method;
  }
}

// The quantizers with a fitted scale train too, and what is left of the weights when they are
// really quantised is no worse than what was trained.
TEST(TrainerTest, LossFallsUnderQuantizersAndStaysQuantised) {
  const Batch batch = ValidationBatch(Text(), 8, 16);
  for (const char* method : {"statqat", "lsq", "gdnsq,init=8,rate=20,lambda=1", "nipq,rate=20"}) {
    Trainer trainer = Make(Options(method, 30));
    EXPECT_LT(Losses(trainer, 30)[29], 4) << method;
    ASSERT_TRUE(trainer.UseSampledWeights().ok());
    const double trained = trainer.Evaluate(batch).loss;
    ASSERT_TRUE(trainer.UseSteppedWeights().ok());
    EXPECT_NEAR(trainer.Evaluate(batch).loss, trained, 0.1) << method;
    EXPECT_LT(*trainer.MeanBits(), 7) << method;
  }
}

TEST(TrainerTest, ThreadsDoNotChangeBits) {
  std::vector<std::vector<float>> runs;
  for (const int threads : {1, 3}) {
    base::SetThreadCount(threads);
    Trainer trainer = Make(Options("gaussws"));
    Losses(trainer, 8);
    runs.push_back(trainer.model().parameters());
    runs.push_back(trainer.method().state());
  }
  base::SetThreadCount(0);
  EXPECT_EQ(runs[0], runs[2]);
  EXPECT_EQ(runs[1], runs[3]);
}

// Twice the micro-steps of half the sequences: the same text, the same mean gradient but for the
// order of sums; without noise the loss differs by rounding alone.
TEST(TrainerTest, AccumulationIsALargerBatch) {
  TrainerOptions options = Options("fp32");
  Trainer whole = Make(options);
  options.batch /= 2;
  options.accumulate = 2;
  Trainer halves = Make(options);
  const auto a = Losses(whole, 8), b = Losses(halves, 8);
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 2e-4) << i;
}

TEST(TrainerTest, ResumesWithTheSameBits) {
  const io::TemporaryDirectory directory;
  const std::string path = directory / "c.safetensors";
  for (const char* method : {"bf16", "gaussws", "gaussws-fixed"}) {
    TrainerOptions options = Options(method);
    options.accumulate = 2;
    Trainer straight = Make(options);
    const auto expected = Losses(straight, 8);
    Trainer first = Make(options);
    Losses(first, 3);
    ASSERT_TRUE(first.Save(path).ok());
    Trainer second = Make(options);
    ASSERT_TRUE(second.Load(path).ok());
    EXPECT_EQ(second.step(), 3u);
    EXPECT_EQ(Losses(second, 5), std::vector<float>(expected.begin() + 3, expected.end()));
    EXPECT_EQ(second.model().parameters(), straight.model().parameters()) << method;
    EXPECT_EQ(second.method().state(), straight.method().state()) << method;
  }
}

// A child saves after every step and is killed in the middle of something, five times; what it left
// must always load, and the run must end with the bits of one that was left alone.
TEST(TrainerTest, SurvivesSigkillAtAnyMoment) {
  const io::TemporaryDirectory directory;
  const std::string path = directory / "c.safetensors";
  constexpr int kSteps = 40;
  const TrainerOptions options = Options("gaussws", kSteps);
  base::SetThreadCount(1);  // A child of fork has one thread.
  for (int kill_number = 0; kill_number < 5; ++kill_number) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Trainer trainer = Make(options);
      if (std::filesystem::exists(path) && !trainer.Load(path).ok()) _exit(1);
      while (trainer.step() < kSteps) {
        if (!trainer.Step().ok() || !trainer.Save(path).ok()) _exit(2);
      }
      _exit(0);
    }
    usleep(15000 + 7919 * static_cast<unsigned>(kill_number));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << WEXITSTATUS(status);
  }
  Trainer resumed = Make(options);
  if (std::filesystem::exists(path)) {
    const auto loaded = resumed.Load(path);
    ASSERT_TRUE(loaded.ok()) << loaded.error().ToString();
  }
  while (resumed.step() < kSteps) ASSERT_TRUE(resumed.Step().ok());
  Trainer straight = Make(options);
  Losses(straight, kSteps);
  base::SetThreadCount(0);
  EXPECT_EQ(resumed.model().parameters(), straight.model().parameters());
}

// What settle=, optimizer= and distill= add to a run is a function of its options, its teacher and
// what the checkpoint held already.
TEST(TrainerTest, DistilledAndSettledRunsResume) {
  const io::TemporaryDirectory directory;
  const std::string path = directory / "c.safetensors";
  Trainer bf16 = Make(Options("bf16"));
  Losses(bf16, 2);
  ASSERT_TRUE(bf16.Save(path).ok());
  const auto read = ReadParameters(path, bf16.options().model);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, bf16.model().parameters());
  TrainerOptions options = Options("gdnsq,init=8,target=3,settle=0.5,optimizer=radam,distill=0.5");
  options.accumulate = 2;
  options.teacher = std::make_shared<const std::vector<float>>(*read);
  Trainer straight = Make(options);
  const auto expected = Losses(straight, 8);
  EXPECT_EQ(*straight.MeanBits(), 3);
  for (const int stop : {3, 6}) {
    Trainer first = Make(options), second = Make(options);
    Losses(first, stop);
    ASSERT_TRUE(first.Save(path).ok());
    ASSERT_TRUE(second.Load(path).ok());
    EXPECT_EQ(Losses(second, 8 - stop),
              std::vector<float>(expected.begin() + stop, expected.end()));
    EXPECT_EQ(second.model().parameters(), straight.model().parameters());
    EXPECT_EQ(second.method().state(), straight.method().state());
  }
  TrainerOptions other = options;
  std::vector<float> moved = *read;
  moved[7] += 1;
  other.teacher = std::make_shared<const std::vector<float>>(moved);
  const auto refused = Make(other).Load(path);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("another run: teacher="));
}

// A student of its own teacher has nothing to learn but the text; and the distance falls.
TEST(TrainerTest, DistillationLeadsToTheTeacher) {
  Trainer bf16 = Make(Options("bf16", 40));
  Losses(bf16, 40);
  TrainerOptions options = Options("bf16,distill=1", 40);
  options.teacher = std::make_shared<const std::vector<float>>(bf16.model().parameters());
  Trainer student = Make(options);
  const float start = student.Step()->divergence;
  Losses(student, 38);
  EXPECT_GT(start, 1);
  EXPECT_LT(student.Step()->divergence, start / 4);
  Trainer same = Make(options);
  same.model().parameters() = *options.teacher;
  EXPECT_EQ(same.Step()->divergence, 0);
  EXPECT_EQ(Make(Options("bf16")).Step()->divergence, 0);
}

TEST(TrainerTest, TeachersAreChecked) {
  const auto error = [](const char* method, std::optional<std::vector<float>> teacher) {
    TrainerOptions options = Options(method);
    if (teacher) options.teacher = std::make_shared<const std::vector<float>>(*teacher);
    return Trainer::Create(options, Text(), Cpu()).error().message;
  };
  std::vector<float> good = InitialParameters(Options("bf16").model, 1), bad = good;
  bad[5] = NAN;
  EXPECT_THAT(error("bf16,distill=1", std::nullopt), HasSubstr("none is given"));
  EXPECT_THAT(error("bf16", good), HasSubstr("for a method with distill="));
  EXPECT_THAT(error("bf16,distill=1", std::vector<float>(3)), HasSubstr("another shape"));
  EXPECT_THAT(error("bf16,distill=1", bad), HasSubstr("not finite"));
  const io::TemporaryDirectory directory;
  const std::string path = directory / "c.safetensors";
  ASSERT_TRUE(Make(Options("bf16")).Save(path).ok());
  ModelConfig wider = Options("bf16").model;
  wider.vocabulary = 300;
  EXPECT_THAT(ReadParameters(path, wider).error().ToString(), HasSubstr("wte.weight"));
}

TEST(TrainerTest, ACheckpointOfAnotherRunIsRefused) {
  const io::TemporaryDirectory directory;
  const std::string path = directory / "c.safetensors";
  Trainer trainer = Make(Options("gaussws"));
  Losses(trainer, 1);
  ASSERT_TRUE(trainer.Save(path).ok());
  TrainerOptions other_seed = Options("gaussws"), other_model = Options("gaussws");
  other_seed.seed = 2;
  other_model.model.width = 64;
  for (const auto& [options, word] : {std::pair{Options("bf16"), "method=gaussws, not method=bf16"},
                                      std::pair{other_seed, "seed=1, not seed=2"},
                                      std::pair{other_model, "model=256:16:2:2:32"}}) {
    Trainer other = Make(options);
    const auto before = other.model().parameters();
    const auto loaded = other.Load(path);
    ASSERT_FALSE(loaded.ok());
    EXPECT_THAT(loaded.error().ToString(), HasSubstr(word));
    EXPECT_EQ(static_cast<int>(loaded.error().exit_code), 2);
    EXPECT_EQ(other.model().parameters(), before);
  }
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 100);
  EXPECT_FALSE(Make(Options("gaussws")).Load(path).ok());
}

TEST(TrainerTest, ALossThatIsNotFiniteNamesItsLayerAndChangesNothing) {
  Trainer trainer = Make(Options("gaussws"));
  Losses(trainer, 1);
  std::vector<float>& parameters = trainer.model().parameters();
  parameters[trainer.model().table().weight(1, Linear::kAttention).offset + 5] = NAN;
  const auto before = parameters;
  const auto record = trainer.Step();
  ASSERT_FALSE(record.ok());
  EXPECT_THAT(record.error().message, HasSubstr("step 1: the loss is nan"));
  EXPECT_THAT(record.error().message, HasSubstr("h.1.attn.c_attn"));
  EXPECT_EQ(trainer.step(), 1u);
  for (std::size_t i = 0; i < before.size(); ++i) {
    ASSERT_TRUE(before[i] == parameters[i] || std::isnan(before[i])) << i;
  }
}

TEST(TrainerTest, EvaluationUsesTheWeightsItIsToldTo) {
  Trainer trainer = Make(Options("gaussws,init=3,target=3"));
  Losses(trainer, 8);
  const Batch validation = ValidationBatch(Text(), 8, 16);
  trainer.UseMasterWeights();
  const Evaluation master = trainer.Evaluate(validation);
  EXPECT_EQ(master.sequences, 8u);
  ASSERT_TRUE(trainer.UseSampledWeights().ok());
  const double noisy = trainer.Evaluate(validation).loss;
  ASSERT_TRUE(trainer.UseCastWeights(ParseCastTarget("float8_e4m3fn").value()).ok());
  const double fp8 = trainer.Evaluate(validation).loss;
  ASSERT_TRUE(trainer.UseCastWeights(ParseCastTarget("mxfp4").value()).ok());
  const double fp4 = trainer.Evaluate(validation).loss;
  EXPECT_NE(noisy, master.loss);
  EXPECT_NE(fp8, master.loss);
  EXPECT_NE(fp8, fp4);
  trainer.UseMasterWeights();
  EXPECT_EQ(trainer.Evaluate(validation).loss, master.loss);
}

// Two bytes a parameter, and a little for b: 16 bytes a block of 1024.
TEST(TrainerTest, MemoryOfTheMethod) {
  EXPECT_EQ(Make(Options("bf16")).ExtraBytes(), 0u);
  Trainer trainer = Make(Options("gaussws,layers=mlp"));
  EXPECT_EQ(trainer.SampledParameters(), 2u * 2 * 4 * 32 * 32);
  EXPECT_EQ(trainer.ExtraBytes(), 2 * trainer.SampledParameters() + 16 * 16);
}

}  // namespace
}  // namespace ulproof::trainer
