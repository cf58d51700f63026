// SPDX-License-Identifier: Apache-2.0
// What must not matter: how a tensor is cut into calls, and how many threads work. Each backend is
// compared with itself here, the reference included.
#include <fmt/format.h>

#include "base/parallel.h"
#include "reference/compare/shrink.h"
#include "reference/compare/suites/suite.h"

namespace ulproof::reference {
namespace {

using formats::Backend;
using formats::Case;
using formats::Operation;
using formats::OpKind;
using formats::Tensor;

// Operations whose elements or blocks depend on nothing outside them (NVFP4's tensor maximum does
// not qualify), on a matrix that has edge blocks.
std::vector<Operation> CuttableOperations(OpKind kind, std::uint64_t rows, std::uint64_t cols) {
  std::vector<Operation> ops;
  const auto add = [&](auto change) {
    Operation op = {.kind = kind};
    op.shape = {.rows = rows, .cols = cols};
    change(op);
    ops.push_back(op);
  };
  const formats::RandomKey key = {.seed = 5, .stream = 6, .offset = 7};
  switch (kind) {
    case OpKind::kNoise:
    case OpKind::kSample:
    case OpKind::kBackward:
      for (const formats::NoiseLaw law : formats::kNoiseLaws) {
        add([&](Operation& op) {
          op.law = law;
          op.key = key;
        });
      }
      break;
    case OpKind::kCast:
      for (const int bits : {4, 24}) {
        add([&](Operation& op) {
          op.to = formats::kFloat8E4m3fn;
          op.rounding = {formats::RoundingMode::kStochasticA, bits};
          op.key = key;
        });
      }
      break;
    case OpKind::kBlockMax:
      add([](Operation&) {});
      break;
    case OpKind::kQuantize:
      add([](Operation&) {});
      add([](Operation& op) { op.square = true; });
      break;
    case OpKind::kFit:
      for (const formats::FitRule fit : formats::kFitRules) {
        add([&](Operation& op) {
          op.fit = fit;
          op.mean_zero = formats::TakesClip(fit);
        });
      }
      break;
    case OpKind::kRefit:
      add([](Operation& op) { op.mean_zero = true; });
      break;
    case OpKind::kFakeQuantize:
      add([](Operation&) {});
      break;
    case OpKind::kFakeBackward:
      add([&](Operation& op) {
        op.estimator = formats::Estimator::kAewgs;
        op.key = key;
      });
      break;
    case OpKind::kPerturb:
      add([&](Operation& op) { op.key = key; });
      break;
    case OpKind::kScale:
    case OpKind::kDequantize:
      break;
  }
  return ops;
}

void Pieces(CheckRun& run, OpKind kind) {
  constexpr std::uint64_t kRows = 75;
  constexpr std::uint64_t kCols = 107;
  constexpr std::uint64_t kCut = 32;  // Blocks and groups are 32 wide or less, and divide it.
  for (const Operation& op : CuttableOperations(kind, kRows, kCols)) {
    Rng rng(8);
    const Case whole = RandomCase(op, rng);
    run.ForEachBackend(op, true, [&](Backend& backend, CheckRecord& record) {
      const auto all = formats::RunCase(backend, whole);
      for (std::uint64_t row = 0; row < kRows; row += 2 * kCut) {
        for (std::uint64_t col = 0; col < kCols; col += kCut) {
          const std::uint64_t row_end = std::min(row + 2 * kCut, kRows);
          const std::uint64_t col_end = std::min(col + kCut, kCols);
          const auto piece = SubMatrix(whole, row, row_end, col, col_end);
          ULPROOF_CHECK(piece.has_value());
          const auto part = formats::RunCase(backend, *piece);
          ++record.cases;
          if (!all.ok() || !part.ok()) {
            const base::Error& error = all.ok() ? part.error() : all.error();
            run.AddFailure(record, {formats::CaseLine(*piece), error.ToString(), std::nullopt});
            continue;
          }
          // Where the piece's outputs stand in the whole: by element, or by block.
          for (std::size_t p = 0; p < part->size(); ++p) {
            const Tensor& small = (*part)[p];
            const bool by_element = small.count() == piece->op.shape.count();
            const auto grid = [&](const Operation& of) {
              return of.kind == OpKind::kQuantize ? of.scale_grid() : of.grid();
            };
            const formats::BlockShape step =
                by_element ? formats::BlockShape{1, 1} : grid(op).block;
            const std::uint64_t small_cols =
                by_element ? piece->op.shape.cols : grid(piece->op).cols();
            const std::uint64_t cols = by_element ? kCols : grid(op).cols();
            for (std::uint64_t i = 0; i < small.count(); ++i) {
              const std::uint64_t r = row / step.rows + i / small_cols;
              const std::uint64_t c = col / step.cols + i % small_cols;
              ++record.elements;
              if (small.Get(i) == (*all)[p].Get(r * cols + c)) continue;
              run.AddFailure(
                  record,
                  {formats::CaseLine(*piece),
                   fmt::format("element {} differs from the same element of the whole {}x{}", i,
                               kRows, kCols),
                   std::nullopt});
              break;
            }
          }
        }
      }
    });
  }
}

void Threads(CheckRun& run, OpKind kind) {
  const int usual = base::ThreadCount();
  for (const Operation& op : CuttableOperations(kind, 515, 259)) {
    // The reference decides these laws from real numbers: too slow to repeat at this size.
    const bool is_dear =
        op.law == formats::NoiseLaw::kBoxMuller || op.law == formats::NoiseLaw::kNormal2;
    if (is_dear) continue;
    Rng rng(9);
    const Case c = RandomCase(op, rng);
    run.ForEachBackend(op, true, [&](Backend& backend, CheckRecord& record) {
      const auto expected = formats::RunCase(backend, c);
      for (const int threads : {1, 2, 3, 7}) {
        base::SetThreadCount(threads);
        const auto got = formats::RunCase(backend, c);
        base::SetThreadCount(usual);
        ++record.cases;
        if (expected.ok() && got.ok() && *expected == *got) {
          record.elements += got->front().count();
          continue;
        }
        run.AddFailure(record,
                       {formats::OperationName(op),
                        fmt::format("{} threads change the result", threads), std::nullopt});
      }
    });
  }
}

}  // namespace

void AddInvarianceChecks(const ConformOptions&, CheckList& checks) {
  for (const OpKind kind : formats::kOpKinds) {
    if (CuttableOperations(kind, 1, 1).empty()) continue;
    const std::string_view name = formats::OpKindName(kind);
    checks.push_back({kind, fmt::format("{}/pieces", name), 100, false,
                      [=](CheckRun& run) { Pieces(run, kind); }});
    checks.push_back({kind, fmt::format("{}/threads", name), 200, true,
                      [=](CheckRun& run) { Threads(run, kind); }});
  }
}

}  // namespace ulproof::reference
