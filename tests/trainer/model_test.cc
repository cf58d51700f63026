// SPDX-License-Identifier: Apache-2.0
// Catches: layers put together wrongly. The loss in double must be that of plain loops
// (plain_gpt2.h), its gradient that loss's differences for every single parameter, and the float
// model must follow the double one; bits must not depend on the number of threads.
#include "trainer/model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "tests/trainer/plain_gpt2.h"
#include "trainer/random.h"

namespace ulproof::trainer {
namespace {

constexpr ModelConfig kTiny = {.vocabulary = 7, .context = 6, .layers = 2, .heads = 2, .width = 6};
constexpr std::size_t kLength = 5;
const std::vector<std::int32_t> kTokens = {1, 4, 4, 0, 6, 2, 3, 5, 1, 1};
const std::vector<std::int32_t> kTargets = {4, 4, 0, 6, 2, 3, 5, 1, 1, 0};

// Larger than initial weights, so that no term is too small to be seen; gains and biases too.
template <typename T>
std::vector<T> LivelyParameters(std::size_t count) {
  std::vector<T> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<T>(0.5 * RandomNormal(5, 0, i));
  return values;
}

std::vector<double> OtherParameters(std::size_t count) {
  std::vector<double> values = LivelyParameters<double>(count);
  std::ranges::reverse(values);
  return values;
}

double PlainLoss(const ParameterTable& table, const std::vector<double>& parameters) {
  const auto get = [&](const std::string& name) {
    const auto found = std::find_if(table.all.begin(), table.all.end(),
                                    [&](const Parameter& p) { return p.name == name; });
    EXPECT_NE(found, table.all.end()) << name;
    return parameters.data() + found->offset;
  };
  double sum = 0;
  for (std::size_t n = 0; n < kTokens.size(); n += kLength)
    sum += PlainSequenceLoss(kTiny, get, kTokens.data() + n, kTargets.data() + n, kLength);
  return sum / static_cast<double>(kTokens.size());
}

TEST(ModelTest, LossAndGradientAreThoseOfPlainLoops) {
  Model<double> model(kTiny, OperandRounding::kNone);
  std::vector<double>& parameters = model.parameters();
  parameters = LivelyParameters<double>(parameters.size());
  const double loss = model.Forward(kTokens, kTargets, kLength);
  EXPECT_NEAR(loss, PlainLoss(model.table(), parameters), 1e-12);
  model.Backward(kTokens, kTargets, kLength, 3.0);
  constexpr double kStep = 1e-5;
  for (const Parameter& parameter : model.table().all) {
    for (std::size_t i = parameter.offset; i < parameter.offset + parameter.count(); ++i) {
      const double kept = parameters[i];
      parameters[i] = kept + kStep;
      const double above = PlainLoss(model.table(), parameters);
      parameters[i] = kept - kStep;
      const double below = PlainLoss(model.table(), parameters);
      parameters[i] = kept;
      ASSERT_NEAR(model.gradients()[i], 3 * (above - below) / (2 * kStep), 2e-7)
          << parameter.name << " " << i - parameter.offset;
    }
  }
}

// Distillation reaches every parameter: the gradient of the mixed loss against its differences.
// The inputs of linear layers pass through the hook on the way out and back, each once, with the
// hook's own factor in their gradient.
TEST(ModelTest, DistilledAndHookedGradients) {
  class Halve final : public InputHook<double> {
   public:
    void Forward(std::size_t layer, Linear linear, std::size_t cols, std::span<double> x) override {
      EXPECT_EQ(x.size(), kTokens.size() * cols);
      EXPECT_EQ(cols, linear == Linear::kMlpDown ? 24u : 6u);
      if (layer == 1) std::ranges::transform(x, x.begin(), [](double v) { return v / 2; });
    }
    void Backward(std::size_t layer, Linear, std::size_t cols, std::span<double> g) override {
      EXPECT_EQ(g.size(), kTokens.size() * cols);
      if (layer == 1) std::ranges::transform(g, g.begin(), [](double v) { return v / 2; });
    }
  } halve;
  Model<double> teacher(kTiny, OperandRounding::kNone), model(kTiny, OperandRounding::kNone);
  teacher.parameters() = OtherParameters(teacher.parameters().size());
  teacher.Forward(kTokens, kTargets, kLength);
  const Distillation<double> distillation = {teacher.Probabilities(0).data(), 0.75,
                                             TeacherDistance::kJeffreys};
  std::vector<double>& parameters = model.parameters();
  parameters = LivelyParameters<double>(parameters.size());
  model.UseInputHook(&halve);
  const auto loss = [&] {
    const double cross_entropy = model.Forward(kTokens, kTargets, kLength);
    return 0.25 * cross_entropy + 0.75 * model.DivergenceFrom(distillation);
  };
  loss();
  model.Backward(kTokens, kTargets, kLength, 3.0, distillation);
  const std::vector<double> gradients = model.gradients();
  for (std::size_t i = 0; i < parameters.size(); i += 7) {
    const double kept = parameters[i];
    parameters[i] = kept + 1e-5;
    const double above = loss();
    parameters[i] = kept - 1e-5;
    const double below = loss();
    parameters[i] = kept;
    ASSERT_NEAR(gradients[i], 3 * (above - below) / 2e-5, 1e-6) << i;
  }
}

// binary32 has 24 bits; a few hundred terms lose some.
TEST(ModelTest, FloatFollowsDouble) {
  Model<double> exact(kTiny, OperandRounding::kNone);
  exact.parameters() = LivelyParameters<double>(exact.parameters().size());
  const double exact_loss = exact.Forward(kTokens, kTargets, kLength);
  exact.Backward(kTokens, kTargets, kLength, 1);
  const std::pair<OperandRounding, double> cases[] = {{OperandRounding::kNone, 1e-5},
                                                      {OperandRounding::kBfloat16, 0.1}};
  for (const auto& [rounding, bound] : cases) {
    Model<float> model(kTiny, rounding);
    model.parameters() = LivelyParameters<float>(model.parameters().size());
    EXPECT_NEAR(model.Forward(kTokens, kTargets, kLength), exact_loss, bound);
    model.Backward(kTokens, kTargets, kLength, 1);
    for (std::size_t i = 0; i < model.gradients().size(); ++i)
      ASSERT_NEAR(model.gradients()[i], exact.gradients()[i], bound) << i;
  }
}

TEST(ModelTest, ThreadsDoNotChangeBits) {
  const ModelConfig config = kPresets[1].config;
  std::vector<std::int32_t> tokens(4 * config.context), targets = tokens;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = static_cast<std::int32_t>(Mix(i) % config.vocabulary);
    targets[i] = static_cast<std::int32_t>(Mix(i + 1) % config.vocabulary);
  }
  std::vector<std::vector<float>> gradients;
  std::vector<float> losses;
  for (const int threads : {1, 2, 3}) {
    base::SetThreadCount(threads);
    Model<float> model(config, OperandRounding::kBfloat16);
    model.parameters() = InitialParameters(config, 1);
    losses.push_back(model.Forward(tokens, targets, config.context));
    model.Backward(tokens, targets, config.context, 1);
    gradients.push_back(model.gradients());
  }
  base::SetThreadCount(0);
  EXPECT_NEAR(losses[0], std::log(256.0), 0.2) << "an untrained model knows nothing";
  EXPECT_EQ(losses[0], losses[1]);
  EXPECT_EQ(losses[0], losses[2]);
  EXPECT_EQ(gradients[0], gradients[1]);
  EXPECT_EQ(gradients[0], gradients[2]);
}

// Catches codes that are not used, or used by another layer.
TEST(ModelTest, CodesReplaceOneMatrix) {
  Model<float> model(kTiny, OperandRounding::kBfloat16);
  model.parameters() = LivelyParameters<float>(model.parameters().size());
  const float own = model.Forward(kTokens, kTargets, kLength);
  const Parameter& weight = model.table().weight(1, Linear::kMlpUp);
  std::vector<std::uint16_t> codes;
  for (std::size_t i = 0; i < weight.count(); ++i)
    codes.push_back(ToBfloat16(model.parameters()[weight.offset + i]));
  model.UseWeightCodes(1, Linear::kMlpUp, codes.data());
  EXPECT_EQ(model.Forward(kTokens, kTargets, kLength), own) << "the same weights, as codes";
  codes[3] = ToBfloat16(2.0f);
  const float changed = model.Forward(kTokens, kTargets, kLength);
  EXPECT_NE(changed, own);
  model.parameters()[weight.offset + 3] = 2.0f;
  model.UseParameters();
  EXPECT_EQ(model.Forward(kTokens, kTargets, kLength), changed);
}

TEST(ModelTest, NamesTheFirstLayerThatIsNotFinite) {
  Model<float> model(kTiny, OperandRounding::kNone);
  model.parameters() = LivelyParameters<float>(model.parameters().size());
  model.Forward(kTokens, kTargets, kLength);
  EXPECT_EQ(model.FirstNonFinite(), std::nullopt);
  model.parameters()[model.table().weight(1, Linear::kMlpUp).offset] = INFINITY;
  model.Forward(kTokens, kTargets, kLength);
  EXPECT_EQ(model.FirstNonFinite(), "h.1.mlp.c_fc");
}

TEST(ModelTest, PresetsHaveTheirSizes) {
  const std::pair<const char*, std::size_t> sizes[] = {
      {"nano", 834304}, {"micro", 10028160}, {"124M", 124439808}};
  for (const auto& [name, count] : sizes)
    EXPECT_EQ(ParameterTable(FindPreset(name)->config).total, count) << name;
  EXPECT_FALSE(FindPreset("nanno").ok());
  EXPECT_FALSE(ValidateConfig({.heads = 3}).ok());
}

}  // namespace
}  // namespace ulproof::trainer
