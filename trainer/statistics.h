// SPDX-License-Identifier: Apache-2.0
// Means with confidence intervals, and what may be concluded from one.
#ifndef ULPROOF_TRAINER_STATISTICS_H_
#define ULPROOF_TRAINER_STATISTICS_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace ulproof::trainer {

// The 0.975 quantile of Student's t with `degrees` of freedom, to three decimals; degrees >= 1.
double StudentQuantile(std::size_t degrees);

struct Interval {
  double mean = 0;
  double half_width = 0;  // Of the 95 % confidence interval; infinite for one value.

  double low() const { return mean - half_width; }
  double high() const { return mean + half_width; }
};
// Precondition: at least one value.
Interval MeanInterval(std::span<const double> values);

// What the interval of a mean difference (positive: worse) says about a margin of indifference.
enum class Verdict : std::uint8_t {
  kWithin,     // All of the interval lies inside +-margin.
  kWorse,      // All of it lies above 0, and not all inside the margin.
  kBetter,     // All of it lies below 0, and not all inside the margin.
  kUndecided,  // None of these: too little data, never a pass.
};
Verdict Judge(const Interval& difference, double margin);
std::string_view VerdictName(Verdict verdict);

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_STATISTICS_H_
