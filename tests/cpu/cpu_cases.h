// SPDX-License-Identifier: Apache-2.0
// Cases for the tests of the SIMD backend: inputs of several styles for any operation, and the
// comparison of two backends on one case.
#ifndef ULPROOF_TESTS_CPU_CPU_CASES_H_
#define ULPROOF_TESTS_CPU_CPU_CASES_H_

#include <array>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/case.h"

namespace ulproof::tests {

// What the weights or gradients of a case look like.
enum class InputStyle {
  kOrdinary,    // Normal(0, 0.02), the weights of a network.
  kAnyCode,     // Uniform codes: NaN and infinity in most blocks.
  kAnyFinite,   // Uniform finite codes: huge ranges within a block.
  kSubnormal,   // Subnormals and zeros of both signs.
  kLargest,     // The last binade: sums overflow.
  kOneSpecial,  // Ordinary with one infinity or NaN somewhere.
  kZero,        // Zeros of both signs: M = 0.
};
inline constexpr auto kInputStyles = std::to_array<InputStyle>(
    {InputStyle::kOrdinary, InputStyle::kAnyCode, InputStyle::kAnyFinite, InputStyle::kSubnormal,
     InputStyle::kLargest, InputStyle::kOneSpecial, InputStyle::kZero});

// The operation of that spelling; aborts when it is not valid.
formats::Operation Op(std::string_view text);

// Inputs for the operation, a function of the engine's state. Bitwidths are 1..8 mostly, and now
// and then an odd, huge, negative, infinite or NaN one.
formats::Case MakeCase(const formats::Operation& op, InputStyle style, std::mt19937_64& engine);

// Empty when both give the same bits (any NaN for a NaN where the port does not promise the
// canonical one), else the first difference and the case's line.
std::string Difference(formats::Backend& expected, formats::Backend& got, const formats::Case& c);

// The same against outputs of the case that are known already.
std::string Difference(std::span<const formats::Tensor> expected, formats::Backend& got,
                       const formats::Case& c);

}  // namespace ulproof::tests

#endif  // ULPROOF_TESTS_CPU_CPU_CASES_H_
