// SPDX-License-Identifier: Apache-2.0
// Random operations and their inputs: the second half of inputs.h.
#include <algorithm>
#include <bit>

#include "formats/codec.h"
#include "reference/compare/inputs.h"

namespace ulproof::reference {
namespace {

using formats::BlockShape;
using formats::Case;
using formats::Code;
using formats::ElementType;
using formats::FormatSpec;
using formats::Operation;
using formats::OpKind;
using formats::Port;
using formats::Rounding;
using formats::RoundingMode;
using formats::Tensor;

FormatSpec RandomFormat(Rng& rng) {
  if (!rng.OneIn(8)) return rng.Pick(formats::kCatalogue).spec;
  FormatSpec spec = {.exponent_bits = 1 + static_cast<int>(rng.Below(8)),
                     .trailing_bits = static_cast<int>(rng.Below(11)),
                     .bias = 0};
  const auto families = std::to_array({formats::Specials::kIeee, formats::Specials::kFn,
                                       formats::Specials::kFnuz, formats::Specials::kFinite});
  spec.specials = rng.Pick(families);
  spec.bias = (1 << (spec.exponent_bits - 1)) - (spec.specials == formats::Specials::kFnuz ? 0 : 1);
  // Only what the generic names can say and the contract allows: take the parser's word.
  const auto parsed = formats::ParseFormat(formats::FormatName(spec));
  return parsed.ok() ? *parsed : formats::kFloat8E4m3fn;
}

// The three that weights come in, now and then another that is exact in binary32.
FormatSpec RandomSource(Rng& rng) {
  const auto usual = std::to_array({formats::kFloat32, formats::kBfloat16, formats::kFloat16});
  if (!rng.OneIn(8)) return rng.Pick(usual);
  const FormatSpec other = RandomFormat(rng);
  return formats::IsExactInFloat32(other) ? other : formats::kFloat32;
}

Rounding RandomRounding(Rng& rng, bool may_be_stochastic) {
  if (!may_be_stochastic || !rng.OneIn(3)) return rng.Pick(formats::kDeterministicRoundings);
  const auto modes = std::to_array(
      {RoundingMode::kStochasticA, RoundingMode::kStochasticB, RoundingMode::kStochasticC});
  const auto bits = std::to_array({1, 2, 3, 4, 8, 15, 16, 17, 23, 24, 31, 32});
  return {rng.Pick(modes), rng.Pick(bits)};
}

std::uint64_t RandomSide(Rng& rng) {
  switch (rng.Below(5)) {
    case 0:
      return 1 + rng.Below(4);
    case 1:
      return 31 + rng.Below(3);
    case 2:
      return 63 + rng.Below(4);
    default:
      return 1 + rng.Below(70);
  }
}

BlockShape RandomBlock(Rng& rng) {
  const auto blocks = std::to_array<BlockShape>(
      {{32, 32}, {16, 16}, {1, 32}, {32, 1}, {8, 8}, {64, 64}, {4, 128}, {1, 1}, {3, 5}, {33, 31}});
  return rng.OneIn(2) ? BlockShape{} : rng.Pick(blocks);
}

// Near the ends of 64 and 32 bits, and anywhere.
std::uint64_t RandomWord(Rng& rng) {
  switch (rng.Below(5)) {
    case 0:
      return rng.Below(4);
    case 1:
      return (std::uint64_t{1} << 32) - 2 + rng.Below(4);
    case 2:
      return ~std::uint64_t{0} - rng.Below(4);
    case 3:
      return std::uint64_t{1} << rng.Below(64);
    default:
      return rng.Next();
  }
}

// A bitwidth: mostly what a trainer would use, else anything.
Code RandomBits(Rng& rng) {
  if (rng.OneIn(16)) return WeightedCode(formats::kFloat32, rng);
  // (1..1279) / 64 in lowest terms or a whole number of bits.
  const std::uint64_t sixty_fourths = rng.OneIn(2) ? 64 * (1 + rng.Below(12)) : 1 + rng.Below(1279);
  const Code code = *formats::EncodeExact(formats::kFloat32, false, sixty_fourths, -6);
  return rng.OneIn(4) ? code + rng.Below(3) - 1 : code;
}

// How the elements of one matrix are made.
enum class Style {
  kWeights,     // Signed, log-uniform within 2^-12 of a base: what a layer looks like.
  kWeighted,    // WeightedCode.
  kPowers,      // Powers of two and their neighbours.
  kTiny,        // Subnormals and the smallest normals.
  kHuge,        // The largest binade and the one below.
  kSparse,      // Zeros of both signs, few others.
  kConstant,    // One value everywhere, signs mixed.
  kOneSpecial,  // kWeights with one weighted code somewhere.
};
constexpr std::array<Style, 8> kStyles = {Style::kWeights,  Style::kWeighted,  Style::kPowers,
                                          Style::kTiny,     Style::kHuge,      Style::kSparse,
                                          Style::kConstant, Style::kOneSpecial};

class ElementMaker {
 public:
  ElementMaker(const FormatSpec& format, Style style, Rng& rng)
      : format_(format), style_(style), rng_(rng) {
    const std::int64_t last =
        static_cast<std::int64_t>(format.max_finite_code() >> format.trailing_bits);
    const std::int64_t centre = rng.OneIn(4)
                                    ? static_cast<std::int64_t>(rng.Below(last + 1))
                                    : format.bias - static_cast<std::int64_t>(rng.Below(8));
    base_ = std::clamp<std::int64_t>(centre, 0, last);
    constant_ = FromExponent(base_);
  }

