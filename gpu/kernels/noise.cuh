// SPDX-License-Identifier: Apache-2.0
// The integer noise laws of contract section 5 on the device, as types that kernels are templated
// on. A law works on integers alone and hands out R in two forms: as a sign-magnitude nibble (bit 3
// sign, bits 0..1 |R|, all 0 when R = 0), eight to a 32-bit word, and as a binary32 made by
// selection, never by an integer-to-float conversion (a quarter of the rate).
//
//   Law::At<Form>(key, element)        any logical element
//   Law::Eight<Form>(key, element, r)  elements element .. element+7, element divisible by 8; no
//   group of
//                                      random words is drawn twice
#ifndef ULPROOF_GPU_KERNELS_NOISE_CUH_
#define ULPROOF_GPU_KERNELS_NOISE_CUH_

#include <cstdint>

#include "philox.cuh"

namespace ulproof::gpu {

// --- Forms of R
// --------------------------------------------------------------------------------------- Made from
// |R| >= 1, 2, 3 and a word whose top bit is the sign.
struct AsFloat {
  using Type = float;
  static __device__ __forceinline__ float Make(bool one, bool two, bool three,
                                               std::uint32_t sign_word) {
    const std::uint32_t magnitude = three ? 0x40400000u : two ? 0x40000000u : 0x3F800000u;
    return __uint_as_float(one ? (magnitude | (sign_word & 0x80000000u)) : 0u);
  }
};
struct AsNibble {
  using Type = std::uint32_t;
  static __device__ __forceinline__ std::uint32_t Make(bool one, bool two, bool three,
                                                       std::uint32_t sign_word) {
    const std::uint32_t magnitude = three ? 3u : two ? 2u : 1u;
    return one ? (magnitude | (sign_word >> 31) << 3) : 0u;
  }
};

// --- rg16: bit 15 of a 16-bit half is the sign, the low 15 bits are U
// -----------------------------------
struct Rg16 {
  // The half is in the top of `word`; what lies below it cannot change U < T, as T is shifted
  // alike.
  template <typename Form>
  static __device__ __forceinline__ typename Form::Type FromTopHalf(std::uint32_t word) {
    const std::uint32_t u = word << 1;
    return Form::Make(u < 10398u << 17, u < 88u << 17, false, word);
  }
  template <typename Form>
  static __device__ __forceinline__ void Eight(const RandomKey& key, std::uint64_t element,
                                               typename Form::Type (&r)[8]) {
    const Words w = PhiloxWords(key.seed, key.stream, element / 8);
    const std::uint32_t words[4] = {w.w0, w.w1, w.w2, w.w3};
#pragma unroll
    for (int i = 0; i < 8; ++i)
      r[i] = FromTopHalf<Form>(i % 2 == 0 ? words[i / 2] << 16 : words[i / 2]);
  }
  template <typename Form>
  static __device__ __forceinline__ typename Form::Type At(const RandomKey& key,
                                                           std::uint64_t element) {
    const Words w = PhiloxWords(key.seed, key.stream, element / 8);
    const std::uint32_t lane = static_cast<std::uint32_t>(element) & 7u;
    const std::uint32_t low = lane & 2u ? w.w1 : w.w0, high = lane & 2u ? w.w3 : w.w2;
    const std::uint32_t word = lane & 4u ? high : low;
    return FromTopHalf<Form>(lane & 1u ? word : word << 16);
  }
};

// --- rg32: bit 31 is the sign, the low 31 bits are U
// ------------------------------------------------------
struct Rg32 {
  template <typename Form>
  static __device__ __forceinline__ typename Form::Type FromWord(std::uint32_t word) {
    const std::uint32_t u = word & 0x7FFFFFFFu;
    return Form::Make(u < 681419127u, u < 5797768u, u < 1231u, word);
  }
  template <typename Form>
  static __device__ __forceinline__ void Eight(const RandomKey& key, std::uint64_t element,
                                               typename Form::Type (&r)[8]) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const Words w = PhiloxWords(key.seed, key.stream, element / 4 + half);
      r[4 * half] = FromWord<Form>(w.w0);
      r[4 * half + 1] = FromWord<Form>(w.w1);
      r[4 * half + 2] = FromWord<Form>(w.w2);
      r[4 * half + 3] = FromWord<Form>(w.w3);
    }
  }
  template <typename Form>
  static __device__ __forceinline__ typename Form::Type At(const RandomKey& key,
                                                           std::uint64_t element) {
    const Words w = PhiloxWords(key.seed, key.stream, element / 4);
    const std::uint32_t lane = static_cast<std::uint32_t>(element) & 3u;
    const std::uint32_t low = lane & 1u ? w.w1 : w.w0, high = lane & 1u ? w.w3 : w.w2;
    return FromWord<Form>(lane & 2u ? high : low);
  }
};

