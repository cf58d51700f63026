// SPDX-License-Identifier: Apache-2.0
// The catalogue of deviations.
#include "reference/compare/deviation.h"

#include <algorithm>
#include <iterator>

namespace ulproof::reference {
namespace {

using formats::Estimator;
using formats::kBfloat16;
using formats::kFloat16;
using formats::kFloat32;
using formats::NoiseLaw;
using formats::OpKind;
using formats::Overflow;
using formats::RoundingMode;
using formats::ScaleRule;

constexpr OpKinds kRounds = {OpKind::kCast, OpKind::kSample, OpKind::kDequantize};
// Codes of a format, or levels.
constexpr OpKinds kRoundsOrLevels = {OpKind::kCast,  OpKind::kSample,       OpKind::kDequantize,
                                     OpKind::kRefit, OpKind::kFakeQuantize, OpKind::kFakeBackward};
constexpr OpKinds kReads = {OpKind::kCast, OpKind::kBackward, OpKind::kQuantize};
constexpr OpKinds kStochastic = {OpKind::kCast, OpKind::kSample};
constexpr OpKinds kNoisy = {OpKind::kNoise, OpKind::kSample, OpKind::kBackward, OpKind::kPerturb};
constexpr OpKinds kRandom = {OpKind::kNoise,    OpKind::kCast,         OpKind::kSample,
                             OpKind::kBackward, OpKind::kFakeBackward, OpKind::kPerturb};
constexpr OpKinds kMaxima = {OpKind::kBlockMax, OpKind::kSample, OpKind::kQuantize};
constexpr OpKinds kBlocks = {OpKind::kBlockMax, OpKind::kSample};
constexpr OpKinds kScales = {OpKind::kScale, OpKind::kSample};
constexpr OpKinds kGroups = {OpKind::kQuantize, OpKind::kDequantize};
constexpr OpKinds kNoiseOnly = {OpKind::kNoise};
constexpr OpKinds kCastOnly = {OpKind::kCast};
constexpr OpKinds kBlockMaxOnly = {OpKind::kBlockMax};
constexpr OpKinds kSampleOnly = {OpKind::kSample};
constexpr OpKinds kAddsNoise = {OpKind::kSample, OpKind::kPerturb};
constexpr OpKinds kReduces = {OpKind::kBackward, OpKind::kFit, OpKind::kRefit,
                              OpKind::kFakeBackward};
constexpr OpKinds kFits = {OpKind::kFit, OpKind::kRefit};
constexpr OpKinds kFitOnly = {OpKind::kFit};
constexpr OpKinds kRefitOnly = {OpKind::kRefit};
constexpr OpKinds kLevels = {OpKind::kRefit, OpKind::kFakeQuantize, OpKind::kFakeBackward};
constexpr OpKinds kFakes = {OpKind::kFakeQuantize, OpKind::kFakeBackward};
constexpr OpKinds kFakeQuantizeOnly = {OpKind::kFakeQuantize};
constexpr OpKinds kGradients = {OpKind::kFakeBackward};
constexpr OpKinds kBackwardOnly = {OpKind::kBackward};
constexpr OpKinds kQuantizeOnly = {OpKind::kQuantize};
constexpr OpKinds kDequantizeOnly = {OpKind::kDequantize};

// Another stochastic rule with the same number of random bits.
void SetStochastic(Variant& v, RoundingMode mode) {
  if (v.op.rounding.is_stochastic()) v.op.rounding.mode = mode;
}

constexpr Deviation kDeviations[] = {
#define DEVIATION(id, text, kinds, aspect, ...) \
  {id, text, kinds, Aspect::aspect, [](Variant& v) { __VA_ARGS__; }},
#include "reference/compare/deviations.def"
#include "reference/compare/deviations_fitted.def"
#undef DEVIATION
};

}  // namespace

std::span<const Deviation> Deviations() { return kDeviations; }

const Deviation* FindDeviation(std::string_view id) {
  const auto found = std::ranges::find(kDeviations, id, &Deviation::id);
  return found == std::end(kDeviations) ? nullptr : &*found;
}

bool HasDeviantMachine(const formats::Operation& op) {
  return op.kind != OpKind::kQuantize || op.rule != formats::ScaleRule::kBest;
}

std::optional<Variant> Deviate(const formats::Operation& op,
                               std::span<const Deviation* const> deviations) {
  if (!HasDeviantMachine(op)) return std::nullopt;
  Variant variant(op);
  for (const Deviation* deviation : deviations) {
    if (!deviation->kinds.Has(op.kind)) return std::nullopt;
    deviation->apply(variant);
  }
  if (variant == Variant(op)) return std::nullopt;
  const bool same_ports =
      op.kind != OpKind::kNoise || HasIntegerNoise(op.law) == HasIntegerNoise(variant.op.law);
  const bool may_be_stochastic =
      op.rounding.is_stochastic() || !variant.op.rounding.is_stochastic();
  if (!same_ports || !may_be_stochastic) return std::nullopt;
  return variant;
}

}  // namespace ulproof::reference
