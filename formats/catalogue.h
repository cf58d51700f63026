// SPDX-License-Identifier: Apache-2.0
// The named formats (contract section 1), one row each, and the generic e<X>m<Y> names. One id
// string per format everywhere: C++, command line, JSON, tests, files. To add a format, add a row.
#ifndef ULPROOF_FORMATS_CATALOGUE_H_
#define ULPROOF_FORMATS_CATALOGUE_H_

#include <array>
#include <string>
#include <string_view>

#include "base/result.h"
#include "formats/format_spec.h"

namespace ulproof::formats {

struct CatalogueEntry {
  std::string_view name;
  FormatSpec spec;
  std::string_view source;  // Where the encoding is defined.
};

inline constexpr auto kCatalogue = std::to_array<CatalogueEntry>({
    {.name = "float64",
     .spec = {.exponent_bits = 11, .trailing_bits = 52, .bias = 1023},
     .source = "IEEE 754-2019 binary64"},
    {.name = "float32",
     .spec = {.exponent_bits = 8, .trailing_bits = 23, .bias = 127},
     .source = "IEEE 754-2019 binary32"},
    {.name = "tfloat32",
     .spec = {.exponent_bits = 8, .trailing_bits = 10, .bias = 127},
     .source = "NVIDIA A100 TF32; code in 19 bits"},
    {.name = "float16",
     .spec = {.exponent_bits = 5, .trailing_bits = 10, .bias = 15},
     .source = "IEEE 754-2019 binary16"},
    {.name = "bfloat16",
     .spec = {.exponent_bits = 8, .trailing_bits = 7, .bias = 127},
     .source = "upper half of binary32"},
    {.name = "float12_e4m7",
     .spec = {.exponent_bits = 4, .trailing_bits = 7, .bias = 7, .specials = Specials::kFinite},
     .source = "GaussWS, arXiv 2505.11170"},
    {.name = "float8_e5m2",
     .spec = {.exponent_bits = 5, .trailing_bits = 2, .bias = 15},
     .source = "OCP 8-bit floating point (OFP8) 1.0"},
    {.name = "float8_e4m3",
     .spec = {.exponent_bits = 4, .trailing_bits = 3, .bias = 7},
     .source = "ml_dtypes float8_e4m3"},
    {.name = "float8_e3m4",
     .spec = {.exponent_bits = 3, .trailing_bits = 4, .bias = 3},
     .source = "ml_dtypes float8_e3m4"},
    {.name = "float8_e4m3fn",
     .spec = {.exponent_bits = 4, .trailing_bits = 3, .bias = 7, .specials = Specials::kFn},
     .source = "OCP 8-bit floating point (OFP8) 1.0, E4M3"},
    {.name = "float8_e4m3fnuz",
     .spec = {.exponent_bits = 4, .trailing_bits = 3, .bias = 8, .specials = Specials::kFnuz},
     .source = "arXiv 2206.02915"},
    {.name = "float8_e5m2fnuz",
     .spec = {.exponent_bits = 5, .trailing_bits = 2, .bias = 16, .specials = Specials::kFnuz},
     .source = "arXiv 2206.02915"},
    {.name = "float8_e4m3b11fnuz",
     .spec = {.exponent_bits = 4, .trailing_bits = 3, .bias = 11, .specials = Specials::kFnuz},
     .source = "Sun et al., NeurIPS 2019 (HFP8); StableHLO RFC 20230309"},
    {.name = "float8_e8m0fnu",
     .spec = {.exponent_bits = 8,
              .trailing_bits = 0,
              .bias = 127,
              .is_signed = false,
              .specials = Specials::kE8m0},
     .source = "OCP Microscaling (MX) 1.0, E8M0"},
    {.name = "float6_e3m2fn",
     .spec = {.exponent_bits = 3, .trailing_bits = 2, .bias = 3, .specials = Specials::kFinite},
     .source = "OCP Microscaling (MX) 1.0, E3M2"},
    {.name = "float6_e2m3fn",
     .spec = {.exponent_bits = 2, .trailing_bits = 3, .bias = 1, .specials = Specials::kFinite},
     .source = "OCP Microscaling (MX) 1.0, E2M3"},
    {.name = "float4_e2m1fn",
     .spec = {.exponent_bits = 2, .trailing_bits = 1, .bias = 1, .specials = Specials::kFinite},
     .source = "OCP Microscaling (MX) 1.0, E2M1"},
    {.name = "float4_e3m0",
     .spec = {.exponent_bits = 3, .trailing_bits = 0, .bias = 3, .specials = Specials::kFinite},
     .source = "arXiv 2112.10769 (LUQ): logarithmic FP4"},
});

// The spec of a catalogue row, at compile time; an unknown name does not compile.
consteval FormatSpec SpecOf(std::string_view name) {
  for (const CatalogueEntry& entry : kCatalogue) {
    if (entry.name == name) return entry.spec;
  }
  throw "no such format in the catalogue";
}

inline constexpr FormatSpec kFloat64 = SpecOf("float64");
inline constexpr FormatSpec kFloat32 = SpecOf("float32");
inline constexpr FormatSpec kFloat16 = SpecOf("float16");
inline constexpr FormatSpec kBfloat16 = SpecOf("bfloat16");
inline constexpr FormatSpec kFloat8E4m3fn = SpecOf("float8_e4m3fn");
inline constexpr FormatSpec kFloat8E5m2 = SpecOf("float8_e5m2");
inline constexpr FormatSpec kFloat8E8m0fnu = SpecOf("float8_e8m0fnu");
inline constexpr FormatSpec kFloat6E3m2fn = SpecOf("float6_e3m2fn");
inline constexpr FormatSpec kFloat6E2m3fn = SpecOf("float6_e2m3fn");
inline constexpr FormatSpec kFloat4E2m1fn = SpecOf("float4_e2m1fn");

// Limits of the generic names; the bias limit lets any exponent of an 11-bit field be the bias.
inline constexpr int kMaxGenericExponentBits = 11;
inline constexpr int kMaxGenericTrailingBits = 52;
inline constexpr int kMaxGenericBias = 2047;

// A catalogue name, or e<X>m<Y>[b<bias>][fn|fnuz|finite] with X 1..11, Y 0..52, bias 0..2047
// (default 2^(X-1) - 1, for fnuz 2^(X-1)). Errors: unknown name (with the nearest known one),
// numbers out of range.
base::Result<FormatSpec> ParseFormat(std::string_view name);

// The one canonical name: the catalogue's where a row equals the spec, else the generic one.
// ParseFormat(FormatName(s)) == s for every spec that ParseFormat can return.
std::string FormatName(const FormatSpec& spec);

}  // namespace ulproof::formats

#endif  // ULPROOF_FORMATS_CATALOGUE_H_
