// SPDX-License-Identifier: Apache-2.0
// Catches: a backward that is not the derivative of its forward. Each layer's gradient, in double,
// is held against central differences of its own forward along every input; the forward itself is
// checked in model_test.cc against plain loops. Also measures exp and tanh against the C library.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "trainer/layers/attention.h"
#include "trainer/layers/cross_entropy.h"
#include "trainer/layers/distillation.h"
#include "trainer/layers/embedding.h"
#include "trainer/layers/gelu.h"
#include "trainer/layers/layer_norm.h"
#include "trainer/layers/linear.h"
#include "trainer/layers/math.h"
#include "trainer/random.h"

namespace ulproof::trainer {
namespace {

using Values = std::vector<double>;

Values RandomValues(std::size_t count, std::uint64_t what) {
  Values values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = RandomNormal(3, what, i);
  return values;
}

double Dot(const Values& a, const Values& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// d f / d x[i] for every i against `gradient`. Errors of the differences are h^2 and 1e-16/h.
void ExpectGradient(Values& x, const std::function<double()>& f, const Values& gradient,
                    const char* what) {
  constexpr double kStep = 1e-5;
  ASSERT_EQ(x.size(), gradient.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double kept = x[i];
    x[i] = kept + kStep;
    const double above = f();
    x[i] = kept - kStep;
    const double below = f();
    x[i] = kept;
    ASSERT_NEAR(gradient[i], (above - below) / (2 * kStep), 1e-7) << what << " " << i;
  }
}

TEST(LayersTest, Linear) {
  const LinearShape shape = {3, 4, 5};
  Values x = RandomValues(12, 1), weight = RandomValues(20, 2), bias = RandomValues(5, 3);
  const Values dy = RandomValues(15, 4);
  const auto operand = RowMajor<double>(weight.data(), 5);
  const auto f = [&] {
    Values y(15);
    LinearForward(shape, x.data(), operand, bias.data(), y.data(), OperandRounding::kNone);
    return Dot(y, dy);
  };
  // What is written may be anything before; what is added to must be kept.
  Values dx(12, 99), dweight(20), dbias(5);
  LinearBackward(shape, x.data(), operand, dy.data(), dx.data(), dweight.data(), dbias.data(),
                 OperandRounding::kNone);
  ExpectGradient(x, f, dx, "x");
  ExpectGradient(weight, f, dweight, "weight");
  ExpectGradient(bias, f, dbias, "bias");
  const Values once = dweight;
  LinearBackward(shape, x.data(), operand, dy.data(), dx.data(), dweight.data(), dbias.data(),
                 OperandRounding::kNone);
  EXPECT_NEAR(dweight[7], 2 * once[7], 1e-12) << "gradients accumulate";
}

TEST(LayersTest, LayerNorm) {
  constexpr std::size_t kRows = 3, kWidth = 7;
  Values x = RandomValues(21, 1), gain = RandomValues(7, 2), bias = RandomValues(7, 3);
  const Values dy = RandomValues(21, 4);
  Values mean(kRows), rstd(kRows);
  const auto f = [&] {
    Values y(21);
    LayerNormForward(kRows, kWidth, x.data(), gain.data(), bias.data(), y.data(), mean.data(),
                     rstd.data());
    return Dot(y, dy);
  };
  f();
  const Values kept_mean = mean, kept_rstd = rstd;
  Values dx(21), dgain(7), dbias(7);
  LayerNormBackward(kRows, kWidth, x.data(), gain.data(), kept_mean.data(), kept_rstd.data(),
                    dy.data(), dx.data(), dgain.data(), dbias.data());
  ExpectGradient(x, f, dx, "x");
  ExpectGradient(gain, f, dgain, "gain");
  ExpectGradient(bias, f, dbias, "bias");
}

TEST(LayersTest, Attention) {
  const AttentionShape shape = {2, 5, 2, 6};
  Values qkv = RandomValues(2 * 5 * 18, 1);
  const Values dy = RandomValues(2 * 5 * 6, 2);
  Values probabilities(shape.probability_count());
  const auto f = [&] {
    Values y(60);
    AttentionForward(shape, qkv.data(), probabilities.data(), y.data(), OperandRounding::kNone);
    return Dot(y, dy);
  };
  f();
  const Values kept = probabilities;
  Values dqkv(qkv.size(), 99);
  AttentionBackward(shape, qkv.data(), kept.data(), dy.data(), dqkv.data(), OperandRounding::kNone);
  ExpectGradient(qkv, f, dqkv, "qkv");
}

TEST(LayersTest, Gelu) {
  Values x = RandomValues(40, 1);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] *= 3;
  const Values dy = RandomValues(40, 2);
  const auto f = [&] {
    Values y(40);
    GeluForward(40, x.data(), y.data());
    return Dot(y, dy);
  };
  Values dx(40);
  GeluBackward(40, x.data(), dy.data(), dx.data());
  ExpectGradient(x, f, dx, "x");
}

TEST(LayersTest, CrossEntropy) {
  const std::vector<std::int32_t> targets = {3, 0, 6};
  Values logits = RandomValues(21, 1);
  const auto f = [&] {
    Values work = logits, losses(3);
    CrossEntropyForward<double>(targets, 7, work.data(), losses.data());
    return 0.25 * (losses[0] + losses[1] + losses[2]);
  };
  Values gradient = logits, losses(3);
  CrossEntropyForward<double>(targets, 7, gradient.data(), losses.data());
  CrossEntropyBackward<double>(targets, 7, 0.25, gradient.data());
  ExpectGradient(logits, f, gradient, "logits");
}

Values Softmax(const Values& logits) {
  Values probabilities = logits, losses(3);
  CrossEntropyForward<double>(std::vector<std::int32_t>{0, 0, 0}, 7, probabilities.data(),
                              losses.data());
  return probabilities;
}

// The mixed loss by its definition, and its differences. Catches a divergence taken the other way
// round, a sign, and a weight on the wrong part.
TEST(LayersTest, Distillation) {
  const std::vector<std::int32_t> targets = {3, 0, 6};
  Values logits = RandomValues(21, 1);
  const Values teacher = Softmax(RandomValues(21, 2));
  for (const auto divergence : {TeacherDistance::kJeffreys, TeacherDistance::kForward}) {
    for (const double weight : {0.0, 0.25, 1.0}) {
      const Distillation<double> distillation = {teacher.data(), weight, divergence};
      const auto f = [&] {
        const Values p = Softmax(logits);
        double sum = 0;
        for (std::size_t i = 0; i < 21; ++i) {
          const double forward = teacher[i] * std::log(teacher[i] / p[i]);
          const double reverse = p[i] * std::log(p[i] / teacher[i]);
          const bool both = divergence == TeacherDistance::kJeffreys;
          sum += weight * (forward + (both ? reverse : 0));
        }
        for (std::size_t n = 0; n < 3; ++n)
          sum -= (1 - weight) * std::log(p[7 * n + static_cast<std::size_t>(targets[n])]);
        return 0.25 * sum;
      };
      Values gradient = Softmax(logits);
      DistillationBackward(distillation, targets, 7, 0.25, gradient.data());
      ExpectGradient(logits, f, gradient, "logits");
      if (weight != 1) continue;
      Values divergences(3);
      DivergenceForward(distillation, 3, 7, Softmax(logits).data(), divergences.data());
      EXPECT_NEAR(0.25 * (divergences[0] + divergences[1] + divergences[2]), f(), 1e-14);
    }
  }
}

// A softmax that has underflowed has no infinite divergence, and itself none at all.
TEST(LayersTest, DivergenceIsFiniteAndZeroFromItself) {
  const std::vector<float> sure = {1, 0, 0}, other = {0, 1, 0};
  std::vector<float> divergence(1), gradient = other;
  const Distillation<float> distillation = {sure.data(), 1, TeacherDistance::kJeffreys};
  DivergenceForward(distillation, 1, 3, other.data(), divergence.data());
  EXPECT_NEAR(divergence[0], 2 * 120 * std::log(2.0), 1e-3);
  DistillationBackward(distillation, std::vector<std::int32_t>{2}, 3, 1.0f, gradient.data());
  for (const float g : gradient) EXPECT_TRUE(std::isfinite(g));
  DivergenceForward(distillation, 1, 3, sure.data(), divergence.data());
  EXPECT_EQ(divergence[0], 0);
}

TEST(LayersTest, Embedding) {
  const std::vector<std::int32_t> tokens = {2, 0, 2, 1};  // One token twice: gradients add.
  Values table = RandomValues(9, 1), positions = RandomValues(6, 2);
  const Values dy = RandomValues(12, 3);
  const auto f = [&] {
    Values y(12);
    EmbeddingForward(tokens, 2, 3, table.data(), positions.data(), y.data());
    return Dot(y, dy);
  };
  Values dtable(9), dpositions(6);
  EmbeddingBackward(tokens, 2, 3, dy.data(), dtable.data(), dpositions.data());
  ExpectGradient(table, f, dtable, "tokens");
  ExpectGradient(positions, f, dpositions, "positions");
}

TEST(LayersTest, ExpAndTanhAreAsGoodAsTheySay) {
  double exp_error = 0, tanh_error = 0;
  for (int i = -870000; i <= 880000; ++i) {
    const float x = static_cast<float>(i) * 1e-4f;
    if (x >= -87 && x <= 88) {
      const double exact = std::exp(static_cast<double>(x));
      exp_error = std::max(exp_error, std::abs(Exp(x) - exact) / exact);
    }
    const float small = x / 8;
    tanh_error =
        std::max(tanh_error, std::abs(Tanh(small) - std::tanh(static_cast<double>(small))));
  }
  EXPECT_LT(exp_error, 2e-7);
  EXPECT_LT(tanh_error, 2e-7);
  EXPECT_EQ(Exp(0.0f), 1.0f);
  EXPECT_EQ(Exp(-1000.0f), 0.0f);
  EXPECT_EQ(Exp(-INFINITY), 0.0f);
  EXPECT_TRUE(std::isnan(Exp(NAN)));
  EXPECT_TRUE(std::isnan(Tanh(NAN)));
}

}  // namespace
}  // namespace ulproof::trainer
