// SPDX-License-Identifier: Apache-2.0
#include "cpu/weight_statistics.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "base/parallel.h"
#include "reference/inspect/expected_counts.h"
#include "reference/inspect/law_table.h"
#include "reference/ops/round_to_format.h"
#include "reference/ops/statistics.h"
#include "tests/cpu/cpu_cases.h"

namespace ulproof::tests {
namespace {

using cpu::WeightCounts;
using cpu::WeightStatistics;
using formats::Case;
using formats::Operation;
using reference::SampleCounts;

std::string Text(const WeightCounts& c) {
  return fmt::format(
      "elements {} non_finite {} noisy {} absorbed {} swamped {} flushed {} "
      "subnormal {} saturated {} overflowed {} exact {}",
      c.elements, c.non_finite, c.noisy, c.absorbed, c.swamped, c.flushed, c.subnormal, c.saturated,
      c.overflowed, c.exact);
}
std::string Text(const SampleCounts& c) {
  return fmt::format(
      "elements {} non_finite {} noisy {} absorbed {} swamped {} flushed {} "
      "subnormal {} saturated {} overflowed {} exact {}",
      c.elements, c.non_finite, c.noisy, c.absorbed, c.swamped, c.flushed, c.subnormal, c.saturated,
      c.overflowed, c.exact);
}

void ExpectSums(const WeightCounts& got, const SampleCounts& expected, const std::string& where) {
  for (const auto& [sum, exact] :
       {std::pair(got.signal, expected.signal), std::pair(got.noise, expected.noise)}) {
    const double value = std::bit_cast<double>(reference::RoundToFormat(
        formats::kFloat64, exact, formats::Rounding{}, formats::Overflow::kIeee));
    if (!std::isfinite(value)) continue;
    EXPECT_NEAR(sum, value, 1e-12 * std::fabs(value)) << where;
  }
}

constexpr std::string_view kFormats[] = {"bfloat16",        "float16",       "float32",
                                         "tfloat32",        "float8_e4m3fn", "float8_e5m2",
                                         "float8_e5m2fnuz", "float6_e3m2fn", "float4_e2m1fn",
                                         "float12_e4m7",    "float8_e3m4"};
constexpr std::string_view kRest[] = {
    "law=rg16 round=rne overflow=ovf bits=tensor block=32x32 shape=37x70 seed=1 stream=2",
    "law=rg32 round=rtz overflow=sat bits=block block=8x16 shape=20x41 seed=3 offset=5",
    "law=uniform round=rup overflow=satprop bits=tensor block=1x32 shape=9x70 pow2=1 seed=4",
    "law=rgbits round=srb8 overflow=ovfinf bits=block block=16x600 shape=18x1100 seed=9",
};

// Every counter, in every binade, against the reference; on inputs with infinities, NaNs,
// subnormals, zeros and values beyond every format. Would catch: a mask or a comparison that
// mistakes a special value, a clause of section 10 misread, an element counted in a neighbour's
// binade, columns lost at the end of a part.
TEST(WeightStatistics, CountsOfTheReference) {
  std::mt19937_64 engine(11);
  for (const std::string_view to : kFormats) {
    for (const std::string_view from : {"float32", "bfloat16"}) {
      for (const std::string_view rest : kRest) {
        const Operation op = Op(fmt::format("sample from={} to={} {}", from, to, rest));
        if (op.shape.count() > 10'000 && to != "float8_e4m3fn") continue;
        ASSERT_EQ(cpu::WhyMeasureUnsupported(op), "");
        for (const InputStyle style : {InputStyle::kOrdinary, InputStyle::kAnyFinite,
                                       InputStyle::kSubnormal, InputStyle::kOneSpecial}) {
          const Case c = MakeCase(op, style, engine);
          const auto expected =
              reference::MeasureSample(op, c.inputs[0].view(), c.inputs[1].view());
          for (const cpu::Target target : cpu::RunnableTargets()) {
            const WeightStatistics got = cpu::MeasureWeights(
                target, op, c.inputs[0].view(), c.inputs[1].view(), {.sums_by_binade = true});
            const std::string where =
                fmt::format("{} on {}", formats::OperationName(op), cpu::TargetName(target));
            ASSERT_EQ(Text(got.total), Text(expected.total)) << where;
            ASSERT_EQ(Text(got.zero_weights), Text(expected.zero_weights)) << where;
            ASSERT_EQ(got.below_max.size(), expected.below_max.size()) << where;
            ExpectSums(got.total, expected.total, where);
            for (std::size_t k = 0; k < got.below_max.size(); ++k) {
              ASSERT_EQ(Text(got.below_max[k]), Text(expected.below_max[k])) << where << " " << k;
              ExpectSums(got.below_max[k], expected.below_max[k], where);
            }
          }
        }
      }
    }
  }
}

// The expectation that commands print, sums of counts at fixed R by the law's probabilities,
// against the exact rationals of the reference. Would catch: R = 0 taken for noise, a probability
// on the wrong R.
TEST(WeightStatistics, FixedNoiseGivesTheExactExpectation) {
  std::mt19937_64 engine(5);
  for (const std::string_view to : {"bfloat16", "float8_e4m3fn", "float4_e2m1fn"}) {
    for (const std::string_view law : {"rg16", "rg32", "rgbits"}) {
      const Operation op = Op(fmt::format(
          "sample from=float32 to={} law={} bits=tensor block=8x8 shape=20x30 overflow=sat", to,
          law));
      const Case c = MakeCase(op, InputStyle::kOrdinary, engine);
      double absorbed = 0;
      double swamped = 0;
      double exact = 0;
      for (const reference::LawValue& value : reference::LawTableOf(op.law).values) {
        const WeightCounts counts =
            cpu::MeasureWeights(cpu::RunnableTargets()[0], op, c.inputs[0].view(),
                                c.inputs[1].view(), {.fixed_noise = static_cast<float>(value.r)})
                .total;
        absorbed += value.probability * static_cast<double>(counts.absorbed);
        swamped += value.probability * static_cast<double>(counts.swamped);
        exact += value.probability * static_cast<double>(counts.exact);
      }
      const reference::ExpectedCounts expected =
          reference::ExpectSample(op, c.inputs[0].view(), c.inputs[1].view());
      EXPECT_NEAR(absorbed, expected.absorbed.convert_to<double>(), 1e-9);
      EXPECT_NEAR(swamped, expected.swamped.convert_to<double>(), 1e-9);
      EXPECT_NEAR(exact, expected.exact.convert_to<double>(), 1e-9);
    }
  }
}

// Would catch: sums in the order in which threads end.
TEST(WeightStatistics, ThreadsChangeNothing) {
  std::mt19937_64 engine(6);
  const Operation op =
      Op("sample from=bfloat16 to=float8_e4m3fn law=rg16 bits=tensor shape=2000x1100 seed=1");
  const Case c = MakeCase(op, InputStyle::kOrdinary, engine);
  const auto measure = [&](int threads) {
    base::SetThreadCount(threads);
    const WeightStatistics result =
        cpu::MeasureWeights(cpu::RunnableTargets()[0], op, c.inputs[0].view(), c.inputs[1].view());
    base::SetThreadCount(0);
    return result;
  };
  const WeightStatistics one = measure(1);
  for (const int threads : {2, 3}) {
    const WeightStatistics many = measure(threads);
    EXPECT_EQ(Text(one.total), Text(many.total));
    EXPECT_EQ(one.total.signal, many.total.signal);
    EXPECT_EQ(one.total.noise, many.total.noise);
    EXPECT_EQ(one.total.error, many.total.error);
  }
}

}  // namespace
}  // namespace ulproof::tests
