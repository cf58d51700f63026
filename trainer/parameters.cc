// SPDX-License-Identifier: Apache-2.0
#include "trainer/parameters.h"

#include <fmt/format.h>

#include <cmath>

#include "trainer/random.h"

namespace ulproof::trainer {
namespace {

// A layer: gain, bias, then (weight, bias) of the two attention matrices; the same for the MLP.
constexpr std::size_t kPerLayer = 12;
constexpr std::size_t kFirstLayer = 2;

std::size_t NormIndex(std::size_t layer, int norm) {
  return kFirstLayer + kPerLayer * layer + 6 * static_cast<std::size_t>(norm);
}
std::size_t LinearIndex(std::size_t layer, Linear linear) {
  const auto index = static_cast<std::size_t>(linear);
  return NormIndex(layer, static_cast<int>(index / 2)) + 2 + 2 * (index % 2);
}

}  // namespace

void ParameterTable::Add(std::string name, std::size_t rows, std::size_t cols) {
  all.push_back({.name = std::move(name), .rows = rows, .cols = cols, .offset = total});
  total += all.back().count();
}

ParameterTable::ParameterTable(const ModelConfig& config) {
  const std::size_t width = config.width;
  const auto add_linear = [&](const std::string& name, std::size_t in, std::size_t out) {
    Add(name + ".weight", in, out);
    Add(name + ".bias", 0, out);
  };
  Add("wte.weight", config.vocabulary, width);
  Add("wpe.weight", config.context, width);
  for (std::size_t layer = 0; layer < config.layers; ++layer) {
    const std::string block = fmt::format("h.{}.", layer);
    add_linear(block + "ln_1", 0, width);
    add_linear(block + "attn.c_attn", width, 3 * width);
    add_linear(block + "attn.c_proj", width, width);
    add_linear(block + "ln_2", 0, width);
    add_linear(block + "mlp.c_fc", width, 4 * width);
    add_linear(block + "mlp.c_proj", 4 * width, width);
  }
  add_linear("ln_f", 0, width);
}

const Parameter& ParameterTable::norm_gain(std::size_t layer, int norm) const {
  return all[NormIndex(layer, norm)];
}
const Parameter& ParameterTable::norm_bias(std::size_t layer, int norm) const {
  return all[NormIndex(layer, norm) + 1];
}
const Parameter& ParameterTable::weight(std::size_t layer, Linear linear) const {
  return all[LinearIndex(layer, linear)];
}
const Parameter& ParameterTable::bias(std::size_t layer, Linear linear) const {
  return all[LinearIndex(layer, linear) + 1];
}

std::vector<float> InitialParameters(const ModelConfig& config, std::uint64_t seed) {
  const ParameterTable table(config);
  std::vector<float> values(table.total);
  const double residual = 1 / std::sqrt(2.0 * static_cast<double>(config.layers));
  for (std::size_t index = 0; index < table.all.size(); ++index) {
    const Parameter& parameter = table.all[index];
    float* out = values.data() + parameter.offset;
    if (parameter.rows == 0) {
      const float value = parameter.name.ends_with(".weight") ? 1.0f : 0.0f;
      for (std::size_t i = 0; i < parameter.cols; ++i) out[i] = value;
      continue;
    }
    const double scale = parameter.name.ends_with("c_proj.weight") ? 0.02 * residual : 0.02;
    for (std::size_t i = 0; i < parameter.count(); ++i) {
      out[i] = static_cast<float>(scale * RandomNormal(seed, index, i));
    }
  }
  return values;
}

}  // namespace ulproof::trainer