  Code Next() {
    switch (style_) {
      case Style::kWeighted:
        return WeightedCode(format_, rng_);
      case Style::kPowers: {
        const Code power = FromExponent(base_ - static_cast<std::int64_t>(rng_.Below(6)));
        return Fit((power & ~format_.trailing_mask()) + rng_.Below(3) - 1);
      }
      case Style::kTiny:
        return Fit(rng_.Below(4 * (format_.trailing_mask() + 1)) | Sign());
      case Style::kHuge:
        return (format_.max_finite_code() - rng_.Below(format_.trailing_mask() + 2)) | Sign();
      case Style::kSparse:
        return rng_.OneIn(8) ? FromExponent(base_) : Fit(Sign());
      case Style::kConstant:
        return constant_ ^ Sign();
      case Style::kWeights:
      case Style::kOneSpecial:
        break;
    }
    return FromExponent(base_ - static_cast<std::int64_t>(std::countr_zero(rng_.Next() | 4096)));
  }

 private:
  Code Sign() { return rng_.OneIn(2) ? format_.sign_mask() : 0; }
  Code Fit(Code code) const { return code & format_.code_mask(); }
  Code FromExponent(std::int64_t exponent) {
    const Code biased = exponent < 0 ? 0 : static_cast<Code>(exponent);
    return Sign() |
           std::min(biased << format_.trailing_bits | (rng_.Next() & format_.trailing_mask()),
                    format_.max_finite_code());
  }

