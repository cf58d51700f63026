// SPDX-License-Identifier: Apache-2.0
// cast(float32 or bfloat16 -> narrow format), to nearest even and stochastic (contract sections 2,
// 3). The r of element i is rg16's 16 bits for the logical index of i, on the stream with bit 63
// flipped.
//
// Version 1, `_plain`: one thread an element. Version 2: eight elements a thread and turn, moved in
// 16-byte accesses; one group of random words serves all eight.
#include <cstdint>

#include "convert.cuh"
#include "philox.cuh"
#include "tile.cuh"

namespace ulproof::gpu {
namespace {

// How a kernel rounds. Random(key, element) is r; RandomEight the r of eight elements from an
// aligned one.
template <typename Out>
struct Rne {
  static constexpr bool kIsRandom = false;
  static __device__ __forceinline__ typename Out::Storage Cast(std::uint32_t bits, std::uint32_t) {
    return Out::FromFloat32Rne(bits);
  }
};
template <typename Out>
struct Sra16 {
  static constexpr bool kIsRandom = true;
  static __device__ __forceinline__ typename Out::Storage Cast(std::uint32_t bits,
                                                               std::uint32_t r) {
    return Out::FromFloat32Sra16(bits, r);
  }
};

__device__ __forceinline__ RandomKey RoundingKey(RandomKey key) {
  key.stream ^= std::uint64_t{1} << 63;
  return key;
}

__device__ __forceinline__ void RandomEight(const RandomKey& key, std::uint64_t element,
                                            std::uint32_t (&r)[8]) {
  const Words w = PhiloxWords(key.seed, key.stream, element / 8);
  const std::uint32_t words[4] = {w.w0, w.w1, w.w2, w.w3};
#pragma unroll
  for (int i = 0; i < 8; ++i) r[i] = i % 2 == 0 ? words[i / 2] & 0xFFFFu : words[i / 2] >> 16;
}

__device__ __forceinline__ std::uint32_t RandomAt(const RandomKey& key, std::uint64_t element) {
  std::uint32_t r[8];
  RandomEight(key, element, r);
  std::uint32_t chosen = r[0];
#pragma unroll
  for (int i = 1; i < 8; ++i) chosen = (element & 7u) == i ? r[i] : chosen;
  return chosen;
}

template <typename In, typename Out, template <typename> typename Mode>
__device__ __forceinline__ void CastOne(const typename In::Storage* x, typename Out::Storage* y,
                                        const Matrix& matrix, const RandomKey& key,
                                        std::uint64_t i) {
  const std::uint64_t element =
      key.offset + i / matrix.cols * matrix.index_stride + i % matrix.cols;
  const std::uint32_t r = Mode<Out>::kIsRandom ? RandomAt(key, element) : 0;
  y[i] = Mode<Out>::Cast(In::ToFloat32Bits(x[i]), r);
}

template <typename In, typename Out, template <typename> typename Mode>
__device__ void CastPlain(const typename In::Storage* x, typename Out::Storage* y,
                          const Matrix& matrix, const RandomKey& key) {
  const std::uint64_t i = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < matrix.rows * matrix.cols) CastOne<In, Out, Mode>(x, y, matrix, RoundingKey(key), i);
}

template <typename In, typename Out, template <typename> typename Mode>
__device__ void Cast(const typename In::Storage* x, typename Out::Storage* y, const Matrix& matrix,
                     const RandomKey& plain_key) {
  const RandomKey key = RoundingKey(plain_key);
  const std::uint64_t addresses =
      reinterpret_cast<std::uint64_t>(x) | reinterpret_cast<std::uint64_t>(y);
  // Without random bits nothing depends on where rows begin.
  const bool aligned =
      (addresses & 15u) == 0 && (!Mode<Out>::kIsRandom || VectorsAligned(matrix, key.offset, 0));
  const std::uint64_t count = matrix.rows * matrix.cols;
  const std::uint64_t stride = std::uint64_t{8} * gridDim.x * blockDim.x;
  for (std::uint64_t first = 8 * (std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x);
       first < count; first += stride) {
    if (aligned && first + 8 <= count) {
      Eight<typename In::Storage> in;
      in.Load(x + first);
      std::uint32_t r[8] = {};
      if constexpr (Mode<Out>::kIsRandom) {
        RandomEight(
            key, key.offset + first / matrix.cols * matrix.index_stride + first % matrix.cols, r);
      }
      Eight<typename Out::Storage> out;
#pragma unroll
      for (int i = 0; i < 8; ++i) out.Set(i, Mode<Out>::Cast(In::ToFloat32Bits(in.Get(i)), r[i]));
      out.Store(y + first);
    } else {
      for (std::uint64_t i = first; i < first + 8 && i < count; ++i)
        CastOne<In, Out, Mode>(x, y, matrix, key, i);
    }
  }
}

}  // namespace
}  // namespace ulproof::gpu

