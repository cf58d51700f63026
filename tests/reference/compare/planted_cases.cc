// SPDX-License-Identifier: Apache-2.0
#include "tests/reference/compare/planted_cases.h"

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "reference/compare/inputs.h"

namespace ulproof::reference {
namespace {

// An element of |R| = 3 under rg32 follows (found by search; P = 5.7e-7).
constexpr formats::RandomKey kThree = {.seed = 1, .stream = 2, .offset = 1'644'488};

// Cases that random inputs would hardly meet: the contract's example of two roundings that are not
// one (section 7), and a maximum whose product with 1 / max is on the other side of a power of two
// than its quotient.
constexpr std::string_view kKnown[] = {
    "sample from=bfloat16 to=bfloat16 law=rg16 bits=tensor shape=1x2 seed=1 stream=2 | "
    "w=3f80,3f96 bits=40b89ed3",
    "quantize from=float32 format=mxint8 rule=rceil shape=1x2 | w=367e0001,0",
    // 2 s overflows and 2 s + w does not.
    "sample from=bfloat16 to=bfloat16 law=rg16 shape=1x1 seed=1 stream=2 offset=106907 | "
    "w=ff7f bits=3f800000",
    // U is a threshold, or one less.
    "noise law=rg16 shape=1x1 seed=1 stream=2 offset=51739",
    "noise law=rg16 shape=1x1 seed=1 stream=2 offset=67203",
    "noise law=rg16 shape=1x1 seed=1 stream=2 offset=3502",
    "noise law=rg16 shape=1x1 seed=1 stream=2 offset=106907",
    "noise law=rgbits shape=1x1 seed=1 stream=2 offset=4213",
    "noise law=rgbits shape=1x1 seed=1 stream=2 offset=2649",
    // Rounding noises that are nearly alike: aewgs's step is far above its limit.
    "fake_backward from=bfloat16 levels=int4 gradient=aewgs shape=1x2 | "
    "grad=3f80,3f80 x=3fa6,3fa8 scale=3f800000 zero=0",
};

using formats::Case;
using formats::Operation;
using formats::OpKind;

// NVFP4 groups whose scales are near enough to a midpoint of float8_e4m3fn that each order of the
// roundings on the way decides otherwise (found by search): maxima of the tensor and of groups.
void PutNearTies(formats::Tensor& input, bool first) {
  const formats::Code tensor_max = first ? 0x3F82 : 0x3F8C;  // 1.015625, 1.09375
  const formats::Code group_maxima[2][2] = {{0x3C91, 0x3CFA}, {0x3CC3, 0x3D43}};
  for (std::uint64_t i = 0; i < input.count(); ++i) input.Set(i, 0x3980 + i % 7);
  for (std::uint64_t i = 3; i < input.count(); i += 16) {
    input.Set(i, group_maxima[first ? 1 : 0][i / 16 % 2]);
  }
  input.Set(0, tensor_max);
}

// Something for every rule about special values, a different thing in each case.
void Sprinkle(Case& c, std::size_t turn, Rng& rng) {
  for (formats::Tensor& input : c.inputs) {
    if (input.type().kind != formats::ElementKind::kCode) continue;
    const formats::FormatSpec& format = input.type().format;
    // A special bitwidth or scale would hide what a special weight does.
    if (&input != &c.inputs[0] && turn % 12 < 6) continue;
    const auto put = [&](formats::Code code) { input.Set(rng.Below(input.count()), code); };
    switch (turn % 6) {
      case 0:
        if (format.has_infinity()) put(format.infinity_code());
        break;
      case 1:
        if (format.has_nan()) put(format.canonical_nan_code() | format.sign_mask());
        break;
      case 2:  // Subnormals and zeros of both signs.
        for (std::uint64_t i = 0; i < input.count(); i += 3) {
          put(rng.Next() & (format.trailing_mask() | format.sign_mask()));
          put(format.sign_mask());
        }
        break;
      case 3:  // A group of zeros.
        for (std::uint64_t i = 0; i < std::min<std::uint64_t>(32, input.count()); ++i) {
          if (&input == &c.inputs[0]) input.Set(i, 0);
        }
        break;
      case 4:  // 448, 6 and 7.5 at many places: the largest values of narrow formats.
        if (format.exponent_bits == 8 && format.trailing_bits >= 7) {
          for (const formats::Code top : {0x43E0u, 0x40C0u, 0x40F0u}) {
            put(top << (format.trailing_bits - 7));
          }
        }
        break;
      default:
        if (format == formats::kBfloat16) PutNearTies(input, turn / 6 % 2 == 0);
        break;
    }
    if (turn % 9 == 4) {  // Subnormals alone.
      for (std::uint64_t i = 0; i < input.count(); ++i) {
        if (&input == &c.inputs[0]) {
          input.Set(i, input.Get(i) & (format.sign_mask() | format.trailing_mask()));
        }
      }
    }
  }
}

constexpr std::size_t kPlain = ~std::size_t{0};

void Add(std::vector<Case>& cases, Operation op, formats::Shape shape, formats::RandomKey key,
         Rng& rng, std::optional<std::size_t> turn = {}) {
  op.shape = shape;
  op.key = key;
  ULPROOF_CHECK(formats::ValidateOperation(op).ok());
  cases.push_back(RandomCase(op, rng));
  if (turn != kPlain) Sprinkle(cases.back(), turn.value_or(cases.size()), rng);
}

}  // namespace

std::vector<std::string_view> PlantableOperations(OpKind kind) {
  switch (kind) {
    case OpKind::kNoise:
      return {"noise law=rg16", "noise law=rg16 pack=nibbles", "noise law=rg32", "noise law=rgbits",
              "noise law=uniform"};
    case OpKind::kCast:
      return {"cast from=float32 to=float8_e4m3fn round=rne overflow=sat",
              "cast from=float32 to=bfloat16 round=rne overflow=ovf",
              "cast from=float32 to=float8_e5m2 round=sra5 overflow=sat",
              "cast from=float32 to=bfloat16 round=rtz overflow=ovf",
              "cast from=float32 to=float8_e4m3fn round=rne overflow=ovf",
              "cast from=float64 to=bfloat16 round=rne overflow=ovf",
              "cast from=float32 to=float8_e5m2 round=src8 overflow=ovf"};
    case OpKind::kBlockMax:
      return {"block_max from=bfloat16", "block_max from=float32 block=32x16"};
    case OpKind::kScale:
      return {"scale", "scale bits=block", "scale pow2=1"};
    case OpKind::kSample:
      return {"sample from=bfloat16 to=bfloat16 law=rg16",
              "sample from=float32 to=float8_e4m3fn law=rg32 bits=block overflow=sat",
              "sample from=bfloat16 to=bfloat16 law=rgbits pow2=1",
              "sample from=float32 to=float32 law=uniform block=32x8",
              "sample from=float32 to=bfloat16 round=sra8 bits=block"};
    case OpKind::kBackward:
      return {"backward from=bfloat16 law=rg16", "backward from=float32 law=rg32",
              "backward from=float32 law=rgbits block=8x8",
              "backward from=float32 law=uniform block=8x8"};
    case OpKind::kQuantize:
      return {"quantize from=bfloat16 format=mxfp8_e4m3",
              "quantize from=float32 format=mxint8 rule=rceil",
              "quantize from=float32 format=mxfp4 rule=rceil",
              "quantize from=bfloat16 format=nvfp4",
              "quantize from=float32 format=mxfp8_e5m2 rule=even"};
    case OpKind::kDequantize:
      return {"dequantize format=mxfp8_e4m3 to=bfloat16", "dequantize format=nvfp4 to=float64",
              "dequantize format=mxfp8_e5m2 to=float8_e4m3fn round=rtz overflow=sat",
              "dequantize format=mxfp4 to=float32"};
    case OpKind::kFit:
      return {"fit from=bfloat16 fit=sigma levels=int4", "fit from=float32 fit=minmax levels=int4",
              "fit from=bfloat16 fit=bits"};
    case OpKind::kRefit:
      return {"refit from=float32 levels=int4", "refit from=bfloat16 levels=int4 zero=mean"};
    case OpKind::kFakeQuantize:
      return {"fake_quantize from=float32 levels=int4",
              "fake_quantize from=bfloat16 levels=float4_e2m1fn"};
    case OpKind::kPerturb:
      return {"perturb from=float32 law=uniform"};
    case OpKind::kFakeBackward:
      return {"fake_backward from=float32 levels=int4 gradient=gdnsq",
              "fake_backward from=bfloat16 levels=int4 gradient=aewgs",
              "fake_backward from=bfloat16 levels=float4_e2m1fn gradient=lsq"};
  }
  return {};
}

std::vector<Case> PlantedCases(std::string_view operation) {
  const auto op = formats::ParseOperation(operation);
  ULPROOF_CHECK(op.ok(), op.error().ToString());
  constexpr std::uint64_t k2To32 = std::uint64_t{1} << 32;
  Rng rng(7);
  std::vector<Case> cases;
  for (const std::uint64_t cols : {1u, 5u, 8u, 31u, 32u, 40u, 64u, 96u}) {
    Add(cases, *op, {1, cols}, {cols, 3 * cols, 0}, rng);
  }
  Add(cases, *op, {3, 7}, {1, 2, 3}, rng);
  Add(cases, *op, {2, 24, 40}, {1, 2, 8}, rng);
  Add(cases, *op, {3, 8, k2To32 + 8}, {rng.Next(), 5, 2}, rng);
  Add(cases, *op, {33, 9}, {rng.Next(), rng.Next(), k2To32 - 100}, rng);
  Add(cases, *op, {40, 40}, {rng.Next(), rng.Next(), 16}, rng);
  Add(cases, *op, {8, 64}, {7, k2To32 + 1, 8 * k2To32}, rng);
  Add(cases, *op, {64, 64}, {k2To32, 9, 36 * k2To32}, rng);
  Add(cases, *op, {32, 72, 80}, {rng.Next(), rng.Next(), rng.Next() >> 8}, rng);
  // rg32 gives 3 here.
  Add(cases, *op, {1, 32}, kThree, rng);
  Add(cases, *op, {1, 500}, {rng.Next(), rng.Next(), rng.Next() >> 8}, rng);
  // Whole blocks without anything special, and with a NaN or an infinity.
  Add(cases, *op, {40, 40}, {3, 4, 5}, rng, kPlain);
  Add(cases, *op, {64, 32}, {3, 4, 64}, rng, kPlain);
  Add(cases, *op, {32, 32}, {rng.Next(), 4, 64}, rng, 0);
  Add(cases, *op, {32, 32}, {rng.Next(), 4, 64}, rng, 1);
  // Where in a block the maximum is decides what a wrong maximum shows.
  if (op->kind == OpKind::kBlockMax) Add(cases, *op, {64, 256}, {}, rng, kPlain);
  // Sums of whole blocks, each rounded differently in another order; many groups, some of whose
  // errors are nearly alike.
  if (op->kind >= OpKind::kFit) Add(cases, *op, {64, 128}, {5, 6, 8}, rng, kPlain);
  if (op->rule == formats::ScaleRule::kBest) Add(cases, *op, {32, 512}, {}, rng, kPlain);
  for (const std::string_view line : kKnown) {
    if (!line.starts_with(operation)) continue;
    cases.push_back(*formats::ParseCase(line));
  }
  return cases;
}

}  // namespace ulproof::reference
