// SPDX-License-Identifier: Apache-2.0
// Casts. Sources of 16 bits or less: every code, to every format, in every mode and policy. Wider
// sources: the structured edges of every pair; at the full level every one of the 2^32 inputs of
// float32 against the interval oracle.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "reference/compare/exhaustive.h"
#include "reference/compare/suites/suite.h"

namespace ulproof::reference {
namespace {

using formats::Case;
using formats::CatalogueEntry;
using formats::Code;
using formats::FormatSpec;
using formats::Operation;
using formats::OpKind;
using formats::Overflow;
using formats::Rounding;
using formats::RoundingMode;

// A rounding with its r, if it is stochastic with one r for all.
struct Mode {
  Rounding rounding = {};
  std::optional<std::uint32_t> random = {};
};

// The deterministic modes; the stochastic ones at r = 0, the middle and the largest, for few, half
// and many random bits; and once with an r for each element.
std::vector<Mode> AllModes() {
  std::vector<Mode> modes;
  for (const Rounding& rounding : formats::kDeterministicRoundings) modes.push_back({rounding});
  for (const RoundingMode mode :
       {RoundingMode::kStochasticA, RoundingMode::kStochasticB, RoundingMode::kStochasticC}) {
    for (const int bits : {1, 4, 13, 32}) {
      const std::uint32_t last = ~0u >> (32 - bits);
      modes.push_back({{mode, bits}, last / 2});
      if (bits == 4) {
        modes.push_back({{mode, bits}, 0});
        modes.push_back({{mode, bits}, last});
      }
    }
    modes.push_back({{mode, 16}});
    modes.push_back({{mode, 24}});
  }
  return modes;
}

Operation CastOp(const FormatSpec& from, const FormatSpec& to, const Mode& mode,
                 Overflow overflow) {
  Operation op;
  op.kind = OpKind::kCast;
  op.from = from;
  op.to = to;
  op.rounding = mode.rounding;
  op.random = mode.random;
  op.overflow = overflow;
  if (mode.rounding.is_stochastic() && !mode.random)
    op.key = {.seed = 7, .stream = 11, .offset = 3};
  return op;
}

// The codes to every format in every mode and policy. Policies matter only at the ends of the
// range, so stochastic modes take two of the four.
void CastEverywhere(CheckRun& run, const FormatSpec& from, const FormatSpec& to,
                    std::span<const Code> codes) {
  for (const Mode& mode : AllModes()) {
    for (const Overflow overflow : formats::kOverflows) {
      const bool is_extra =
          overflow == Overflow::kSaturateFinite || overflow == Overflow::kToInfinity;
      if (mode.rounding.is_stochastic() && is_extra && run.level() == Level::kQuick) continue;
      run.Judge(RowCase(CastOp(from, to, mode, overflow), codes));
    }
  }
}

std::vector<Code> AllCodes(const FormatSpec& format) {
  std::vector<Code> codes(format.code_mask() + 1);
  std::iota(codes.begin(), codes.end(), Code{0});
  return codes;
}

// All 2^32 inputs of one cast; the first mismatch becomes a case. On every backend, or on the first
// that can (the fastest target: the others are other compilations of the same source).
void SweepFloat32(CheckRun& run, const Operation& op, bool on_every_backend) {
  std::optional<IntervalOracle> oracle;
  run.ForEachBackend(op, false, [&](formats::Backend& backend, CheckRecord& record) {
    if (oracle && !on_every_backend) return;
    if (!oracle) {
      auto made = IntervalOracle::Make(op);
      ULPROOF_CHECK(made.ok(), made.error().ToString());
      oracle = std::move(made).value();
    }
    ++record.cases;
    const auto swept = Sweep(backend, run.truth(), op, &*oracle);
    if (!swept.ok()) {
      run.AddFailure(record, {formats::OperationName(op), swept.error().ToString(), std::nullopt});
      return;
    }
    record.elements += swept->inputs();
    record.mismatches += swept->mismatches;
    for (const SweepMismatch& mismatch : swept->first_mismatches) {
      const Case c = RowCase(op, std::to_array({mismatch.input}));
      const auto judged = Judge(run.truth(), backend, c);
      if (!judged.ok() || judged->ok()) continue;
      run.AddMismatch(backend, record, c, *judged);
      record.mismatches -= judged->mismatches;  // Counted by the sweep.
      return;
    }
  });
}

void AddSweep(const CatalogueEntry& to, const Mode& mode, Overflow overflow, CheckList& checks) {
  const Operation op = CastOp(formats::kFloat32, to.spec, mode, overflow);
  const bool on_every_backend = op.rounding == Rounding{} && overflow == Overflow::kIeee;
  checks.push_back(
      {OpKind::kCast,
       fmt::format("cast/all-2^32/{}/{}/{}", to.name, formats::RoundingName(op.rounding),
                   formats::OverflowName(overflow)),
       on_every_backend ? 40'000u : 6'000u, true,
       [=](CheckRun& run) { SweepFloat32(run, op, on_every_backend); }});
}

void AddSweeps(CheckList& checks) {
  for (const CatalogueEntry& to : formats::kCatalogue) {
    if (to.spec.storage_bits() > IntervalOracle::kMaxTargetBits) continue;
    for (const Rounding& rounding : formats::kDeterministicRoundings) {
      AddSweep(to, {rounding}, Overflow::kIeee, checks);
    }
    // Policies differ only where `ovf` already ends: one mode is enough for the others.
    for (const Overflow overflow :
         {Overflow::kSaturate, Overflow::kSaturateFinite, Overflow::kToInfinity}) {
      AddSweep(to, {}, overflow, checks);
    }
    for (const RoundingMode mode :
         {RoundingMode::kStochasticA, RoundingMode::kStochasticB, RoundingMode::kStochasticC}) {
      AddSweep(to, {{mode, 8}, 100}, Overflow::kIeee, checks);
    }
  }
}

}  // namespace

void AddCastChecks(const ConformOptions& options, CheckList& checks) {
  for (const CatalogueEntry& from : formats::kCatalogue) {
    for (const CatalogueEntry& to : formats::kCatalogue) {
      const bool is_exhaustive = from.spec.storage_bits() <= 16;
      checks.push_back(
          {OpKind::kCast,
           fmt::format("cast/{}/{}/{}", is_exhaustive ? "exhaustive" : "edges", from.name, to.name),
           from.spec.storage_bits() == 16 ? 400u : 20u, false, [=](CheckRun& run) {
             CastEverywhere(
                 run, from.spec, to.spec,
                 is_exhaustive ? AllCodes(from.spec) : RoundingEdges(from.spec, to.spec));
           }});
    }
  }
  if (options.level == Level::kFull) AddSweeps(checks);
}

}  // namespace ulproof::reference
