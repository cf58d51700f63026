// SPDX-License-Identifier: Apache-2.0
// The block-scaled formats (contract section 9): how a group's largest magnitude becomes its scale,
// and how an element is made under it. For MX with its four scale rules and for NVFP4.
#ifndef ULPROOF_GPU_KERNELS_BLOCK_FORMATS_CUH_
#define ULPROOF_GPU_KERNELS_BLOCK_FORMATS_CUH_

#include <cstdint>

#include "convert.cuh"
#include "tile.cuh"

namespace ulproof::gpu {

enum ScaleRule : std::uint32_t { kFloor, kCeil, kEven, kRceil };

// Element kinds: how w / X (a binary32, not NaN) becomes a byte, the largest value and its
// exponent, and the code that stands for NaN.
template <typename Out, int kTrailing, int kLargestExponent, std::uint32_t kLargestBits,
          std::uint32_t kNanCode>
struct FloatElement {
  static constexpr int kTrailingBits = kTrailing;
  static constexpr int kMaxExponent = kLargestExponent;
  static constexpr std::uint32_t kMaxValueBits = kLargestBits;
  static constexpr std::uint8_t kNan = kNanCode;
  static __device__ __forceinline__ std::uint8_t FromFloat32(float x) {
    return Out::FromNumberRne(__float_as_uint(x));
  }
};
using E4m3 = FloatElement<Float8E4m3fnSat, 3, 8, 0x43E00000u, 0x7F>;  // 448
using E5m2 = FloatElement<Float8E5m2Sat, 2, 15, 0x47600000u, 0x7E>;   // 57344
using E3m2 = FloatElement<Float6E3m2fn, 2, 4, 0x41E00000u, 0x1F>;     // 28
using E2m3 = FloatElement<Float6E2m3fn, 3, 2, 0x40F00000u, 0x1F>;     // 7.5
using E2m1 = FloatElement<Float4E2m1fn, 1, 2, 0x40C00000u, 0x07>;     // 6
struct Int8 {
  static constexpr int kTrailingBits = 6;
  static constexpr int kMaxExponent = 0;
  static constexpr std::uint32_t kMaxValueBits = 0x3FFE0000u;  // 127/64
  static constexpr std::uint8_t kNan = 0x7F;
  static __device__ __forceinline__ std::uint8_t FromFloat32(float x) {
    const int nearest = __float2int_rn(__fmul_rn(x, 64.0f));
    return static_cast<std::uint8_t>(max(-127, min(127, nearest)));
  }
};

// The code of a finite group's scale: 0 to 254 for X = 2^-127 to 2^127. The exponent field of the
// maximum is the exponent of X but for a constant, and what is added to the field's right rounds
// it, with a carry where it goes up.
template <typename Element>
__device__ __forceinline__ int ScaleCode(std::uint32_t max_bits, std::uint32_t rule) {
  const bool is_quotient = rule == kRceil;
  const std::uint32_t bits =
      is_quotient ? __float_as_uint(__fdiv_rn(__uint_as_float(max_bits),
                                              __uint_as_float(Element::kMaxValueBits)))
                  : max_bits;
  // One binade further down than binary32's normal numbers, for 2^-127; what lies below is clamped.
  const std::uint32_t extended = bits < 0x00800000u ? bits << 1 : bits + 0x00800000u;
  // Ties to even go up where they reach the exponent: all kept bits are ones there.
  constexpr std::uint32_t kHalf = 1u << (22 - Element::kTrailingBits);
  const std::uint32_t addend = rule == kFloor ? 0u : rule == kEven ? kHalf : 0x007FFFFFu;
  const int code =
      static_cast<int>((extended + addend) >> 23) - 1 - (is_quotient ? 0 : Element::kMaxExponent);
  return max(0, Element::kMaxExponent == 0 ? min(254, code) : code);  // Others end below 254.
}

// 1 / X, a power of two.
template <typename Element>
__device__ __forceinline__ float InverseScale(int code) {
  const std::uint32_t bits = static_cast<std::uint32_t>(254 - code) << 23;
  if (Element::kMaxExponent == 0 && code == 254) return 0x1p-127f;
  return __uint_as_float(bits);
}

// The scale of a group and how its elements are made. w / X is a product with a power of two:
// exact, but where it falls below binary32's range, far below half of any element format's smallest
// value.
template <typename Element>
struct MxGroup {
  bool finite;
  std::uint8_t scale_code;
  float inverse;

