// SPDX-License-Identifier: Apache-2.0
// The scale of least squared error among neighbours, for the 4-bit formats (contract section 14):
// X, 2X and X/2 for MXFP4, M to 6 or to 4 for NVFP4 ("four over six"). Errors are compared exactly,
// in integers. With A and B an element's values under two scales,
//   (v - A)^2 - (v - B)^2 = (B - A)(2v - A - B),
// and where A = B the term is 0, so only elements count that reach a quarter of a step. Terms do
// not depend on signs.
//
// Version 1, `_plain`: one thread a group; NVFP4 in 128-bit integers, whose unit 2^-60 serves every
// group. Version 2: eight elements a lane in 16-byte loads, sums by shuffles. NVFP4's unit is made
// for the group there, so that v fits 56 bits and a term is two multiplications of 32 bits into
// sums of 64; nothing is estimated first and nothing has to be decided again. Groups that are cut
// by the end of a row or not aligned take version 1's way inside version 2.
#include <cstdint>

#include "block_formats.cuh"
#include "convert.cuh"
#include "tile.cuh"

namespace ulproof::gpu {
namespace {

// The e2m1 value of a magnitude, by rne and sat, in halves: 0, 1, 2, 3, 4, 6, 8 or 12. Adding 2^(e
// + 22), with 2^e the power of two at or below the magnitude and at least 1, leaves the two
// significant bits that e2m1 has there, ties to even. Half the instructions of making a code and
// reading its value, and signs cancel in the terms.
__device__ __forceinline__ int HalvesOf(float magnitude) {
  const float bounded = fminf(magnitude, 8.0f);
  const std::uint32_t binade = max(__float_as_uint(bounded) & 0x7F800000u, 0x3F800000u);
  const float addend = __uint_as_float(binade + (22u << 23));
  const float rounded = __fsub_rn(__fadd_rn(bounded, addend), addend);
  return __float2int_rn(__fmul_rn(fminf(rounded, 6.0f), 2.0f));
}

__device__ __forceinline__ float MagnitudeOf(std::uint32_t bits) {
  return __uint_as_float(bits & 0x7FFFFFFFu);
}

// The candidates of an MXFP4 group, in the contract's order. Where the group is not finite, any
// will do.
struct Mxfp4Trials {
  static constexpr int kOthers = 2;  // Candidates beside the first.
  // The error of the first candidate less that of another, times 2^26 in units of the smallest
  // scale: below 2^41.
  using Sum = std::int64_t;
  using Group = MxGroup<E2m1>;

  std::uint32_t max_bits;
  int codes[3];  // The first is at most 252.

  __device__ __forceinline__ explicit Mxfp4Trials(std::uint32_t group_max) : max_bits(group_max) {
    codes[0] = ScaleCode<E2m1>(max_bits, kFloor);
    codes[1] = codes[0] + 1;
    codes[2] = max(codes[0] - 1, 0);
  }

  // In units of the smallest scale A and B are halves up to 16, and v is below 16. Where they
  // differ |v| > 1/4, a multiple of 2^-25, so that 2v is exact in units of 2^-25.
  __device__ __forceinline__ void Accumulate(std::uint32_t bits, Sum (&less)[kOthers]) const {
    if (max_bits >= kInfinityBits) return;
    const float w = MagnitudeOf(bits);
    const float v = __fmul_rn(w, InverseScale<E2m1>(codes[2]));
    const int twice_v = __float2int_rn(__fmul_rn(v, 0x1p26f));
    const int first = Halves(w, codes[0]);
#pragma unroll
    for (int k = 0; k < kOthers; ++k) {
      const int other = Halves(w, codes[k + 1]);
      less[k] += std::int64_t{other - first} * (twice_v - ((first + other) << 24));
    }
  }

  __device__ __forceinline__ Group Best(const Sum (&less)[kOthers]) const {
    const int code = less[0] > 0   ? (less[1] > less[0] ? codes[2] : codes[1])
                     : less[1] > 0 ? codes[2]
                                   : codes[0];
    return {max_bits, code};
  }

 private:
  // In units of the smallest scale.
  __device__ __forceinline__ int Halves(float w, int code) const {
    return HalvesOf(__fmul_rn(w, InverseScale<E2m1>(code))) << (code - codes[2]);
  }
};

// An exact product of two positive binary32 numbers, the second normal.
struct Product {
  std::int64_t significand;  // Of at most 48 bits.
  int exponent;

