// SPDX-License-Identifier: Apache-2.0
// What the tests of the quantizers share: operations on float32 run by the reference, and contract
// section 14's sums a second time, in the machine's own binary32 arithmetic.
#ifndef ULPROOF_TESTS_REFERENCE_QUANTIZERS_MACHINE_SUMS_H_
#define ULPROOF_TESTS_REFERENCE_QUANTIZERS_MACHINE_SUMS_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "formats/case.h"
#include "reference/backend_reference.h"
#include "reference/compare/inputs.h"

namespace ulproof::reference {

inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

inline formats::Operation Op(const std::string& text) {
  const auto op = formats::ParseOperation(text);
  EXPECT_TRUE(op.ok()) << op.error().ToString();
  return *op;
}

inline std::vector<float> Floats(const formats::Tensor& tensor) {
  std::vector<float> values;
  for (std::uint64_t i = 0; i < tensor.count(); ++i)
    values.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(tensor.Get(i))));
  return values;
}

// Runs an operation whose inputs are all float32.
inline std::vector<std::vector<float>> Outputs(const formats::Operation& op,
                                               const std::vector<std::vector<float>>& inputs) {
  formats::Case c = formats::EmptyCase(op);
  EXPECT_EQ(c.inputs.size(), inputs.size());
  for (std::size_t p = 0; p < inputs.size(); ++p) {
    EXPECT_EQ(c.inputs[p].count(), inputs[p].size());
    for (std::size_t i = 0; i < inputs[p].size(); ++i)
      c.inputs[p].Set(i, std::bit_cast<std::uint32_t>(inputs[p][i]));
  }
  const auto outputs = formats::RunCase(*MakeReferenceBackend(), c);
  EXPECT_TRUE(outputs.ok());
  std::vector<std::vector<float>> values;
  for (const formats::Tensor& tensor : *outputs) values.push_back(Floats(tensor));
  return values;
}

// Bits of b, with any NaN for a NaN.
MATCHER_P(SameBits, expected, "") {
  return std::isnan(arg) ? std::isnan(expected)
                         : std::bit_cast<std::uint32_t>(arg) ==
                               std::bit_cast<std::uint32_t>(static_cast<float>(expected));
}

// The canonical sum of section 8.
inline float Sum32(const std::vector<float>& terms) {
  float lanes[32] = {};
  for (std::size_t i = 0; i < terms.size(); ++i)
    lanes[i % 32] = i < 32 ? terms[i] : lanes[i % 32] + terms[i];
  for (int d = 16; d > 0; d /= 2) {
    float next[32];
    for (int j = 0; j < 32; ++j) next[j] = lanes[j] + lanes[j ^ d];
    std::copy(next, next + 32, lanes);
  }
  return lanes[0];
}

// Rows of one block, as vectors.
using Rows = std::vector<std::vector<float>>;
template <typename Term>
float SumOf(const Rows& rows, const Term& term) {
  std::vector<float> sums;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::vector<float> terms;
    for (std::size_t c = 0; c < rows[r].size(); ++c) terms.push_back(term(r, c));
    sums.push_back(Sum32(terms));
  }
  return Sum32(sums);
}

inline Rows RowsOf(const formats::Operation& op, const std::vector<float>& x, std::uint64_t block) {
  const auto extent = op.grid().ExtentOf(block);
  Rows rows;
  for (auto row = extent.row_begin; row < extent.row_end; ++row) {
    rows.emplace_back(x.begin() + row * op.shape.cols + extent.col_begin,
                      x.begin() + row * op.shape.cols + extent.col_end);
  }
  return rows;
}

inline std::vector<float> Normals(std::size_t count, std::uint64_t seed, double scale = 1) {
  Rng rng(seed);
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) {
    const double u = (static_cast<double>(rng.Next() >> 11) + 0.5) * 0x1p-53;
    const double v = (static_cast<double>(rng.Next() >> 11) + 0.5) * 0x1p-53;
    values.push_back(
        static_cast<float>(scale * std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v)));
  }
  return values;
}

}  // namespace ulproof::reference

#endif  // ULPROOF_TESTS_REFERENCE_QUANTIZERS_MACHINE_SUMS_H_
