// SPDX-License-Identifier: Apache-2.0
// What PTX does to eight lanes at once, in vector types of GCC and Clang: the second definition of
// the simulator's common forms, beside ops/. Put before the code that emit.h makes and compiled on
// the user's machine; nothing of this project includes it.
#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace {

typedef std::uint32_t U32 __attribute__((vector_size(32)));  // A 16-bit value is zero-extended.
typedef std::int32_t S32 __attribute__((vector_size(32)));   // As a predicate: all ones or zero.
typedef float F32 __attribute__((vector_size(32)));
typedef std::uint64_t U64 __attribute__((vector_size(64)));
typedef std::int64_t S64 __attribute__((vector_size(64)));
typedef double F64 __attribute__((vector_size(64)));

template <typename V>
inline V Load(const unsigned char* at) {
  V v;
  std::memcpy(&v, at, sizeof(v));
  return v;
}
template <typename V>
inline void Store(unsigned char* at, V v) {
  std::memcpy(at, &v, sizeof(v));
}

inline U32 Constant32(std::uint32_t x) { return U32{} + x; }
inline U64 Constant64(std::uint64_t x) { return U64{} + x; }
inline S32 ConstantP(bool x) { return S32{} - (x ? 1 : 0); }

// A predicate is one bit a lane in the register file.
inline S32 LoadPredicate(const unsigned char* at) {
  const S32 bit = {1, 2, 4, 8, 16, 32, 64, 128};
  return ((S32{} + *at) & bit) == bit;
}
inline void StorePredicate(unsigned char* at, S32 p) {
#if defined(__AVX2__)
  *at = static_cast<unsigned char>(_mm256_movemask_ps((__m256)p));
#else
  unsigned bits = 0;
  for (int i = 0; i < 8; ++i) bits |= p[i] != 0 ? 1u << i : 0u;
  *at = static_cast<unsigned char>(bits);
#endif
}

// --- Widths ---
inline U64 Zext64(U32 a) { return __builtin_convertvector(a, U64); }
inline U64 Sext64(U32 a) { return (U64) __builtin_convertvector((S32)a, S64); }
inline U32 Low32(U64 a) { return __builtin_convertvector(a, U32); }
inline U32 Low16(U32 a) { return a & 0xFFFFu; }
inline U32 Low16(U64 a) { return Low16(Low32(a)); }
inline U32 Sext16(U32 a) { return (U32)((S32)(a << 16) >> 16); }
inline U64 Sext16To64(U32 a) { return Sext64(Sext16(a)); }
template <typename V>
inline V Same(V a) {
  return a;
}

// --- Selection ---
inline U32 Select(U32 a, U32 b, S32 p) { return (a & (U32)p) | (b & ~(U32)p); }
inline S32 Select(S32 a, S32 b, S32 p) { return (a & p) | (b & ~p); }
inline U64 Select(U64 a, U64 b, S32 p) {
  const U64 wide = (U64) __builtin_convertvector(p, S64);
  return (a & wide) | (b & ~wide);
}
inline S32 Mask(S32 holds) { return holds; }
inline S32 Mask(S64 holds) { return __builtin_convertvector(holds, S32); }