  const FormatSpec format_;
  const Style style_;
  Rng& rng_;
  std::int64_t base_;
  Code constant_;
};

void FillMatrix(Tensor& tensor, const FormatSpec& format, Rng& rng) {
  const Style style = rng.OneIn(3) ? Style::kWeights : rng.Pick(kStyles);
  ElementMaker maker(format, style, rng);
  for (std::uint64_t i = 0; i < tensor.count(); ++i) tensor.Set(i, maker.Next());
  if (style == Style::kOneSpecial) {
    tensor.Set(rng.Below(tensor.count()), WeightedCode(format, rng));
  }
}

// The part of an operation of contract section 14 that is not its shape, block or key.
void SetRandomLevels(Operation& op, Rng& rng) {
  const auto names = std::to_array<std::string_view>(
      {"int4", "int2", "int3", "int8", "uint1", "uint4", "uint8", "sym2", "sym8", "sym16",
       "integers", "float4_e2m1fn", "float4_e3m0", "float6_e2m3fn", "float6_e3m2fn",
       "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz"});
  if (op.kind == OpKind::kFit) op.fit = rng.Pick(formats::kFitRules);
  if (op.kind == OpKind::kFit && op.fit == formats::FitRule::kBits) {
    op.bits_per_block = rng.OneIn(2);
    return;
  }
  op.levels = *formats::ParseLevels(rng.Pick(names));
  if (op.kind == OpKind::kFit && op.fit == formats::FitRule::kSawb) {
    op.levels = *formats::ParseLevels(
        rng.Pick(std::to_array<std::string_view>({"int2", "int4", "uint4", "float4_e2m1fn"})));
  }
  if (op.kind == OpKind::kFakeBackward) op.estimator = rng.Pick(formats::kEstimators);
  if (op.kind == OpKind::kRefit || (op.kind == OpKind::kFit && formats::TakesClip(op.fit)))
    op.mean_zero = rng.OneIn(2);
}

// What a scale, zero point or limit may be beside what suits the weights: ends and specials.
constexpr auto kOddNumbers = std::to_array<Code>(
    {0, 0x80000000, 0x7FC00000, 0x7F800000, 0xFF800000, 1, 0x00800000, 0x7F7FFFFF, 0xBF800000});

// Scales near those that a fit would give, so that elements fall on all levels; now and then any
// number. The zero points lie within the weights.
void FillFitted(Tensor& tensor, const Port& port, const Operation& op, const Case& c, Rng& rng) {
  const Tensor& x = c.inputs[op.kind == OpKind::kFakeBackward ? 1 : 0];
  const bool is_zero_point = port.name == "zero";
  const bool all_zero = is_zero_point && rng.OneIn(2);
  for (std::uint64_t i = 0; i < tensor.count(); ++i) {
    if (all_zero) continue;
    if (rng.OneIn(16)) {
      tensor.Set(i, rng.Pick(kOddNumbers));
      continue;
    }
    // A weight's code moved by some binades down, positive unless it is a zero point.
    const Code from_x = x.Get(rng.Below(x.count()));
    const auto wide = op.from == formats::kFloat32
                          ? std::optional<Code>(from_x)
                          : formats::EncodeExact(formats::kFloat32, op.from.IsNegative(from_x),
                                                 formats::Decode(op.from, from_x).significand,
                                                 formats::Decode(op.from, from_x).exponent);
    Code code = wide && op.from.IsFinite(from_x) ? *wide : Code{0x3C23D70A};
    if (!is_zero_point) {
      code &= formats::kFloat32.magnitude_mask();
      const Code binades = rng.Below(8) << formats::kFloat32.trailing_bits;
      if (code > binades + (Code{1} << formats::kFloat32.trailing_bits)) code -= binades;
      code ^= rng.Next() & 0xFF;
    }
    tensor.Set(i, code);
  }
}

// Numbers that random ones seldom meet: zeros of both signs as the smallest elements, and for
// scales that are powers of two elements on levels, ends and midpoints.
void PutOnEdges(Case& c, Rng& rng) {
  const Operation& op = c.op;
  const std::size_t port = op.kind == OpKind::kFakeBackward ? 1 : 0;
  Tensor& x = c.inputs[port];
  if (op.kind == OpKind::kFit) {
    if (!rng.OneIn(4)) return;
    for (std::uint64_t i = 0; i < x.count(); ++i) {
      x.Set(i, rng.OneIn(4) ? op.from.sign_mask() : x.Get(i) & op.from.magnitude_mask());
    }
    return;
  }
  if (op.kind == OpKind::kPerturb || rng.OneIn(2)) return;
  for (std::uint64_t block = 0; block < op.grid().count(); ++block) {
    const formats::Decoded any = Decode(op.from, x.Get(rng.Below(x.count())));
    const int binade = any.exponent + static_cast<int>(std::bit_width(any.significand)) - 1;
    const int exponent = std::clamp(binade - static_cast<int>(rng.Below(4)), -140, 120);
    c.inputs[port + 1].Set(block, *formats::EncodeExact(formats::kFloat32, false, 1, exponent));
    c.inputs[port + 2].Set(block, 0);
    const formats::BlockGrid::Extent extent = op.grid().ExtentOf(block);
    for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
      for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
        if (!rng.OneIn(3)) continue;
        const auto code = formats::EncodeExact(op.from, rng.OneIn(2), rng.Below(80), exponent - 2);
        if (code) x.Set(row * op.shape.cols + col, *code);
      }
    }
  }
}

}  // namespace

