// SPDX-License-Identifier: Apache-2.0
// What the methods of added noise share: w + R s in bfloat16 by the contract's sample, and the
// backward by b with R drawn again from its counter. The methods differ in where b comes from.
#ifndef ULPROOF_TRAINER_METHODS_NOISY_H_
#define ULPROOF_TRAINER_METHODS_NOISY_H_

#include "trainer/methods/method.h"

namespace ulproof::trainer {

class Noisy : public Method {
 public:
  Noisy(const MethodSpec& spec, const std::vector<MatrixShape>& matrices, formats::Backend& backend,
        std::uint64_t seed);

  base::Status Prepare(const MatrixStep& step, std::span<std::uint16_t> codes) override;
  // Whole multiples of the step of each b, which need 2^b + 1 levels; with settle=, where the
  // budget is to be met, the 2^b levels from the block's minimum to its maximum, as DiffQ ends.
  base::Status Quantise(const MatrixStep& step, std::span<std::uint16_t> codes) override;
  base::Result<SampleCounts> Count(const MatrixStep& step,
                                   std::span<const std::uint16_t> codes) override;

 protected:
  // The gradient by each block's b (section 8); M counts as a constant.
  base::Result<std::vector<float>> BitsGradient(const MatrixStep& step,
                                                std::span<const float> gradient);
  const MethodSpec& spec() const { return spec_; }
  std::size_t block_count(std::size_t matrix) const {
    return first_block_[matrix + 1] - first_block_[matrix];
  }
  // Where the blocks of a matrix begin among those of all.
  std::size_t first_block(std::size_t matrix) const { return first_block_[matrix]; }

 private:
  formats::Operation OperationFor(formats::OpKind kind, const MatrixStep& step) const;
  base::Status QuantiseByRange(const MatrixStep& step, std::span<std::uint16_t> codes);

  MethodSpec spec_;
  formats::Backend& backend_;
  std::uint64_t seed_;
  std::vector<std::size_t> first_block_;
};

// b = target + a (init - target) with a learned coordinate a, one a block, that starts at 1. The
// decay loss adds lambda * (mean b of the matrix) for each matrix.
class LearnedBits : public Noisy {
 public:
  LearnedBits(const MethodSpec& spec, const std::vector<MatrixShape>& matrices,
              formats::Backend& backend, std::uint64_t seed);

  base::Status Backward(const MatrixStep& step, std::span<float> gradient) override;
  float state_rate() const override { return spec().rate; }
  void Settle(double progress) override;
  std::vector<float> Bits(std::size_t matrix, double progress) const override;
};

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_METHODS_NOISY_H_
