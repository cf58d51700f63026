// SPDX-License-Identifier: Apache-2.0
// Catches: an update that is not AdamW's, a schedule off by a step, a clip that scales when it
// should not, and a Student quantile that was mistyped.
#include "trainer/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "trainer/statistics.h"

namespace ulproof::trainer {
namespace {

// The paper's algorithm in double, one number.
TEST(OptimizerTest, AdamWIsTheAlgorithm) {
  const std::vector<float> gradients = {0.5f, -2.0f, 0.0f, 3.0f};
  AdamW adam(2, {.beta1 = 0.9f, .beta2 = 0.95f, .epsilon = 1e-8f});
  std::vector<float> values = {7.0f, 1.5f};  // The first belongs to somebody else.
  double x = 1.5, m = 0, v = 0;
  for (std::size_t step = 0; step < gradients.size(); ++step) {
    const double g = gradients[step];
    m = 0.9 * m + 0.1 * g;
    v = 0.95 * v + 0.05 * g * g;
    x -= 0.01 * 0.1 * x;
    x -= 0.01 * (m / (1 - std::pow(0.9, step + 1))) /
         (std::sqrt(v / (1 - std::pow(0.95, step + 1))) + 1e-8);
    adam.Update(1, {values.data() + 1, 1}, {&gradients[step], 1}, step, 0.01f, 0.1f);
    EXPECT_NEAR(values[1], x, 1e-6) << step;
  }
  EXPECT_EQ(values[0], 7.0f);
  EXPECT_EQ(adam.first()[0], 0.0f);
}

// RAdam as its paper writes it, in double, over steps on both sides of rho = 5: before, the mean
// alone moves the value.
TEST(OptimizerTest, RAdamIsTheAlgorithm) {
  const double beta1 = 0.9f, beta2 = 0.95f;
  AdamW adam(1, {.beta1 = 0.9f, .beta2 = 0.95f, .epsilon = 1e-8f, .rectified = true});
  float value = 1.5f;
  double x = 1.5, m = 0, v = 0;
  int rectified = 0;
  for (int t = 1; t <= 40; ++t) {
    const auto g = static_cast<float>(0.3 + std::sin(t));
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    const double power = std::pow(beta2, t), limit = 2 / (1 - beta2) - 1;
    const double rho = limit - 2 * t * power / (1 - power), mean = m / (1 - std::pow(beta1, t));
    double update = mean;
    if (rho > 5) {
      ++rectified;
      update *= std::sqrt((rho - 4) / (limit - 4) * (rho - 2) / (limit - 2) * limit / rho) /
                (std::sqrt(v / (1 - power)) + 1e-8);
    }
    x -= 0.01 * 0.1 * x + 0.01 * update;
    adam.Update(0, {&value, 1}, {&g, 1}, static_cast<std::uint64_t>(t - 1), 0.01f, 0.1f);
    EXPECT_NEAR(value, x, 2e-6) << t;
  }
  EXPECT_EQ(rectified, 35);  // From step 6 on.
  EXPECT_EQ(Rectification(0.95, 5), 0);
  EXPECT_NEAR(Rectification(0.95, 1e4), 1, 1e-9);
}

TEST(OptimizerTest, ScheduleRisesAndFalls) {
  const Schedule schedule = {.top = 1.0f, .bottom = 0.1f, .warmup = 4, .steps = 11};
  EXPECT_FLOAT_EQ(LearningRate(schedule, 0), 0.25f);
  EXPECT_FLOAT_EQ(LearningRate(schedule, 3), 1.0f);
  EXPECT_FLOAT_EQ(LearningRate(schedule, 4), 1.0f);
  EXPECT_FLOAT_EQ(LearningRate(schedule, 7), 0.55f);  // Half way: the mean.
  EXPECT_FLOAT_EQ(LearningRate(schedule, 10), 0.1f);
  EXPECT_FLOAT_EQ(LearningRate(schedule, 99), 0.1f);
  EXPECT_FLOAT_EQ(LearningRate({.top = 1.0f, .warmup = 0, .steps = 1}, 0), 1.0f);
}

TEST(OptimizerTest, ClipKeepsDirection) {
  std::vector<float> g = {3, 0, -4};
  EXPECT_DOUBLE_EQ(ClipNorm(g, 0), 5);
  EXPECT_DOUBLE_EQ(ClipNorm(g, 5), 5);
  EXPECT_EQ(g, (std::vector<float>{3, 0, -4}));
  EXPECT_DOUBLE_EQ(ClipNorm(g, 1), 5);
  EXPECT_NEAR(Norm(g), 1, 1e-6);
  EXPECT_LT(g[2], 0);
}

// P(|T| <= t) by Simpson's rule over Student's density.
double Coverage(double t, double degrees) {
  const auto density = [&](double x) {
    return std::exp(std::lgamma((degrees + 1) / 2) - std::lgamma(degrees / 2)) /
           std::sqrt(degrees * std::numbers::pi) *
           std::pow(1 + x * x / degrees, -(degrees + 1) / 2);
  };
  constexpr int kParts = 4000;
  const double h = t / kParts;
  double sum = density(0) + density(t);
  for (int i = 1; i < kParts; ++i) sum += (i % 2 == 0 ? 2 : 4) * density(i * h);
  return 2 * sum * h / 3;
}

TEST(OptimizerTest, StudentQuantilesCoverNinetyFivePercent) {
  for (std::size_t degrees = 1; degrees <= 200; ++degrees)
    EXPECT_NEAR(Coverage(StudentQuantile(degrees), static_cast<double>(degrees)), 0.95, 5e-5)
        << degrees;
}

TEST(OptimizerTest, VerdictsNeverPassForLackOfData) {
  const auto judge = [](double mean, double half) { return Judge({mean, half}, 0.1); };
  EXPECT_EQ(judge(0.02, 0.05), Verdict::kWithin);
  EXPECT_EQ(judge(0.02, 0.09), Verdict::kUndecided);
  EXPECT_EQ(judge(0.5, 0.1), Verdict::kWorse);
  EXPECT_EQ(judge(0.09, 0.05), Verdict::kWorse);  // Beyond 0 for sure, within for not.
  EXPECT_EQ(judge(-0.5, 0.1), Verdict::kBetter);
  EXPECT_EQ(judge(0, std::numeric_limits<double>::infinity()), Verdict::kUndecided);
  EXPECT_EQ(judge(std::nan(""), 0.1), Verdict::kUndecided);
  EXPECT_EQ(MeanInterval(std::vector<double>{3}).half_width,
            std::numeric_limits<double>::infinity());
  // 1, 2, 3: s = 1, so t(2) / sqrt(3).
  EXPECT_NEAR(MeanInterval(std::vector<double>{1, 2, 3}).half_width, 4.303 / std::sqrt(3.0), 1e-9);
}

}  // namespace
}  // namespace ulproof::trainer