  __device__ __forceinline__ MxGroup(std::uint32_t max_bits, int code)
      : finite(max_bits < kInfinityBits),
        scale_code(finite ? static_cast<std::uint8_t>(code) : 0xFF),
        inverse(InverseScale<Element>(code)) {}
  __device__ __forceinline__ std::uint8_t Quantize(std::uint32_t bits) const {
    return finite ? Element::FromFloat32(__fmul_rn(__uint_as_float(bits), inverse)) : Element::kNan;
  }
};

// NVFP4 in the operation order of the contract; the tensor's maximum comes from a launch before
// this one.
struct Nvfp4Group {
  static constexpr std::uint32_t kSixth = 0x3E2AAAABu;  // RN32(1/6): M becomes 6.

  bool finite;
  std::uint8_t scale_code;
  float decoded;  // D
  float encode;   // E

  // G; NaN where the tensor is not finite.
  static __device__ __forceinline__ float TensorScale(std::uint32_t tensor_max_bits) {
    if (tensor_max_bits >= kInfinityBits) return __uint_as_float(0x7FC00000u);
    if (tensor_max_bits == 0) return 1.0f;
    return fminf(__fdiv_rn(2688.0f, __uint_as_float(tensor_max_bits)),
                 __uint_as_float(0x7F7FFFFFu));
  }
  // D before its rounding.
  static __device__ __forceinline__ float Wanted(std::uint32_t max_bits, float tensor_scale,
                                                 float share) {
    return __fmul_rn(__uint_as_float(max_bits), __fmul_rn(tensor_scale, share));
  }
  // `wanted` rounds to 448 at most, as it does by itself for a share of 1/6: M <= A, and three
  // roundings change 448 M / A by less than one part in 2^22.
  __device__ __forceinline__ Nvfp4Group(float wanted, float tensor_scale) {
    finite = tensor_scale == tensor_scale;
    const std::uint32_t code = Float8E4m3fnSat::RoundNearestEven(__float_as_uint(wanted));
    scale_code = finite ? static_cast<std::uint8_t>(code) : 0x7F;
    decoded = __fmul_rn(__uint_as_float(code << 20), 0x1p120f);  // Both have three trailing bits.
    encode = fminf(__fdiv_rn(1.0f, __fmul_rn(decoded, __fdiv_rn(1.0f, tensor_scale))),
                   __uint_as_float(0x7F7FFFFFu));
  }
  __device__ __forceinline__ std::uint8_t Quantize(std::uint32_t bits) const {
    if (!finite) return 0x07;
    return Float4E2m1fn::FromNumberRne(__float_as_uint(__fmul_rn(__uint_as_float(bits), encode)));
  }
};

// The tensor's maximum as binary32 bits, into one zeroed word. Integer atomics do not depend on the
// order of arrival.
template <typename In>
__device__ __forceinline__ void TensorMax(const typename In::Storage* w, std::uint32_t* tensor_max,
                                          std::uint64_t count) {
  std::uint32_t max_bits = 0;
  for (std::uint64_t i = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
       i += std::uint64_t{gridDim.x} * blockDim.x) {
    max_bits = max(max_bits, In::ToFloat32Bits(w[i]) & 0x7FFFFFFFu);
  }
  max_bits = WarpMax(max_bits);
  if (threadIdx.x % kWarpSize == 0) atomicMax(tensor_max, max_bits);
}

// Each(use) calls use(bits) for each element of a group that this thread has.
template <typename Each>
__device__ __forceinline__ std::uint32_t MaxOf(const Each& each) {
  std::uint32_t max_bits = 0;
  each([&](std::uint32_t bits) { max_bits = max(bits & 0x7FFFFFFFu, max_bits); });
  return max_bits;
}

// Cuts rows into groups of kSize elements, one thread a group. choose.Choose<1>(max_bits, each)
// gives the group.
template <typename In, int kSize, typename Choose>
__device__ __forceinline__ void QuantizePlain(const typename In::Storage* w, std::uint8_t* elements,
                                              std::uint8_t* scales, std::uint64_t rows,
                                              std::uint64_t cols, const Choose& choose) {
  const std::uint64_t groups_a_row = (cols + kSize - 1) / kSize;
  const std::uint64_t index = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (index >= rows * groups_a_row) return;
  const std::uint64_t col = index % groups_a_row * kSize;
  const std::uint64_t first = index / groups_a_row * cols + col;
  const int width = static_cast<int>(min(std::uint64_t{kSize}, cols - col));
  __builtin_assume(width > 0);
  const auto each = [&](const auto& use) {
    for (int i = 0; i < width; ++i) use(In::ToFloat32Bits(w[first + i]));
  };
  const auto group = choose.template Choose<1>(MaxOf(each), each);
  scales[index] = group.scale_code;
  for (int i = 0; i < width; ++i)
    elements[first + i] = group.Quantize(In::ToFloat32Bits(w[first + i]));
}

// Eight elements a lane, so kSize / 8 lanes a group, which share their maximum by shuffles on
// integer bits. Needs whole, aligned groups (cols divisible by kSize), so that a flat run of eight
// elements lies in one.
template <typename In, int kSize, typename Choose>
__device__ __forceinline__ void QuantizeVectors(const typename In::Storage* w,
                                                std::uint8_t* elements, std::uint8_t* scales,
                                                std::uint64_t count, const Choose& choose) {
  constexpr int kLanes = kSize / 8;
  const std::uint64_t stride = std::uint64_t{8} * gridDim.x * blockDim.x;
  const std::uint64_t start = 8 * (std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x);
  // All lanes of a warp turn together, so that the shuffles find their partners; those beyond the
  // end idle on the last vector.
  for (std::uint64_t warp_first = start - 8 * (threadIdx.x % kWarpSize); warp_first < count;
       warp_first += stride) {
    const std::uint64_t first = warp_first + 8 * (threadIdx.x % kWarpSize);
    Eight<typename In::Storage> in;
    in.Load(w + min(first, count - 8));
    const auto each = [&](const auto& use) {
#pragma unroll
      for (int i = 0; i < 8; ++i) use(In::ToFloat32Bits(in.Get(i)));
    };
    std::uint32_t max_bits = MaxOf(each);
#pragma unroll
    for (int distance = kLanes / 2; distance > 0; distance /= 2) {
      max_bits = max(max_bits, __shfl_xor_sync(kFullWarp, max_bits, distance));
    }
    const auto group = choose.template Choose<kLanes>(max_bits, each);
    if (first >= count) continue;
    if (threadIdx.x % kLanes == 0) scales[first / kSize] = group.scale_code;
    Eight<std::uint8_t> out;
#pragma unroll
    for (int i = 0; i < 8; ++i) out.Set(i, group.Quantize(In::ToFloat32Bits(in.Get(i))));
    out.Store(elements + first);
  }
}

// Vectors where that can be, one thread a group elsewhere. Launched with one thread a group or
// more.
template <typename In, int kSize, typename Choose>
__device__ __forceinline__ void Quantize(const typename In::Storage* w, std::uint8_t* elements,
                                         std::uint8_t* scales, std::uint64_t rows,
                                         std::uint64_t cols, const Choose& choose) {
  const std::uint64_t addresses =
      reinterpret_cast<std::uint64_t>(w) | reinterpret_cast<std::uint64_t>(elements);
  if (cols % kSize == 0 && (addresses & 15u) == 0) {
    QuantizeVectors<In, kSize>(w, elements, scales, rows * cols, choose);
  } else {
    QuantizePlain<In, kSize>(w, elements, scales, rows, cols, choose);
  }
}

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_KERNELS_BLOCK_FORMATS_CUH_