Operation RandomOperation(OpKind kind, Rng& rng) {
  for (;;) {
    Operation op;
    op.kind = kind;
    op.shape = {.rows = rng.OneIn(3) ? 1 : RandomSide(rng), .cols = RandomSide(rng)};
    if (rng.OneIn(8)) op.shape = {.rows = 1, .cols = 1 + rng.Below(3000)};
    const bool is_cast = kind == OpKind::kCast;
    if (is_cast) {
      op.from = rng.OneIn(2) ? RandomSource(rng) : RandomFormat(rng);
      op.shape.rows = rng.OneIn(4) ? op.shape.rows : 1;
    } else if (kind != OpKind::kNoise && kind != OpKind::kScale && kind != OpKind::kDequantize) {
      op.from = RandomSource(rng);
    }
    if (is_cast || kind == OpKind::kSample || kind == OpKind::kDequantize) {
      op.to = kind == OpKind::kSample && rng.OneIn(3) ? formats::kBfloat16 : RandomFormat(rng);
      op.rounding = RandomRounding(rng, kind != OpKind::kDequantize);
      op.overflow = rng.Pick(formats::kOverflows);
    }
    if (is_cast && op.rounding.is_stochastic() && rng.OneIn(2)) {
      const int unused = 32 - op.rounding.random_bits;
      op.random = static_cast<std::uint32_t>(rng.OneIn(4) ? ~0u : rng.Next()) >> unused;
    }
    const bool is_fitted = kind == OpKind::kFit || kind == OpKind::kRefit ||
                           kind == OpKind::kFakeQuantize || kind == OpKind::kFakeBackward;
    if (is_fitted) SetRandomLevels(op, rng);
    const bool draws_signs =
        kind == OpKind::kFakeBackward && op.estimator != formats::Estimator::kLsq;
    const bool has_noise = kind == OpKind::kNoise || kind == OpKind::kSample ||
                           kind == OpKind::kBackward || kind == OpKind::kPerturb;
    if (has_noise) op.law = rng.Pick(formats::kNoiseLaws);
    if (has_noise || draws_signs || (is_cast && op.rounding.is_stochastic() && !op.random)) {
      op.key = {RandomWord(rng), RandomWord(rng), rng.OneIn(2) ? RandomWord(rng) : rng.Below(300)};
    }
    if (kind == OpKind::kNoise && formats::HasIntegerNoise(op.law) && rng.OneIn(3)) {
      op.packing = formats::NoisePacking::kNibbles;
    }
    if (kind == OpKind::kBlockMax || kind == OpKind::kSample || kind == OpKind::kBackward ||
        is_fitted || kind == OpKind::kPerturb) {
      op.block = RandomBlock(rng);
    }
    if (kind == OpKind::kScale || kind == OpKind::kSample) {
      op.pow2 = rng.OneIn(4);
      op.bits_per_block = rng.OneIn(3);
    }
    if (kind == OpKind::kQuantize || kind == OpKind::kDequantize) {
      op.block_format = rng.Pick(formats::kBlockFormats);
      op.square = rng.OneIn(3);
      if (kind == OpKind::kQuantize && !op.block_format.has_tensor_scale) {
        op.rule = rng.Pick(formats::kScaleRules);
      }
      if (kind == OpKind::kQuantize && op.block_format.element_bits == 4 && rng.OneIn(2)) {
        op.rule = formats::ScaleRule::kBest;
      }
    }
    if (op.shape.rows > 1 && rng.OneIn(3)) op.shape.index_stride = op.shape.cols + rng.Below(100);
    if (formats::ValidateOperation(op).ok()) return op;
  }
}

Operation RandomCall(const Operation& prototype, Rng& rng) {
  for (;;) {
    const Operation other = RandomOperation(prototype.kind, rng);
    Operation op = prototype;
    op.shape = other.shape;
    op.key = {RandomWord(rng), RandomWord(rng), rng.OneIn(2) ? RandomWord(rng) : rng.Below(300)};
    op.pow2 = other.pow2;
    op.bits_per_block = other.bits_per_block;
    const bool has_public_rules =
        !prototype.block_format.has_tensor_scale && prototype.rule != formats::ScaleRule::kBest;
    if (has_public_rules) op.rule = rng.Pick(formats::kScaleRules);
    if (rng.OneIn(2)) {
      op.shape = {.rows = 32 * (1 + rng.Below(3)), .cols = 32 * (1 + rng.Below(3))};
      if (rng.OneIn(2)) op.shape.rows += rng.Below(32);
      op.key.offset &= ~std::uint64_t{63};
    }
    if (formats::ValidateOperation(op).ok()) return op;
  }
}

Case RandomCase(const Operation& op, Rng& rng) {
  Case c = formats::EmptyCase(op);
  const formats::Signature signature = formats::SignatureOf(op);
  for (std::size_t p = 0; p < c.inputs.size(); ++p) {
    const Port& port = signature.inputs[p];
    Tensor& tensor = c.inputs[p];
    if (port.type.kind != formats::ElementKind::kCode) {
      for (std::uint64_t i = 0; i < port.count; ++i) tensor.Set(i, rng.Below(256));
    } else if ((port.name == "scale" && op.kind != OpKind::kBackward) || port.name == "zero" ||
               port.name == "limit") {
      FillFitted(tensor, port, op, c, rng);
    } else if (port.name == "clip") {
      tensor.Set(0, rng.OneIn(4) ? rng.Pick(kOddNumbers) : 0x40000000 + rng.Below(0x00800000));
    } else if (port.name == "bits") {
      for (std::uint64_t i = 0; i < port.count; ++i) tensor.Set(i, RandomBits(rng));
    } else if (op.kind == OpKind::kCast) {
      const bool near = rng.OneIn(2);
      for (std::uint64_t i = 0; i < port.count; ++i) {
        tensor.Set(i, near ? WeightedCodeNear(op.from, op.to, rng) : WeightedCode(op.from, rng));
      }
    } else if (port.name == "elements") {
      for (std::uint64_t i = 0; i < port.count; ++i) {
        tensor.Set(i, rng.Next() & port.type.format.code_mask());
      }
    } else {
      FillMatrix(tensor, port.type.format, rng);
    }
  }
  if (op.kind >= OpKind::kFit) PutOnEdges(c, rng);
  return c;
}

}  // namespace ulproof::reference
