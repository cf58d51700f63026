// SPDX-License-Identifier: Apache-2.0
// Block-scaled formats along rows (contract section 9): MX with its four scale rules in groups of
// 32, and NVFP4 in groups of 16. Codes one a byte.
//
// Version 1, `_plain`: one thread a group. Version 2: eight elements a lane, four (MX) or two
// (NVFP4) lanes a group; the group's maximum by shuffles on integer bits, 16-byte loads. Groups
// that are cut by the end of a row or not aligned take version 1's way inside version 2.
#include <cstdint>

#include "block_formats.cuh"
#include "convert.cuh"
#include "tile.cuh"

namespace ulproof::gpu {
namespace {

// Cuts rows into groups of kSize elements; Make(max_bits) gives the group's scale.
template <typename In, int kSize, typename Make>
__device__ __forceinline__ void QuantizePlain(const typename In::Storage* w, std::uint8_t* elements,
                                              std::uint8_t* scales, std::uint64_t rows,
                                              std::uint64_t cols, const Make& make) {
  const std::uint64_t groups_a_row = (cols + kSize - 1) / kSize;
  const std::uint64_t index = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (index >= rows * groups_a_row) return;
  const std::uint64_t col = index % groups_a_row * kSize;
  const std::uint64_t first = index / groups_a_row * cols + col;
  const int width = static_cast<int>(min(std::uint64_t{kSize}, cols - col));
  const auto group = make(GroupMax<In>(w + first, width));
  scales[index] = group.scale_code;
  for (int i = 0; i < width; ++i)
    elements[first + i] = group.Quantize(In::ToFloat32Bits(w[first + i]));
}

// Needs whole, aligned groups (cols divisible by kSize), so that a flat run of eight elements lies
// in one group; QuantizePlain does the rest.
template <typename In, int kSize, typename Make>
__device__ __forceinline__ void QuantizeVectors(const typename In::Storage* w,
                                                std::uint8_t* elements, std::uint8_t* scales,
                                                std::uint64_t count, const Make& make) {
  constexpr int kLanes = kSize / 8;
  const std::uint64_t stride = std::uint64_t{8} * gridDim.x * blockDim.x;
  const std::uint64_t start = 8 * (std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x);
  // All lanes of a warp turn together, so that the shuffles find their partners; those beyond the
  // end idle.
  for (std::uint64_t warp_first = start - 8 * (threadIdx.x % kWarpSize); warp_first < count;
       warp_first += stride) {
    const std::uint64_t first = warp_first + 8 * (threadIdx.x % kWarpSize);
    Eight<typename In::Storage> in;
    std::uint32_t max_bits = 0;
    if (first < count) {
      in.Load(w + first);
#pragma unroll
      for (int i = 0; i < 8; ++i)
        max_bits = max(max_bits, In::ToFloat32Bits(in.Get(i)) & 0x7FFFFFFFu);
    }
#pragma unroll
    for (int distance = kLanes / 2; distance > 0; distance /= 2) {
      max_bits = max(max_bits, __shfl_xor_sync(kFullWarp, max_bits, distance));
    }
    if (first >= count) continue;
    const auto group = make(max_bits);
    if (threadIdx.x % kLanes == 0) scales[first / kSize] = group.scale_code;
    Eight<std::uint8_t> out;
#pragma unroll
    for (int i = 0; i < 8; ++i) out.Set(i, group.Quantize(In::ToFloat32Bits(in.Get(i))));
    out.Store(elements + first);
  }
}

template <typename In, int kSize, typename Make>
__device__ __forceinline__ void Quantize(const typename In::Storage* w, std::uint8_t* elements,
                                         std::uint8_t* scales, std::uint64_t rows,
                                         std::uint64_t cols, const Make& make) {
  const std::uint64_t addresses =
      reinterpret_cast<std::uint64_t>(w) | reinterpret_cast<std::uint64_t>(elements);
  if (cols % kSize == 0 && (addresses & 15u) == 0) {
    QuantizeVectors<In, kSize>(w, elements, scales, rows * cols, make);
  } else {
    QuantizePlain<In, kSize>(w, elements, scales, rows, cols, make);
  }
}

}  // namespace
}  // namespace ulproof::gpu

// Both versions are launched with one thread a group or more. `rule`: 0 floor, 1 ceil, 2 even, 3
// rceil.
#define ULPROOF_MX_KERNEL(name, body, In, Element)                                              \
  extern "C" __global__ void name(const ulproof::gpu::In::Storage* w, std::uint8_t* elements,   \
                                  std::uint8_t* scales, std::uint64_t rows, std::uint64_t cols, \
                                  std::uint32_t rule) {                                         \
    ulproof::gpu::body<ulproof::gpu::In, 32>(                                                   \
        w, elements, scales, rows, cols, [rule](std::uint32_t max_bits) {                       \
          return ulproof::gpu::MxGroup<ulproof::gpu::Element>(max_bits, rule);                  \
        });                                                                                     \
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
    const std::uint32_t tensor_max_bits = *tensor_max;                                      \
    if (blockIdx.x == 0 && threadIdx.x == 0) {                                              \
      *tensor_scale = ulproof::gpu::Nvfp4Group::TensorScale(tensor_max_bits);               \
    }                                                                                       \
    ulproof::gpu::Quantize<ulproof::gpu::In, 16>(                                           \
        w, elements, scales, rows, cols, [=](std::uint32_t max_bits) {                      \
          return ulproof::gpu::Nvfp4Group(max_bits, tensor_max_bits);                       \
        });                                                                                 \
  }
ULPROOF_NVFP4_KERNELS(bfloat16, Bfloat16)
ULPROOF_NVFP4_KERNELS(float32, Float32)
