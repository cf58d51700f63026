// SPDX-License-Identifier: Apache-2.0
// GPT-2's loss by plain loops in double, one number at a time, from the formulas and the names of
// the parameters alone. Shares no code with the layers that it checks, and is too slow for all
// else.
#ifndef ULPROOF_TESTS_TRAINER_PLAIN_GPT2_H_
#define ULPROOF_TESTS_TRAINER_PLAIN_GPT2_H_

#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <string>
#include <vector>

#include "trainer/config.h"

namespace ulproof::trainer {

using Rows = std::vector<std::vector<double>>;
// A parameter's numbers by its name.
using ParameterLookup = std::function<const double*(const std::string& name)>;

inline Rows PlainLinear(const Rows& x, const double* weight, const double* bias, std::size_t out) {
  Rows y(x.size(), std::vector<double>(out));
  for (std::size_t n = 0; n < x.size(); ++n) {
    for (std::size_t j = 0; j < out; ++j) {
      y[n][j] = bias[j];
      for (std::size_t i = 0; i < x[n].size(); ++i) y[n][j] += x[n][i] * weight[i * out + j];
    }
  }
  return y;
}

inline Rows PlainNorm(const Rows& x, const double* gain, const double* bias) {
  Rows y = x;
  for (auto& row : y) {
    double mean = 0, variance = 0;
    for (const double v : row) mean += v / row.size();
    for (const double v : row) variance += (v - mean) * (v - mean) / row.size();
    for (std::size_t c = 0; c < row.size(); ++c) {
      row[c] = (row[c] - mean) / std::sqrt(variance + 1e-5) * gain[c] + bias[c];
    }
  }
  return y;
}

// The heads of one sequence; qkv has rows of 3C.
inline Rows PlainAttention(const Rows& qkv, std::size_t heads) {
  const std::size_t width = qkv[0].size() / 3, head = width / heads;
  Rows y(qkv.size(), std::vector<double>(width));
  for (std::size_t h = 0; h < heads; ++h) {
    for (std::size_t i = 0; i < qkv.size(); ++i) {
      std::vector<double> weights(i + 1);
      double sum = 0;
      for (std::size_t j = 0; j <= i; ++j) {
        double score = 0;
        for (std::size_t c = 0; c < head; ++c)
          score += qkv[i][h * head + c] * qkv[j][width + h * head + c];
        sum += weights[j] = std::exp(score / std::sqrt(static_cast<double>(head)));
      }
      for (std::size_t j = 0; j <= i; ++j) {
        for (std::size_t c = 0; c < head; ++c)
          y[i][h * head + c] += weights[j] / sum * qkv[j][2 * width + h * head + c];
      }
    }
  }
  return y;
}

inline void AddTo(Rows& x, const Rows& y) {
  for (std::size_t n = 0; n < x.size(); ++n) {
    for (std::size_t c = 0; c < x[n].size(); ++c) x[n][c] += y[n][c];
  }
}

// The sum of the cross entropies of one sequence.
inline double PlainSequenceLoss(const ModelConfig& config, const ParameterLookup& get,
                                const std::int32_t* tokens, const std::int32_t* targets,
                                std::size_t length) {
  const std::size_t width = config.width;
  const auto linear = [&](const Rows& x, const std::string& name, std::size_t out) {
    return PlainLinear(x, get(name + ".weight"), get(name + ".bias"), out);
  };
  const auto norm = [&](const Rows& x, const std::string& name) {
    return PlainNorm(x, get(name + ".weight"), get(name + ".bias"));
  };
  const double *wte = get("wte.weight"), *wpe = get("wpe.weight");
  Rows x(length, std::vector<double>(width));
  for (std::size_t n = 0; n < length; ++n) {
    for (std::size_t c = 0; c < width; ++c)
      x[n][c] = wte[tokens[n] * width + c] + wpe[n * width + c];
  }
  for (std::size_t l = 0; l < config.layers; ++l) {
    const std::string h = "h." + std::to_string(l) + ".";
    const Rows qkv = linear(norm(x, h + "ln_1"), h + "attn.c_attn", 3 * width);
    AddTo(x, linear(PlainAttention(qkv, config.heads), h + "attn.c_proj", width));
    Rows up = linear(norm(x, h + "ln_2"), h + "mlp.c_fc", 4 * width);
    for (auto& row : up) {
      for (double& v : row) {
        v *= 0.5 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (v + 0.044715 * v * v * v)));
      }
    }
    AddTo(x, linear(up, h + "mlp.c_proj", width));
  }
  x = norm(x, "ln_f");
  double loss = 0;
  for (std::size_t n = 0; n < length; ++n) {
    double sum = 0, target = 0;
    for (std::size_t v = 0; v < config.vocabulary; ++v) {
      double logit = 0;
      for (std::size_t c = 0; c < width; ++c) logit += x[n][c] * wte[v * width + c];
      sum += std::exp(logit);
      if (static_cast<std::int32_t>(v) == targets[n]) target = logit;
    }
    loss += std::log(sum) - target;
  }
  return loss;
}

}  // namespace ulproof::trainer

#endif  // ULPROOF_TESTS_TRAINER_PLAIN_GPT2_H_
