// SPDX-License-Identifier: Apache-2.0
#include "reference/ops/quantize_nvfp4.h"

#include "reference/ops/arith.h"
#include "reference/ops/block_max.h"
#include "reference/ops/cast.h"
#include "reference/ops/elements.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::kFloat32;
using formats::kFloat4E2m1fn;
using formats::kFloat8E4m3fn;
using formats::Overflow;
using formats::Rounding;

constexpr Code k2688 = 0x4528'0000;   // 448 * 6: the largest scale times the largest element.
constexpr Code kSixth = 0x3E2A'AAAB;  // RN32(1/6)

// min(x, FLT_MAX) of a quotient of positive numbers: infinity alone exceeds FLT_MAX.
Code AtMostLargest(Code x) { return x == kInfinity32 ? kLargest32 : x; }

Code CastSaturating(Code float32, const formats::FormatSpec& to) {
  return Cast(kFloat32, float32, to, Rounding{}, Overflow::kSaturate);
}

}  // namespace

Code Nvfp4TensorScale(Code max) {
  if (!kFloat32.IsFinite(max)) return kNan32;
  if (kFloat32.IsZero(max)) return kOne32;
  return AtMostLargest(Div32(k2688, max));
}

Code Nvfp4GroupScale(Code tensor_scale, Code group_max) {
  if (kFloat32.IsNan(tensor_scale)) return kFloat8E4m3fn.canonical_nan_code();
  return CastSaturating(Mul32(group_max, Mul32(tensor_scale, kSixth)), kFloat8E4m3fn);
}

Code Nvfp4Encoder(Code tensor_scale, Code group_scale) {
  const Code decoder = Mul32(ToFloat32(kFloat8E4m3fn, group_scale), Div32(kOne32, tensor_scale));
  return AtMostLargest(Div32(kOne32, decoder));
}

Code Nvfp4Element(Code encoder, Code w) { return CastSaturating(Mul32(w, encoder), kFloat4E2m1fn); }

void QuantizeNvfp4Group(const formats::Operation& op, const formats::ConstBuffer& w,
                        Code tensor_scale, const formats::Buffer& elements,
                        const formats::Buffer& scales, std::uint64_t group) {
  const formats::BlockGrid::Extent extent = op.scale_grid().ExtentOf(group);
  const Code scale = Nvfp4GroupScale(tensor_scale, BlockMax(w, op.shape, extent));
  scales.Set(group, scale);
  const Code encoder = Nvfp4Encoder(tensor_scale, scale);
  for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
    for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
      const std::uint64_t index = MemoryIndex(op.shape, row, col);
      elements.Set(index, Nvfp4Element(encoder, ToFloat32(op.from, w.Get(index))));
    }
  }
}

}  // namespace ulproof::reference