// --- Bits ---
template <typename V>
inline V And(V a, V b) {
  return a & b;
}
template <typename V>
inline V Or(V a, V b) {
  return a | b;
}
template <typename V>
inline V Xor(V a, V b) {
  return a ^ b;
}
template <typename V>
inline V Not(V a) {
  return ~a;
}
inline U32 Not16(U32 a) { return Low16(~a); }
inline U32 Shl(U32 a, U32 n) { return (a << (n & 31u)) & (U32)(n < 32u); }
inline U32 Shl16(U32 a, U32 n) { return Low16(Shl(a, n)); }
inline U32 Shr(U32 a, U32 n) { return (a >> (n & 31u)) & (U32)(n < 32u); }
inline U32 ShrS(U32 a, U32 n) {
  return (U32)((S32)a >> (S32)Select(n, Constant32(31), (S32)(n < 32u)));
}
inline U32 ShrS16(U32 a, U32 n) { return Low16(ShrS(Sext16(a), n)); }
inline U64 Shl(U64 a, U32 n) { return (a << (Zext64(n) & 63u)) & (U64)(Zext64(n) < 64u); }
inline U64 Shr(U64 a, U32 n) { return (a >> (Zext64(n) & 63u)) & (U64)(Zext64(n) < 64u); }
inline U64 ShrS(U64 a, U32 n) {
  return (U64)((S64)a >> (S64)Zext64(Select(n, Constant32(63), (S32)(n < 64u))));
}
// shf.wrap: the words high:low as 64 bits, shifted by n modulo 32; the high or the low word of it.
inline U32 FunnelLeft(U32 low, U32 high, U32 n) {
  const U32 m = n & 31u;
  return Select(high, (high << m) | (low >> ((32u - m) & 31u)), (S32)(m == 0u));
}
inline U32 FunnelRight(U32 low, U32 high, U32 n) {
  const U32 m = n & 31u;
  return Select(low, (low >> m) | (high << ((32u - m) & 31u)), (S32)(m == 0u));
}
template <int kTable, int kRow>
inline U32 Lop3Row(U32 a, U32 b, U32 c) {
  if ((kTable >> kRow & 1) == 0) return U32{};
  return ((kRow & 4) != 0 ? a : ~a) & ((kRow & 2) != 0 ? b : ~b) & ((kRow & 1) != 0 ? c : ~c);
}
template <int kTable>
inline U32 Lop3(U32 a, U32 b, U32 c) {
  return Lop3Row<kTable, 0>(a, b, c) | Lop3Row<kTable, 1>(a, b, c) | Lop3Row<kTable, 2>(a, b, c) |
         Lop3Row<kTable, 3>(a, b, c) | Lop3Row<kTable, 4>(a, b, c) | Lop3Row<kTable, 5>(a, b, c) |
         Lop3Row<kTable, 6>(a, b, c) | Lop3Row<kTable, 7>(a, b, c);
}
template <int kByte>
inline U32 PrmtByte(U32 a, U32 b, U32 selector) {
  const U32 nibble = (selector >> (4 * kByte)) & 15u;
  const U32 word = Select(b, a, (S32)((nibble & 4u) != 0u));
  const U32 byte = (word >> (8u * (nibble & 3u))) & 0xFFu;
  const U32 sign = (U32)((byte & 0x80u) != 0u) & 0xFFu;
  return Select(sign, byte, (S32)((nibble & 8u) != 0u)) << (8 * kByte);
}
inline U32 Prmt(U32 a, U32 b, U32 selector) {
  return PrmtByte<0>(a, b, selector) | PrmtByte<1>(a, b, selector) | PrmtByte<2>(a, b, selector) |
         PrmtByte<3>(a, b, selector);
}

// --- Integers ---
template <typename V>
inline V Add(V a, V b) {
  return a + b;
}
template <typename V>
inline V Sub(V a, V b) {
  return a - b;
}
template <typename V>
inline V Mul(V a, V b) {
  return a * b;
}
template <typename V>
inline V Mad(V a, V b, V c) {
  return a * b + c;
}
template <typename V>
inline V Neg(V a) {
  return V{} - a;
}
inline U32 Add16(U32 a, U32 b) { return Low16(a + b); }
inline U32 Sub16(U32 a, U32 b) { return Low16(a - b); }
inline U32 Mul16(U32 a, U32 b) { return Low16(a * b); }
inline U32 Mad16(U32 a, U32 b, U32 c) { return Low16(a * b + c); }
inline U32 Neg16(U32 a) { return Low16(0u - a); }
inline U32 MulHiU(U32 a, U32 b) {
#if defined(__AVX2__)
  const __m256i x = (__m256i)a, y = (__m256i)b;
  const __m256i even = _mm256_mul_epu32(x, y);
  const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(x, 32), _mm256_srli_epi64(y, 32));
  return (U32)_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