  __device__ __forceinline__ Product(std::uint32_t x, std::uint32_t y) {
    const std::uint32_t field = x >> 23;
    const std::uint32_t x_significand = (x & 0x7FFFFFu) | (field == 0 ? 0u : 0x800000u);
    const std::uint32_t y_significand = (y & 0x7FFFFFu) | 0x800000u;
    significand = static_cast<std::int64_t>(std::uint64_t{x_significand} * y_significand);
    exponent = static_cast<int>(max(field, 1u)) + static_cast<int>(y >> 23) - 300;
  }
};

// The two candidates of an NVFP4 group. Values are times G: e2m1 * D, a multiple of 2^-10, and
// v = w * G, below 6 (1 + 2^-22) times the second D unless both are 0. A tensor whose G is NaN has
// twice the same scale, so A = B there.
struct Nvfp4Trials {
  static constexpr int kOthers = 1;
  using Group = Nvfp4Group;

  float tensor_scale;
  Nvfp4Group first, second;
  int first_steps, second_steps;  // D in units of 2^-9.

  __device__ __forceinline__ Nvfp4Trials(std::uint32_t max_bits, float scale)
      : tensor_scale(scale),
        first(Nvfp4Group::Wanted(max_bits, scale, __uint_as_float(Nvfp4Group::kSixth)), scale),
        second(Saturated(Nvfp4Group::Wanted(max_bits, scale, 0.25f)), scale),
        first_steps(__float2int_rn(__fmul_rn(first.decoded, 512.0f))),
        second_steps(__float2int_rn(__fmul_rn(second.decoded, 512.0f))) {}

  // A and B in units of 2^-10.
  __device__ __forceinline__ int First(std::uint32_t bits) const {
    return HalvesOf(__fmul_rn(MagnitudeOf(bits), first.encode)) * first_steps;
  }
  __device__ __forceinline__ int Second(std::uint32_t bits) const {
    return HalvesOf(__fmul_rn(MagnitudeOf(bits), second.encode)) * second_steps;
  }
  __device__ __forceinline__ Product Value(std::uint32_t bits) const {
    return Product(bits & 0x7FFFFFFFu, __float_as_uint(tensor_scale));
  }

 private:
  // NaN stays.
  static __device__ __forceinline__ float Saturated(float wanted) {
    return wanted > 448.0f ? 448.0f : wanted;
  }
};

// Version 1's arithmetic. Where A and B differ one of them is not 0, so |v| > 2^-12 and v is a
// multiple of 2^-60.
struct Nvfp4Trials128 : Nvfp4Trials {
  using Sum = __int128;
  using Nvfp4Trials::Nvfp4Trials;

  __device__ __forceinline__ void Accumulate(std::uint32_t bits, Sum (&less)[1]) const {
    const int a = First(bits), b = Second(bits);
    if (a == b) return;
    const Product v = Value(bits);
    const Sum twice_v = Sum{v.significand} << (v.exponent + 61);
    less[0] += (b - a) * (twice_v - (Sum{a + b} << 50));
  }
  __device__ __forceinline__ Nvfp4Group Best(const Sum (&less)[1]) const {
    return less[0] > 0 ? second : first;
  }
};

// Version 2's. With 2^p the power of two at or below the second D, the larger: where A and B differ
// |v| > 2^(p-4), and v has 48 bits, so it is a multiple of 2^(p-51); and |v| < 2^(p+4). A term's
// second factor is split at bit 31, and the halves summed apart: neither sum reaches 2^58.
struct Nvfp4Limbs {
  std::int64_t high, low;

  __device__ __forceinline__ Nvfp4Limbs& operator+=(const Nvfp4Limbs& other) {
    high += other.high;
    low += other.low;
    return *this;
  }
};
struct Nvfp4TrialsLimbs : Nvfp4Trials {
  using Sum = Nvfp4Limbs;
  int log2_steps;  // p + 9.

  __device__ __forceinline__ Nvfp4TrialsLimbs(std::uint32_t max_bits, float scale)
      : Nvfp4Trials(max_bits, scale), log2_steps(31 - __clz(max(second_steps, 1))) {}

