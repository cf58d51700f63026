// SPDX-License-Identifier: Apache-2.0
// block_max, scale, sample and backward: every code of the 16-bit sources, the edges of float32,
// the bitwidths where exp2 is hard or special, and matrices of every style over ragged shapes.
#include <fmt/format.h>

#include <numeric>

#include "formats/codec.h"
#include "reference/compare/suites/suite.h"

namespace ulproof::reference {
namespace {

using formats::BlockShape;
using formats::Case;
using formats::Code;
using formats::FormatSpec;
using formats::NoiseLaw;
using formats::Operation;
using formats::OpKind;

constexpr auto kSources =
    std::to_array<FormatSpec>({formats::kFloat32, formats::kBfloat16, formats::kFloat16});
constexpr auto kBlocks =
    std::to_array<BlockShape>({{32, 32}, {16, 16}, {1, 32}, {32, 1}, {64, 64}, {5, 7}, {1, 1}});

Code Float32(std::uint64_t significand, int exponent) {
  return *formats::EncodeExact(formats::kFloat32, false, significand, exponent);
}

// Every finite code of a 16-bit format (of float32: its edges), in rows of `cols`, neighbours
// together so that a block holds numbers of like size; the last row is filled with zeros.
Case AllFiniteCodes(Operation op, std::uint64_t cols) {
  std::vector<Code> codes;
  if (op.from.storage_bits() <= 16) {
    for (Code code = 0; code <= op.from.code_mask(); ++code) codes.push_back(code);
  } else {
    codes = EdgeCodes(op.from);
  }
  std::erase_if(codes, [&](Code code) { return !op.from.IsFinite(code); });
  op.shape = {.rows = (codes.size() + cols - 1) / cols, .cols = cols};
  Case c = formats::EmptyCase(op);
  for (std::size_t i = 0; i < codes.size(); ++i) c.inputs[0].Set(i, codes[i]);
  return c;
}

void FillInput(Case& c, std::size_t input, Code code) {
  for (std::uint64_t i = 0; i < c.inputs[input].count(); ++i) c.inputs[input].Set(i, code);
}

void BlockMax(CheckRun& run, const FormatSpec& from) {
  for (const BlockShape& block : kBlocks) {
    Operation op = {.kind = OpKind::kBlockMax, .from = from, .block = block};
    for (const std::uint64_t cols : {32, 100, 257}) {
      Case c = AllFiniteCodes(op, cols);
      run.Judge(c);
      // NaN beats infinity beats any number, wherever they stand.
      Rng rng(cols);
      for (int i = 0; i < 5; ++i) {
        c.inputs[0].Set(rng.Below(c.inputs[0].count()), from.infinity_code() | from.sign_mask());
        c.inputs[0].Set(rng.Below(c.inputs[0].count()), from.canonical_nan_code());
      }
      run.Judge(c);
    }
  }
}

void ScaleBits(CheckRun& run) {
  const std::vector<Code> bits = Bitwidths();
  for (const bool pow2 : {false, true}) {
    Operation op = {.kind = OpKind::kScale, .pow2 = pow2, .bits_per_block = true};
    op.shape = {.rows = 1, .cols = bits.size()};
    for (const Code max : {Code{0x3F800000}, Code{0x40490FDB}, Code{0x00012345}, Code{1},
                           Code{0x7F7FFFFF}, Code{0x7F800000}, Code{0x7FC00000}, Code{0}}) {
      Case c = formats::EmptyCase(op);
      FillInput(c, 0, max);
      for (std::size_t i = 0; i < bits.size(); ++i) c.inputs[1].Set(i, bits[i]);
      run.Judge(c);
    }
  }
}

void ScaleMaxima(CheckRun& run) {
  std::vector<Code> maxima = EdgeCodes(formats::kFloat32);
  std::erase_if(maxima, [](Code code) { return formats::kFloat32.IsNegative(code); });
  for (const bool pow2 : {false, true}) {
    Operation op = {.kind = OpKind::kScale, .pow2 = pow2};
    op.shape = {.rows = 1, .cols = maxima.size()};
    for (const Code bits :
         {Float32(1, 0), Float32(4, 0), Float32(23, -2), Float32(9, 0), Float32(1, -3),
          Float32(140, 0), Float32(3, -1), Float32(100, 0) | 0x80000000}) {
      Case c = formats::EmptyCase(op);
      for (std::size_t i = 0; i < maxima.size(); ++i) c.inputs[0].Set(i, maxima[i]);
      c.inputs[1].Set(0, bits);
      run.Judge(c);
    }
  }
}

// 2^c for random c: the correctly rounded exp2 over the whole range in which it is a number.
void ScaleRandomBits(CheckRun& run) {
  Rng rng(1);
  Operation op = {.kind = OpKind::kScale, .bits_per_block = true};
  op.shape = {.rows = 1, .cols = run.Pick(1 << 15, 1 << 22)};
  Case c = formats::EmptyCase(op);
  FillInput(c, 0, 0x3F800000);
  for (std::uint64_t i = 0; i < op.shape.cols; ++i) {
    const Code sign = rng.OneIn(2) ? 0x80000000u : 0;
    c.inputs[1].Set(i, sign | ((118 + rng.Below(17)) << 23 | (rng.Next() & 0x7FFFFF)));
  }
  run.Judge(c);
}

void Sample(CheckRun& run, const FormatSpec& from, NoiseLaw law) {
  // The laws of real numbers cost the reference much more; the full level does them in full too.
  const bool is_dear = law == NoiseLaw::kBoxMuller || law == NoiseLaw::kNormal2;
  if (is_dear && from.storage_bits() <= 16 && run.level() == Level::kQuick) return;
  std::uint64_t number = 0;
  for (const std::string_view to : {"bfloat16", "float16", "float32", "float8_e4m3fn",
                                    "float8_e5m2fnuz", "float6_e3m2fn", "float12_e4m7"}) {
    for (const Code bits : {Float32(1, 0), Float32(5, 0), Float32(37, -3), Float32(9, 0)}) {
      ++number;
      if (run.level() == Level::kQuick && number % 3 != 0) continue;
      Operation op = {.kind = OpKind::kSample, .from = from, .law = law};
      op.to = *formats::ParseFormat(to);
      op.block = kBlocks[number % kBlocks.size()];
      op.pow2 = number % 5 == 0;
      op.key = {.seed = number, .stream = 77, .offset = number % 7};
      Case c = AllFiniteCodes(op, 64 + number % 3);
      FillInput(c, 1, bits);
      run.Judge(c);
    }
  }
}

void SampleModes(CheckRun& run) {
  Rng rng(2);
  std::vector<formats::Rounding> roundings(formats::kDeterministicRoundings.begin(),
                                           formats::kDeterministicRoundings.end());
  for (const auto mode : {formats::RoundingMode::kStochasticA, formats::RoundingMode::kStochasticB,
                          formats::RoundingMode::kStochasticC}) {
    for (const int bits : {4, 16, 24}) roundings.push_back({mode, bits});
  }
  for (const formats::CatalogueEntry& to : formats::kCatalogue) {
    for (const formats::Rounding& rounding : roundings) {
      for (const formats::Overflow overflow : formats::kOverflows) {
        Operation op = {.kind = OpKind::kSample, .from = rng.Pick(kSources), .to = to.spec};
        op.rounding = rounding;
        op.overflow = overflow;
        op.shape = {.rows = 33, .cols = 9};
        op.key = {.seed = rng.Next(), .stream = rng.Next(), .offset = rng.Below(1000)};
        run.Judge(RandomCase(op, rng));
      }
    }
  }
}

void Backward(CheckRun& run, NoiseLaw law) {
  Rng rng(3);
  for (const FormatSpec& from : kSources) {
    for (const BlockShape& block : kBlocks) {
      for (std::uint64_t i = 0; i < run.Pick(4, 40); ++i) {
        Operation op = {.kind = OpKind::kBackward, .from = from, .law = law, .block = block};
        op.shape = {.rows = 1 + rng.Below(70), .cols = 1 + rng.Below(130)};
        op.key = {.seed = rng.Next(), .stream = i, .offset = rng.Below(100)};
        run.Judge(RandomCase(op, rng));
      }
    }
  }
}

}  // namespace

std::vector<Code> Bitwidths() {
  std::vector<Code> codes = {0, 0x80000000, 0x7F800000, 0xFF800000, 0x7FC00000, 1, 0x00800000};
  const auto add = [&](Code code) {
    for (const Code near : {code - 1, code, code + 1}) codes.push_back(near);
  };
  for (std::uint64_t k = 1; k <= 1024; ++k) add(Float32(k, -6));
  for (const std::uint64_t whole : {24, 100, 126, 127, 128, 129, 148, 149, 150, 151, 152, 1000}) {
    for (const std::uint64_t quarter : {0, 1, 2, 3}) {
      add(Float32(4 * whole + quarter, -2));
      add(Float32(4 * whole + quarter, -2) | 0x80000000);
    }
  }
  return codes;
}

void AddBlockChecks(const ConformOptions&, CheckList& checks) {
  for (const FormatSpec& from : kSources) {
    checks.push_back({OpKind::kBlockMax,
                      fmt::format("block_max/codes/{}", formats::FormatName(from)), 300, false,
                      [=](CheckRun& run) { BlockMax(run, from); }});
  }
  checks.push_back({OpKind::kScale, "scale/bitwidths", 100, false, ScaleBits});
  checks.push_back({OpKind::kScale, "scale/maxima", 100, false, ScaleMaxima});
  checks.push_back({OpKind::kScale, "scale/random-bitwidths", 100, false, ScaleRandomBits});
  for (const NoiseLaw law : formats::kNoiseLaws) {
    const std::string_view name = formats::NoiseLawName(law);
    for (const FormatSpec& from : kSources) {
      checks.push_back({OpKind::kSample,
                        fmt::format("sample/codes/{}/{}", formats::FormatName(from), name), 500,
                        false, [=](CheckRun& run) { Sample(run, from, law); }});
    }
    checks.push_back({OpKind::kBackward, fmt::format("backward/matrices/{}", name), 300, false,
                      [=](CheckRun& run) { Backward(run, law); }});
  }
  checks.push_back({OpKind::kSample, "sample/modes", 500, false, SampleModes});
}

}  // namespace ulproof::reference
