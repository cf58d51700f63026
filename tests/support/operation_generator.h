// SPDX-License-Identifier: Apache-2.0
// RapidCheck generators of formats, roundings and whole operations: everything that the names can
// spell, so that properties hold for what users can ask and not for what a test happened to list.
#ifndef ULPROOF_TESTS_SUPPORT_OPERATION_GENERATOR_H_
#define ULPROOF_TESTS_SUPPORT_OPERATION_GENERATOR_H_

#include <rapidcheck.h>

#include <ostream>

#include "formats/operation.h"

namespace ulproof::formats {

// RapidCheck prints counterexamples by these.
inline std::ostream& operator<<(std::ostream& os, const FormatSpec& spec) {
  return os << FormatName(spec);
}
inline std::ostream& operator<<(std::ostream& os, const Operation& op) {
  return os << OperationName(op);
}

}  // namespace ulproof::formats

namespace ulproof::tests {

// A catalogue row or a generic format, of any bits and bias that ParseFormat takes.
inline rc::Gen<formats::FormatSpec> AnyFormat() {
  using formats::FormatSpec;
  using formats::Specials;
  const auto row = rc::gen::map(rc::gen::elementOf(formats::kCatalogue),
                                [](const formats::CatalogueEntry& entry) { return entry.spec; });
  const auto generic = rc::gen::exec([] {
    const int exponent_bits = *rc::gen::inRange(1, formats::kMaxGenericExponentBits + 1);
    return FormatSpec{.exponent_bits = exponent_bits,
                      .trailing_bits = *rc::gen::inRange(0, formats::kMaxGenericTrailingBits + 1),
                      .bias = *rc::gen::oneOf(rc::gen::just((1 << (exponent_bits - 1)) - 1),
                                              rc::gen::inRange(0, formats::kMaxGenericBias + 1)),
                      .specials = *rc::gen::element(Specials::kIeee, Specials::kFn, Specials::kFnuz,
                                                    Specials::kFinite)};
  });
  return rc::gen::oneOf(row, generic);
}

inline rc::Gen<formats::Rounding> AnyRounding() {
  return rc::gen::exec([] {
    formats::Rounding rounding = {static_cast<formats::RoundingMode>(*rc::gen::inRange(0, 9))};
    if (rounding.is_stochastic()) {
      rounding.random_bits = *rc::gen::inRange(1, formats::kMaxRandomBits + 1);
    }
    return rounding;
  });
}

// Any code of the format, half of them with few bits set or clear in a field.
inline rc::Gen<formats::Code> AnyCode(const formats::FormatSpec& spec) {
  return rc::gen::exec([spec] {
    const auto low = static_cast<formats::Code>(*rc::gen::arbitrary<std::uint32_t>());
    const auto high = static_cast<formats::Code>(*rc::gen::arbitrary<std::uint32_t>());
    const formats::Code any = high << 32 | low;
    const formats::Code field = *rc::gen::element<formats::Code>(
        0, spec.exponent_mask(), spec.trailing_mask(), spec.magnitude_mask());
    const formats::Code near = field ^ (any & 3) ^ ((any & 4) != 0 ? spec.sign_mask() : 0);
    return (*rc::gen::arbitrary<bool>() ? any : near) & spec.code_mask();
  });
}

// A valid operation of at most 64 elements. Fields that its kind does not use keep their defaults,
// so that it equals what its spelling parses to.
inline rc::Gen<formats::Operation> AnyOperation() {
  using formats::OpKind;
  return rc::gen::exec([] {
    formats::Operation op;
    op.kind = *rc::gen::elementOf(formats::kOpKinds);
    const bool scales_groups = op.kind == OpKind::kQuantize || op.kind == OpKind::kDequantize;
    const bool has_noise =
        op.kind == OpKind::kNoise || op.kind == OpKind::kSample || op.kind == OpKind::kBackward;
    op.shape.rows = *rc::gen::inRange<std::uint64_t>(1, 9);
    op.shape.cols = *rc::gen::inRange<std::uint64_t>(1, 9);
    if (*rc::gen::arbitrary<bool>()) {
      op.shape.index_stride = op.shape.cols + *rc::gen::inRange<std::uint64_t>(0, 100);
    }
    if (op.kind == OpKind::kCast) {
      op.from = *AnyFormat();
    } else if (op.kind == OpKind::kBlockMax || op.kind == OpKind::kSample ||
               op.kind == OpKind::kBackward || op.kind == OpKind::kQuantize) {
      op.from = *rc::gen::suchThat(AnyFormat(), formats::IsExactInFloat32);
    }
    if (op.kind == OpKind::kCast || op.kind == OpKind::kSample || op.kind == OpKind::kDequantize) {
      op.to = *AnyFormat();
      op.overflow = *rc::gen::elementOf(formats::kOverflows);
      op.rounding = op.kind == OpKind::kDequantize
                        ? *rc::gen::elementOf(formats::kDeterministicRoundings)
                        : *AnyRounding();
    }
    const bool casts_randomly = op.kind == OpKind::kCast && op.rounding.is_stochastic();
    if (casts_randomly && *rc::gen::arbitrary<bool>()) {
      op.random = *rc::gen::arbitrary<std::uint32_t>() >> (32 - op.rounding.random_bits);
    }
    if (has_noise) op.law = *rc::gen::elementOf(formats::kNoiseLaws);
    if (op.kind == OpKind::kNoise && HasIntegerNoise(op.law)) {
      op.packing = *rc::gen::element(formats::NoisePacking::kInt8, formats::NoisePacking::kNibbles);
    }
    if (op.kind == OpKind::kBlockMax || op.kind == OpKind::kSample ||
        op.kind == OpKind::kBackward) {
      op.block.rows = *rc::gen::inRange<std::uint32_t>(1, 65);
      op.block.cols = *rc::gen::inRange<std::uint32_t>(1, 65);
    }
    if (op.kind == OpKind::kScale || op.kind == OpKind::kSample) {
      op.pow2 = *rc::gen::arbitrary<bool>();
      op.bits_per_block = *rc::gen::arbitrary<bool>();
    }
    if (scales_groups) {
      op.block_format = *rc::gen::elementOf(formats::kBlockFormats);
      op.square = *rc::gen::arbitrary<bool>();
      if (op.kind == OpKind::kQuantize && !op.block_format.has_tensor_scale) {
        op.rule = *rc::gen::elementOf(formats::kScaleRules);
      }
    }
    if (has_noise || (casts_randomly && !op.random)) {
      op.key.seed = *rc::gen::arbitrary<std::uint64_t>();
      op.key.stream = *rc::gen::arbitrary<std::uint64_t>();
      op.key.offset = *rc::gen::inRange<std::uint64_t>(0, std::uint64_t{1} << 62);
    }
    return op;
  });
}

}  // namespace ulproof::tests

#endif  // ULPROOF_TESTS_SUPPORT_OPERATION_GENERATOR_H_
