// SPDX-License-Identifier: Apache-2.0
// Block-scaled formats: every code of the 16-bit sources under every format and scale rule, groups
// whose maximum stands where the rules part, and every pair of element and scale back.
#include <fmt/format.h>

#include "formats/codec.h"
#include "reference/compare/suites/suite.h"

namespace ulproof::reference {
namespace {

using formats::BlockFormat;
using formats::Case;
using formats::Code;
using formats::FormatSpec;
using formats::Operation;
using formats::OpKind;
using formats::ScaleRule;

Operation QuantizeOp(const FormatSpec& from, const BlockFormat& format, ScaleRule rule,
                     bool square) {
  Operation op;
  op.kind = OpKind::kQuantize;
  op.from = from;
  op.block_format = format;
  if (!format.has_tensor_scale || rule == ScaleRule::kBest) op.rule = rule;
  op.square = square;
  return op;
}

// All codes of a source, neighbours in one group; specials keep to groups of their own.
void AllCodes(CheckRun& run, const FormatSpec& from, const BlockFormat& format, ScaleRule rule) {
  for (const bool square : {false, true}) {
    Operation op = QuantizeOp(from, format, rule, square);
    op.shape = {.rows = 256, .cols = 256};
    Case c = formats::EmptyCase(op);
    for (Code code = 0; code < op.shape.count(); ++code) c.inputs[0].Set(code, code);
    run.Judge(c);
    if (!format.has_tensor_scale) continue;
    // One special would poison NVFP4's whole tensor: once more without.
    for (Code code = 0; code < op.shape.count(); ++code) {
      if (!from.IsFinite(code)) c.inputs[0].Set(code, 0);
    }
    run.Judge(c);
  }
}

// A group for each of many maxima: powers of two and their neighbours, the format's largest value
// times powers of two, rounding boundaries of `even`; the other elements fill the range below.
void Maxima(CheckRun& run, const BlockFormat& format, ScaleRule rule) {
  std::vector<Code> maxima;
  const FormatSpec element = format.is_int8 ? formats::kFloat8E4m3fn : format.element;
  for (const Code code : RoundingEdges(formats::kFloat32, element)) {
    if (!formats::kFloat32.IsNegative(code)) maxima.push_back(code);
  }
  Rng rng(4);
  Operation op = QuantizeOp(formats::kFloat32, format, rule, false);
  op.shape = {.rows = maxima.size(), .cols = format.group};
  Case c = formats::EmptyCase(op);
  for (std::uint64_t row = 0; row < op.shape.rows; ++row) {
    for (std::uint64_t col = 0; col < op.shape.cols; ++col) {
      const Code sign = rng.OneIn(2) ? formats::kFloat32.sign_mask() : 0;
      const Code below = rng.Below(16) << formats::kFloat32.trailing_bits | (rng.Next() & 0x7FFFFF);
      const Code max = maxima[row];
      const bool is_maximum = col == row % format.group;
      c.inputs[0].Set(row * op.shape.cols + col, sign | (is_maximum    ? max
                                                         : max > below ? max - below
                                                                       : max / 2));
    }
  }
  if (!format.has_tensor_scale) return run.Judge(c);
  // NVFP4 scales by the tensor's maximum: a tensor for each group's neighbourhood instead of one.
  for (std::uint64_t row = 0; row < op.shape.rows; row += run.Pick(32, 1)) {
    Operation one = op;
    one.shape.rows = 1;
    Case part = formats::EmptyCase(one);
    for (std::uint64_t col = 0; col < one.shape.cols; ++col) {
      part.inputs[0].Set(col, c.inputs[0].Get(row * one.shape.cols + col));
    }
    run.Judge(part);
  }
}

// Every element code under every scale code: one row a scale, one column an element.
void AllPairs(CheckRun& run, const BlockFormat& format, std::string_view to,
              const formats::Rounding& rounding, formats::Overflow overflow) {
  const std::uint64_t elements = format.is_int8 ? 256 : format.element.code_mask() + 1;
  Operation op;
  op.kind = OpKind::kDequantize;
  op.block_format = format;
  op.to = *formats::ParseFormat(to);
  op.rounding = rounding;
  op.overflow = overflow;
  // Groups that are not full are scales of their own too.
  op.shape = {.rows = format.scale.code_mask() + 1, .cols = elements};
  Case c = formats::EmptyCase(op);
  const std::uint64_t scales = op.scale_grid().cols();
  for (std::uint64_t row = 0; row < op.shape.rows; ++row) {
    for (std::uint64_t col = 0; col < elements; ++col) {
      c.inputs[0].Set(row * elements + col, col);
    }
    for (std::uint64_t group = 0; group < scales; ++group) {
      c.inputs[1].Set(row * scales + group, row);
    }
  }
  if (!format.has_tensor_scale) return run.Judge(c);
  for (const Code tensor_scale : {0x3F800000, 0x44A80000, 0x3EAAAAAB, 0x00000001, 0x7F7FFFFF,
                                  0x7FC00000, 0x00800000, 0x47123456}) {
    c.inputs[2].Set(0, tensor_scale);
    run.Judge(c);
  }
}

}  // namespace

void AddQuantizeChecks(const ConformOptions& options, CheckList& checks) {
  const bool is_full = options.level == Level::kFull;
  for (const BlockFormat& format : formats::kBlockFormats) {
    std::vector<ScaleRule> rules = {ScaleRule::kFloor};
    if (!format.has_tensor_scale)
      rules.assign(formats::kScaleRules.begin(), formats::kScaleRules.end());
    if (format.element_bits == 4) rules.push_back(ScaleRule::kBest);
    for (const ScaleRule rule : rules) {
      const bool is_only_rule = format.has_tensor_scale && rule != ScaleRule::kBest;
      const std::string name =
          is_only_rule ? std::string(format.name)
                       : fmt::format("{}/{}", format.name, formats::ScaleRuleName(rule));
      for (const FormatSpec& from : {formats::kBfloat16, formats::kFloat16}) {
        checks.push_back({OpKind::kQuantize,
                          fmt::format("quantize/exhaustive/{}/{}", formats::FormatName(from), name),
                          200, false, [=](CheckRun& run) { AllCodes(run, from, format, rule); }});
      }
      checks.push_back({OpKind::kQuantize, fmt::format("quantize/maxima/{}", name), 200, false,
                        [=](CheckRun& run) { Maxima(run, format, rule); }});
    }
    for (const std::string_view to : {"float32", "bfloat16", "float16", "float8_e4m3fn",
                                      "float8_e5m2", "float8_e4m3fnuz", "float6_e3m2fn"}) {
      checks.push_back(
          {OpKind::kDequantize, fmt::format("dequantize/exhaustive/{}/{}", format.name, to), 200,
           false, [=](CheckRun& run) {
             for (const formats::Rounding& rounding : formats::kDeterministicRoundings) {
               for (const formats::Overflow overflow : formats::kOverflows) {
                 const bool is_default =
                     rounding == formats::Rounding{} && overflow == formats::Overflow::kIeee;
                 if (is_full || is_default) AllPairs(run, format, to, rounding, overflow);
               }
             }
           }});
    }
  }
}

}  // namespace ulproof::reference
