// SPDX-License-Identifier: Apache-2.0
// The matrix product under every layer. Each element of C is one chain of fused multiply-adds over
// the depth in rising order, so its bits depend on the operands alone: not on threads, on tiles, on
// the caches or on the instruction set. (Eigen and OpenBLAS cut the depth by the machine's cache
// sizes, so their order is not one that can be promised.)
#ifndef ULPROOF_TRAINER_GEMM_H_
#define ULPROOF_TRAINER_GEMM_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace ulproof::trainer {

// What the operands of a matrix product become first. kBfloat16 makes the "BF16 operator": operands
// rounded to bfloat16 (nearest, ties to even), products exact in binary32, sums in binary32.
enum class OperandRounding : std::uint8_t { kNone, kBfloat16 };

// A matrix to read: element (r, c) is data[r * row_stride + c * col_stride], so a transposed view
// is the same data with the strides exchanged. Exactly one of values and codes is set; codes are
// bfloat16.
template <typename T>
struct Operand {
  const T* values = nullptr;
  const std::uint16_t* codes = nullptr;
  std::size_t row_stride = 0;
  std::size_t col_stride = 1;

  Operand Transposed() const { return {values, codes, col_stride, row_stride}; }
};

// A row-major matrix of `stride` columns.
template <typename T>
Operand<T> RowMajor(const T* values, std::size_t stride) {
  return {.values = values, .row_stride = stride};
}

// C = A B, or C += A B when `accumulate`: A is rows x depth, B depth x cols, C row-major with rows
// `c_stride` apart. C must not overlap the operands. T is float or double; double ignores the
// rounding (it is the precise twin of the layers) and multiplies and adds without fusing.
template <typename T>
void Gemm(std::size_t rows, std::size_t cols, std::size_t depth, const Operand<T>& a,
          const Operand<T>& b, T* c, std::size_t c_stride, bool accumulate,
          OperandRounding rounding);

// binary32 to bfloat16, nearest, ties to even; NaN gives the canonical NaN. The contract's cast
// (section 3), here because it is inside the loop that packs operands.
inline std::uint16_t ToBfloat16(float x) {
  const std::uint32_t code = std::bit_cast<std::uint32_t>(x);
  if ((code & 0x7FFFFFFFu) > 0x7F800000u) return 0x7FC0;
  return static_cast<std::uint16_t>((code + 0x7FFFu + (code >> 16 & 1)) >> 16);
}
inline float FromBfloat16(std::uint16_t code) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(code) << 16);
}

// The inner kernels, so that a test can hold them against each other. A kernel multiplies a packed
// tile of kTileRows x depth by one of depth x kTileCols; c is added to when `load`.
inline constexpr std::size_t kTileRows = 12;
inline constexpr std::size_t kTileCols = 32;
struct GemmKernel {
  std::string_view name;  // "portable", "avx2", "avx512"
  void (*run)(const float* a, const float* b, std::size_t depth, float* c, std::size_t c_stride,
              bool load);
};
// Those that this machine runs, the fastest last.
const std::vector<GemmKernel>& GemmKernels();

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_GEMM_H_