  __device__ __forceinline__ void Accumulate(std::uint32_t bits, Sum (&less)[1]) const {
    const int a = First(bits), b = Second(bits);
    if (a == b) return;
    const Product v = Value(bits);
    const std::int64_t twice_v = v.significand << (v.exponent + 61 - log2_steps);
    const std::int64_t rest = twice_v - (std::int64_t{a + b} << (50 - log2_steps));
    less[0].high += std::int64_t{b - a} * static_cast<std::int32_t>(rest >> 31);
    less[0].low += std::int64_t{b - a} * static_cast<std::int32_t>(rest & 0x7FFFFFFF);
  }
  __device__ __forceinline__ Nvfp4Group Best(const Sum (&less)[1]) const {
    const std::int64_t high = less[0].high + (less[0].low >> 31);
    const bool is_positive = high > 0 || (high == 0 && (less[0].low & 0x7FFFFFFF) != 0);
    return is_positive ? second : first;
  }
};

__device__ __forceinline__ std::int64_t FromLane(std::int64_t value, int distance) {
  return __shfl_xor_sync(kFullWarp, static_cast<long long>(value), distance);
}
__device__ __forceinline__ Nvfp4Limbs FromLane(const Nvfp4Limbs& value, int distance) {
  return {FromLane(value.high, distance), FromLane(value.low, distance)};
}

// Every lane of a group comes to the same sums, and so to the same candidate.
template <typename Trials, int kLanes, typename Each>
__device__ __forceinline__ typename Trials::Group BestOf(const Trials& trials, const Each& each) {
  typename Trials::Sum less[Trials::kOthers] = {};
  each([&](std::uint32_t bits) { trials.Accumulate(bits, less); });
  if constexpr (kLanes > 1) {
#pragma unroll
    for (int k = 0; k < Trials::kOthers; ++k) {
#pragma unroll
      for (int distance = kLanes / 2; distance > 0; distance /= 2) {
        less[k] += FromLane(less[k], distance);
      }
    }
  }
  return trials.Best(less);
}

struct Mxfp4Best {
  template <int kLanes, typename Each>
  __device__ __forceinline__ MxGroup<E2m1> Choose(std::uint32_t max_bits, const Each& each) const {
    return BestOf<Mxfp4Trials, kLanes>(Mxfp4Trials(max_bits), each);
  }
};
template <typename Trials>
struct Nvfp4Best {
  float tensor_scale;

  template <int kLanes, typename Each>
  __device__ __forceinline__ Nvfp4Group Choose(std::uint32_t max_bits, const Each& each) const {
    return BestOf<Trials, kLanes>(Trials(max_bits, tensor_scale), each);
  }
};

}  // namespace
}  // namespace ulproof::gpu

#define ULPROOF_MXFP4_BEST_KERNEL(name, body, In)                                                 \
  extern "C" __global__ void name(const ulproof::gpu::In::Storage* w, std::uint8_t* elements,     \
                                  std::uint8_t* scales, std::uint64_t rows, std::uint64_t cols) { \
    ulproof::gpu::body<ulproof::gpu::In, 32>(w, elements, scales, rows, cols,                     \
                                             ulproof::gpu::Mxfp4Best{});                          \
  }
ULPROOF_MXFP4_BEST_KERNEL(quantize_bfloat16_mxfp4_best_plain, QuantizePlain, Bfloat16)
ULPROOF_MXFP4_BEST_KERNEL(quantize_bfloat16_mxfp4_best, Quantize, Bfloat16)
ULPROOF_MXFP4_BEST_KERNEL(quantize_float32_mxfp4_best, Quantize, Float32)

// The first launch gives the tensor's maximum.
#define ULPROOF_NVFP4_BEST_MAX_KERNEL(name, In)                                                  \
  extern "C" __global__ void name(const ulproof::gpu::In::Storage* w, std::uint32_t* tensor_max, \
                                  std::uint64_t count) {                                         \
    ulproof::gpu::TensorMax<ulproof::gpu::In>(w, tensor_max, count);                             \
  }
#define ULPROOF_NVFP4_BEST_KERNEL(name, body, In, Trials)                                     \
  extern "C" __global__ void name(const ulproof::gpu::In::Storage* w, std::uint8_t* elements, \
                                  std::uint8_t* scales, float* tensor_scale,                  \
                                  const std::uint32_t* tensor_max, std::uint64_t rows,        \
                                  std::uint64_t cols) {                                       \
    const ulproof::gpu::Nvfp4Best<ulproof::gpu::Trials> best{                                 \
        ulproof::gpu::Nvfp4Group::TensorScale(*tensor_max)};                                  \
    if (blockIdx.x == 0 && threadIdx.x == 0) *tensor_scale = best.tensor_scale;               \
    ulproof::gpu::body<ulproof::gpu::In, 16>(w, elements, scales, rows, cols, best);          \
  }
ULPROOF_NVFP4_BEST_MAX_KERNEL(quantize_bfloat16_nvfp4_best_max, Bfloat16)
ULPROOF_NVFP4_BEST_MAX_KERNEL(quantize_float32_nvfp4_best_max, Float32)
ULPROOF_NVFP4_BEST_KERNEL(quantize_bfloat16_nvfp4_best_plain, QuantizePlain, Bfloat16,
                          Nvfp4Trials128)
ULPROOF_NVFP4_BEST_KERNEL(quantize_bfloat16_nvfp4_best, Quantize, Bfloat16, Nvfp4TrialsLimbs)
ULPROOF_NVFP4_BEST_KERNEL(quantize_float32_nvfp4_best, Quantize, Float32, Nvfp4TrialsLimbs)
