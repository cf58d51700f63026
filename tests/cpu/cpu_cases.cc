// SPDX-License-Identifier: Apache-2.0
#include "tests/cpu/cpu_cases.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "formats/codec.h"

namespace ulproof::tests {
namespace {

using formats::Code;
using formats::FormatSpec;
using formats::kBfloat16;
using formats::kFloat16;
using formats::kFloat32;

// A code of `format` near an ordinary weight; any sensible code will do.
Code OrdinaryCode(const FormatSpec& format, std::mt19937_64& engine) {
  const float value = std::normal_distribution<float>(0, 0.02f)(engine);
  const Code code = std::bit_cast<std::uint32_t>(value);
  if (format == kFloat32) return code;
  if (format == kBfloat16) return code >> 16;
  // Another format: the same sign, a biased exponent a few below the bias, any trailing bits.
  const Code exponent = static_cast<Code>(format.bias) - 1 - engine() % 8 % format.bias;
  return (code >> 31) * format.sign_mask() |
         ((exponent << format.trailing_bits | (engine() & format.trailing_mask())) &
          format.magnitude_mask());
}

Code StyledCode(const FormatSpec& format, InputStyle style, std::mt19937_64& engine) {
  const Code sign = engine() & format.sign_mask();
  const Code any = engine() & format.code_mask();
  switch (style) {
    case InputStyle::kAnyCode:
      return any;
    case InputStyle::kAnyFinite:
      return format.IsFinite(any) ? any : sign | format.max_finite_code();
    case InputStyle::kSubnormal:
      return sign | (engine() % 4 == 0 ? 0 : any & format.trailing_mask());
    case InputStyle::kLargest:
      return sign | (format.max_finite_code() - (any & format.trailing_mask()));
    case InputStyle::kZero:
      return sign;
    case InputStyle::kOrdinary:
    case InputStyle::kOneSpecial:
      break;
  }
  return OrdinaryCode(format, engine);
}

float Bitwidth(std::mt19937_64& engine) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kOdd[] = {0,    -1,    1e-30f,    -126,       127, 150.5f, 151,
                            1000, -1e30, kInfinity, -kInfinity, NAN, 24.3f,  140.7f};
  if (engine() % 4 == 0) return kOdd[engine() % std::size(kOdd)];
  const float bits = 1 + static_cast<float>(engine() % 8);
  return engine() % 2 == 0 ? bits : bits + static_cast<float>(engine() % 1000) / 1000;
}

}  // namespace

formats::Operation Op(std::string_view text) { return formats::ParseOperation(text).value(); }

formats::Case MakeCase(const formats::Operation& op, InputStyle style, std::mt19937_64& engine) {
  formats::Case c = formats::EmptyCase(op);
  const formats::Signature signature = formats::SignatureOf(op);
  for (std::size_t port = 0; port < c.inputs.size(); ++port) {
    formats::Tensor& tensor = c.inputs[port];
    const std::string_view name = signature.inputs[port].name;
    for (std::uint64_t i = 0; i < tensor.count(); ++i) {
      Code code;
      if (name == "bits") {
        code = std::bit_cast<std::uint32_t>(Bitwidth(engine));
      } else {
        code = StyledCode(tensor.type().format, style, engine);
        // Maxima and scales are not negative.
        if (name == "max" || name == "scale") code &= tensor.type().format.magnitude_mask();
      }
      tensor.Set(i, code);
    }
    if (style == InputStyle::kOneSpecial && tensor.type().format.has_infinity()) {
      const FormatSpec& format = tensor.type().format;
      tensor.Set(engine() % tensor.count(),
                 engine() % 2 == 0 ? format.infinity_code() : format.canonical_nan_code());
    }
  }
  return c;
}

std::string Difference(std::span<const formats::Tensor> expected, formats::Backend& got,
                       const formats::Case& c) {
  const auto have = formats::RunCase(got, c);
  if (!have.ok()) return have.error().ToString();
  const formats::Signature signature = formats::SignatureOf(c.op);
  for (std::size_t port = 0; port < expected.size(); ++port) {
    const formats::Tensor& a = expected[port];
    const formats::Tensor& b = (*have)[port];
    const formats::Port& promise = signature.outputs[port];
    const bool any_nan = promise.type.kind == formats::ElementKind::kCode && !promise.canonical_nan;
    for (std::uint64_t i = 0; i < a.count(); ++i) {
      const Code x = a.Get(i);
      const Code y = b.Get(i);
      const FormatSpec& format = promise.type.format;
      if (x == y || (any_nan && format.IsNan(x) && format.IsNan(y))) continue;
      return fmt::format("{}[{}]: expected {:x}, {} gives {:x}\n{}", promise.name, i, x, got.name(),
                         y, formats::CaseLine(c));
    }
  }
  return {};
}

std::string Difference(formats::Backend& expected, formats::Backend& got, const formats::Case& c) {
  const auto want = formats::RunCase(expected, c);
  if (!want.ok()) return want.error().ToString();
  return Difference(*want, got, c);
}

}  // namespace ulproof::tests
