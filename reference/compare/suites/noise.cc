// SPDX-License-Identifier: Apache-2.0
// Noise: every law and packing at the ends of seed, stream and offset, over ragged and strided
// shapes, a long run of each, and the statistics of a longer one.
#include <fmt/format.h>

#include "reference/compare/statistics.h"
#include "reference/compare/suites/suite.h"

namespace ulproof::reference {
namespace {

using formats::NoiseLaw;
using formats::NoisePacking;
using formats::Operation;
using formats::OpKind;

Operation NoiseOp(NoiseLaw law, std::uint64_t count) {
  Operation op;
  op.kind = OpKind::kNoise;
  op.law = law;
  op.shape = {.rows = 1, .cols = count};
  return op;
}

// The laws that the reference decides from exact real numbers cost microseconds an element.
bool IsDearInReference(NoiseLaw law) {
  return law == NoiseLaw::kBoxMuller || law == NoiseLaw::kNormal2;
}

void KeyEdges(CheckRun& run, NoiseLaw law) {
  constexpr std::uint64_t kLast = ~std::uint64_t{0};
  constexpr std::uint64_t k32 = std::uint64_t{1} << 32;
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1}, k32 - 1, k32, kLast}) {
    for (const std::uint64_t stream : {std::uint64_t{0}, k32 - 1, k32, kLast / 2 + 1, kLast}) {
      // Offsets where the group number passes 2^32, and the last elements there are.
      for (const std::uint64_t offset :
           {std::uint64_t{0}, std::uint64_t{5}, k32 - 33, 2 * k32 - 33, 4 * k32 - 33, 8 * k32 - 33,
            k32 * 32 / 3 - 40, kLast / 2 - 31, kLast - 66}) {
        Operation op = NoiseOp(law, 67);
        op.key = {seed, stream, offset};
        run.Judge(formats::EmptyCase(op));
      }
    }
  }
}

void Shapes(CheckRun& run, NoiseLaw law) {
  for (const std::uint64_t rows : {1, 2, 3, 31}) {
    for (const std::uint64_t cols : {1, 2, 7, 8, 9, 31, 32, 33, 64, 127}) {
      for (const std::uint64_t extra : {0, 1, 5, 32}) {
        for (const NoisePacking packing : {NoisePacking::kInt8, NoisePacking::kNibbles}) {
          Operation op = NoiseOp(law, cols);
          op.shape.rows = rows;
          op.shape.index_stride = extra == 0 ? 0 : cols + extra;
          op.packing = packing;
          op.key = {3, 4, extra + rows};
          if (formats::ValidateOperation(op).ok()) run.Judge(formats::EmptyCase(op));
        }
      }
    }
  }
}

void Statistics(CheckRun& run, NoiseLaw law) {
  Operation op = NoiseOp(law, run.Pick(1 << 21, 1 << 25));
  op.key = {.seed = 20260101, .stream = 1};
  run.ForEachBackend(op, false, [&](formats::Backend& backend, CheckRecord& record) {
    const bool is_slow = &backend == &run.truth() && IsDearInReference(law);
    Operation mine = op;
    if (is_slow) mine.shape.cols = 1 << 14;
    ++record.cases;
    record.elements += mine.shape.cols;
    const auto noise = formats::RunCase(backend, formats::EmptyCase(mine));
    if (!noise.ok()) {
      run.AddFailure(record, {formats::OperationName(mine), noise.error().ToString(), {}});
      return;
    }
    const StatisticsReport report = TestNoise(law, noise->front().view());
    for (const StatisticsFinding& finding : report.failures) {
      run.AddFailure(record,
                     {formats::OperationName(mine),
                      fmt::format("{}: chi-square {:.1f} with {} degrees of freedom, p = {:.1e}",
                                  finding.test, finding.result.statistic,
                                  finding.result.degrees_of_freedom, finding.result.p_value),
                      std::nullopt});
    }
  });
}

}  // namespace

void AddNoiseChecks(const ConformOptions&, CheckList& checks) {
  for (const NoiseLaw law : formats::kNoiseLaws) {
    const std::string_view name = formats::NoiseLawName(law);
    const auto add = [&](std::string_view what, std::uint64_t cost, auto body) {
      checks.push_back({OpKind::kNoise, fmt::format("noise/{}/{}", what, name), cost, false,
                        [=](CheckRun& run) { body(run, law); }});
    };
    add("keys", 100, KeyEdges);
    add("shapes", 100, Shapes);
    add("long", 1000, [](CheckRun& run, NoiseLaw l) {
      Operation op = NoiseOp(
          l, IsDearInReference(l) ? run.Pick(1 << 15, 1 << 20) : run.Pick(1 << 20, 1 << 24));
      op.key = {0x0123456789ABCDEF, 42, 1};
      run.Judge(formats::EmptyCase(op));
    });
    add("statistics", 500, Statistics);
  }
}

}  // namespace ulproof::reference
