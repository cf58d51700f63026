// SPDX-License-Identifier: Apache-2.0
#include "reference/quantizers/best_scale.h"

#include <algorithm>
#include <vector>

#include "reference/exact/dyadic.h"
#include "reference/ops/arith.h"
#include "reference/ops/block_max.h"
#include "reference/ops/cast.h"
#include "reference/ops/elements.h"
#include "reference/ops/quantize_mx.h"
#include "reference/ops/quantize_nvfp4.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::kFloat32;
using formats::kFloat8E4m3fn;
using formats::kFloat8E8m0fnu;

constexpr Code kQuarter = 0x3E80'0000;

// One candidate: its scale code, its elements, and the exact sum of squared errors, up to a factor
// that the candidates of a group share.
struct Candidate {
  Code scale;
  std::vector<Code> elements;
  Dyadic error;
};

// Tries `scales` in order and keeps the first of the smallest errors. element(scale, w) is a code;
// error_of(scale, element, w) an exact number. The group is taken from w and written.
template <typename Element, typename ErrorOf>
void WriteBest(const formats::Operation& op, const formats::ConstBuffer& w,
               const formats::Buffer& elements, const formats::Buffer& scales, std::uint64_t group,
               const std::vector<Code>& candidates, const Element& element,
               const ErrorOf& error_of) {
  const formats::BlockGrid::Extent extent = op.scale_grid().ExtentOf(group);
  const auto for_each = [&](const auto& body) {
    std::size_t i = 0;
    for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
      for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col)
        body(MemoryIndex(op.shape, row, col), i++);
    }
  };
  std::vector<Candidate> tried;
  for (const Code scale : candidates) {
    Candidate candidate = {.scale = scale, .elements = {}, .error = {}};
    for_each([&](std::uint64_t index, std::size_t) {
      const Code value = ToFloat32(op.from, w.Get(index));
      candidate.elements.push_back(element(scale, value));
      if (candidates.size() > 1) {
        const Dyadic error = error_of(scale, candidate.elements.back(), value);
        candidate.error += error * error;
      }
    });
    tried.push_back(std::move(candidate));
  }
  // min_element gives the first of equals.
  const Candidate& best =
      *std::min_element(tried.begin(), tried.end(),
                        [](const Candidate& a, const Candidate& b) { return a.error < b.error; });
  scales.Set(group, best.scale);
  for_each([&](std::uint64_t index, std::size_t i) { elements.Set(index, best.elements[i]); });
}

}  // namespace

void QuantizeMxGroupBest(const formats::Operation& op, const formats::ConstBuffer& w,
                         const formats::Buffer& elements, const formats::Buffer& scales,
                         std::uint64_t group) {
  const Code max = BlockMax(w, op.shape, op.scale_grid().ExtentOf(group));
  const Code floor = MxScale(op.block_format, formats::ScaleRule::kFloor, max);
  std::vector<Code> candidates = {floor};
  if (!kFloat8E8m0fnu.IsNan(floor)) {
    candidates.push_back(std::min<Code>(floor + 1, kFloat8E8m0fnu.max_finite_code()));
    candidates.push_back(floor == 0 ? 0 : floor - 1);
  }
  WriteBest(
      op, w, elements, scales, group, candidates,
      [&](Code scale, Code value) { return MxElement(op.block_format, scale, value); },
      [&](Code scale, Code element, Code value) {
        return Dyadic::FromCode(op.block_format.element, element) *
                   Dyadic::FromCode(kFloat8E8m0fnu, scale) -
               Dyadic::FromCode(kFloat32, value);
      });
}

void QuantizeNvfp4GroupBest(const formats::Operation& op, const formats::ConstBuffer& w,
                            Code tensor_scale, const formats::Buffer& elements,
                            const formats::Buffer& scales, std::uint64_t group) {
  const Code max = BlockMax(w, op.shape, op.scale_grid().ExtentOf(group));
  std::vector<Code> candidates = {Nvfp4GroupScale(tensor_scale, max)};
  if (!kFloat32.IsNan(tensor_scale)) {
    candidates.push_back(Cast(kFloat32, Mul32(max, Mul32(tensor_scale, kQuarter)), kFloat8E4m3fn,
                              formats::Rounding{}, formats::Overflow::kSaturate));
  }
  WriteBest(
      op, w, elements, scales, group, candidates,
      [&](Code scale, Code value) {
        return Nvfp4Element(Nvfp4Encoder(tensor_scale, scale), value);
      },
      // Times G: e2m1 * D - w * G.
      [&](Code scale, Code element, Code value) {
        return Dyadic::FromCode(op.block_format.element, element) *
                   Dyadic::FromCode(kFloat8E4m3fn, scale) -
               Dyadic::FromCode(kFloat32, value) * Dyadic::FromCode(kFloat32, tensor_scale);
      });
}

}  // namespace ulproof::reference
