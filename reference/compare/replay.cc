// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/replay.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "formats/describe.h"
#include "reference/compare/judge.h"
#include "reference/ops/arith.h"
#include "reference/ops/block_max.h"
#include "reference/ops/elements.h"
#include "reference/ops/round_to_format.h"
#include "reference/ops/sample.h"
#include "reference/ops/scale.h"
#include "reference/quantizers/levels.h"
#include "reference/random/noise.h"
#include "reference/random/philox.h"

namespace ulproof::reference {
namespace {

using formats::Backend;
using formats::Case;
using formats::Code;
using formats::ElementType;
using formats::FormatSpec;
using formats::kFloat32;
using formats::NoiseLaw;
using formats::Operation;
using formats::OpKind;
using formats::Port;
using formats::Tensor;

constexpr std::size_t kMaxShown = 4;  // Output elements explained.

std::string ElementText(const ElementType& type, Code code) {
  if (type.kind == formats::ElementKind::kInt8) {
    return fmt::format("{:02x} = {:+d}", code, static_cast<std::int8_t>(code));
  }
  if (type.kind == formats::ElementKind::kNibbleWord) return fmt::format("{:08x}", code);
  return formats::Describe(type.format, code);
}

std::string Line(std::string_view label, std::string_view text) {
  return fmt::format("  {:<14} {}\n", label, text);
}

std::string CodeLine(std::string_view label, const FormatSpec& format, Code code) {
  return Line(label, formats::Describe(format, code));
}

// For reading, not for computing with.
double Approximate(const Dyadic& x) {
  // Leave 64 bits, so that the integer converts without overflow.
  const std::int64_t excess = std::max<std::int64_t>(x.SignificandBits() - 64, 0);
  const Dyadic::Integer high = boost::multiprecision::abs(x.significand()) >> excess;
  const double magnitude =
      std::ldexp(high.convert_to<double>(),
                 static_cast<int>(std::clamp<std::int64_t>(x.exponent() + excess, -5000, 5000)));
  return x.is_negative() ? -magnitude : magnitude;
}

Dyadic FromFloat32(Code code) { return Dyadic::FromCode(kFloat32, code); }

// One logical element's random words and what became of them.
std::string NoiseLines(NoiseLaw law, const formats::RandomKey& key, std::uint64_t element) {
  const formats::NoiseGrouping grouping = formats::GroupingOf(law);
  std::string text;
  for (int g = 0; g < grouping.groups; ++g) {
    const std::uint64_t group = element / grouping.elements * grouping.groups + g;
    const auto words = Words(key.seed, key.stream, group);
    text += Line(g == 0 ? "random words" : "",
                 fmt::format("group {}: {:08x} {:08x} {:08x} {:08x}", group, words[0], words[1],
                             words[2], words[3]));
  }
  const std::uint64_t lane = element % grouping.elements;
  switch (law) {
    case NoiseLaw::kRg16:
    case NoiseLaw::kRg32:
    case NoiseLaw::kRgbits: {
      const int bits = law == NoiseLaw::kRg16   ? formats::kRg16Law.magnitude_bits
                       : law == NoiseLaw::kRg32 ? formats::kRg32Law.magnitude_bits
                                                : formats::kRgbitsLaw.magnitude_bits;
      const std::uint32_t number = ThresholdNumber(law, key, element);
      text += Line("number", fmt::format("lane {}: sign {}, U = {}", lane, number >> bits,
                                         number & ((1u << bits) - 1)));
      break;
    }
    case NoiseLaw::kBoxMuller:
    case NoiseLaw::kNormal2:
      text +=
          Line("exact z/2",
               fmt::format("{}, {} of the pair",
                           formats::HexFloat(kFloat32, RealNoise(NoiseLaw::kNormal2, key, element)),
                           lane == 0 ? "cosine" : "sine"));
      break;
    case NoiseLaw::kUniform:
      text += Line("number", fmt::format("word {} >> 8", lane));
      break;
  }
  return text + Line("R", formats::Describe(kFloat32, RealNoise(law, key, element)));
}

// How a number is rounded to op.to, and the r if there is one.
std::string RoundingLines(const Operation& op, const Dyadic& exact, std::uint64_t element) {
  std::string text = Line("place", PlaceText(op.to, exact));
  if (!op.rounding.is_stochastic()) return text;
  const int bits = op.rounding.random_bits;
  const std::uint32_t r = op.random ? *op.random : RoundingRandom(bits, op.key, element);
  return text + Line("r", fmt::format("{} of 2^{} (= {:.6g})", r, bits, std::ldexp(r, -bits)));
}

std::string ExplainCast(const Case& c, std::uint64_t i) {
  const Code x = c.inputs[0].Get(i);
  std::string text = CodeLine("x", c.op.from, x);
  if (!c.op.from.IsFinite(x)) return text;
  return text + RoundingLines(c.op, Dyadic::FromCode(c.op.from, x), LogicalIndex(c.op, i));
}

std::string ScaleLines(Code max, Code bits, bool pow2) {
  std::string text = CodeLine("M", kFloat32, max);
  text += CodeLine("b", kFloat32, bits);
  const Code exponent = Sub32(kOne32, bits);
  text += CodeLine("c = 1 - b", kFloat32, exponent);
  text += CodeLine("e = 2^c", kFloat32, Exp2(exponent));
  if (pow2) text += CodeLine("M rounded up", kFloat32, RoundUpToPowerOfTwo(max));
  return text + CodeLine("s = M e", kFloat32, Scale(max, bits, pow2));
}

std::string ExplainSample(const Case& c, std::uint64_t i) {
  const Operation& op = c.op;
  const std::uint64_t row = i / op.shape.cols;
  const std::uint64_t col = i % op.shape.cols;
  const std::uint64_t block = row / op.block.rows * op.grid().cols() + col / op.block.cols;
  const std::uint64_t element = LogicalIndex(op, row, col);
  const Code max = BlockMax(c.inputs[0].view(), op.shape, op.grid().ExtentOf(block));
  const Code bits = c.inputs[1].Get(op.bits_per_block ? block : 0);
  const Code scale = Scale(max, bits, op.pow2);
  const Code weight = ToFloat32(op.from, c.inputs[0].Get(i));
  const SampledElement sampled = SampleElement(op, weight, scale, element);
  std::string text = CodeLine("w", op.from, c.inputs[0].Get(i));
  text += NoiseLines(op.law, op.key, element);
  text += ScaleLines(max, bits, op.pow2);
  if (kFloat32.IsFinite(scale) && kFloat32.IsFinite(weight)) {
    const Dyadic exact = FromFloat32(sampled.noise) * FromFloat32(scale) + FromFloat32(weight);
    text += Line("R s + w", fmt::format("{} exactly", exact.ToString()));
    text += Line("place", PlaceText(kFloat32, exact));
  }
  text += CodeLine("t", kFloat32, sampled.sum);
  if (!kFloat32.IsFinite(sampled.sum)) return text;
  return text + RoundingLines(op, FromFloat32(sampled.sum), element);
}

std::string ExplainBackward(const Case& c, std::uint64_t block) {
  const Operation& op = c.op;
  const formats::BlockGrid::Extent extent = op.grid().ExtentOf(block);
  const Code scale = c.inputs[1].Get(block);
  std::string text = CodeLine("s", kFloat32, scale);
  text += CodeLine("-ln2 s", kFloat32, Mul32(kMinusLn2, scale));
  Dyadic sum;
  std::size_t shown = 0;
  for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
    for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
      const Code grad = ToFloat32(op.from, c.inputs[0].Get(MemoryIndex(op.shape, row, col)));
      const Code noise = RealNoise(op.law, op.key, LogicalIndex(op, row, col));
      const Code product = Mul32(grad, noise);
      if (kFloat32.IsFinite(product)) sum += FromFloat32(product);
      if (kFloat32.IsZero(product) || ++shown > 2 * kMaxShown) continue;
      text += Line(
          fmt::format("grad[{},{}] R", row, col),
          fmt::format("{} * {} = {}", formats::HexFloat(kFloat32, grad),
                      formats::HexFloat(kFloat32, noise), formats::HexFloat(kFloat32, product)));
    }
  }
  if (shown > 2 * kMaxShown) {
    text += Line("", fmt::format("... and {} more", shown - 2 * kMaxShown));
  }
  return text + Line("exact sum",
                     fmt::format("{} (the contract's order rounds on the way)", sum.ToString()));
}

