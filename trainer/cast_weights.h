// SPDX-License-Identifier: Apache-2.0
// Weights really cast to a narrow format, and read back as bfloat16: what a deployed model would
// compute with. The rtn methods train on this; the evaluation of a finished run ends with it.
#ifndef ULPROOF_TRAINER_CAST_WEIGHTS_H_
#define ULPROOF_TRAINER_CAST_WEIGHTS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "formats/backend.h"

namespace ulproof::trainer {

// One of the two is set.
struct CastTarget {
  std::optional<formats::FormatSpec> format;         // Scaled by one power of two a tensor.
  std::optional<formats::BlockFormat> block_format;  // Scaled as the format says (section 9).

  std::string name() const;
};

// A name of the catalogue (float8_e4m3fn), a generic one (e2m3finite), or a block-scaled one
// (mxfp4). Errors: none of them; a format whose values bfloat16 does not hold.
base::Result<CastTarget> ParseCastTarget(std::string_view name);

// `weights` is rows x cols, `codes` bfloat16 of the same count.
//   a format: cast(w * 2^k) * 2^-k, rne and sat, k the largest power that keeps the largest |w|
//     within the format's finite values; products exact, so the one rounding is the format's
//     (short of bfloat16's subnormals).
//   a block format: quantized (rule floor) and dequantized to bfloat16.
base::Status CastWeights(formats::Backend& backend, const CastTarget& target, std::size_t rows,
                         std::size_t cols, std::span<const float> weights,
                         std::span<std::uint16_t> codes);

// The weights rounded to whole steps of their block's scale, as a fixed-point format of
// ceil(b) bits would hold them: s * rint(w / s), s as scale gives it (section 6) for the integer
// above each block's b. `bits` has one b a block.
base::Status RoundToSteps(formats::Backend& backend, const formats::BlockShape& block,
                          std::span<const float> bits, std::size_t rows, std::size_t cols,
                          std::span<const float> weights, std::span<std::uint16_t> codes);

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_CAST_WEIGHTS_H_
