// SPDX-License-Identifier: Apache-2.0
#include "cli/measure.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "cpu/block_scale.h"
#include "cpu/real_noise.h"
#include "cpu/sample_kernels.h"
#include "formats/codec.h"
#include "reference/inspect/law_table.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;
using formats::FormatSpec;
using formats::Operation;

void AddAt(std::vector<double>& sums, std::size_t k, double x) {
  if (sums.size() <= k) sums.resize(k + 1);
  sums[k] += x;
}

// Codes of a format that the kernels do not read, as binary32 numbers: a table of up to 2^16.
std::vector<float> WideningTable(const FormatSpec& from) {
  std::vector<float> table(std::size_t{1} << from.storage_bits());
  for (formats::Code code = 0; code < table.size(); ++code) {
    const formats::Decoded x = formats::Decode(from, code);
    float value = std::ldexp(static_cast<float>(x.significand), x.exponent);
    if (x.value_class == formats::ValueClass::kInfinity) value = INFINITY;
    if (x.value_class == formats::ValueClass::kNan) value = NAN;
    table[code] = x.negative ? -value : value;
  }
  return table;
}

bool NeedsTable(const FormatSpec& from) {
  return from != formats::kFloat32 && from != formats::kBfloat16 && from != formats::kFloat16;
}

template <typename T>
std::uint64_t CountAllOnes(const void* data, std::uint64_t count, T mask) {
  const T* codes = static_cast<const T*>(data);
  std::uint64_t found = 0;
  for (std::uint64_t i = 0; i < count; ++i) found += (codes[i] & mask) == mask;
  return found;
}

// NaNs and infinities of an IEEE format: the exponent is all ones.
std::uint64_t CountNonFinite(const formats::ConstBuffer& w) {
  const formats::Code mask = w.type.format.exponent_mask();
  return w.type.bytes() == 4 ? CountAllOnes(w.data, w.count, static_cast<std::uint32_t>(mask))
                             : CountAllOnes(w.data, w.count, static_cast<std::uint16_t>(mask));
}

// The sum of s^2 over the elements of blocks with finite s.
double ScaleSquares(const Operation& op, float bits, const formats::ConstBuffer& w) {
  const formats::BlockGrid grid = op.grid();
  std::vector<float> maxima(grid.count());
  cpu::RunBlockMax(cpu::RunnableTargets()[0], op, w,
                   {formats::ElementType::CodeOf(formats::kFloat32), maxima.data(), maxima.size()});
  double sum = 0;
  for (std::uint64_t block = 0; block < grid.count(); ++block) {
    const formats::BlockGrid::Extent extent = grid.ExtentOf(block);
    const double scale = cpu::BlockScale(maxima[block], cpu::BitsFactor(bits), op.pow2);
    const auto elements = static_cast<double>((extent.row_end - extent.row_begin) *
                                              (extent.col_end - extent.col_begin));
    if (std::isfinite(scale)) sum += scale * scale * elements;
  }
  return sum;
}

// The expectation of a real law, if it can be had.
std::optional<Expectation> ExpectReal(const Operation& op, const formats::ConstBuffer& w,
                                      const formats::ConstBuffer& bits,
                                      const reference::LawTable& law) {
  if (!cpu::WhyRealNoiseUnsupported(op).empty()) return std::nullopt;
  const auto probability = [&](float low, float high) {
    return reference::RealLawProbability(law.law, low, high);
  };
  const cpu::RealNoiseExpectation real =
      cpu::ExpectRealNoise(cpu::RunnableTargets()[0], op, w, bits, probability, law.intact);
  if (real.refused) return std::nullopt;
  Expectation expected = {.noisy = real.elements * (1 - law.intact)};
  for (std::size_t i = 0; i < kCountedEvents.size(); ++i) {
    const auto count = kCountedEvents[i].count;
    const bool overflows =
        count == &cpu::WeightCounts::saturated || count == &cpu::WeightCounts::overflowed;
    expected.events[i] = count == &cpu::WeightCounts::absorbed  ? real.absorbed
                         : count == &cpu::WeightCounts::flushed ? real.flushed
                         : overflows                            ? 0
                                                                : NAN;
  }
  expected.absorbed_below_max = real.absorbed_below_max;
  expected.noisy_below_max = real.elements_below_max;
  for (double& noisy : expected.noisy_below_max) noisy *= 1 - law.intact;
  return expected;
}