std::string ExplainQuantize(const Case& c, std::uint64_t i, const std::vector<Tensor>& expected) {
  const Operation& op = c.op;
  const formats::BlockGrid grid = op.scale_grid();
  const std::uint64_t group =
      i / op.shape.cols / grid.block.rows * grid.cols() + i % op.shape.cols / grid.block.cols;
  const Code w = c.inputs[0].Get(i);
  const Code scale = expected[1].Get(group);
  std::string text = CodeLine("w", op.from, w);
  text +=
      CodeLine("group's M", kFloat32, BlockMax(c.inputs[0].view(), op.shape, grid.ExtentOf(group)));
  text += CodeLine("scale", op.block_format.scale, scale);
  if (op.block_format.has_tensor_scale) {
    return text + CodeLine("tensor scale", kFloat32, expected[2].Get(0));
  }
  if (!op.from.IsFinite(w) || !op.block_format.scale.IsFinite(scale)) return text;
  const Dyadic quotient = Dyadic::FromCode(op.from, w)
                              .Scale2(-Dyadic::FromCode(op.block_format.scale, scale).FloorLog2());
  text += Line("w / scale", fmt::format("{} exactly", quotient.ToString()));
  if (op.block_format.is_int8) return text;
  return text + Line("place", PlaceText(op.block_format.element, quotient));
}

