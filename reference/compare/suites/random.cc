// SPDX-License-Identifier: Apache-2.0
// Random operations of every kind on random inputs: what no list of edges thought of. And the
// user's own tensors, if any were given.
#include <fmt/format.h>

#include <algorithm>

#include "formats/codec.h"
#include "reference/compare/shrink.h"
#include "reference/compare/suites/suite.h"

namespace ulproof::reference {
namespace {

using formats::Case;
using formats::Operation;
using formats::OpKind;

constexpr std::uint64_t kParts = 8;  // Of each kind, so that they spread over threads and shards.

void RandomCases(CheckRun& run, OpKind kind, std::uint64_t part) {
  const std::uint64_t cases = run.Pick(kind == OpKind::kCast ? 300 : 60, 4000);
  for (std::uint64_t i = 0; i < cases; ++i) {
    Rng rng((static_cast<std::uint64_t>(kind) << 48) + (part << 32) + i);
    const Operation op = RandomOperation(kind, rng);
    run.Judge(RandomCase(op, rng));
  }
}

// A matrix as first input of `op`, other inputs zero.
Case CaseOf(const Weights& weights, Operation op) {
  op.from = weights.codes.type().format;
  op.shape = weights.shape;
  Case c = formats::EmptyCase(op);
  c.inputs[0] = weights.codes;
  return c;
}

// The operations that users run on weights, in their usual settings.
std::vector<Operation> UsualOperations(OpKind kind) {
  std::vector<Operation> ops;
  const Operation base = {.kind = kind, .key = {.seed = 1, .stream = 2}};
  switch (kind) {
    case OpKind::kCast:
      for (const std::string_view to : {"bfloat16", "float16", "float8_e4m3fn", "float8_e5m2",
                                        "float6_e3m2fn", "float6_e2m3fn", "float4_e2m1fn"}) {
        for (const formats::Overflow overflow :
             {formats::Overflow::kIeee, formats::Overflow::kSaturate}) {
          Operation op = {.kind = kind, .to = *formats::ParseFormat(to), .overflow = overflow};
          ops.push_back(op);
        }
      }
      break;
    case OpKind::kBlockMax:
      ops.push_back(base);
      break;
    case OpKind::kSample:
      for (const formats::NoiseLaw law :
           {formats::NoiseLaw::kRg16, formats::NoiseLaw::kRg32, formats::NoiseLaw::kRgbits,
            formats::NoiseLaw::kUniform}) {
        ops.push_back(base);
        ops.back().law = law;
      }
      break;
    case OpKind::kQuantize:
      for (const formats::BlockFormat& format : formats::kBlockFormats) {
        ops.push_back({.kind = kind, .block_format = format});
      }
      break;
    default:
      break;
  }
  return ops;
}

// At the quick level the first rows only, of at most this many elements.
constexpr std::uint64_t kQuickElements = std::uint64_t{1} << 18;

void WeightsCases(CheckRun& run, const Weights& weights, OpKind kind) {
  for (const Operation& op : UsualOperations(kind)) {
    Case c = CaseOf(weights, op);
    const std::uint64_t limit = run.Pick(kQuickElements, weights.shape.count());
    const std::uint64_t cols = std::min(weights.shape.cols, limit);
    const std::uint64_t rows =
        std::min(weights.shape.rows, std::max<std::uint64_t>(limit / cols, 1));
    if (rows < weights.shape.rows || cols < weights.shape.cols) {
      auto part = SubMatrix(c, 0, rows, 0, cols);
      ULPROOF_CHECK(part.has_value());
      c = std::move(*part);
    }
    if (kind == OpKind::kSample) {
      for (const std::uint64_t bits : {3, 4, 6}) {
        c.inputs[1].Set(0, *formats::EncodeExact(formats::kFloat32, false, bits, 0));
        run.Judge(c);
      }
    } else {
      run.Judge(c);
    }
  }
}

}  // namespace

void AddRandomChecks(const ConformOptions&, CheckList& checks) {
  for (const OpKind kind : formats::kOpKinds) {
    for (std::uint64_t part = 0; part < kParts; ++part) {
      checks.push_back({kind, fmt::format("{}/random/{}", formats::OpKindName(kind), part), 200,
                        false, [=](CheckRun& run) { RandomCases(run, kind, part); }});
    }
  }
}

void AddWeightsChecks(const ConformOptions& options, CheckList& checks) {
  for (const Weights& weights : options.weights) {
    for (const OpKind kind :
         {OpKind::kCast, OpKind::kBlockMax, OpKind::kSample, OpKind::kQuantize}) {
      checks.push_back({kind, fmt::format("{}/weights/{}", formats::OpKindName(kind), weights.name),
                        1000, false,
                        [&weights, kind](CheckRun& run) { WeightsCases(run, weights, kind); }});
    }
  }
}

}  // namespace ulproof::reference
