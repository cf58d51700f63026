// SPDX-License-Identifier: Apache-2.0
// The known baselines among the rules of fit (contract section 14): ACIQ for Laplace weights, LSQ's
// start, SAWB and OCTAV. Bit for bit in the machine's own binary32 arithmetic; near the formula of
// the real numbers, OCTAV's fixed point found from sorted weights; near the exact analysis on
// normal weights; and the constants made again. Catches a wrong order of operations, a constant
// that is off, a deviation about zero, an iteration that starts, stops or counts elsewhere.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "reference/quantizers/aciq_clip.h"
#include "reference/quantizers/analysis/clip_rules.h"
#include "tests/reference/quantizers/machine_sums.h"

namespace ulproof::reference {
namespace {

using formats::Levels, formats::Operation;

float FloatOf(formats::Code code) { return std::bit_cast<float>(static_cast<std::uint32_t>(code)); }

constexpr int kDigits = 20;
double Double(const Dyadic& x) { return std::stod(DecimalText(x, 17)); }

// SAWB's c1 and c2, as the compiler rounds them.
std::pair<float, float> Sawb(int bits) {
  return bits == 2 ? std::pair(3.212f, 2.178f) : std::pair(12.68f, 12.80f);
}

float Half(const Levels& levels) { return formats::LevelsWidth(levels) / 2; }

// --- The contract again, in machine arithmetic

struct Block {
  Rows rows;
  float count = 0;

  Block(const Operation& op, const std::vector<float>& x, std::uint64_t block)
      : rows(RowsOf(op, x, block)), count(static_cast<float>(rows.size() * rows[0].size())) {}