std::string ExplainDequantize(const Case& c, std::uint64_t i) {
  const Operation& op = c.op;
  const formats::BlockGrid grid = op.scale_grid();
  const std::uint64_t group =
      i / op.shape.cols / grid.block.rows * grid.cols() + i % op.shape.cols / grid.block.cols;
  const Code element = c.inputs[0].Get(i);
  const Code scale = c.inputs[1].Get(group);
  std::string text = Line("element", ElementText(c.inputs[0].type(), element));
  text += CodeLine("scale", op.block_format.scale, scale);
  if (op.block_format.has_tensor_scale) {
    return text + CodeLine("tensor scale", kFloat32, c.inputs[2].Get(0));
  }
  const bool is_int8 = op.block_format.is_int8;
  if (!op.block_format.scale.IsFinite(scale)) return text;
  if (!is_int8 && !op.block_format.element.IsFinite(element)) return text;
  const Dyadic value = is_int8 ? Dyadic::FromInteger(static_cast<std::int8_t>(element)).Scale2(-6)
                               : Dyadic::FromCode(op.block_format.element, element);
  const Dyadic exact = value * Dyadic::FromCode(op.block_format.scale, scale);
  text += Line("exact", exact.ToString());
  return text + Line("place", PlaceText(op.to, exact));
}

// Section 14: the element's way to its level, under the scale of its block; blocks by their place.
std::string ExplainFitted(const Case& c, std::uint64_t i) {
  const Operation& op = c.op;
  const formats::BlockGrid grid = op.grid();
  if (op.kind == OpKind::kFit || op.kind == OpKind::kRefit) {
    const auto extent = grid.ExtentOf(i);
    return Line("block", fmt::format("rows {}..{}, columns {}..{}", extent.row_begin,
                                     extent.row_end - 1, extent.col_begin, extent.col_end - 1));
  }
  const bool is_backward = op.kind == OpKind::kFakeBackward;
  const std::uint64_t block =
      i / op.shape.cols / grid.block.rows * grid.cols() + i % op.shape.cols / grid.block.cols;
  const std::size_t x_port = is_backward ? 1 : 0;
  const Code x = ToFloat32(op.from, c.inputs[x_port].Get(i));
  const Code scale = c.inputs[x_port + 1].Get(block);
  const Code second = c.inputs[x_port + 2].Get(block);  // The zero point, or perturb's limit.
  std::string text = CodeLine("x", kFloat32, x) + CodeLine("scale", kFloat32, scale);
  if (op.kind == OpKind::kPerturb) {
    return text + CodeLine("limit", kFloat32, second) +
           CodeLine("R", kFloat32, RealNoise(op.law, op.key, LogicalIndex(op, i)));
  }
  const LeveledElement element = LevelElement(op.levels, x, scale, second);
  return text + CodeLine("zero", kFloat32, second) + CodeLine("u", kFloat32, element.scaled) +
         CodeLine("level", kFloat32, element.level);
}

