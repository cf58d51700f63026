// SPDX-License-Identifier: Apache-2.0
// What the methods with a fitted scale share (contract section 14): blocks, scales and zero points
// from fit, quantised weights through fake_quantize and a cast to bfloat16, and gradients through
// fake_backward. The methods differ in where the scale comes from and in what they learn.
#ifndef ULPROOF_TRAINER_METHODS_FITTED_H_
#define ULPROOF_TRAINER_METHODS_FITTED_H_

#include "formats/operation.h"
#include "trainer/methods/method.h"

namespace ulproof::trainer {

// One number a block of a matrix.
struct FittedScales {
  std::vector<float> scale, zero;
};

class Fitted : public Method {
 public:
  // The weights under Scales().
  base::Status Prepare(const MatrixStep& step, std::span<std::uint16_t> codes) override;
  float state_rate() const override { return spec_.rate; }

 protected:
  static constexpr float kLn2 = 0.693147181f;

  // `states_a_block` numbers are learned, each starting at its entry of `start`.
  Fitted(const MethodSpec& spec, const std::vector<MatrixShape>& matrices,
         formats::Backend& backend, std::uint64_t seed, const std::vector<float>& start);

  // The scales of a matrix in this step.
  virtual base::Result<FittedScales> Scales(const MatrixStep& step) const = 0;
  // The levels: those of `target` bits in two's complement, unless the method says otherwise.
  virtual formats::Levels LevelsOf() const;

  formats::Operation OperationFor(formats::OpKind kind, const MatrixStep& step) const;
  // Scales by `op.fit`; `extra` is what SignatureOf(op) asks for beside the weights, if anything.
  base::Result<FittedScales> Fit(const formats::Operation& op, const MatrixStep& step,
                                 const std::vector<float>& extra) const;
  // StatQAT's analytic scales for the spec's whole number of bits: the clip C of its model.
  base::Result<FittedScales> StatqatScales(const MatrixStep& step) const;
  // Quantised weights as bfloat16.
  base::Status Quantised(const MatrixStep& step, const FittedScales& scales,
                         std::span<std::uint16_t> codes) const;
  base::Status ToBfloat16(const MatrixStep& step, const std::vector<float>& values,
                          std::span<std::uint16_t> codes) const;
  // Replaces the gradient by that of the weights and returns the scales'.
  base::Result<std::vector<float>> BackwardOf(const formats::Operation& op, const MatrixStep& step,
                                              const FittedScales& scales,
                                              std::span<float> gradient) const;

  const MethodSpec& spec() const { return spec_; }
  // Learned bitwidths go from target + Span() to target; a block's coordinate is its first state.
  float Span() const { return spec_.bits_init - spec_.bits_target; }
  std::vector<float> BitsAbove(float lowest, std::size_t matrix, double progress) const;
  formats::Backend& backend() const { return backend_; }
  std::size_t block_count(std::size_t matrix) const {
    return first_block_[matrix + 1] - first_block_[matrix];
  }
  // The learned number `which` of block `block` of a matrix, in state().
  std::size_t StateIndex(std::size_t matrix, std::size_t block, std::size_t which = 0) const {
    return (first_block_[matrix] + block) * states_a_block_ + which;
  }

 private:
  MethodSpec spec_;
  formats::Backend& backend_;
  std::uint64_t seed_;
  std::size_t states_a_block_;
  std::vector<std::size_t> first_block_;
};

// The clip in standard deviations of b bits, 2 to 8: the solution of phi(C) / C - Q(C) =
// 1 / (6 (2^b - 1)^2), rounded to binary32. tests/trainer/methods_test.cc makes the table again.
float StatqatClip(int bits);

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_METHODS_FITTED_H_
