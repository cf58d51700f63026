// SPDX-License-Identifier: Apache-2.0
#include "cpu/weight_statistics.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "base/parallel.h"
#include "cpu/cast_kernels.h"
#include "cpu/real_noise.h"
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
using formats::NoiseLaw;
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
          Case c = MakeCase(op, style, engine);
          for (std::uint64_t i = 0; style == InputStyle::kOrdinary && i < op.shape.count();
               i += 7) {
            c.inputs[0].Set(i, i % 2 == 0 ? 0 : op.from.sign_mask());
          }
          const auto expected =
              reference::MeasureSample(op, c.inputs[0].view(), c.inputs[1].view());
          for (const cpu::Target target : cpu::RunnableTargets()) {
            for (const bool by_binade : {false, true}) {  // The short way and the long one.
              const WeightStatistics got =
                  cpu::MeasureWeights(target, op, c.inputs[0].view(), c.inputs[1].view(),
                                      {.sums_by_binade = by_binade});
              const std::string where =
                  fmt::format("{} on {}", formats::OperationName(op), cpu::TargetName(target));
              ASSERT_EQ(Text(got.total), Text(expected.total)) << where;
              ASSERT_EQ(Text(got.zero_weights), Text(expected.zero_weights)) << where;
              ASSERT_EQ(got.below_max.size(), expected.below_max.size()) << where;
              ExpectSums(got.total, expected.total, where);
              for (std::size_t k = 0; k < got.below_max.size(); ++k) {
                ASSERT_EQ(Text(got.below_max[k]), Text(expected.below_max[k])) << where << " " << k;
                if (by_binade) ExpectSums(got.below_max[k], expected.below_max[k], where);
              }
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
        const cpu::Noise r = static_cast<float>(value.r);
        const WeightCounts counts =
            cpu::MeasureWeights(cpu::RunnableTargets()[0], op, c.inputs[0].view(),
                                c.inputs[1].view(), {&r, 1},
                                {.fixed = cpu::FixedDetail::kAbsorbed})[0]
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

// What an expectation asks for, several fixed noises at once and fewer counters, against each noise
// measured in full, on all targets. The matrices are calm, calm in parts, and not at all. Would
// catch: an event forgotten or counted behind the last element, a noise mistaken for another, a
// binade that depends on the way taken.
TEST(WeightStatistics, FixedNoisesTogetherOrAlone) {
  std::mt19937_64 engine(7);
  const std::vector<cpu::Noise> noises = {-3, -2, -1, 0, {}, 1, 2, 3, 0.5};
  for (const std::string_view text :
       {"from=float32 to=float8_e4m3fn law=rg16 shape=70x600 block=32x32",
        "from=bfloat16 to=bfloat16 law=rg32 shape=70x150 block=8x24",
        "from=float16 to=float6_e2m3fn law=rgbits shape=19x1300 block=16x600",
        "from=float32 to=float8_e4m3fn law=uniform shape=9x100 block=1x32"}) {
    const Operation op = Op(fmt::format("sample {} bits=tensor seed=8", text));
    for (const InputStyle style :
         {InputStyle::kOrdinary, InputStyle::kSubnormal, InputStyle::kAnyFinite,
          InputStyle::kOneSpecial, InputStyle::kZero}) {
      const Case c = MakeCase(op, style, engine);
      for (const cpu::Target target : cpu::RunnableTargets()) {
        const auto measure = [&](std::span<const cpu::Noise> some, cpu::FixedDetail detail) {
          return cpu::MeasureWeights(target, op, c.inputs[0].view(), c.inputs[1].view(), some,
                                     {.fixed = detail});
        };
        const auto together = measure(noises, cpu::FixedDetail::kAbsorbed);
        ASSERT_EQ(together.size(), noises.size());
        for (std::size_t i = 0; i < noises.size(); ++i) {
          const auto alone = measure({&noises[i], 1}, cpu::FixedDetail::kAll)[0];
          const std::string where = fmt::format("{} on {}, noise {}", formats::OperationName(op),
                                                cpu::TargetName(target), i);
          ASSERT_EQ(Text(together[i].total), Text(alone.total)) << where;
          ASSERT_EQ(together[i].below_max.size(), alone.below_max.size()) << where;
          for (std::size_t k = 0; k <= alone.below_max.size(); ++k) {
            const bool last = k == alone.below_max.size();
            const WeightCounts& a = last ? together[i].zero_weights : together[i].below_max[k];
            const WeightCounts& b = last ? alone.zero_weights : alone.below_max[k];
            ASSERT_EQ(a.elements, b.elements) << where << " " << k;
            ASSERT_EQ(a.noisy, b.noisy) << where << " " << k;
            ASSERT_EQ(a.absorbed, b.absorbed) << where << " " << k;
          }
        }
      }
    }
  }
}

// All 2^24 R of the law uniform, one by one with the cast of the SIMD backend (which other tests
// hold to the reference), against the expectation by intervals: equal as integers. Would catch: an
// end of an interval off by one R, a zero forgotten, R = 0 taken for noise.
TEST(RealNoise, ExpectationOfUniformIsTheCountOfAllItsNumbers) {
  for (const std::string_view to : {"float8_e4m3fn", "bfloat16"}) {
    const Operation op =
        Op(fmt::format("sample from=float32 to={} law=uniform bits=tensor shape=1x4", to));
    const float values[] = {0.375f, -0.0217f, 0.0f, -1e-4f};
    Case c = formats::EmptyCase(op);
    for (std::size_t i = 0; i < 4; ++i) c.inputs[0].Set(i, std::bit_cast<std::uint32_t>(values[i]));
    c.inputs[1].Set(0, std::bit_cast<std::uint32_t>(3.0f));
    constexpr float kScale = 0.375f / 4;
    constexpr std::int64_t kNumbers = 1 << 24;
    Operation cast = Op(fmt::format("cast from=float32 to={} shape=1x{}", to, kNumbers + 1));
    formats::Tensor t(formats::ElementType::CodeOf(formats::kFloat32), kNumbers + 1);
    formats::Tensor sampled(formats::ElementType::CodeOf(op.to), kNumbers + 1);
    std::int64_t absorbed = 0;
    std::int64_t flushed = 0;
    for (const float w : values) {
      float* sums = t.view().As<float>();
      for (std::int64_t k = 0; k < kNumbers; ++k) {
        sums[k] = std::fma(static_cast<float>(k) * 0x1p-24f - 0.5f, kScale, w);
      }
      sums[kNumbers] = w;
      const cpu::Target target = cpu::RunnableTargets()[0];
      cpu::RunCast(target, cast, std::as_const(t).view(), sampled.view());
      const formats::Code magnitudes = op.to.magnitude_mask();
      const auto number = [&](std::int64_t k) {
        const formats::Code code = sampled.view().Get(static_cast<std::uint64_t>(k));
        return (code & magnitudes) == 0 ? 0 : code;
      };
      for (std::int64_t k = 0; k < kNumbers; ++k) {
        absorbed += k != kNumbers / 2 && number(k) == number(kNumbers);
        flushed += sums[k] != 0 && number(k) == 0;
      }
    }
    for (const cpu::Target target : cpu::RunnableTargets()) {
      const cpu::RealNoiseExpectation got = cpu::ExpectRealNoise(
          target, op, c.inputs[0].view(), c.inputs[1].view(),
          [](float low, float high) {
            return reference::RealLawProbability(formats::NoiseLaw::kUniform, low, high);
          },
          0x1p-24);
      ASSERT_FALSE(got.refused);
      EXPECT_EQ(got.absorbed * kNumbers, static_cast<double>(absorbed)) << to;
      EXPECT_EQ(got.flushed * kNumbers, static_cast<double>(flushed)) << to;
      double below_max = 0;
      for (const double x : got.elements_below_max) below_max += x;
      EXPECT_EQ(below_max, 3) << to;  // The zero is in no binade.
    }
  }
}

// Observed against expected for both real laws, and what is refused. Would catch: a law with the
// other's distribution, an interval of the wrong side of zero, an overflow passed over.
TEST(RealNoise, ExpectationMeetsWhatIsDrawn) {
  std::mt19937_64 engine(9);
  for (const NoiseLaw law : {NoiseLaw::kUniform, NoiseLaw::kNormal2}) {
    const Operation op = Op(
        fmt::format("sample from=bfloat16 to=float8_e4m3fn law={} bits=tensor shape=300x400 seed=3",
                    formats::NoiseLawName(law)));
    Case c = MakeCase(op, InputStyle::kOrdinary, engine);
    c.inputs[1].Set(0, std::bit_cast<std::uint32_t>(5.0f));
    const auto probability = [&](float low, float high) {
      return reference::RealLawProbability(law, low, high);
    };
    const cpu::Target target = cpu::RunnableTargets()[0];
    const auto expect = [&] {
      return cpu::ExpectRealNoise(target, op, c.inputs[0].view(), c.inputs[1].view(), probability,
                                  0);
    };
    const cpu::RealNoiseExpectation expected = expect();
    const WeightCounts drawn =
        cpu::MeasureWeights(target, op, c.inputs[0].view(), c.inputs[1].view()).total;
    const double deviation = 5 * std::sqrt(120'000.0) / 2;
    EXPECT_GT(expected.absorbed, 1000);
    EXPECT_GT(expected.flushed, 1000);
    EXPECT_NEAR(static_cast<double>(drawn.absorbed), expected.absorbed, deviation);
    EXPECT_NEAR(static_cast<double>(drawn.flushed), expected.flushed, deviation);
    c.inputs[0].Set(7, 0x7F80);
    EXPECT_TRUE(expect().refused);
    c.inputs[0].Set(7, 0x43E0);  // 448, from which noise leads beyond the format.
    EXPECT_TRUE(expect().refused);
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