#else
  return Low32((Zext64(a) * Zext64(b)) >> 32);
#endif
}
inline U32 MulHiS(U32 a, U32 b) { return Low32((Sext64(a) * Sext64(b)) >> 32); }
inline U32 MadHiU(U32 a, U32 b, U32 c) { return MulHiU(a, b) + c; }
inline U64 MulWideU(U32 a, U32 b) {
#if defined(__AVX512F__)
  return (U64)_mm512_mul_epu32((__m512i)Zext64(a), (__m512i)Zext64(b));
#else
  return Zext64(a) * Zext64(b);
#endif
}
inline U64 MulWideS(U32 a, U32 b) {
#if defined(__AVX512F__)
  return (U64)_mm512_mul_epi32((__m512i)Zext64(a), (__m512i)Zext64(b));
#else
  return Sext64(a) * Sext64(b);
#endif
}
inline U64 MadWideU(U32 a, U32 b, U64 c) { return MulWideU(a, b) + c; }
inline U64 MadWideS(U32 a, U32 b, U64 c) { return MulWideS(a, b) + c; }
inline U32 MulWideU16(U32 a, U32 b) { return a * b; }
inline U32 MulWideS16(U32 a, U32 b) { return Sext16(a) * Sext16(b); }
inline U32 AbsS(U32 a) { return Select(0u - a, a, (S32)a < 0); }
inline U32 MinU(U32 a, U32 b) { return Select(a, b, (S32)(a < b)); }
inline U32 MaxU(U32 a, U32 b) { return Select(a, b, (S32)(a > b)); }
inline U32 MinS(U32 a, U32 b) { return Select(a, b, (S32)a < (S32)b); }
inline U32 MaxS(U32 a, U32 b) { return Select(a, b, (S32)a > (S32)b); }
inline U64 MinU(U64 a, U64 b) { return Select(a, b, Mask((S64)(a < b))); }
inline U64 MaxU(U64 a, U64 b) { return Select(a, b, Mask((S64)(a > b))); }
inline U64 MinS(U64 a, U64 b) { return Select(a, b, Mask((S64)a < (S64)b)); }
inline U64 MaxS(U64 a, U64 b) { return Select(a, b, Mask((S64)a > (S64)b)); }

// --- Comparison: the views of the sources, then the tests on any of them ---
inline S32 AsS(U32 a) { return (S32)a; }
inline S64 AsS(U64 a) { return (S64)a; }
inline S32 AsS16(U32 a) { return (S32)Sext16(a); }
inline F32 AsF(U32 a) { return (F32)a; }
inline F64 AsF(U64 a) { return (F64)a; }
template <typename V>
inline S32 Eq(V a, V b) {
  return Mask(a == b);
}
template <typename V>
inline S32 Ne(V a, V b) {
  return Mask(a != b);
}
template <typename V>
inline S32 Lt(V a, V b) {
  return Mask(a < b);
}
template <typename V>
inline S32 Le(V a, V b) {
  return Mask(a <= b);
}
template <typename V>
inline S32 Gt(V a, V b) {
  return Mask(a > b);
}
template <typename V>
inline S32 Ge(V a, V b) {
  return Mask(a >= b);
}
// Of floats: false for NaN; the unordered tests are the complements.
template <typename V>
inline S32 OrderedNe(V a, V b) {
  return Mask(a < b) | Mask(a > b);
}
template <typename V>
inline S32 Num(V a, V b) {
  return Mask(a == a) & Mask(b == b);
}

// --- binary32 and binary64, to nearest; a chip's NaN instead of the host's ---
inline U32 Finish(F32 x) { return Select((U32)x, Constant32(0x7FFFFFFF), (S32)(x == x)); }
inline U64 Finish(F64 x) {
  return Select((U64)x, Constant64(0xFFF8000000000000), Mask((S64)(x == x)));
}
inline U32 AddF(U32 a, U32 b) { return Finish((F32)a + (F32)b); }
inline U32 SubF(U32 a, U32 b) { return Finish((F32)a - (F32)b); }
inline U32 MulF(U32 a, U32 b) { return Finish((F32)a * (F32)b); }
inline U32 DivF(U32 a, U32 b) { return Finish((F32)a / (F32)b); }
inline U32 FmaF(U32 a, U32 b, U32 c) {
#if defined(__AVX2__) && defined(__FMA__)
  return Finish((F32)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c));
