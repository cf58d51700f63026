// SPDX-License-Identifier: Apache-2.0
// The shape of a GPT-2 and the shapes that have names. The layout is OpenAI's: learned positions,
// pre-norm blocks, GELU by tanh, an output layer tied to the token embedding, no dropout.
#ifndef ULPROOF_TRAINER_CONFIG_H_
#define ULPROOF_TRAINER_CONFIG_H_

#include <array>
#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace ulproof::trainer {

struct ModelConfig {
  std::size_t vocabulary = 256;  // V
  std::size_t context = 64;      // T, the longest sequence
  std::size_t layers = 4;        // L
  std::size_t heads = 4;         // H, divides width
  std::size_t width = 128;       // C

  friend bool operator==(const ModelConfig&, const ModelConfig&) = default;
  std::size_t head_width() const { return width / heads; }
};

// Errors: a side of 0, heads that do not divide the width, more than 2^31 elements in a matrix.
base::Status ValidateConfig(const ModelConfig& config);

struct Preset {
  std::string_view name;
  ModelConfig config;
  std::size_t batch;       // Sequences a micro-step.
  float learning_rate;     // The schedule's top.
  std::string_view about;  // One line for --help.
};

inline constexpr std::array<Preset, 4> kPresets = {{
    {"pico", {256, 32, 2, 2, 64}, 4, 3e-3f, "0.1 M parameters: for tests in seconds"},
    {"nano", {256, 64, 4, 4, 128}, 8, 2e-3f, "0.8 M parameters: trains in minutes on one core"},
    {"micro", {256, 256, 8, 5, 320}, 8, 1e-3f, "10 M parameters"},
    {"124M", {50257, 1024, 12, 12, 768}, 4, 6e-4f, "GPT-2 small as published"},
}};

// Errors: unknown name, with the nearest known one.
base::Result<Preset> FindPreset(std::string_view name);

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_CONFIG_H_
