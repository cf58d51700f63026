// SPDX-License-Identifier: Apache-2.0
// Catches: activations that are not the contract's refit and fake_quantize, a scale that is not
// warm-started, moves outside training or is lost in a checkpoint; gradients that pass the clip;
// backends that differ.
#include "trainer/activations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/io/temporary_directory.h"
#include "tests/trainer/backends.h"
#include "trainer/parity.h"
#include "trainer/random.h"

namespace ulproof::trainer {
namespace {

using testing::HasSubstr;

constexpr std::size_t kRows = 6, kCols = 10;

std::vector<float> Activations(std::uint64_t what) {
  std::vector<float> x(kRows * kCols);
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>(0.3 + RandomNormal(4, what, i));
  return x;
}
const Corpus& Text() {
  static const Corpus corpus = GeneratedCorpus(20000);
  return corpus;
}
TrainerOptions Options(const char* method) {
  TrainerOptions options = {.method = ParseMethod(method).value()};
  ApplyPreset(kPresets[0], 8, options);
  options.model = {.vocabulary = 256, .context = 16, .layers = 1, .heads = 2, .width = 32};
  options.accumulate = 2;
  return options;
}
Trainer Make(const TrainerOptions& options, formats::Backend& backend = Cpu()) {
  return std::move(Trainer::Create(options, Text(), backend)).value();
}

// The least-squares steps by their definition, in double: near it, never worse, and with a scale
// of which nothing but training forwards knows.
TEST(ActivationsTest, ScaleFollowsTheLeastSquaresSteps) {
  const formats::Levels int3 = {.low = -4, .high = 3};
  ActivationQuantizer quantizer(int3, SampledLayers::kMlp, 2, Cpu());
  const std::size_t site = 2 * (kLinearsPerLayer + 2);  // Layer 1's kMlpUp.
  const std::vector<float> x = Activations(1);
  double largest = 0, scale = 0, zero = 0, last_error = INFINITY;
  for (const float v : x) largest = std::max(largest, std::abs(double{v}));
  scale = largest / 3.5;
  for (int step = 0; step < 12; ++step) {
    const auto level = [&](double v) {
      return std::clamp(std::rint((v - zero) / scale), -4.0, 3.0);
    };
    double a = 0, c = 0, residual = 0;
    for (const float v : x) {
      a += (v - zero) * level(v);
      c += level(v) * level(v);
    }
    for (const float v : x) residual += v - a / c * level(v);
    scale = a / c;
    zero = residual / static_cast<double>(x.size());
    std::vector<float> y = x;
    quantizer.Forward(1, Linear::kMlpUp, kCols, y);
    ASSERT_TRUE(quantizer.TakeError().ok());
    EXPECT_NEAR(quantizer.state()[site], scale, 1e-5) << step;
    EXPECT_NEAR(quantizer.state()[site + 1], zero, 1e-5) << step;
    double error = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      EXPECT_NEAR(y[i], level(x[i]) * scale + zero, 1e-5) << step << " " << i;
      error += (y[i] - x[i]) * (y[i] - x[i]);
    }
    EXPECT_LE(error, last_error * (1 + 1e-6));
    last_error = error;
  }
  const std::vector<float> state = quantizer.state();
  quantizer.set_training(false);
  std::vector<float> other = Activations(2), untouched = other;
  quantizer.Forward(1, Linear::kMlpUp, kCols, other);
  quantizer.Forward(0, Linear::kAttention, kCols, untouched);
  EXPECT_EQ(quantizer.state(), state);
  EXPECT_NE(other, untouched);
  EXPECT_EQ(untouched, Activations(2)) << "attention is not among layers=mlp";
}

TEST(ActivationsTest, GradientPassesInsideAlone) {
  ActivationQuantizer quantizer({.low = -4, .high = 3}, SampledLayers::kAll, 1, Cpu());
  quantizer.state() = {0.5f, 0.1f, 0, 0, 0, 0, 0, 0};
  quantizer.set_training(false);
  std::vector<float> x = Activations(1);
  x[0] = 9;
  x[1] = -9;
  const std::vector<float> given = x;
  quantizer.Forward(0, Linear::kAttention, kCols, x);
  std::vector<float> gradient = Activations(3);
  quantizer.Backward(0, Linear::kAttention, kCols, gradient);
  std::size_t stopped = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float u = (given[i] - 0.1f) / 0.5f;
    const bool inside = -4 < u && u < 3;
    EXPECT_EQ(gradient[i], inside ? Activations(3)[i] : 0) << i;
    stopped += inside ? 0 : 1;
  }
  EXPECT_GE(stopped, 2u);
  EXPECT_LT(stopped, x.size() / 2);
}

