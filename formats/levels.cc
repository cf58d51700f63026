// SPDX-License-Identifier: Apache-2.0
#include "formats/levels.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "formats/codec.h"

namespace ulproof::formats {
namespace {

using base::Result;

constexpr int kMaxBits = 16;
constexpr int kMaxFormatBits = 8;
// Indexed by FitRule and Estimator.
constexpr std::array<std::string_view, 8> kFitNames = {"minmax",  "range", "bits", "sigma",
                                                       "laplace", "lsq",   "sawb", "octav"};
constexpr std::array<std::string_view, 3> kEstimatorNames = {"lsq", "gdnsq", "aewgs"};

struct Family {
  std::string_view prefix;
  int min_bits;
  std::int32_t (*low)(int bits);
  std::int32_t (*high)(int bits);
};
constexpr auto kFamilies = std::to_array<Family>({
    {"int", 2, [](int b) { return -(1 << (b - 1)); }, [](int b) { return (1 << (b - 1)) - 1; }},
    {"uint", 1, [](int) { return 0; }, [](int b) { return (1 << b) - 1; }},
    {"sym", 2, [](int b) { return 1 - (1 << (b - 1)); }, [](int b) { return (1 << (b - 1)) - 1; }},
});

// The largest value of a format: at most 8 bits, so exact in binary32.
float LargestValue(const FormatSpec& format) {
  const Decoded largest = Decode(format, format.max_finite_code());
  return std::ldexp(static_cast<float>(largest.significand), largest.exponent);
}

bool IsExact(const FormatSpec& format) {
  return format.storage_bits() <= kMaxFormatBits && format.is_signed &&
         format.quantum_exponent() >= kFloat32.quantum_exponent() &&
         format.max_exponent() < kFloat32.max_exponent();  // So that twice it is finite.
}

template <typename Enum, std::size_t kCount>
Result<Enum> ParseEnum(std::string_view what, std::string_view name,
                       const std::array<std::string_view, kCount>& names) {
  for (std::size_t i = 0; i < kCount; ++i) {
    if (name == names[i]) return static_cast<Enum>(i);
  }
  return base::UnknownName(what, name, names);
}

}  // namespace

std::string LevelsName(const Levels& levels) {
  if (levels.kind == Levels::Kind::kAllIntegers) return "integers";
  if (levels.kind == Levels::Kind::kFormat) return FormatName(levels.format);
  for (const Family& family : kFamilies) {
    for (int bits = family.min_bits; bits <= kMaxBits; ++bits) {
      if (levels.low == family.low(bits) && levels.high == family.high(bits))
        return fmt::format("{}{}", family.prefix, bits);
    }
  }
  return fmt::format("{}..{}", levels.low, levels.high);
}

Result<Levels> ParseLevels(std::string_view name) {
  if (name == "integers") return Levels{.kind = Levels::Kind::kAllIntegers, .low = 0, .high = 0};
  for (const Family& family : kFamilies) {
    if (!name.starts_with(family.prefix)) continue;
    const auto bits = base::ParseUnsigned(name.substr(family.prefix.size()), "bits", kMaxBits);
    if (!bits.ok()) return bits.error();
    if (static_cast<int>(*bits) < family.min_bits) {
      return base::UsageError(
          fmt::format("'{}': {} has at least {} bits", name, family.prefix, family.min_bits));
    }
    const int count = static_cast<int>(*bits);
    return Levels{.low = family.low(count), .high = family.high(count)};
  }
  const auto format = ParseFormat(name);
  if (!format.ok()) {
    return base::UsageError(fmt::format(
        "levels '{}' are neither int4, uint4, sym4 or the like, nor integers, nor a format", name));
  }
  if (!IsExact(*format)) {
    return base::UsageError(
        fmt::format("levels '{}': a format here is signed, of at most {} bits and exact in float32",
                    name, kMaxFormatBits));
  }
  return Levels{.kind = Levels::Kind::kFormat, .low = 0, .high = 0, .format = *format};
}

float HighestLevel(const Levels& levels) {
  if (levels.kind == Levels::Kind::kAllIntegers) return std::numeric_limits<float>::infinity();
  return levels.kind == Levels::Kind::kFormat ? LargestValue(levels.format)
                                              : static_cast<float>(levels.high);
}

float LowestLevel(const Levels& levels) {
  return levels.kind == Levels::Kind::kIntegers ? static_cast<float>(levels.low)
                                                : -HighestLevel(levels);
}

float LevelsWidth(const Levels& levels) {
  if (levels.kind == Levels::Kind::kAllIntegers) return 0;
  return HighestLevel(levels) - LowestLevel(levels);
}

int LevelsBits(const Levels& levels) {
  if (levels.kind == Levels::Kind::kFormat) return levels.format.storage_bits();
  return static_cast<int>(std::bit_width(static_cast<std::uint32_t>(levels.high - levels.low)));
}

std::string_view FitRuleName(FitRule rule) { return kFitNames[static_cast<std::size_t>(rule)]; }
Result<FitRule> ParseFitRule(std::string_view name) {
  return ParseEnum<FitRule>("fit", name, kFitNames);
}

std::string_view EstimatorName(Estimator estimator) {
  return kEstimatorNames[static_cast<std::size_t>(estimator)];
}
Result<Estimator> ParseEstimator(std::string_view name) {
  return ParseEnum<Estimator>("gradient", name, kEstimatorNames);
}

}  // namespace ulproof::formats