// One piece of a tensor under one setting.
Measurement MeasurePiece(const MeasureRequest& request, const Operation& op, float bits,
                         const formats::ConstBuffer& w, const reference::LawTable& law) {
  const cpu::Target target = cpu::RunnableTargets()[0];
  const formats::ConstBuffer bitwidth = {formats::ElementType::CodeOf(formats::kFloat32), &bits, 1};
  // The drawn noise, then every R of the law.
  std::vector<cpu::Noise> noises(1);
  if (request.expect) {
    for (const reference::LawValue& value : law.values) noises.push_back(float(value.r));
  }
  const std::vector<cpu::WeightStatistics> measured = cpu::MeasureWeights(
      target, op, w, bitwidth, noises,
      {.sums_by_binade = request.sums_by_binade, .fixed = cpu::FixedDetail::kAbsorbed});
  Measurement result = {.observed = measured[0], .expected = std::nullopt};
  if (request.sums_by_binade) result.scale_squares = ScaleSquares(op, bits, w);
  if (!request.expect) return result;
  if (law.values.empty()) {
    if (!request.sums_by_binade) result.expected = ExpectReal(op, w, bitwidth, law);
    return result;
  }
  result.expected.emplace();
  for (std::size_t i = 0; i < law.values.size(); ++i) {
    const reference::LawValue& value = law.values[i];
    result.expected->Add(measured[i + 1], value.probability, value.r != 0);
  }
  return result;
}

}  // namespace

void Expectation::Add(const cpu::WeightStatistics& under_r, double probability, bool is_noisy) {
  for (std::size_t i = 0; i < kCountedEvents.size(); ++i) {
    events[i] += probability * static_cast<double>(under_r.total.*kCountedEvents[i].count);
  }
  noisy += probability * static_cast<double>(under_r.total.noisy);
  noise += probability * under_r.total.noise;
  error += probability * under_r.total.error;
  for (std::size_t k = 0; k < under_r.below_max.size(); ++k) {
    const cpu::WeightCounts& counts = under_r.below_max[k];
    AddAt(absorbed_below_max, k, probability * static_cast<double>(counts.absorbed));
    AddAt(noisy_below_max, k, probability * static_cast<double>(counts.noisy));
    AddAt(noise_below_max, k, probability * counts.noise);
    AddAt(noisy_noise_below_max, k, is_noisy ? probability * counts.noise : 0);
  }
}

Expectation& Expectation::operator+=(const Expectation& other) {
  for (std::size_t i = 0; i < events.size(); ++i) events[i] += other.events[i];
  noisy += other.noisy;
  noise += other.noise;
  error += other.error;
  for (std::size_t k = 0; k < other.absorbed_below_max.size(); ++k) {
    AddAt(absorbed_below_max, k, other.absorbed_below_max[k]);
    AddAt(noisy_below_max, k, other.noisy_below_max[k]);
  }
  for (std::size_t k = 0; k < other.noise_below_max.size(); ++k) {
    AddAt(noise_below_max, k, other.noise_below_max[k]);
    AddAt(noisy_noise_below_max, k, other.noisy_noise_below_max[k]);
  }
  return *this;
}

void Join(Measurement& sum, const Measurement& part) {
  const bool is_first = sum.observed.total.elements == 0;
  sum.observed += part.observed;
  sum.scale_squares += part.scale_squares;
  if (is_first) {
    sum.expected = part.expected;
  } else if (sum.expected && part.expected) {
    *sum.expected += *part.expected;
  } else {
    sum.expected.reset();
  }
}

std::string WhyMeasureRefused(const MeasureRequest& request) {
  for (const MeasureSetting& setting : request.settings) {
    Operation op = request.op;
    op.to = setting.to;
    op.block = setting.block;
    if (NeedsTable(op.from)) {
      if (op.from.storage_bits() > 16 || !formats::IsExactInFloat32(op.from)) {
        return "its format is not exact in float32";
      }
      op.from = formats::kFloat32;
    }
    if (std::string reason = cpu::WhyMeasureUnsupported(op); !reason.empty()) {
      return formats::FormatName(op.to) + ": " + reason;
    }
  }
  return {};
}