std::string Explain(const Case& c, std::uint64_t i, const std::vector<Tensor>& expected) {
  const Operation& op = c.op;
  switch (op.kind) {
    case OpKind::kNoise:
      // A word of nibbles is eight elements; the first is shown.
      return NoiseLines(op.law, op.key,
                        LogicalIndex(op, op.packing == formats::NoisePacking::kNibbles &&
                                                 formats::HasIntegerNoise(op.law)
                                             ? 8 * i
                                             : i));
    case OpKind::kCast:
      return ExplainCast(c, i);
    case OpKind::kBlockMax: {
      const auto extent = op.grid().ExtentOf(i);
      return Line("block", fmt::format("rows {}..{}, columns {}..{}", extent.row_begin,
                                       extent.row_end - 1, extent.col_begin, extent.col_end - 1));
    }
    case OpKind::kScale:
      return ScaleLines(c.inputs[0].Get(i), c.inputs[1].Get(op.bits_per_block ? i : 0), op.pow2);
    case OpKind::kSample:
      return ExplainSample(c, i);
    case OpKind::kBackward:
      return ExplainBackward(c, i);
    case OpKind::kQuantize:
      return ExplainQuantize(c, i, expected);
    case OpKind::kDequantize:
      return ExplainDequantize(c, i);
    case OpKind::kFit:
    case OpKind::kRefit:
    case OpKind::kFakeQuantize:
    case OpKind::kFakeBackward:
    case OpKind::kPerturb:
      break;
  }
  return ExplainFitted(c, i);
}

struct Answer {
  std::string name;
  std::string why_not = {};  // Set when there is no answer.
  std::vector<Tensor> outputs = {};
  Comparison comparison = {};
};

// One line for all that agree, one for each that does not.
std::string AnswerLines(const std::vector<Answer>& answers, std::size_t port, std::uint64_t i,
                        const ElementType& type, Code expected) {
  std::vector<std::string_view> agreeing;
  std::string text;
  for (const Answer& answer : answers) {
    if (answer.outputs.empty()) continue;
    const Code got = answer.outputs[port].Get(i);
    if (got == expected) {
      agreeing.push_back(answer.name);
      continue;
    }
    const auto apart = CodesApart(type, expected, got);
    text +=
        Line(answer.name, fmt::format("{}   DIFFERS{}", ElementText(type, got),
                                      apart ? fmt::format(" by {} ulp", *apart) : std::string()));
  }
  if (agreeing.empty()) return text;
  return text + Line("the same", fmt::format("{}", fmt::join(agreeing, ", ")));
}

}  // namespace

std::string PlaceText(const FormatSpec& to, const Dyadic& x) {
  using formats::Overflow;
  const auto toward = [&](formats::RoundingMode mode) {
    return RoundToFormatDetail(to, x, {mode}, Overflow::kSaturate);
  };
  const RoundDetail lower = toward(formats::RoundingMode::kDown);
  const RoundDetail upper = toward(formats::RoundingMode::kUp);
  const auto text = [&](Code code) {
    return fmt::format("{} = {}", formats::CodeText(to, code), formats::HexFloat(to, code));
  };
  if (!to.IsFinite(lower.code) || !to.IsFinite(upper.code)) return "outside the format";
  const Dyadic low = Dyadic::FromCode(to, lower.code);
  const Dyadic high = Dyadic::FromCode(to, upper.code);
  if (x == low || x == high)
    return fmt::format("exactly {}", text(x == low ? lower.code : upper.code));
  if (x < low && !to.is_signed) return fmt::format("below the smallest value {}", text(lower.code));
  if (x < low || x > high) {
    // The next step of the grid beyond the end, were there one, is as far as the last one within
    // it.
    const Code end = x > high ? upper.code : lower.code;
    if ((end & to.magnitude_mask()) == 0) return fmt::format("beyond the end {}", text(end));
    const Dyadic last = Dyadic::FromCode(to, end);
    const Dyadic ulp = (last - Dyadic::FromCode(to, end - 1)).Abs();
    return fmt::format("beyond the end {}, by {:.9g} ulp", text(end),
                       Approximate((x - last).Abs().Scale2(-ulp.FloorLog2())));
  }
  // Neighbours are a power of two apart in every format.
  const Dyadic fraction = (x - low).Scale2(-(high - low).FloorLog2());
  const Dyadic from_midpoint = fraction - Dyadic::FromInteger(1).Scale2(-1);
  const std::string midpoint =
      from_midpoint.is_zero()
          ? "the midpoint"
          : fmt::format("{:.6g} ulp {} the midpoint", std::fabs(Approximate(from_midpoint)),
                        from_midpoint.is_negative() ? "below" : "above");
  return fmt::format("between {} and {}: {:.6g} ulp above the lower, {}", text(lower.code),
                     text(upper.code), Approximate(fraction), midpoint);
}

