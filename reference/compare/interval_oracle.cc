// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/interval_oracle.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/parallel.h"
#include "reference/ops/cast.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::FormatSpec;
using formats::Operation;
using Run = IntervalOracle::Run;

// Codes that are bisected as one piece: small enough to keep every thread busy.
constexpr std::uint64_t kPieceCodes = std::uint64_t{1} << 22;

Code Output(const Operation& op, Code x) {
  return Cast(op.from, x, op.to, op.rounding, op.overflow, op.random.value_or(0));
}

// Appends the runs that begin in (low, high]; the outputs of both ends are known. Equal ends have
// equal insides because rounding is monotone.
void Bisect(const Operation& op, Code low, Code output_low, Code high, Code output_high,
            std::vector<Run>& runs) {
  if (output_low == output_high) return;
  if (high - low == 1) {
    runs.push_back({high, output_high, false});
    return;
  }
  const Code middle = low + (high - low) / 2;
  const Code output_middle = Output(op, middle);
  Bisect(op, low, output_low, middle, output_middle, runs);
  Bisect(op, middle, output_middle, high, output_high, runs);
}

// Codes [begin, end) in which rounding is monotone: finite, of one sign; or a set with one output.
struct Piece {
  Code begin;
  Code end;
  bool is_nan;
};

// Cuts all codes of `format` into pieces, in order.
std::vector<Piece> PiecesOf(const FormatSpec& format) {
  std::vector<Piece> pieces;
  const auto add = [&](Code begin, Code end, bool is_nan) {
    for (; begin < end && !is_nan && end - begin > kPieceCodes; begin += kPieceCodes) {
      pieces.push_back({begin, begin + kPieceCodes, false});
    }
    if (begin < end) pieces.push_back({begin, end, is_nan});
  };
  const Code half = format.magnitude_mask() + 1;
  const Code infinity = format.has_infinity() ? format.infinity_code() : half;
  const Code first_nan = format.max_finite_code() + (format.has_infinity() ? 2 : 1);
  for (Code sign = 0; sign <= format.sign_mask(); sign += half) {
    // Where there is no negative zero, its code is the NaN.
    const Code zero_is_nan = sign != 0 && !format.has_negative_zero() ? 1 : 0;
    add(sign, sign + zero_is_nan, true);
    // Zero stands alone: where the target has none it may become NaN, as what overflows does.
    if (format.has_zero() && zero_is_nan == 0) add(sign, sign + 1, false);
    const Code first = sign + (format.has_zero() ? 1 : 0);
    add(first, sign + format.max_finite_code() + 1, false);
    if (format.has_infinity()) add(sign + infinity, sign + infinity + 1, false);
    add(sign + first_nan, sign + half, true);
  }
  return pieces;
}

}  // namespace

base::Result<IntervalOracle> IntervalOracle::Make(const Operation& op) {
  ULPROOF_CHECK(op.kind == formats::OpKind::kCast);
  if (op.rounding.is_stochastic() && !op.random) {
    return base::UsageError("a stochastic cast needs one r for all inputs (random=r) to be swept");
  }
  if (op.from.storage_bits() > 32) {
    return base::UsageError(
        fmt::format("{} has too many codes to sweep", formats::FormatName(op.from)));
  }
  if (op.to.storage_bits() > kMaxTargetBits) {
    return base::UsageError(
        fmt::format("{} has too many codes for an interval oracle", formats::FormatName(op.to)));
  }
  const std::vector<Piece> pieces = PiecesOf(op.from);
  std::vector<std::vector<Run>> runs_of(pieces.size());
  base::ParallelFor(pieces.size(), 1, [&](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t i = begin; i < end; ++i) {
      const Piece& piece = pieces[i];
      const Code output = Output(op, piece.begin);
      runs_of[i].push_back({piece.begin, output, piece.is_nan});
      if (piece.is_nan) continue;
      const Code last = piece.end - 1;
      Bisect(op, piece.begin, output, last, Output(op, last), runs_of[i]);
    }
  });
  IntervalOracle oracle;
  oracle.code_count_ = op.from.code_mask() + 1;
  for (const std::vector<Run>& runs : runs_of) {
    for (const Run& run : runs) {
      const bool continues = !oracle.runs_.empty() && oracle.runs_.back().output == run.output &&
                             oracle.runs_.back().input_is_nan == run.input_is_nan;
      if (!continues) oracle.runs_.push_back(run);
    }
  }
  return oracle;
}

std::size_t IntervalOracle::RunOf(Code x) const {
  ULPROOF_CHECK(x < code_count_);
  const auto after = std::ranges::upper_bound(runs_, x, {}, &Run::begin);
  return static_cast<std::size_t>(after - runs_.begin()) - 1;
}

}  // namespace ulproof::reference