Result<TensorMeasurement> MeasureTensor(
    const MeasureRequest& request,
    const std::function<Status(std::uint64_t, std::uint64_t, void*)>& read,
    const std::function<void(std::uint64_t)>& advance) {
  const Operation& whole = request.op;
  const reference::LawTable law = reference::LawTableOf(whole.law);
  const bool widens = NeedsTable(whole.from);
  const std::vector<float> table = widens ? WideningTable(whole.from) : std::vector<float>();
  // Pieces are whole blocks of every setting: as many full rows as fit, or part of one row of
  // blocks. Sides are powers of two as a rule, so the common multiple is the largest.
  std::uint64_t block_rows = 1;
  std::uint64_t block_cols = 1;
  for (const MeasureSetting& setting : request.settings) {
    block_rows = std::lcm(block_rows, std::uint64_t{setting.block.rows});
    block_cols = std::lcm(block_cols, std::uint64_t{setting.block.cols});
  }
  const std::uint64_t element_bytes =
      static_cast<std::uint64_t>(whole.from.storage_bytes()) + (widens ? sizeof(float) : 0);
  const std::uint64_t budget = std::max<std::uint64_t>(request.piece_bytes / element_bytes, 1);
  const std::uint64_t least_rows = std::min(block_rows, whole.shape.rows);
  const bool whole_rows = budget / least_rows >= whole.shape.cols;
  const std::uint64_t piece_rows =
      whole_rows ? std::max<std::uint64_t>(budget / whole.shape.cols / block_rows, 1) * block_rows
                 : block_rows;
  const std::uint64_t piece_cols =
      whole_rows ? whole.shape.cols
                 : std::max<std::uint64_t>(budget / least_rows / block_cols, 1) * block_cols;
  const std::uint64_t room =
      std::min(piece_rows, whole.shape.rows) * std::min(piece_cols, whole.shape.cols);
  formats::Tensor codes(formats::ElementType::CodeOf(whole.from), room);
  std::vector<float> widened(widens ? room : 0);
  TensorMeasurement result;
  result.settings.resize(request.settings.size());
  std::uint64_t piece = 0;
  for (std::uint64_t row = 0; row < whole.shape.rows; row += piece_rows) {
    for (std::uint64_t col = 0; col < whole.shape.cols; col += piece_cols) {
      const std::uint64_t rows = std::min(piece_rows, whole.shape.rows - row);
      const std::uint64_t cols = std::min(piece_cols, whole.shape.cols - col);
      if (piece++ % request.every != 0) {
        if (advance) advance(rows * cols * request.settings.size());
        continue;
      }
      const std::uint64_t runs = whole_rows ? 1 : rows;
      const std::uint64_t run = rows * cols / runs;
      auto* out = static_cast<char*>(codes.view().data);
      for (std::uint64_t i = 0; i < runs; ++i) {
        const std::uint64_t first = (row + i) * whole.shape.cols + col;
        if (Status got = read(first, run, out + i * run * whole.from.storage_bytes()); !got.ok()) {
          return got.error();
        }
      }
      Operation op = whole;
      op.shape = {.rows = rows, .cols = cols, .index_stride = whole.shape.cols};
      op.key.offset += row * whole.shape.cols + col;
      formats::ConstBuffer w = {codes.type(), codes.view().data, rows * cols};
      if (widens) {
        for (std::uint64_t i = 0; i < w.count; ++i) widened[i] = table[w.Get(i)];
        op.from = formats::kFloat32;
        w = {formats::ElementType::CodeOf(formats::kFloat32), widened.data(), w.count};
      }
      result.non_finite_weights += CountNonFinite(w);
      for (std::size_t i = 0; i < request.settings.size(); ++i) {
        const MeasureSetting& setting = request.settings[i];
        op.to = setting.to;
        op.block = setting.block;
        Join(result.settings[i], MeasurePiece(request, op, setting.bits, w, law));
        if (advance) advance(w.count);
      }
    }
  }
  return result;
}

double LogChance(double observed, double expected, double elements) {
  if (elements <= 0) return 0;
  const double a = std::clamp(observed / elements, 0.0, 1.0);
  const double p = std::clamp(expected / elements, 0.0, 1.0);
  // x log(x / y), with its limits.
  const auto term = [](double x, double y) {
    if (x == 0) return 0.0;
    return y == 0 ? std::numeric_limits<double>::infinity() : x * std::log(x / y);
  };
  // A sum of probabilities is rounded: what should be 1 may miss it by a few last places.
  const bool same = std::fabs(a - p) < 1e-12;
  const double divergence = same ? 0 : term(a, p) + term(1 - a, 1 - p);
  return std::min(0.0, std::log(2.0) - elements * divergence);
}

double SnrDb(const cpu::WeightCounts& counts) {
  return 10 * std::log10(counts.signal / counts.noise);
}

}  // namespace ulproof::cli