// --- rgbits: bit planes over runs of 32 elements
// ------------------------------------------------------------
struct Rgbits {
  // Bit j of each plane belongs to element j of the run.
  struct Planes {
    std::uint32_t one, two, sign;
  };

  // U < threshold for 32 numbers at once, their bits in planes p[1] (most significant) .. p[11].
  // From the least significant bit up: a 1 in the threshold lets a 0 decide for "less", a 0 lets a
  // 1 decide against.
  template <std::uint32_t kThreshold>
  static __device__ __forceinline__ std::uint32_t Below(const std::uint32_t (&p)[12]) {
    std::uint32_t below = 0;
#pragma unroll
    for (int bit = 0; bit < 11; ++bit) {
      const std::uint32_t plane = p[11 - bit];
      below = (kThreshold >> bit & 1u) ? (below | ~plane) : (below & ~plane);
    }
    return below;
  }
  static __device__ __forceinline__ Planes Run(const RandomKey& key, std::uint64_t run) {
    std::uint32_t p[12];
#pragma unroll
    for (int i = 0; i < 3; ++i) {
      const Words w = PhiloxWords(key.seed, key.stream, 3 * run + i);
      p[4 * i] = w.w0;
      p[4 * i + 1] = w.w1;
      p[4 * i + 2] = w.w2;
      p[4 * i + 3] = w.w3;
    }
    return {Below<650>(p), Below<6>(p), p[0]};
  }
  template <typename Form>
  static __device__ __forceinline__ typename Form::Type FromPlanes(const Planes& planes,
                                                                   std::uint32_t j) {
    return Form::Make(planes.one >> j & 1u, planes.two >> j & 1u, false, planes.sign << (31u - j));
  }
  template <typename Form>
  static __device__ __forceinline__ void Eight(const RandomKey& key, std::uint64_t element,
                                               typename Form::Type (&r)[8]) {
    const Planes planes = Run(key, element / 32);
    const std::uint32_t first = static_cast<std::uint32_t>(element) & 31u;
#pragma unroll
    for (int i = 0; i < 8; ++i) r[i] = FromPlanes<Form>(planes, first + i);
  }
  template <typename Form>
  static __device__ __forceinline__ typename Form::Type At(const RandomKey& key,
                                                           std::uint64_t element) {
    return FromPlanes<Form>(Run(key, element / 32), static_cast<std::uint32_t>(element) & 31u);
  }
};

// --- uniform (the only law here that is no integer): R = (w >> 8) 2^-24 - 1/2, exactly
// ------------------------------------------------
struct Uniform {
  static __device__ __forceinline__ std::uint32_t WordAt(const RandomKey& key,
                                                         std::uint64_t element) {
    const Words w = PhiloxWords(key.seed, key.stream, element / 4);
    const std::uint32_t lane = static_cast<std::uint32_t>(element) & 3u;
    const std::uint32_t low = lane & 1u ? w.w1 : w.w0, high = lane & 1u ? w.w3 : w.w2;
    return lane & 2u ? high : low;
  }
  static __device__ __forceinline__ void EightWords(const RandomKey& key, std::uint64_t element,
                                                    std::uint32_t (&words)[8]) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const Words w = PhiloxWords(key.seed, key.stream, element / 4 + half);
      words[4 * half] = w.w0;
      words[4 * half + 1] = w.w1;
      words[4 * half + 2] = w.w2;
      words[4 * half + 3] = w.w3;
    }
  }
  static __device__ __forceinline__ float FromWord(std::uint32_t word) {
    return __fmaf_rn(__uint2float_rn(word >> 8), 0x1p-24f, -0.5f);
  }
  template <typename Form>
  static __device__ __forceinline__ float At(const RandomKey& key, std::uint64_t element) {
    return FromWord(WordAt(key, element));
  }
  template <typename Form>
  static __device__ __forceinline__ void Eight(const RandomKey& key, std::uint64_t element,
                                               float (&r)[8]) {
    std::uint32_t words[8];
    EightWords(key, element, words);
#pragma unroll
    for (int i = 0; i < 8; ++i) r[i] = FromWord(words[i]);
  }
};

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_KERNELS_NOISE_CUH_
