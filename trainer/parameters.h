// SPDX-License-Identifier: Apache-2.0
// Where each parameter lies in one flat run of numbers, and what it is called: Hugging Face's names
// and orientation for GPT-2, so that a linear layer's matrix is (inputs x outputs).
#ifndef ULPROOF_TRAINER_PARAMETERS_H_
#define ULPROOF_TRAINER_PARAMETERS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "trainer/config.h"

namespace ulproof::trainer {

struct Parameter {
  std::string name;  // "h.0.attn.c_attn.weight"
  std::size_t rows;  // 0 for a vector
  std::size_t cols;
  std::size_t offset;  // Into the flat run.

  std::size_t count() const { return (rows == 0 ? 1 : rows) * cols; }
  // Matrices decay, gains and biases do not.
  bool decays() const { return rows != 0; }
};

// The linear layers of one block, in the order of the forward pass.
enum class Linear : std::uint8_t { kAttention, kAttentionOut, kMlpUp, kMlpDown };
inline constexpr std::size_t kLinearsPerLayer = 4;

// Indices into the table. Of a layer l: base + l * kPerLayer.
struct ParameterTable {
  explicit ParameterTable(const ModelConfig& config);

  std::vector<Parameter> all;  // In the order of the forward pass.
  std::size_t total = 0;       // Numbers in the flat run.

  const Parameter& token_embedding() const { return all[0]; }
  const Parameter& position_embedding() const { return all[1]; }
  const Parameter& final_norm_gain() const { return all[all.size() - 2]; }
  const Parameter& final_norm_bias() const { return all[all.size() - 1]; }
  // norm 0 stands before attention, norm 1 before the MLP.
  const Parameter& norm_gain(std::size_t layer, int norm) const;
  const Parameter& norm_bias(std::size_t layer, int norm) const;
  const Parameter& weight(std::size_t layer, Linear linear) const;
  const Parameter& bias(std::size_t layer, Linear linear) const;

 private:
  void Add(std::string name, std::size_t rows, std::size_t cols);
};

// GPT-2's: weights N(0, 0.02), those that write to the residual stream smaller by sqrt(2 L),
// positions N(0, 0.02), gains 1, biases 0. Pure: the same bits for a seed on every machine.
std::vector<float> InitialParameters(const ModelConfig& config, std::uint64_t seed);

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_PARAMETERS_H_
