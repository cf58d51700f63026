// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/judge.h"

#include <fmt/format.h>

#include <cstring>

#include "reference/compare/noise_tolerance.h"

namespace ulproof::reference {
namespace {

using formats::Case;
using formats::Code;
using formats::ElementKind;
using formats::ElementType;
using formats::FormatSpec;
using formats::Operation;
using formats::Port;
using formats::Tensor;

bool SameBytes(const Tensor& a, const Tensor& b) {
  return std::memcmp(a.view().data, b.view().data, a.count() * a.type().bytes()) == 0;
}

bool IsNan(const ElementType& type, Code code) {
  return type.kind == ElementKind::kCode && type.format.IsNan(code);
}

// The columns of the matrix that a port's elements stand in: the case's own, or its grid of blocks.
std::uint64_t ColumnsOf(const Operation& op, const Port& port) {
  if (port.count == op.shape.count()) return op.shape.cols;
  const formats::BlockGrid grid =
      op.kind == formats::OpKind::kQuantize ? op.scale_grid() : op.grid();
  return port.count == grid.count() ? grid.cols() : port.count;
}

bool IsWorse(const Mismatch& a, const Mismatch& b) {
  return b.ulps.has_value() && (!a.ulps.has_value() || *a.ulps > *b.ulps);
}

}  // namespace

void Comparison::Add(const Comparison& other) {
  elements += other.elements;
  mismatches += other.mismatches;
  near_boundary += other.near_boundary;
  if (!first) first = other.first;
  if (!worst || (other.worst && IsWorse(*other.worst, *worst))) worst = other.worst;
}

std::optional<std::uint64_t> CodesApart(const ElementType& type, Code a, Code b) {
  if (a == b) return 0;
  if (type.kind == ElementKind::kNibbleWord) return std::nullopt;
  if (type.kind == ElementKind::kInt8) {
    const int distance = static_cast<std::int8_t>(a) - static_cast<std::int8_t>(b);
    return static_cast<std::uint64_t>(distance < 0 ? -distance : distance);
  }
  const FormatSpec& format = type.format;
  if (format.IsNan(a) || format.IsNan(b)) {
    if (format.IsNan(a) && format.IsNan(b)) return 0;
    return std::nullopt;
  }
  const Code magnitude_a = a & format.magnitude_mask();
  const Code magnitude_b = b & format.magnitude_mask();
  if (format.IsNegative(a) == format.IsNegative(b)) {
    return magnitude_a > magnitude_b ? magnitude_a - magnitude_b : magnitude_b - magnitude_a;
  }
  return magnitude_a + magnitude_b + (format.has_negative_zero() ? 1 : 0);
}

Comparison CompareOutputs(const Case& c, std::span<const Tensor> expected,
                          std::span<const Tensor> got) {
  const formats::Signature signature = formats::SignatureOf(c.op);
  ULPROOF_CHECK(expected.size() == signature.outputs.size() && got.size() == expected.size());
  Comparison comparison;
  for (std::size_t p = 0; p < expected.size(); ++p) {
    const Port& port = signature.outputs[p];
    ULPROOF_CHECK(expected[p].count() == port.count && got[p].count() == port.count);
    comparison.elements += port.count;
    if (SameBytes(expected[p], got[p])) continue;
    const std::uint64_t cols = ColumnsOf(c.op, port);
    for (std::uint64_t i = 0; i < port.count; ++i) {
      const Code want = expected[p].Get(i);
      const Code have = got[p].Get(i);
      if (want == have) continue;
      if (!port.canonical_nan && IsNan(port.type, want) && IsNan(port.type, have)) continue;
      if (IsForgiven(c, i, want, have)) {
        ++comparison.near_boundary;
        continue;
      }
      ++comparison.mismatches;
      const Mismatch mismatch = {
          std::string(port.name),           i, i / cols, i % cols, port.type, want, have,
          CodesApart(port.type, want, have)};
      if (!comparison.first) comparison.first = mismatch;
      if (!comparison.worst || IsWorse(mismatch, *comparison.worst)) comparison.worst = mismatch;
    }
  }
  return comparison;
}

base::Result<Comparison> Judge(formats::Backend& truth, formats::Backend& subject, const Case& c) {
  const auto expected = formats::RunCase(truth, c);
  if (!expected.ok()) return expected.error();
  const auto got = formats::RunCase(subject, c);
  if (!got.ok()) return got.error();
  return CompareOutputs(c, *expected, *got);
}

std::string MismatchText(const Mismatch& mismatch) {
  const int digits = mismatch.type.hex_digits();
  const std::string distance =
      mismatch.ulps ? fmt::format(" ({} ulp)", *mismatch.ulps) : std::string();
  return fmt::format("{}[{},{}]: expected {:0{}x}, got {:0{}x}{}", mismatch.output, mismatch.row,
                     mismatch.col, mismatch.expected, digits, mismatch.got, digits, distance);
}

}  // namespace ulproof::reference
