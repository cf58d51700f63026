// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/inputs.h"

#include <algorithm>
#include <bit>

#include "formats/codec.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::Decoded;
using formats::FormatSpec;

Code LowBits(int bits) { return bits >= 64 ? ~Code{0} : (Code{1} << bits) - 1; }

void SortUnique(std::vector<Code>& codes) {
  std::ranges::sort(codes);
  codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
}

// Magnitudes of every binade: first two, middle, last two.
std::vector<Code> BinadeMagnitudes(const FormatSpec& format) {
  std::vector<Code> magnitudes;
  const Code middle = format.trailing_bits > 0 ? Code{1} << (format.trailing_bits - 1) : 0;
  for (Code exponent = 0; exponent >> format.exponent_bits == 0; ++exponent) {
    const Code base = exponent << format.trailing_bits;
    for (const Code trailing : {Code{0}, Code{1}, middle - 1, middle, middle + 1,
                                format.trailing_mask() - 1, format.trailing_mask()}) {
      magnitudes.push_back(base | (trailing & format.trailing_mask()));
    }
  }
  return magnitudes;
}

// Adds the code of (-1)^negative * significand * 2^exponent in `from`, if it has one, and its
// neighbours up to `reach` codes away.
void AddNear(const FormatSpec& from, bool negative, std::uint64_t significand, int exponent,
             int reach, std::vector<Code>& codes) {
  const auto code = formats::EncodeExact(from, negative, significand, exponent);
  if (!code) return;
  for (int d = -reach; d <= reach; ++d) {
    const Code neighbour = *code + static_cast<Code>(static_cast<std::int64_t>(d));
    if (neighbour <= from.code_mask()) codes.push_back(neighbour);
  }
}

Code RandomTrailing(const FormatSpec& format, Rng& rng) {
  const Code mask = format.trailing_mask();
  const int bits = format.trailing_bits;
  switch (rng.Below(8)) {
    case 0:
      return 0;
    case 1:
      return mask;
    case 2:
      return Code{1} & mask;
    case 3:
      return bits > 0 ? Code{1} << rng.Below(bits) : 0;
    case 4:  // Ones down to a random place, then zeros: carries far when rounded.
      return bits > 0 ? mask & ~LowBits(static_cast<int>(rng.Below(bits + 1))) : 0;
    case 5:
      return bits > 0 ? LowBits(static_cast<int>(rng.Below(bits + 1))) : 0;
    default:
      return rng.Next() & mask;
  }
}

Code RandomExponent(const FormatSpec& format, Rng& rng) {
  const Code last = LowBits(format.exponent_bits);
  const Code near = rng.Below(4);
  const auto clamp = [&](std::int64_t e) {
    return static_cast<Code>(std::clamp<std::int64_t>(e, 0, static_cast<std::int64_t>(last)));
  };
  switch (rng.Below(6)) {
    case 0:
      return clamp(static_cast<std::int64_t>(near));
    case 1:
      return clamp(static_cast<std::int64_t>(last - near));
    case 2:
    case 3:
      return clamp(format.bias + static_cast<std::int64_t>(rng.Below(24)) - 16);
    default:
      return rng.Next() & last;
  }
}

}  // namespace

std::vector<Code> EdgeCodes(const FormatSpec& format) {
  std::vector<Code> codes;
  if (format.storage_bits() <= 8) {
    for (Code code = 0; code <= format.code_mask(); ++code) codes.push_back(code);
    return codes;
  }
  std::vector<Code> magnitudes = BinadeMagnitudes(format);
  for (const Code code : {format.max_finite_code(), format.canonical_nan_code()}) {
    for (const Code neighbour : {code - 1, code, code + 1}) magnitudes.push_back(neighbour);
  }
  for (const Code magnitude : magnitudes) {
    codes.push_back(magnitude & format.magnitude_mask());
    codes.push_back((magnitude & format.magnitude_mask()) | format.sign_mask());
  }
  SortUnique(codes);
  return codes;
}

std::vector<Code> RoundingEdges(const FormatSpec& from, const FormatSpec& to) {
  std::vector<Code> codes = EdgeCodes(from);
  std::vector<Code> targets;
  if (to.storage_bits() <= 8) {
    for (Code m = 0; m <= to.max_finite_code(); ++m) targets.push_back(m);
  } else {
    targets = BinadeMagnitudes(to);
  }
  for (const Code magnitude : targets) {
    if (!to.IsFinite(magnitude)) continue;
    const Decoded value = formats::Decode(to, magnitude);
    for (const bool negative : {false, true}) {
      AddNear(from, negative, value.significand, value.exponent, 2, codes);
      // Halfway to the next value; for the largest finite value also the quarters and the next
      // binade.
      AddNear(from, negative, 2 * value.significand + 1, value.exponent - 1, 2, codes);
      if (magnitude != to.max_finite_code()) continue;
      for (const std::uint64_t quarters : {1, 3, 4, 5, 6, 7, 8}) {
        AddNear(from, negative, 4 * value.significand + quarters, value.exponent - 2, 1, codes);
      }
      AddNear(from, negative, 1, value.exponent + std::bit_width(value.significand), 1, codes);
    }
  }
  // Below the smallest value: its half and quarter, and far less.
  const int quantum = to.quantum_exponent();
  for (const bool negative : {false, true}) {
    for (const int below : {1, 2, 3, 20}) AddNear(from, negative, 1, quantum - below, 2, codes);
    AddNear(from, negative, 3, quantum - 2, 2, codes);
  }
  SortUnique(codes);
  return codes;
}

Code WeightedCode(const FormatSpec& format, Rng& rng) {
  const Code sign = rng.OneIn(2) ? format.sign_mask() : 0;
  if (rng.OneIn(64)) return format.canonical_nan_code() | (format.has_negative_zero() ? sign : 0);
  if (rng.OneIn(64) && format.has_infinity()) return format.infinity_code() | sign;
  if (rng.OneIn(32)) return sign;
  if (rng.OneIn(32)) return sign | format.max_finite_code();
  return sign | RandomExponent(format, rng) << format.trailing_bits | RandomTrailing(format, rng);
}

Code WeightedCodeNear(const FormatSpec& from, const FormatSpec& to, Rng& rng) {
  if (rng.OneIn(2)) return WeightedCode(from, rng);
  const Code target = WeightedCode(to, rng);
  if (!to.IsFinite(target)) return WeightedCode(from, rng);
  const Decoded value = formats::Decode(to, target);
  // A point of the cell above `target`: the value, the midpoint, or an eighth.
  const std::uint64_t eighths = rng.OneIn(3) ? 0 : rng.OneIn(2) ? 4 : rng.Below(8);
  if (value.significand >> 60 != 0) return WeightedCode(from, rng);
  const auto code = formats::EncodeExact(from, value.negative, 8 * value.significand + eighths,
                                         value.exponent - 3);
  if (!code) return WeightedCode(from, rng);
  const Code neighbour = *code + rng.Below(5) - 2;
  return neighbour <= from.code_mask() ? neighbour : *code;
}

formats::Case RowCase(formats::Operation op, std::span<const Code> codes) {
  op.shape = {.rows = 1, .cols = codes.size()};
  formats::Case c = formats::EmptyCase(op);
  ULPROOF_CHECK(c.inputs.size() == 1);
  for (std::size_t i = 0; i < codes.size(); ++i) c.inputs[0].Set(i, codes[i]);
  return c;
}

}  // namespace ulproof::reference