// Arguments: the buffers, the shape (index_stride is never 0), the random key (not read by rne).
#define ULPROOF_CAST_KERNEL(name, body, In, Out, Mode)                                          \
  extern "C" __global__ void name(                                                              \
      const ulproof::gpu::In::Storage* x, ulproof::gpu::Out::Storage* y, std::uint64_t rows,    \
      std::uint64_t cols, std::uint64_t index_stride, std::uint64_t seed, std::uint64_t stream, \
      std::uint64_t offset) {                                                                   \
    ulproof::gpu::body<ulproof::gpu::In, ulproof::gpu::Out, ulproof::gpu::Mode>(                \
        x, y, {rows, cols, index_stride}, {seed, stream, offset});                              \
  }
#define ULPROOF_CAST_KERNELS(id, In, Out, Mode)                    \
  ULPROOF_CAST_KERNEL(cast_##id##_plain, CastPlain, In, Out, Mode) \
  ULPROOF_CAST_KERNEL(cast_##id, Cast, In, Out, Mode)

ULPROOF_CAST_KERNELS(float32_bfloat16_rne_ovf, Float32, Bfloat16Ovf, Rne)
ULPROOF_CAST_KERNELS(float32_float8_e4m3fn_rne_ovf, Float32, Float8E4m3fnOvf, Rne)
ULPROOF_CAST_KERNELS(float32_float8_e4m3fn_rne_sat, Float32, Float8E4m3fnSat, Rne)
ULPROOF_CAST_KERNELS(float32_float8_e5m2_rne_ovf, Float32, Float8E5m2Ovf, Rne)
ULPROOF_CAST_KERNELS(float32_float8_e5m2_rne_sat, Float32, Float8E5m2Sat, Rne)
ULPROOF_CAST_KERNELS(float32_float6_e3m2fn_rne_sat, Float32, Float6E3m2fn, Rne)
ULPROOF_CAST_KERNELS(float32_float6_e2m3fn_rne_sat, Float32, Float6E2m3fn, Rne)
ULPROOF_CAST_KERNELS(float32_float4_e2m1fn_rne_sat, Float32, Float4E2m1fn, Rne)
ULPROOF_CAST_KERNELS(bfloat16_float8_e4m3fn_rne_sat, Bfloat16, Float8E4m3fnSat, Rne)
ULPROOF_CAST_KERNELS(bfloat16_float6_e3m2fn_rne_sat, Bfloat16, Float6E3m2fn, Rne)
ULPROOF_CAST_KERNELS(bfloat16_float4_e2m1fn_rne_sat, Bfloat16, Float4E2m1fn, Rne)
ULPROOF_CAST_KERNELS(float32_bfloat16_sra16_ovf, Float32, Bfloat16Ovf, Sra16)
ULPROOF_CAST_KERNELS(float32_float8_e4m3fn_sra16_sat, Float32, Float8E4m3fnSat, Sra16)
ULPROOF_CAST_KERNELS(float32_float8_e5m2_sra16_sat, Float32, Float8E5m2Sat, Sra16)
ULPROOF_CAST_KERNELS(float32_float6_e3m2fn_sra16_sat, Float32, Float6E3m2fn, Sra16)
ULPROOF_CAST_KERNELS(float32_float4_e2m1fn_sra16_sat, Float32, Float4E2m1fn, Sra16)
