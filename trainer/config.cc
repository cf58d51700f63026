// SPDX-License-Identifier: Apache-2.0
#include "trainer/config.h"

#include <fmt/format.h>

#include <cstdint>

#include "base/text.h"

namespace ulproof::trainer {

base::Status ValidateConfig(const ModelConfig& config) {
  const auto [vocabulary, context, layers, heads, width] = config;
  if (vocabulary == 0 || context == 0 || layers == 0 || heads == 0 || width == 0) {
    return base::UsageError("a model has no side of 0");
  }
  if (width % heads != 0) {
    return base::UsageError(fmt::format("{} heads do not divide the width {}", heads, width));
  }
  constexpr std::size_t kMaxElements = std::size_t{1} << 31;
  if (width > (1u << 20) || layers > (1u << 16) || context > kMaxElements / width ||
      vocabulary > kMaxElements / width || 4 * width > kMaxElements / width) {
    return base::UsageError("a matrix of this model has more than 2^31 elements");
  }
  return base::Done{};
}

base::Result<Preset> FindPreset(std::string_view name) {
  std::array<std::string_view, kPresets.size()> names;
  for (std::size_t i = 0; i < kPresets.size(); ++i) {
    if (kPresets[i].name == name) return kPresets[i];
    names[i] = kPresets[i].name;
  }
  return base::UnknownName("preset", name, names);
}

}  // namespace ulproof::trainer
