// SPDX-License-Identifier: Apache-2.0
// Block-scaled formats along rows (contract section 9): MX with its four scale rules in groups of
// 32, and NVFP4 in groups of 16. Codes one a byte.
//
// Version 1, `_plain`: one thread a group. Version 2: eight elements a lane, four (MX) or two
// (NVFP4) lanes a group; the group's maximum by shuffles on integer bits, 16-byte loads. Groups
// that are cut by the end of a row or not aligned take version 1's way inside version 2. Both ways
// are in block_formats.cuh.
#include <cstdint>

#include "block_formats.cuh"
#include "convert.cuh"
#include "tile.cuh"

namespace ulproof::gpu {
namespace {

template <typename Element>
struct MxRule {
  std::uint32_t rule;

  template <int kLanes, typename Each>
  __device__ __forceinline__ MxGroup<Element> Choose(std::uint32_t max_bits, const Each&) const {
    return {max_bits, ScaleCode<Element>(max_bits, rule)};
  }
};

struct Nvfp4Rule {
  float tensor_scale;

  template <int kLanes, typename Each>
  __device__ __forceinline__ Nvfp4Group Choose(std::uint32_t max_bits, const Each&) const {
    const float share = __uint_as_float(Nvfp4Group::kSixth);
    return {Nvfp4Group::Wanted(max_bits, tensor_scale, share), tensor_scale};
  }
};

}  // namespace
}  // namespace ulproof::gpu

// `rule`: 0 floor, 1 ceil, 2 even, 3 rceil.
#define ULPROOF_MX_KERNEL(name, body, In, Element)                                              \
  extern "C" __global__ void name(const ulproof::gpu::In::Storage* w, std::uint8_t* elements,   \
                                  std::uint8_t* scales, std::uint64_t rows, std::uint64_t cols, \
                                  std::uint32_t rule) {                                         \
    using Rule = ulproof::gpu::MxRule<ulproof::gpu::Element>;                                   \
    ulproof::gpu::body<ulproof::gpu::In, 32>(w, elements, scales, rows, cols, Rule{rule});      \
  }
#define ULPROOF_MX_KERNELS(format, Element)                                               \
  ULPROOF_MX_KERNEL(quantize_bfloat16_##format##_plain, QuantizePlain, Bfloat16, Element) \
  ULPROOF_MX_KERNEL(quantize_bfloat16_##format, Quantize, Bfloat16, Element)              \
  ULPROOF_MX_KERNEL(quantize_float32_##format, Quantize, Float32, Element)

ULPROOF_MX_KERNELS(mxfp8_e4m3, E4m3)
ULPROOF_MX_KERNELS(mxfp8_e5m2, E5m2)
ULPROOF_MX_KERNELS(mxfp6_e3m2, E3m2)
ULPROOF_MX_KERNELS(mxfp6_e2m3, E2m3)
ULPROOF_MX_KERNELS(mxfp4, E2m1)
ULPROOF_MX_KERNELS(mxint8, Int8)

// The first launch gives the tensor's maximum.
#define ULPROOF_NVFP4_KERNELS(id, In)                                                       \
  extern "C" __global__ void quantize_##id##_nvfp4_max(                                     \
      const ulproof::gpu::In::Storage* w, std::uint32_t* tensor_max, std::uint64_t count) { \
    ulproof::gpu::TensorMax<ulproof::gpu::In>(w, tensor_max, count);                        \
  }                                                                                         \
  extern "C" __global__ void quantize_##id##_nvfp4(                                         \
      const ulproof::gpu::In::Storage* w, std::uint8_t* elements, std::uint8_t* scales,     \
      float* tensor_scale, const std::uint32_t* tensor_max, std::uint64_t rows,             \
      std::uint64_t cols) {                                                                 \
    const ulproof::gpu::Nvfp4Rule rule{ulproof::gpu::Nvfp4Group::TensorScale(*tensor_max)}; \
    if (blockIdx.x == 0 && threadIdx.x == 0) *tensor_scale = rule.tensor_scale;             \
    ulproof::gpu::Quantize<ulproof::gpu::In, 16>(w, elements, scales, rows, cols, rule);    \
  }
ULPROOF_NVFP4_KERNELS(bfloat16, Bfloat16)
ULPROOF_NVFP4_KERNELS(float32, Float32)