TEST(ActivationsTest, BackendsGiveOneRunTheSameBits) {
  for (const char* method : {"statqat,act=3", "gdnsq,act=float8_e4m3fn"}) {
    TrainerOptions options = Options(method);
    options.batch = options.accumulate = 1;  // The reference takes its time.
    const auto parity = CompareBits(options, Text(), Reference(), Cpu(), 2);
    ASSERT_TRUE(parity.ok()) << parity.error().ToString();
    EXPECT_FALSE(parity->divergence.has_value()) << method << " " << parity->divergence->tensor;
  }
}

// A stopped run goes on with the scales it had; that they matter is seen in one that lost them.
TEST(ActivationsTest, ResumesWithTheSameBits) {
  const io::TemporaryDirectory directory;
  const std::string path = directory / "c.safetensors";
  const TrainerOptions options = Options("statqat,act=int4");
  Trainer straight = Make(options), first = Make(options), second = Make(options);
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(straight.Step().ok());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(first.Step().ok());
  ASSERT_TRUE(first.Save(path).ok());
  ASSERT_TRUE(second.Load(path).ok());
  EXPECT_GT(second.activation_state()[0], 0);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(second.Step().ok());
  EXPECT_EQ(second.model().parameters(), straight.model().parameters());
  for (std::size_t i = 0; i < straight.activation_state().size(); ++i)
    EXPECT_EQ(second.activation_state()[i], straight.activation_state()[i]) << i;
  Trainer forgetful = Make(options);
  ASSERT_TRUE(forgetful.Load(path).ok());
  std::ranges::fill(forgetful.activation_state(), 0.0f);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(forgetful.Step().ok());
  EXPECT_NE(forgetful.model().parameters(), straight.model().parameters());
}

// The deployed figure has quantised activations, and the master's has none; evaluating changes
// nothing.
TEST(ActivationsTest, EvaluatedWithTheQuantisedWeights) {
  Trainer with = Make(Options("statqat,target=8,act=2")),
          without = Make(Options("statqat,target=8"));
  const Batch batch = ValidationBatch(Text(), 8, 16);
  ASSERT_TRUE(with.Step().ok());
  without.model().parameters() = with.model().parameters();
  with.UseMasterWeights();
  without.UseMasterWeights();
  EXPECT_EQ(with.Evaluate(batch).loss, without.Evaluate(batch).loss);
  ASSERT_TRUE(with.UseSteppedWeights().ok());
  ASSERT_TRUE(without.UseSteppedWeights().ok());
  const double loss = with.Evaluate(batch).loss;
  EXPECT_NE(loss, without.Evaluate(batch).loss);
  EXPECT_EQ(with.Evaluate(batch).loss, loss);
}

// A step that fails leaves the scales as they were.
TEST(ActivationsTest, AFailedStepChangesNoScale) {
  Trainer trainer = Make(Options("statqat,act=int8"));
  ASSERT_TRUE(trainer.Step().ok());
  const std::vector<float> before(trainer.activation_state().begin(),
                                  trainer.activation_state().end());
  trainer.model().parameters()[trainer.model().table().final_norm_gain().offset] = NAN;
  EXPECT_FALSE(trainer.Step().ok());
  EXPECT_TRUE(std::ranges::equal(trainer.activation_state(), before));
  TrainerOptions wide = Options("statqat,act=int8");
  wide.batch = 65536;
  const auto refused = Trainer::Create(wide, Text(), Cpu());
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("65536 tokens"));
}

}  // namespace
}  // namespace ulproof::trainer