base::Result<ReplayResult> Replay(const Case& c, Backend& truth,
                                  std::span<Backend* const> subjects) {
  auto expected = formats::RunCase(truth, c);
  if (!expected.ok()) return expected.error();
  const formats::Signature signature = formats::SignatureOf(c.op);
  std::vector<Answer> answers;
  std::set<std::pair<std::size_t, std::uint64_t>> differing;  // (port, element)
  ReplayResult result;
  for (Backend* subject : subjects) {
    if (subject == &truth) continue;
    Answer answer = {.name = std::string(subject->name()), .why_not = subject->why_unavailable()};
    if (answer.why_not.empty()) answer.why_not = subject->why_unsupported(c.op);
    if (answer.why_not.empty()) {
      auto got = formats::RunCase(*subject, c);
      if (got.ok()) {
        answer.outputs = std::move(got).value();
        answer.comparison = CompareOutputs(c, *expected, answer.outputs);
        result.agree = result.agree && answer.comparison.ok();
      } else {
        answer.why_not = got.error().ToString();
        result.agree = false;  // It took the case and has no answer: a fault.
      }
    }
    for (std::size_t p = 0; p < answer.outputs.size(); ++p) {
      for (std::uint64_t i = 0; i < answer.outputs[p].count(); ++i) {
        if (answer.outputs[p].Get(i) != (*expected)[p].Get(i)) differing.insert({p, i});
      }
    }
    answers.push_back(std::move(answer));
  }
  const std::size_t differences = differing.size();
  if (differing.empty()) {
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(kMaxShown, (*expected)[0].count()); ++i) {
      differing.insert({0, i});
    }
  }

  result.text = formats::OperationName(c.op) + "\n";
  std::size_t shown = 0;
  for (const auto& [p, i] : differing) {
    if (++shown > kMaxShown) break;
    const Port& port = signature.outputs[p];
    const std::uint64_t cols = port.count == c.op.shape.count() ? c.op.shape.cols : port.count;
    result.text += fmt::format("\n{}[{},{}]\n", port.name, i / cols, i % cols);
    if (p == 0) result.text += Explain(c, i, *expected);
    const Code want = (*expected)[p].Get(i);
    result.text += Line(truth.name(), ElementText(port.type, want));
    result.text += AnswerLines(answers, p, i, port.type, want);
  }
  result.text += '\n';
  std::vector<std::string_view> agreeing;
  for (const Answer& answer : answers) {
    const Comparison& comparison = answer.comparison;
    if (!answer.why_not.empty()) {
      result.text += Line(answer.name, fmt::format("skipped: {}", answer.why_not));
    } else if (comparison.ok() && comparison.near_boundary == 0) {
      agreeing.push_back(answer.name);
    } else {
      result.text +=
          Line(answer.name,
               fmt::format("{} of {} elements differ, {} more are allowed to",
                           comparison.mismatches, comparison.elements, comparison.near_boundary));
    }
  }
  if (!agreeing.empty()) {
    result.text += Line("agree", fmt::format("{}", fmt::join(agreeing, ", ")));
  }
  if (differences > kMaxShown) {
    result.text += fmt::format("  (the first {} of {} differing elements are explained)\n",
                               kMaxShown, differences);
  }
  return result;
}

}  // namespace ulproof::reference
