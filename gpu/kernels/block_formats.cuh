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

// Exponent of the leading bit of a nonzero finite binary32 magnitude.
__device__ __forceinline__ int FloorLog2(std::uint32_t magnitude) {
  return magnitude >= 0x00800000u ? static_cast<int>(magnitude >> 23) - 127
                                  : 31 - __clz(magnitude) - 149;
}

// The same after rounding up to a power of two.
__device__ __forceinline__ int CeilLog2(std::uint32_t magnitude) {
  const bool power_of_two =
      magnitude >= 0x00800000u ? (magnitude & 0x7FFFFFu) == 0 : (magnitude & (magnitude - 1)) == 0;
  return FloorLog2(magnitude) + (power_of_two ? 0 : 1);
}

// The same after rounding to nearest even at 1 + kTrailingBits significant bits.
template <int kTrailingBits>
__device__ __forceinline__ int RoundedLog2(std::uint32_t magnitude) {
  const int leading = FloorLog2(magnitude);
  const std::uint32_t significand = magnitude >= 0x00800000u ? ((magnitude & 0x7FFFFFu) | 0x800000u)
                                                             : magnitude << (__clz(magnitude) - 8);
  constexpr int kDropped = 23 - kTrailingBits;
  const std::uint32_t odd = significand >> kDropped & 1u;
  const std::uint32_t rounded = significand + ((1u << (kDropped - 1)) - 1u) + odd;
  return leading + static_cast<int>(rounded >> 24);
}

// Element kinds: how w / X (a binary32) becomes a byte, the largest value and its exponent, and the
// code that stands for NaN.
template <typename Out, int kTrailing, int kLargestExponent, std::uint32_t kLargestBits,
          std::uint32_t kNanCode>
struct FloatElement {
  static constexpr int kTrailingBits = kTrailing;
  static constexpr int kMaxExponent = kLargestExponent;
  static constexpr std::uint32_t kMaxValueBits = kLargestBits;
  static constexpr std::uint8_t kNan = kNanCode;
  static __device__ __forceinline__ std::uint8_t FromFloat32(float x) {
    return Out::FromFloat32Rne(__float_as_uint(x));
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

template <typename Element>
__device__ __forceinline__ int ScaleExponent(std::uint32_t max_bits, std::uint32_t rule) {
  if (max_bits == 0) return -127;
  int exponent;
  if (rule == kRceil) {
    const float quotient =
        __fdiv_rn(__uint_as_float(max_bits), __uint_as_float(Element::kMaxValueBits));
    exponent = quotient == 0.0f ? -127 : CeilLog2(__float_as_uint(quotient));
  } else {
    const int log2 = rule == kFloor  ? FloorLog2(max_bits)
                     : rule == kCeil ? CeilLog2(max_bits)
                                     : RoundedLog2<Element::kTrailingBits>(max_bits);
    exponent = log2 - Element::kMaxExponent;
  }
  return max(-127, min(127, exponent));
}

// 2^exponent for -127..127; 2^-127 is the subnormal 0x00400000.
__device__ __forceinline__ float PowerOfTwo(int exponent) {
  return __uint_as_float(exponent == -127 ? 0x00400000u
                                          : static_cast<std::uint32_t>(exponent + 127) << 23);
}

// The scale of a group and how its elements are made. w / X is a product with a power of two:
// exact, but where it falls below binary32's range, far below half of any element format's smallest
// value.
template <typename Element>
struct MxGroup {
  bool finite;
  std::uint8_t scale_code;
  float inverse;

  __device__ __forceinline__ MxGroup(std::uint32_t max_bits, std::uint32_t rule)
      : MxGroup(max_bits < kInfinityBits,
                max_bits < kInfinityBits ? ScaleExponent<Element>(max_bits, rule) : 0) {}
  // With X = 2^exponent.
  __device__ __forceinline__ MxGroup(bool is_finite, int exponent) {
    finite = is_finite;
    scale_code = finite ? static_cast<std::uint8_t>(exponent + 127) : 0xFF;
    inverse = PowerOfTwo(-exponent);
  }
  __device__ __forceinline__ std::uint8_t Quantize(std::uint32_t bits) const {
    return finite ? Element::FromFloat32(__fmul_rn(__uint_as_float(bits), inverse)) : Element::kNan;
  }
};

// NVFP4 in the operation order of the contract; the tensor's maximum comes from a launch before
// this one.
struct Nvfp4Group {
  float tensor_scale;
  bool finite;
  std::uint8_t scale_code;
  float encode;

  static __device__ __forceinline__ float TensorScale(std::uint32_t tensor_max_bits) {
    if (tensor_max_bits >= kInfinityBits) return __uint_as_float(0x7FC00000u);
    if (tensor_max_bits == 0) return 1.0f;
    return fminf(__fdiv_rn(2688.0f, __uint_as_float(tensor_max_bits)),
                 __uint_as_float(0x7F7FFFFFu));
  }
  // `share` of the group's maximum is what its scale stands for: RN32(1/6), by which the maximum
  // becomes 6.
  __device__ __forceinline__ Nvfp4Group(std::uint32_t max_bits, std::uint32_t tensor_max_bits,
                                        float share = __uint_as_float(0x3E2AAAABu)) {
    tensor_scale = TensorScale(tensor_max_bits);
    finite = tensor_max_bits < kInfinityBits;
    const float wanted = __fmul_rn(__uint_as_float(max_bits), __fmul_rn(tensor_scale, share));
    const std::uint32_t code = Float8E4m3fnSat::FromFloat32Rne(__float_as_uint(wanted));
    scale_code = finite ? static_cast<std::uint8_t>(code) : 0x7F;
    // The value of a positive float8_e4m3fn code.
    const std::uint32_t trailing = code & 7u, field = code >> 3;
    const float decoded = field == 0 ? __fmul_rn(__uint2float_rn(trailing), 0x1p-9f)
                                     : __uint_as_float((field + 120u) << 23 | trailing << 20);
    encode = fminf(__fdiv_rn(1.0f, __fmul_rn(decoded, __fdiv_rn(1.0f, tensor_scale))),
                   __uint_as_float(0x7F7FFFFFu));
  }
  __device__ __forceinline__ std::uint8_t Quantize(std::uint32_t bits) const {
    if (!finite) return 0x07;
    return Float4E2m1fn::FromFloat32Rne(__float_as_uint(__fmul_rn(__uint_as_float(bits), encode)));
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

template <typename In>
__device__ __forceinline__ std::uint32_t GroupMax(const typename In::Storage* group, int width) {
  std::uint32_t max_bits = 0;
  for (int i = 0; i < width; ++i)
    max_bits = max(max_bits, In::ToFloat32Bits(group[i]) & 0x7FFFFFFFu);
  return max_bits;
}

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_KERNELS_BLOCK_FORMATS_CUH_
