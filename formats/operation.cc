// SPDX-License-Identifier: Apache-2.0
#include "formats/operation.h"

#include <fmt/format.h>

#include "base/text.h"

namespace ulproof::formats {
namespace {

using base::Result;
using base::Status;
using base::UsageError;

constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 40;

// Indexed by OpKind.
constexpr std::array<std::string_view, 13> kKindNames = {
    "noise",      "cast", "block_max", "scale",         "sample",        "backward", "quantize",
    "dequantize", "fit",  "refit",     "fake_quantize", "fake_backward", "perturb"};

// The words of a spelling, in the order in which they are printed.
enum class Key {
  kFrom,
  kTo,
  kRound,
  kOverflow,
  kLaw,
  kPack,
  kFormat,
  kRule,
  kSquare,
  kLevels,
  kFit,
  kZero,
  kGradient,
  kBlock,
  kPow2,
  kBits,
  kShape,
  kStride,
  kRandom,
  kSeed,
  kStream,
  kOffset,
};
constexpr std::array<std::string_view, 22> kKeyNames = {
    "from",   "to",     "round",  "overflow", "law",      "pack",  "format", "rule",
    "square", "levels", "fit",    "zero",     "gradient", "block", "pow2",   "bits",
    "shape",  "stride", "random", "seed",     "stream",   "offset"};
constexpr std::size_t kKeyCount = kKeyNames.size();

// Whether a key has a meaning for this operation.
bool Uses(const Operation& op, Key key) {
  const bool rounds =
      op.kind == OpKind::kCast || op.kind == OpKind::kSample || op.kind == OpKind::kDequantize;
  const bool has_noise = op.kind == OpKind::kNoise || op.kind == OpKind::kSample ||
                         op.kind == OpKind::kBackward || op.kind == OpKind::kPerturb;
  const bool fits = op.kind == OpKind::kFit || op.kind == OpKind::kRefit;
  const bool fakes = op.kind == OpKind::kFakeQuantize || op.kind == OpKind::kFakeBackward;
  const bool scales_groups = op.kind == OpKind::kQuantize || op.kind == OpKind::kDequantize;
  switch (key) {
    case Key::kFrom:
      return op.kind != OpKind::kNoise && op.kind != OpKind::kScale &&
             op.kind != OpKind::kDequantize;
    case Key::kTo:
    case Key::kRound:
    case Key::kOverflow:
      return rounds;
    case Key::kLaw:
      return has_noise;
    case Key::kPack:
      return op.kind == OpKind::kNoise && HasIntegerNoise(op.law);
    case Key::kFormat:
    case Key::kSquare:
      return scales_groups;
    case Key::kRule:
      // NVFP4 has one rule and, beside it, the best of two scales.
      return op.kind == OpKind::kQuantize &&
             (!op.block_format.has_tensor_scale || op.rule == ScaleRule::kBest);
    case Key::kLevels:
      return op.kind == OpKind::kRefit || fakes ||
             (op.kind == OpKind::kFit && op.fit != FitRule::kBits);
    case Key::kFit:
      return op.kind == OpKind::kFit;
    case Key::kZero:
      return op.kind == OpKind::kRefit || (op.kind == OpKind::kFit && TakesClip(op.fit));
    case Key::kGradient:
      return op.kind == OpKind::kFakeBackward;
    case Key::kBlock:
      return op.kind == OpKind::kBlockMax || op.kind == OpKind::kSample ||
             op.kind == OpKind::kBackward || fits || fakes || op.kind == OpKind::kPerturb;
    case Key::kPow2:
      return op.kind == OpKind::kScale || op.kind == OpKind::kSample;
    case Key::kBits:
      return op.kind == OpKind::kScale || op.kind == OpKind::kSample ||
             (op.kind == OpKind::kFit && op.fit == FitRule::kBits);
    case Key::kShape:
      return true;
    case Key::kStride:
      return op.shape.index_stride != 0;
    case Key::kRandom:
      return op.random.has_value();
    case Key::kSeed:
    case Key::kStream:
    case Key::kOffset:
      return has_noise || (op.kind == OpKind::kCast && op.rounding.is_stochastic() && !op.random) ||
             (op.kind == OpKind::kFakeBackward && op.estimator != Estimator::kLsq);
  }
  return false;
}

std::string ValueText(const Operation& op, Key key) {
  switch (key) {
    case Key::kFrom:
      return FormatName(op.from);
    case Key::kTo:
      return FormatName(op.to);
    case Key::kRound:
      return RoundingName(op.rounding);
    case Key::kOverflow:
      return std::string(OverflowName(op.overflow));
    case Key::kLaw:
      return std::string(NoiseLawName(op.law));
    case Key::kPack:
      return op.packing == NoisePacking::kInt8 ? "int8" : "nibbles";
    case Key::kFormat:
      return std::string(op.block_format.name);
    case Key::kRule:
      return std::string(ScaleRuleName(op.rule));
    case Key::kSquare:
      return op.square ? "1" : "0";
    case Key::kLevels:
      return LevelsName(op.levels);
    case Key::kFit:
      return std::string(FitRuleName(op.fit));
    case Key::kZero:
      return op.mean_zero ? "mean" : "0";
    case Key::kGradient:
      return std::string(EstimatorName(op.estimator));
    case Key::kBlock:
      return BlockShapeName(op.block);
    case Key::kPow2:
      return op.pow2 ? "1" : "0";
    case Key::kBits:
      return op.bits_per_block ? "block" : "tensor";
    case Key::kShape:
      return fmt::format("{}x{}", op.shape.rows, op.shape.cols);
    case Key::kStride:
      return fmt::format("{}", op.shape.index_stride);
    case Key::kRandom:
      return fmt::format("{}", *op.random);
    case Key::kSeed:
      return fmt::format("{}", op.key.seed);
    case Key::kStream:
      return fmt::format("{}", op.key.stream);
    case Key::kOffset:
      return fmt::format("{}", op.key.offset);
  }
  return {};
}

// Stores a parsed value, or returns its error.
template <typename T, typename Field>
Status Store(const Result<T>& parsed, Field& field) {
  if (!parsed.ok()) return parsed.error();
  field = static_cast<Field>(*parsed);
  return base::Done{};
}

// One of two words.
Status StoreChoice(std::string_view value, std::string_view no, std::string_view yes, bool& field) {
  if (value != no && value != yes)
    return UsageError(fmt::format("'{}' is neither '{}' nor '{}'", value, no, yes));
  field = value == yes;
  return base::Done{};
}

Status StoreShape(std::string_view value, Shape& shape) {
  const auto sides = base::Split(value, 'x');
  if (sides.size() != 2)
    return UsageError(fmt::format("shape '{}' is not ROWSxCOLS, as in 3x5", value));
  const auto rows = base::ParseUnsigned(sides[0], "rows", kMaxElements);
  if (!rows.ok()) return rows.error();
  const auto cols = base::ParseUnsigned(sides[1], "columns", kMaxElements);
  if (!cols.ok()) return cols.error();
  shape.rows = *rows;
  shape.cols = *cols;
  return base::Done{};
}

Status StoreValue(Key key, std::string_view value, Operation& op) {
  switch (key) {
    case Key::kFrom:
      return Store(ParseFormat(value), op.from);
    case Key::kTo:
      return Store(ParseFormat(value), op.to);
    case Key::kRound:
      return Store(ParseRounding(value), op.rounding);
    case Key::kOverflow:
      return Store(ParseOverflow(value), op.overflow);
    case Key::kLaw:
      return Store(ParseNoiseLaw(value), op.law);
    case Key::kPack: {
      bool nibbles = false;
      const Status status = StoreChoice(value, "int8", "nibbles", nibbles);
      op.packing = nibbles ? NoisePacking::kNibbles : NoisePacking::kInt8;
      return status;
    }
    case Key::kFormat:
      return Store(ParseBlockFormat(value), op.block_format);
    case Key::kRule:
      return Store(ParseScaleRule(value), op.rule);
    case Key::kSquare:
      return StoreChoice(value, "0", "1", op.square);
    case Key::kLevels:
      return Store(ParseLevels(value), op.levels);
    case Key::kFit:
      return Store(ParseFitRule(value), op.fit);
    case Key::kZero:
      return StoreChoice(value, "0", "mean", op.mean_zero);
    case Key::kGradient:
      return Store(ParseEstimator(value), op.estimator);
    case Key::kBlock:
      return Store(ParseBlockShape(value), op.block);
    case Key::kPow2:
      return StoreChoice(value, "0", "1", op.pow2);
    case Key::kBits:
      return StoreChoice(value, "tensor", "block", op.bits_per_block);
    case Key::kShape:
      return StoreShape(value, op.shape);
    case Key::kStride:
      return Store(base::ParseUnsigned(value, "stride"), op.shape.index_stride);
    case Key::kRandom:
      return Store(base::ParseUnsigned(value, "random", UINT32_MAX), op.random.emplace());
    case Key::kSeed:
      return Store(base::ParseUnsigned(value, "seed"), op.key.seed);
    case Key::kStream:
      return Store(base::ParseUnsigned(value, "stream"), op.key.stream);
    case Key::kOffset:
      return Store(base::ParseUnsigned(value, "offset"), op.key.offset);
  }
  return base::Done{};
}

base::Error AtColumn(base::Error error, std::size_t index) {
  error.line = 1;
  error.column = static_cast<int>(index) + 1;
  error.message = "operation: " + error.message;
  return error;
}

}  // namespace

std::string_view OpKindName(OpKind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

Result<OpKind> ParseOpKind(std::string_view name) {
  for (const OpKind kind : kOpKinds) {
    if (name == OpKindName(kind)) return kind;
  }
  return base::UnknownName("operation", name, kKindNames);
}

std::string OperationName(const Operation& op) {
  std::string name(OpKindName(op.kind));
  for (std::size_t i = 0; i < kKeyCount; ++i) {
    const Key key = static_cast<Key>(i);
    if (Uses(op, key)) name += fmt::format(" {}={}", kKeyNames[i], ValueText(op, key));
  }
  return name;
}

Result<Operation> ParseOperation(std::string_view text) {
  Operation op;
  std::array<std::size_t, kKeyCount> column{};  // 1-based place of each key that was given.
  bool have_kind = false;
  for (std::size_t begin = 0; (begin = text.find_first_not_of(' ', begin)) != text.npos;) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    if (!have_kind) {
      const auto kind = ParseOpKind(word);
      if (!kind.ok()) return AtColumn(kind.error(), begin);
      op.kind = *kind;
      have_kind = true;
    } else {
      const std::size_t equals = word.find('=');
      if (equals == word.npos)
        return AtColumn(UsageError(fmt::format("'{}' is not key=value", word)), begin);
      const auto known = std::find(kKeyNames.begin(), kKeyNames.end(), word.substr(0, equals));
      if (known == kKeyNames.end()) {
        return AtColumn(base::UnknownName("key", word.substr(0, equals), kKeyNames), begin);
      }
      const std::size_t index = known - kKeyNames.begin();
      if (column[index] != 0)
        return AtColumn(UsageError(fmt::format("'{}' is given twice", *known)), begin);
      column[index] = begin + 1;
      const Status stored = StoreValue(static_cast<Key>(index), word.substr(equals + 1), op);
      if (!stored.ok()) return AtColumn(stored.error(), begin + equals + 1);
    }
    begin = end;
  }
  if (!have_kind) return AtColumn(UsageError("empty; expected one of noise, cast, sample, ..."), 0);
  for (std::size_t i = 0; i < kKeyCount; ++i) {
    const Key key = static_cast<Key>(i);
    if (column[i] == 0 || Uses(op, key) || (key == Key::kStride && op.shape.index_stride == 0))
      continue;
    return AtColumn(UsageError(fmt::format("'{}' has no meaning for this {}", kKeyNames[i],
                                           OpKindName(op.kind))),
                    column[i] - 1);
  }
  if (const Status valid = ValidateOperation(op); !valid.ok()) return AtColumn(valid.error(), 0);
  return op;
}

bool IsExactInFloat32(const FormatSpec& from) {
  return from.trailing_bits <= kFloat32.trailing_bits &&
         from.quantum_exponent() >= kFloat32.quantum_exponent() &&
         from.max_exponent() <= kFloat32.max_exponent();
}

Status ValidateOperation(const Operation& op) {
  const Shape& shape = op.shape;
  if (shape.rows == 0 || shape.cols == 0) {
    return UsageError(fmt::format("shape {}x{} has no elements", shape.rows, shape.cols));
  }
  if (shape.rows > kMaxElements / shape.cols) {
    return UsageError(
        fmt::format("shape {}x{} has more than 2^40 elements", shape.rows, shape.cols));
  }
  if (shape.index_stride != 0 && shape.index_stride < shape.cols) {
    return UsageError(
        fmt::format("stride {} is less than the {} columns", shape.index_stride, shape.cols));
  }
  if (shape.rows > 1 && shape.stride() > UINT64_MAX / (shape.rows - 1)) {
    return UsageError(
        fmt::format("{} rows of stride {} pass element 2^64", shape.rows, shape.stride()));
  }
  const std::uint64_t last = (shape.rows - 1) * shape.stride();
  if (last > UINT64_MAX - (shape.cols - 1) ||
      op.key.offset > UINT64_MAX - (last + shape.cols - 1)) {
    return UsageError(fmt::format("offset {} with shape {}x{} passes element 2^64", op.key.offset,
                                  shape.rows, shape.cols));
  }
  const bool scales_groups = op.kind == OpKind::kQuantize || op.kind == OpKind::kDequantize;
  const bool needs_float32 = Uses(op, Key::kFrom) && op.kind != OpKind::kCast;
  if (needs_float32 && !IsExactInFloat32(op.from)) {
    return UsageError(fmt::format("{} takes formats that are exact in float32; {} is not",
                                  OpKindName(op.kind), FormatName(op.from)));
  }
  if (scales_groups && op.block_format.group == 0) return UsageError("block format has no group");
  if (op.kind == OpKind::kQuantize && op.rule == ScaleRule::kBest &&
      op.block_format.element_bits != 4) {
    return UsageError(fmt::format("rule best is for the 4-bit formats; {} has {} bits",
                                  op.block_format.name, op.block_format.element_bits));
  }
  if (op.kind == OpKind::kFit && op.fit != FitRule::kBits &&
      op.levels.kind == Levels::Kind::kAllIntegers) {
    return UsageError("fit needs levels that end; integers do not");
  }
  if (op.kind == OpKind::kFit && op.fit == FitRule::kSawb) {
    const int bits = LevelsBits(op.levels);
    if (bits != 2 && bits != 4) {
      return UsageError(fmt::format("sawb has constants for 2 and 4 bits only; {} has {}",
                                    LevelsName(op.levels), bits));
    }
  }
  if (op.random) {
    if (op.kind != OpKind::kCast || !op.rounding.is_stochastic()) {
      return UsageError("random is for stochastic casts only");
    }
    if (op.rounding.random_bits < 32 && *op.random >> op.rounding.random_bits != 0) {
      return UsageError(fmt::format("random {} does not fit in the {} bits of {}", *op.random,
                                    op.rounding.random_bits, RoundingName(op.rounding)));
    }
  }
  if (op.kind == OpKind::kDequantize && op.rounding.is_stochastic()) {
    return UsageError("dequantize rounds deterministically");
  }
  if (op.kind == OpKind::kNoise && op.packing == NoisePacking::kNibbles &&
      !HasIntegerNoise(op.law)) {
    return UsageError(fmt::format("noise of law {} does not fit in nibbles", NoiseLawName(op.law)));
  }
  return base::Done{};
}

Signature SignatureOf(const Operation& op) {
  const std::uint64_t count = op.shape.count();
  const auto float32 = [](std::string_view name, std::uint64_t n) {
    return Port{.name = name, .type = ElementType::CodeOf(kFloat32), .count = n};
  };
  const auto codes = [&](std::string_view name, const FormatSpec& format) {
    return Port{
        .name = name, .type = ElementType::CodeOf(format), .count = count, .canonical_nan = true};
  };
  const auto bits = [&](std::uint64_t blocks) {
    return float32("bits", op.bits_per_block ? blocks : 1);
  };
  const std::uint64_t blocks = op.grid().count();
  const auto scale = [&] { return float32("scale", blocks); };
  const auto zero = [&] { return float32("zero", blocks); };
  const auto block_scaled = [&] {
    const BlockFormat& format = op.block_format;
    std::vector<Port> ports = {
        {"elements", format.is_int8 ? ElementType::Int8() : ElementType::CodeOf(format.element),
         count, true},
        {"scales", ElementType::CodeOf(format.scale), op.scale_grid().count(), true}};
    if (format.has_tensor_scale) ports.push_back(float32("tensor_scale", 1));
    return ports;
  };
  switch (op.kind) {
    case OpKind::kNoise:
      if (!HasIntegerNoise(op.law)) return {{}, {float32("noise", count)}};
      if (op.packing == NoisePacking::kNibbles) {
        return {{}, {{"noise", ElementType::NibbleWord(), count / 8 + (count % 8 != 0)}}};
      }
      return {{}, {{"noise", ElementType::Int8(), count}}};
    case OpKind::kCast:
      return {{codes("x", op.from)}, {codes("y", op.to)}};
    case OpKind::kBlockMax:
      return {{codes("w", op.from)}, {float32("max", op.grid().count())}};
    case OpKind::kScale:
      return {{float32("max", count), bits(count)}, {float32("scale", count)}};
    case OpKind::kSample:
      return {{codes("w", op.from), bits(op.grid().count())}, {codes("sampled", op.to)}};
    case OpKind::kBackward:
      return {{codes("grad", op.from), float32("scale", op.grid().count())},
              {float32("grad_bits", op.grid().count())}};
    case OpKind::kQuantize:
      return {{codes("w", op.from)}, block_scaled()};
    case OpKind::kDequantize:
      return {block_scaled(), {codes("y", op.to)}};
    case OpKind::kFit: {
      Signature signature = {{codes("x", op.from)}, {scale(), zero()}};
      if (op.fit == FitRule::kBits) signature.inputs.push_back(bits(blocks));
      if (TakesClip(op.fit)) signature.inputs.push_back(float32("clip", 1));
      return signature;
    }
    case OpKind::kRefit:
      return {{codes("x", op.from), scale(), zero()}, {scale(), zero()}};
    case OpKind::kFakeQuantize:
      return {{codes("x", op.from), scale(), zero()}, {float32("y", count)}};
    case OpKind::kFakeBackward:
      return {{codes("grad", op.from), codes("x", op.from), scale(), zero()},
              {float32("grad_x", count), float32("grad_scale", blocks)}};
    case OpKind::kPerturb:
      return {{codes("x", op.from), scale(), float32("limit", blocks)}, {float32("y", count)}};
  }
  return {};
}

}  // namespace ulproof::formats
