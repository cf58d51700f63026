// SPDX-License-Identifier: Apache-2.0
#include "formats/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace ulproof::formats {
namespace {

using base::Result;
using base::UsageError;

// One consteval walk over the rows: adding a row cannot be done wrong silently.
consteval bool CatalogueIsSound() {
  for (std::size_t i = 0; i < kCatalogue.size(); ++i) {
    const FormatSpec& spec = kCatalogue[i].spec;
    if (kCatalogue[i].name.empty() || kCatalogue[i].source.empty()) return false;
    if (spec.exponent_bits < 1 || spec.trailing_bits < 0 || spec.storage_bits() > 64) return false;
    if (spec.is_signed == (spec.specials == Specials::kE8m0)) return false;
    // The fields cover the code and do not overlap.
    if ((spec.sign_mask() ^ spec.exponent_mask() ^ spec.trailing_mask()) != spec.code_mask())
      return false;
    // The largest finite value is finite and normal, and the next code is special or does not
    // exist.
    const Code largest = spec.max_finite_code();
    if (!spec.IsFinite(largest) || spec.IsSubnormal(largest) ||
        spec.max_exponent() < spec.min_exponent())
      return false;
    if (largest != spec.magnitude_mask() && spec.IsFinite(largest + 1)) return false;
    // Special codes are what they say.
    if (spec.has_nan() != spec.IsNan(spec.canonical_nan_code())) return false;
    if (spec.has_infinity() && !spec.IsInfinity(spec.infinity_code())) return false;
    if (spec.has_zero() != spec.IsZero(0)) return false;
    if (spec.has_negative_zero() != (spec.is_signed && spec.IsZero(spec.sign_mask()))) return false;
    for (std::size_t j = 0; j < i; ++j) {
      if (kCatalogue[j].name == kCatalogue[i].name || kCatalogue[j].spec == spec) return false;
    }
  }
  return true;
}
static_assert(CatalogueIsSound());

constexpr int DefaultBias(int exponent_bits, Specials specials) {
  return (1 << (exponent_bits - 1)) - (specials == Specials::kFnuz ? 0 : 1);
}

constexpr std::string_view SuffixOf(Specials specials) {
  switch (specials) {
    case Specials::kFn:
      return "fn";
    case Specials::kFnuz:
      return "fnuz";
    case Specials::kFinite:
      return "finite";
    case Specials::kIeee:
    case Specials::kE8m0:
      break;
  }
  return "";
}

// Takes a run of at most five digits off the front; nothing when there is none.
std::optional<int> TakeNumber(std::string_view& text) {
  std::size_t length = 0;
  int value = 0;
  while (length < text.size() && length < 5 && text[length] >= '0' && text[length] <= '9') {
    value = value * 10 + (text[length++] - '0');
  }
  if (length == 0) return std::nullopt;
  text.remove_prefix(length);
  return value;
}

bool Take(std::string_view& text, char letter) {
  if (!text.starts_with(letter)) return false;
  text.remove_prefix(1);
  return true;
}

struct GenericName {
  int exponent_bits, trailing_bits;
  std::optional<int> bias;
  Specials specials;
};

// The shape e<X>m<Y>[b<bias>][suffix], without range checks.
std::optional<GenericName> MatchGenericName(std::string_view text) {
  if (!Take(text, 'e')) return std::nullopt;
  const std::optional<int> exponent_bits = TakeNumber(text);
  if (!exponent_bits || !Take(text, 'm')) return std::nullopt;
  const std::optional<int> trailing_bits = TakeNumber(text);
  if (!trailing_bits) return std::nullopt;
  std::optional<int> bias;
  if (Take(text, 'b')) {
    bias = TakeNumber(text);
    if (!bias) return std::nullopt;
  }
  for (const Specials specials :
       {Specials::kIeee, Specials::kFn, Specials::kFnuz, Specials::kFinite}) {
    if (text == SuffixOf(specials))
      return GenericName{*exponent_bits, *trailing_bits, bias, specials};
  }
  return std::nullopt;
}

}  // namespace

Result<FormatSpec> ParseFormat(std::string_view name) {
  for (const CatalogueEntry& entry : kCatalogue) {
    if (entry.name == name) return entry.spec;
  }
  const std::optional<GenericName> generic = MatchGenericName(name);
  if (!generic) {
    std::array<std::string_view, kCatalogue.size() + 1> known;
    std::ranges::transform(kCatalogue, known.begin(), &CatalogueEntry::name);
    known.back() = "e<X>m<Y>[b<bias>][fn|fnuz|finite]";
    return base::UnknownName("format", name, known);
  }
  const auto out_of_range = [&](std::string_view what, int value, int low, int high) {
    return UsageError(
        fmt::format("format '{}': {} {} is not in {}..{}", name, what, value, low, high));
  };
  if (generic->exponent_bits < 1 || generic->exponent_bits > kMaxGenericExponentBits) {
    return out_of_range("exponent bits", generic->exponent_bits, 1, kMaxGenericExponentBits);
  }
  if (generic->trailing_bits > kMaxGenericTrailingBits) {
    return out_of_range("trailing bits", generic->trailing_bits, 0, kMaxGenericTrailingBits);
  }
  if (generic->bias && *generic->bias > kMaxGenericBias) {
    return out_of_range("bias", *generic->bias, 0, kMaxGenericBias);
  }
  return FormatSpec{
      .exponent_bits = generic->exponent_bits,
      .trailing_bits = generic->trailing_bits,
      .bias = generic->bias.value_or(DefaultBias(generic->exponent_bits, generic->specials)),
      .specials = generic->specials};
}

std::string FormatName(const FormatSpec& spec) {
  for (const CatalogueEntry& entry : kCatalogue) {
    if (entry.spec == spec) return std::string(entry.name);
  }
  std::string name = fmt::format("e{}m{}", spec.exponent_bits, spec.trailing_bits);
  if (spec.bias != DefaultBias(spec.exponent_bits, spec.specials))
    name += fmt::format("b{}", spec.bias);
  return name += SuffixOf(spec.specials);
}

}  // namespace ulproof::formats