#else
  F32 result;
  for (int i = 0; i < 8; ++i) result[i] = std::fma(((F32)a)[i], ((F32)b)[i], ((F32)c)[i]);
  return Finish(result);
#endif
}
inline U32 NegF(U32 a) { return a ^ 0x80000000u; }
inline U32 AbsF(U32 a) { return a & 0x7FFFFFFFu; }
inline U64 AddF(U64 a, U64 b) { return Finish((F64)a + (F64)b); }
inline U64 SubF(U64 a, U64 b) { return Finish((F64)a - (F64)b); }
inline U64 MulF(U64 a, U64 b) { return Finish((F64)a * (F64)b); }
inline U64 FmaF(U64 a, U64 b, U64 c) {
#if defined(__AVX512F__)
  return Finish((F64)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c));
#endif
  F64 result;
  for (int i = 0; i < 8; ++i) result[i] = std::fma(((F64)a)[i], ((F64)b)[i], ((F64)c)[i]);
  return Finish(result);
}
inline U64 NegF(U64 a) { return a ^ 0x8000000000000000u; }
inline U64 AbsF(U64 a) { return a & 0x7FFFFFFFFFFFFFFFu; }

// --- Conversions ---
inline U32 FloatFromS(U32 a) { return (U32) __builtin_convertvector((S32)a, F32); }
inline U32 FloatFromS16(U32 a) { return FloatFromS(Sext16(a)); }
inline U32 FloatFromU(U32 a) { return (U32) __builtin_convertvector(a, F32); }
inline U32 FloatFromBfloat(U32 a) { return a << 16; }
inline U32 FloatFromDouble(U64 a) { return Finish(__builtin_convertvector((F64)a, F32)); }
inline U64 DoubleFromFloat(U32 a) { return Finish(__builtin_convertvector((F32)a, F64)); }
inline F64 Nearest(F64 x) {
#if defined(__AVX512F__)
  return (F64)_mm512_roundscale_pd((__m512d)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#endif
  for (int i = 0; i < 8; ++i) x[i] = std::nearbyint(x[i]);
  return x;
}
inline U64 IntegralFromDouble(U64 a) { return Finish(Nearest((F64)a)); }
// Out of range the nearest end; NaN the lower one.
inline U32 IntFromDouble(U64 a) {
  const F64 least = F64{} - 2147483648.0, most = F64{} + 2147483647.0;
  U64 x = (U64)Nearest((F64)a);
  x = Select(x, (U64)least, Mask((S64)((F64)x >= least)));
  x = Select(x, (U64)most, Mask((S64)((F64)x <= most)));
  return (U32) __builtin_convertvector((F64)x, S32);
}
inline U32 BfloatFromFloat(U32 a) {
  const U32 rounded = (a + 0x7FFFu + ((a >> 16) & 1u)) >> 16;
  return Select(Constant32(0x7FFF), rounded, (S32)((a & 0x7FFFFFFFu) > 0x7F800000u));
}
inline U32 BfloatPairFromFloats(U32 high, U32 low) {
  return (BfloatFromFloat(high) << 16) | BfloatFromFloat(low);
}
// mov's vectors.
inline U32 Pack16(U32 low, U32 high) { return low | (high << 16); }
inline U64 Pack32(U32 low, U32 high) { return Zext64(low) | (Zext64(high) << 32); }
inline U32 High16(U32 a) { return a >> 16; }
inline U32 High32(U64 a) { return Low32(a >> 32); }

// Runs one operation that has no code here.
using StepFunction = void (*)(void* context, std::uint32_t pc);

}  // namespace
