// SPDX-License-Identifier: Apache-2.0
#include "cli/measure.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "cli/code_distance.h"
#include "cli/number_lists.h"

namespace ulproof::cli {
namespace {

struct Input {
  MeasureRequest request;
  std::vector<float> w;

  TensorMeasurement Measure(std::uint64_t piece_bytes) const {
    MeasureRequest own = request;
    own.piece_bytes = piece_bytes;
    const auto read = [&](std::uint64_t first, std::uint64_t count, void* out) -> base::Status {
      std::memcpy(out, w.data() + first, count * sizeof(float));
      return base::Done{};
    };
    return MeasureTensor(own, read).value();
  }
};

Input MakeInput(std::uint64_t rows, std::uint64_t cols) {
  Input input;
  input.request.op = {.kind = formats::OpKind::kSample,
                      .from = formats::kFloat32,
                      .shape = {.rows = rows, .cols = cols},
                      .key = {.seed = 3, .stream = 4, .offset = 5}};
  input.request.settings = {
      {.to = formats::kFloat8E4m3fn, .bits = 7, .block = {.rows = 8, .cols = 32}},
      {.to = formats::kBfloat16, .bits = 9, .block = {.rows = 4, .cols = 48}}};
  input.request.sums_by_binade = true;
  std::mt19937 engine(1);
  std::normal_distribution<float> normal;
  input.w.resize(rows * cols);
  for (float& x : input.w) x = normal(engine);
  return input;
}

// Would catch: a piece that cuts a block, noise numbered from the piece and not from the tensor, a
// row lost between pieces. Pieces of a few rows, and parts of one row of blocks.
TEST(MeasureTensor, PiecesChangeNothing) {
  for (const auto& [rows, cols] :
       {std::pair{100, 300}, std::pair{1, 20'000}, std::pair{9, 5'000}}) {
    const Input input = MakeInput(rows, cols);
    const TensorMeasurement whole = input.Measure(kDefaultPieceBytes);
    for (const std::uint64_t piece_bytes : {1u, 7'000u, 50'000u}) {
      const TensorMeasurement parts = input.Measure(piece_bytes);
      for (std::size_t i = 0; i < whole.settings.size(); ++i) {
        const Measurement& a = whole.settings[i];
        const Measurement& b = parts.settings[i];
        EXPECT_EQ(a.observed.total.elements, b.observed.total.elements);
        EXPECT_EQ(a.observed.total.noisy, b.observed.total.noisy);
        EXPECT_EQ(a.observed.total.absorbed, b.observed.total.absorbed);
        EXPECT_EQ(a.observed.total.exact, b.observed.total.exact);
        EXPECT_EQ(a.observed.below_max.size(), b.observed.below_max.size());
        EXPECT_NEAR(a.expected->events[0], b.expected->events[0], 1e-9);
        EXPECT_NEAR(a.expected->noise, b.expected->noise, 1e-9);
        EXPECT_NEAR(a.scale_squares, b.scale_squares, 1e-9);
      }
    }
  }
}

// Pieces of 8 rows, of which the first of each three is measured: rows 0 to 7, 24 to 31 and so on
// to 96 to 99. Would catch: noise numbered by what was measured, progress that stops short.
TEST(MeasureTensor, EveryThirdPiece) {
  Input input = MakeInput(100, 300);
  input.request.every = 3;
  input.request.piece_bytes = 10'000;
  std::uint64_t advanced = 0;
  const auto read = [&](std::uint64_t first, std::uint64_t count, void* out) -> base::Status {
    std::memcpy(out, input.w.data() + first, count * sizeof(float));
    return base::Done{};
  };
  const TensorMeasurement some = MeasureTensor(input.request, read, [&](std::uint64_t elements) {
                                   advanced += elements;
                                 }).value();
  EXPECT_EQ(some.settings[0].observed.total.elements, 36 * 300);
  EXPECT_EQ(advanced, 2 * 100 * 300);
  Input last = MakeInput(4, 300);
  std::copy_n(input.w.begin() + 96 * 300, 4 * 300, last.w.begin());
  last.request.op.key.offset += 96 * 300;
  Input rest = MakeInput(96, 300);
  rest.w.assign(input.w.begin(), input.w.begin() + 96 * 300);
  rest.request.every = 3;
  EXPECT_EQ(some.settings[0].observed.total.absorbed,
            rest.Measure(10'000).settings[0].observed.total.absorbed +
                last.Measure(10'000).settings[0].observed.total.absorbed);
}

// Against the exact tail of the binomial for small numbers: the bound must hold. Would catch: a
// flag that accuses chance.
TEST(LogChance, BoundsTheBinomialTails) {
  constexpr int kElements = 12;
  for (const double p : {0.05, 0.3, 0.5, 0.9}) {
    double probability = std::pow(1 - p, kElements);
    std::vector<double> mass;
    for (int k = 0; k <= kElements; ++k) {
      mass.push_back(probability);
      probability *= p / (1 - p) * (kElements - k) / (k + 1);
    }
    for (int k = 0; k <= kElements; ++k) {
      double tail = 0;
      for (int j = 0; j <= kElements; ++j) {
        if (k >= p * kElements ? j >= k : j <= k) tail += mass[static_cast<std::size_t>(j)];
      }
      EXPECT_GE(LogChance(k, p * kElements, kElements) + 1e-12, std::log(tail)) << p << " " << k;
    }
  }
  EXPECT_EQ(LogChance(0, 0, 10), 0);
  EXPECT_EQ(LogChance(10, 10, 10), 0);
  EXPECT_EQ(LogChance(0, 0, 0), 0);
  EXPECT_EQ(LogChance(1, 0, 10), -INFINITY);  // What cannot be, was.
  EXPECT_LT(LogChance(5500, 5000, 10'000), std::log(1e-9));
}

TEST(NumberLists, ListsAndRanges) {
  EXPECT_EQ(ParseBitsList("4").value(), std::vector<float>{4});
  EXPECT_EQ(ParseBitsList("2..4,1.5").value(), (std::vector<float>{2, 3, 4, 1.5}));
  EXPECT_EQ(ParseBitsList("4..5/0.5").value(), (std::vector<float>{4, 4.5, 5}));
  for (const char* bad : {"", ",", "4..", "5..4", "1..2/0", "1..2/-1", "0..1e6/0.1", "inf", "4x"}) {
    EXPECT_FALSE(ParseBitsList(bad).ok()) << bad;
  }
  EXPECT_EQ(ParseFormatList("bfloat16,float16")->size(), 2u);
  EXPECT_FALSE(ParseFormatList("bfloat16,").ok());
  EXPECT_EQ(ParseNumber("-0.5").value(), -0.5);
  EXPECT_FALSE(ParseNumber("nan").ok());
}

// All pairs of codes of a small format: the class is that of the number of steps between the codes
// in the order of the values. Would catch: a wrong way across zero.
TEST(CodeDistance, AllPairsOfFloat6) {
  const formats::FormatSpec spec = formats::kFloat6E3m2fn;
  const auto place = [&](formats::Code code) {
    const int magnitude = static_cast<int>(code & spec.magnitude_mask());
    return spec.IsNegative(code) ? -magnitude : magnitude;
  };
  for (formats::Code a = 0; a <= spec.code_mask(); ++a) {
    for (formats::Code b = 0; b <= spec.code_mask(); ++b) {
      if (a == b) continue;
      const int steps = std::abs(place(a) - place(b));
      const int expected = steps == 0 ? kDistanceZeroSign : 1 + static_cast<int>(std::log2(steps));
      EXPECT_EQ(DistanceClass(spec, a, b), expected) << a << " " << b;
    }
  }
  EXPECT_EQ(IntegerDistanceClass(8, true, 0x80, 0x7F), 8);   // -128 and 127
  EXPECT_EQ(IntegerDistanceClass(8, true, 0xFF, 0x00), 1);   // -1 and 0
  EXPECT_EQ(IntegerDistanceClass(8, false, 0xFF, 0x00), 8);  // 255 and 0
}

}  // namespace
}  // namespace ulproof::cli
