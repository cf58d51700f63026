// SPDX-License-Identifier: Apache-2.0
// An operation of the contract as data: what is computed, on which formats, shape and random key.
// It has one canonical spelling that prints, parses, names test cases and replays them:
//
//   cast from=float32 to=float8_e4m3fn round=rne overflow=sat shape=1x3
//   noise law=rg16 pack=int8 shape=1x64 seed=1 stream=2 offset=5
//
// and a signature: the buffers that go in and come out, in order.
#ifndef ULPROOF_FORMATS_OPERATION_H_
#define ULPROOF_FORMATS_OPERATION_H_

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/block_spec.h"
#include "formats/catalogue.h"
#include "formats/levels.h"
#include "formats/noise_law.h"
#include "formats/rounding.h"
#include "formats/tensor.h"

namespace ulproof::formats {

//            inputs                              outputs                      contract section
enum class OpKind : std::uint8_t {
  kNoise,       // -                                  noise                            5
  kCast,        // x                                  y                                3
  kBlockMax,    // w                                  max: float32 a block             6
  kScale,       // max, bits: float32                 scale: float32 each              6
  kSample,      // w, bits: float32                   sampled                          7
  kBackward,    // grad, scale: float32 a block       grad_bits: float32 a block       8
  kQuantize,    // w                                  elements, scales[, tensor_scale] 9
  kDequantize,  // elements, scales[, tensor_scale]   y                                9
  // Scales and zero points are float32, one a block.
  kFit,           // x[, bits or clip]          scale, zero                             14
  kRefit,         // x, scale, zero             scale, zero                             14
  kFakeQuantize,  // x, scale, zero             y: float32                              14
  kFakeBackward,  // grad, x, scale, zero       grad_x: float32, grad_scale a block     14
  kPerturb,       // x, scale, limit            y: float32                              14
};
inline constexpr std::array<OpKind, 13> kOpKinds = {
    OpKind::kNoise,  OpKind::kCast,     OpKind::kBlockMax,     OpKind::kScale,
    OpKind::kSample, OpKind::kBackward, OpKind::kQuantize,     OpKind::kDequantize,
    OpKind::kFit,    OpKind::kRefit,    OpKind::kFakeQuantize, OpKind::kFakeBackward,
    OpKind::kPerturb};

// "noise", "cast", "block_max", "scale", "sample", "backward", "quantize", "dequantize", "fit",
// "refit", "fake_quantize", "fake_backward", "perturb".
std::string_view OpKindName(OpKind kind);
base::Result<OpKind> ParseOpKind(std::string_view name);

// How integer noise travels.
enum class NoisePacking : std::uint8_t { kInt8, kNibbles };

// Fields that a kind does not use (see Uses in operation.cc) keep their defaults and do not
// count.
struct Operation {
  OpKind kind = OpKind::kCast;
  FormatSpec from = kFloat32;
  FormatSpec to = kBfloat16;
  Rounding rounding = {};
  Overflow overflow = Overflow::kIeee;
  // cast only: one r for all elements of a stochastic rounding. Without it, the r of an element is
  // the low N bits of rg16's u (N <= 16) or rg32's u, drawn from `key` with kRoundingStreamBit
  // flipped.
  std::optional<std::uint32_t> random = {};
  NoiseLaw law = NoiseLaw::kRg16;
  NoisePacking packing = NoisePacking::kInt8;
  BlockShape block = {};
  bool pow2 = false;            // Rounds the maximum up to a power of two before scaling.
  bool bits_per_block = false;  // One bitwidth a block instead of one for the tensor.
  BlockFormat block_format = kBlockFormats[0];
  ScaleRule rule = ScaleRule::kFloor;
  bool square = false;
  Levels levels = {};  // The five kinds of section 14.
  FitRule fit = FitRule::kMinmax;
  bool mean_zero = false;  // fit and refit: the zero point is a mean, not 0.
  Estimator estimator = Estimator::kLsq;
  Shape shape = {};
  RandomKey key = {};

  friend bool operator==(const Operation&, const Operation&) = default;

  BlockGrid grid() const { return {shape, block}; }
  // The scale groups of kQuantize and kDequantize.
  BlockGrid scale_grid() const { return {shape, ScaleBlock(block_format, square)}; }
};

// The canonical spelling: the kind, then key=value for every key that the kind uses, in fixed
// order.
std::string OperationName(const Operation& op);

// Accepts keys in any order; missing keys keep their defaults. The result is valid
// (ValidateOperation). Errors name the word and its column.
base::Result<Operation> ParseOperation(std::string_view text);

// Whether the operation means something: no empty shape, at most 2^40 elements, logical indices
// below 2^64, formats that the contract allows in their place, r within its N bits.
base::Status ValidateOperation(const Operation& op);

// Whether every value of `from` is a value of binary32.
bool IsExactInFloat32(const FormatSpec& from);

struct Port {
  std::string_view name;
  ElementType type;
  std::uint64_t count;
  // An output whose NaNs are promised to be the canonical code; elsewhere any NaN equals any NaN.
  bool canonical_nan = false;
};
struct Signature {
  std::vector<Port> inputs;
  std::vector<Port> outputs;
};
// Precondition: the operation is valid.
Signature SignatureOf(const Operation& op);

}  // namespace ulproof::formats

#endif  // ULPROOF_FORMATS_OPERATION_H_