  template <typename Term>
  float Mean(const Term& term) const {
    return SumOf(rows, [&](auto r, auto c) { return term(rows[r][c]); }) / count;
  }
  float MeanMagnitude() const {
    return Mean([](float x) { return std::fabs(x); });
  }
  float Laplace(float clip, const Levels& levels) const {
    const float mean = Mean([](float x) { return x; });
    return clip * Mean([&](float x) { return std::fabs(x - mean); }) / Half(levels);
  }
  float Lsq(const Levels& levels) const {
    return 2 * MeanMagnitude() / std::sqrt(formats::HighestLevel(levels));
  }
  float SawbClip(int bits) const {
    const auto [c1, c2] = Sawb(bits);
    const float clip = c1 * std::sqrt(Mean([](float x) { return x * x; })) - c2 * MeanMagnitude();
    return clip < 0 ? 0.0f : clip;
  }
  float Octav(int bits) const {
    const float noise = std::ldexp(1 / 3.0f, -2 * bits);
    float clip = 0;
    for (int step = 0; step < 32; ++step) {
      float inside = 0;
      const auto beyond = [&](auto r, auto c) {
        return std::fabs(rows[r][c]) <= clip ? 0.0f : std::fabs(rows[r][c]);
      };
      for (const auto& row : rows) {
        for (const float x : row) inside += std::fabs(x) <= clip;
      }
      const float next = SumOf(rows, beyond) / (noise * inside + (count - inside));
      if (next <= clip) return clip;
      clip = next;
    }
    return clip;
  }
};

TEST(BaselineScalesTest, EveryRuleOnRaggedBlocks) {
  const std::string tail = " block=5x40 shape=12x90";
  for (const bool is_coarse : {false, true}) {
    std::vector<float> x = Normals(12 * 90, 1, 0.3);
    x[7] = 5;  // Worth clipping.
    // Equal magnitudes and zeros, so that "beyond" and "not inside" are told apart.
    for (float& value : x) value = (is_coarse ? std::round(value * 4) / 4 : value) + 0.0f;
    for (const char* name :
         {"int2", "int4", "uint4", "sym8", "uint1", "int16", "float4_e2m1fn", "float4_e3m0"}) {
      const Levels levels = *formats::ParseLevels(name);
      const int bits = formats::LevelsBits(levels);
      const std::string text = " levels=" + std::string(name) + tail;
      const Operation op = Op("fit fit=octav" + text);
      const auto laplace = Outputs(Op("fit fit=laplace zero=mean" + text), {x, {3.5f}});
      const auto lsq = Outputs(Op("fit fit=lsq" + text), {x});
      const auto octav = Outputs(op, {x});
      for (std::uint64_t b = 0; b < op.grid().count(); ++b) {
        const Block block(op, x, b);
        EXPECT_THAT(laplace[0][b], SameBits(block.Laplace(3.5f, levels))) << name;
        EXPECT_THAT(laplace[1][b], SameBits(block.Mean([](float value) { return value; })));
        EXPECT_THAT(lsq[0][b], SameBits(block.Lsq(levels))) << name;
        EXPECT_THAT(octav[0][b], SameBits(block.Octav(bits) / Half(levels))) << name;
        EXPECT_THAT(octav[1][b], SameBits(0.0f));
      }
      if (bits != 2 && bits != 4) {
        EXPECT_FALSE(formats::ParseOperation("fit fit=sawb" + text).ok()) << name;
        continue;
      }
      const auto sawb = Outputs(Op("fit fit=sawb" + text), {x});
      for (std::uint64_t b = 0; b < op.grid().count(); ++b)
        EXPECT_THAT(sawb[0][b], SameBits(Block(op, x, b).SawbClip(bits) / Half(levels))) << name;
    }
  }
}

// --- Near the real numbers

// OCTAV's fixed points of a list: with k weights beyond c, c is their sum over (n - k) 4^-b / 3 +
// k, and lies between the kth largest and the next. The smallest, which the iteration from 0
// reaches, or passes by less than what one weight of 2,000 is worth.
double OctavFixedPoint(std::vector<double> magnitudes, int bits) {
  std::ranges::sort(magnitudes);
  const auto n = static_cast<double>(magnitudes.size());
  const double noise = std::pow(4.0, -bits) / 3;
  double beyond = 0;
  for (const double magnitude : magnitudes) beyond += magnitude;
  for (std::size_t inside = 0; inside < magnitudes.size(); ++inside) {
    // All up to number `inside` are at most c.
    beyond -= magnitudes[inside];
    const double m = static_cast<double>(inside) + 1;
    const double c = beyond / (noise * m + n - m);
    const bool is_last = inside + 1 == magnitudes.size();
    if (c >= magnitudes[inside] && (is_last || c < magnitudes[inside + 1])) return c;
  }
  return magnitudes.back();
}

TEST(BaselineScalesTest, OctavIsTheFixedPointOfSortedWeights) {
  for (const int bits : {2, 4, 8}) {
    const std::vector<float> x = Normals(2000, 5 + static_cast<std::uint64_t>(bits), 0.02);
    std::vector<double> magnitudes;
    for (const float value : x) magnitudes.push_back(std::fabs(double{value}));
    const std::string levels = "int" + std::to_string(bits);
    const auto out =
        Outputs(Op("fit fit=octav levels=" + levels + " block=1x2000 shape=1x2000"), {x});
    const double clip = double{out[0][0]} * Half(*formats::ParseLevels(levels));
    EXPECT_NEAR(clip / OctavFixedPoint(magnitudes, bits), 1, 5e-4) << bits;
  }
}

// 16,384 normal weights of deviation 1: a mean magnitude is off by 1.7 % in one of 200 samples, the
// clips by a few percent where the tails decide: for 8 bits, the two or three weights beyond 3.9.
TEST(BaselineScalesTest, IsNearTheExactAnalysisForNormalWeights) {
  const std::vector<float> x = Normals(16384, 9);
  const auto scale = [&](const std::string& rule, int bits) {
    const Operation op = Op("fit fit=" + rule + " levels=int" + std::to_string(bits) +
                            " block=128x128 shape=128x128");
    return double{Outputs(op, {x})[0][0]} * (rule == "lsq" ? 1 : Half(op.levels));
  };
  const auto law = WeightLaw::kNormal;
  for (const int bits : {2, 4, 8}) {
    EXPECT_NEAR(scale("octav", bits) / Double(OctavClip(law, bits, kDigits)), 1,
                bits == 8 ? 0.1 : 0.02)
        << bits;
    const int highest = (1 << (bits - 1)) - 1;
    EXPECT_NEAR(scale("lsq", bits) / Double(LsqInitialStep(law, highest, kDigits)), 1, 0.02);
    if (bits == 8) continue;
    EXPECT_NEAR(scale("sawb", bits) / Double(*SawbClip(law, bits, kDigits)), 1, 0.04) << bits;
  }
}

// All constants of the contract, made again: ACIQ's by arbitrary precision and rounded once.
TEST(BaselineScalesTest, ConstantsAreTheNearest) {
  const auto is_nearest = [](float constant, const Dyadic& exact) {
    const auto distance = [&](float x) {
      const Dyadic value =
          Dyadic::FromCode(formats::kFloat32, std::bit_cast<std::uint32_t>(x)) - exact;
      return value.Abs();
    };
    return distance(constant) < distance(std::nextafterf(constant, 0)) &&
           distance(constant) < distance(std::nextafterf(constant, kInfinity));
  };
  for (int bits = 1; bits <= 16; ++bits) {
    const auto i = static_cast<std::size_t>(bits - 1);
    EXPECT_TRUE(is_nearest(FloatOf(kAciqNormalClips[i]), AciqNormalClip(bits, kDigits))) << bits;
    EXPECT_TRUE(is_nearest(FloatOf(kAciqLaplaceClips[i]), AciqLaplaceClip(bits, kDigits))) << bits;
  }
}

// --- Bad input

TEST(BaselineScalesTest, BadInputIsDefined) {
  const auto fit = [](const std::string& rule, const std::string& levels,
                      const std::vector<float>& x) {
    const Operation op = Op("fit fit=" + rule + " levels=" + levels + " block=1x64 shape=1x" +
                            std::to_string(x.size()));
    const auto out = rule == "laplace" ? Outputs(op, {x, {2.5f}}) : Outputs(op, {x});
    EXPECT_TRUE(std::isnan(out[0][0]) == std::isnan(out[1][0]));
    return out[0][0];
  };
  for (const std::string rule : {"laplace", "lsq", "sawb", "octav"}) {
    for (const std::vector<float>& x : {std::vector<float>{1, kNan, 2},
                                        {kNan, kNan},
                                        {1, kInfinity},
                                        {-kInfinity},
                                        {kInfinity, -kInfinity},
                                        {0, 0, kNan},
                                        {3e38f, 3e38f, -3e38f}}) {
      EXPECT_TRUE(std::isnan(fit(rule, "int4", x))) << rule;
    }
    EXPECT_THAT(fit(rule, "int4", {0, -0.0f, 0}), SameBits(0.0f)) << rule << ": all zero";
  }
  // One magnitude: no deviation; OCTAV clips nothing; SAWB's 4-bit line is below 0 there.
  for (const std::vector<float>& x : {std::vector<float>{3, 3, 3}, {-3}}) {
    EXPECT_THAT(fit("laplace", "int4", x), SameBits(0.0f));
    EXPECT_THAT(fit("octav", "int4", x), SameBits(3 / 7.5f));
    EXPECT_THAT(fit("sawb", "int4", x), SameBits(0.0f));
    EXPECT_THAT(fit("sawb", "int2", x), SameBits((3.212f * 3 - 2.178f * 3) / 1.5f));
    EXPECT_THAT(fit("lsq", "int4", x), SameBits(6 / std::sqrt(7.0f)));
  }
  EXPECT_FALSE(formats::ParseOperation("fit fit=sawb levels=int3").ok());
  EXPECT_FALSE(formats::ParseOperation("fit fit=octav levels=integers").ok());
}

}  // namespace
}  // namespace ulproof::reference
