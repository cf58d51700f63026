// SPDX-License-Identifier: Apache-2.0
// Conversions of CUDA's own headers, one kernel each: out[i] = convert(in[i]). Compiled for sm_80 the
// headers take their software paths, for sm_100a one hardware instruction. The .ptx files beside
// this one are made from it:
//   nvcc -ptx -arch=sm_80   small_formats.cu -o small_formats_sm_80.ptx
//   nvcc -ptx -arch=sm_100a small_formats.cu -o small_formats_sm_100a.ptx
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp4.h>
#include <cuda_fp6.h>
#include <cuda_fp8.h>

#define CONVERSION(name, Source, expression)                                                      \
  extern "C" __global__ void name(unsigned char* out, const Source* in) {                         \
    const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;                                     \
    const Source x = in[i];                                                                       \
    out[i] = static_cast<unsigned char>(expression);                                              \
  }

CONVERSION(e4m3_from_float, float, __nv_cvt_float_to_fp8(x, __NV_SATFINITE, __NV_E4M3))
CONVERSION(e5m2_from_float, float, __nv_cvt_float_to_fp8(x, __NV_SATFINITE, __NV_E5M2))
CONVERSION(e4m3_from_half, __half_raw, __nv_cvt_halfraw_to_fp8(x, __NV_SATFINITE, __NV_E4M3))
CONVERSION(e5m2_from_half, __half_raw, __nv_cvt_halfraw_to_fp8(x, __NV_SATFINITE, __NV_E5M2))
CONVERSION(e4m3_from_bfloat, __nv_bfloat16_raw,
           __nv_cvt_bfloat16raw_to_fp8(x, __NV_SATFINITE, __NV_E4M3))
CONVERSION(e8m0_zero_from_float, float,
           __nv_cvt_float_to_e8m0(x, __NV_SATFINITE, cudaRoundZero))
CONVERSION(e8m0_up_from_float, float,
           __nv_cvt_float_to_e8m0(x, __NV_SATFINITE, cudaRoundPosInf))
CONVERSION(e3m2_from_float, float, __nv_cvt_float_to_fp6(x, __NV_E3M2, cudaRoundNearest))
CONVERSION(e2m3_from_float, float, __nv_cvt_float_to_fp6(x, __NV_E2M3, cudaRoundNearest))
CONVERSION(e2m1_from_float, float, __nv_cvt_float_to_fp4(x, __NV_E2M1, cudaRoundNearest))

#define WIDENING(name, expression)                                                                \
  extern "C" __global__ void name(unsigned short* out, const unsigned char* in) {                 \
    const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;                                     \
    out[i] = (expression).x;                                                                      \
  }
WIDENING(half_from_e4m3, __nv_cvt_fp8_to_halfraw(in[i], __NV_E4M3))
WIDENING(half_from_e5m2, __nv_cvt_fp8_to_halfraw(in[i], __NV_E5M2))
WIDENING(half_from_e3m2, __nv_cvt_fp6_to_halfraw(in[i] & 0x3F, __NV_E3M2))
WIDENING(half_from_e2m3, __nv_cvt_fp6_to_halfraw(in[i] & 0x3F, __NV_E2M3))
WIDENING(half_from_e2m1, __nv_cvt_fp4_to_halfraw(in[i] & 0x0F, __NV_E2M1))
WIDENING(bfloat_from_e8m0, __nv_cvt_e8m0_to_bf16raw(in[i]))
