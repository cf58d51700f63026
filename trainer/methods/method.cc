// SPDX-License-Identifier: Apache-2.0
#include "trainer/methods/method.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "trainer/cast_weights.h"

namespace ulproof::trainer {
namespace {

constexpr std::array<std::string_view, 10> kNames = {
    "bf16", "fp32", "gaussws", "gaussws-fixed", "diffq", "statqat", "lsq", "gdnsq", "nipq", "rtn"};
constexpr std::array<std::string_view, 14> kOptions = {
    "law",    "block", "init",      "target",  "lambda", "rate",      "layers", "backward-stream",
    "settle", "act",   "optimizer", "distill", "noise",  "divergence"};
constexpr std::array<std::string_view, 3> kLayers = {"all", "attention", "mlp"};
constexpr std::array<std::string_view, 2> kOptimizers = {"adamw", "radam"};
constexpr std::array<std::string_view, 2> kNoises = {"uniform", "histogram"};
constexpr std::array<std::string_view, 2> kDivergences = {"jeffreys", "kl"};

base::Status StoreNumber(std::string_view key, std::string_view text, float low, float high,
                         float& field) {
  float value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || !(value >= low && value <= high)) {
    return base::UsageError(
        fmt::format("'{}' of option {} is not a number from {} to {}", text, key, low, high));
  }
  field = value;
  return base::Done{};
}

template <typename T>
base::Status Store(const base::Result<T>& parsed, T& field) {
  if (!parsed.ok()) return parsed.error();
  field = *parsed;
  return base::Done{};
}

// The index of `value` among `names`, as `field`.
template <std::size_t count, typename T>
base::Status StoreName(std::string_view key, std::string_view value,
                       const std::array<std::string_view, count>& names, T& field) {
  for (std::size_t i = 0; i < count; ++i) {
    if (value != names[i]) continue;
    field = static_cast<T>(i);
    return base::Done{};
  }
  return base::UnknownName(key, value, names);
}

base::Status StoreActivations(std::string_view value, MethodSpec& spec) {
  const bool is_number = value.find_first_not_of("0123456789") == std::string_view::npos;
  const auto levels = formats::ParseLevels(is_number ? fmt::format("int{}", value) : value);
  if (!levels.ok()) return levels.error();
  if (levels->kind == formats::Levels::Kind::kAllIntegers)
    return base::UsageError("option act takes levels with an end: int8 or float8_e4m3fn, say");
  spec.activations = *levels;
  return base::Done{};
}

base::Status StoreOption(std::string_view key, std::string_view value, MethodSpec& spec) {
  if (key == "law") return Store(formats::ParseNoiseLaw(value), spec.law);
  if (key == "block") return Store(formats::ParseBlockShape(value), spec.block);
  if (key == "init") return StoreNumber(key, value, 1, 100, spec.bits_init);
  if (key == "target") return StoreNumber(key, value, 1, 100, spec.bits_target);
  if (key == "lambda") return StoreNumber(key, value, 0, 1e6f, spec.lambda);
  if (key == "rate") return StoreNumber(key, value, 0, 1e6f, spec.rate);
  if (key == "backward-stream")
    return Store(base::ParseUnsigned(value, key, UINT32_MAX), spec.backward_stream);
  if (key == "layers") return StoreName(key, value, kLayers, spec.layers);
  if (key == "settle") return StoreNumber(key, value, 0.01f, 1, spec.settle);
  if (key == "act") return StoreActivations(value, spec);
  if (key == "optimizer") return StoreName(key, value, kOptimizers, spec.rectified);
  if (key == "noise") return StoreName(key, value, kNoises, spec.histogram);
  if (key == "distill") return StoreNumber(key, value, 0, 1, spec.distill);
  if (key == "divergence") return StoreName(key, value, kDivergences, spec.divergence);
  return base::UnknownName("option", key, kOptions);
}

// Options against each other and against the method.
base::Status CheckSpec(std::string_view text, const MethodSpec& spec) {
  const auto is_one_of = [&](std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), spec.name) != names.end();
  };
  const auto error = [&](std::string_view what) {
    return base::UsageError(fmt::format("'{}': {}", text, what));
  };
  const float target = spec.bits_target;
  if (is_one_of({"statqat", "lsq"}) && !(target == std::rint(target) && 2 <= target && target <= 8))
    return error(fmt::format("{} takes target=2 to 8, whole", spec.name));
  if (spec.activations && !is_one_of({"statqat", "lsq", "gdnsq", "nipq"}))
    return error("act= is for statqat, lsq, gdnsq and nipq");
  if (spec.histogram && spec.name != "nipq") return error("noise= is for nipq");
  if (spec.settles()) {
    if (!is_one_of({"gaussws", "diffq", "gdnsq", "nipq"}))
      return error("settle= is for methods that learn b: gaussws, diffq, gdnsq, nipq");
    if (!(spec.bits_init > target)) return error("settle= needs an init above the target");
    if (spec.name == "nipq" && target < 2) return error("nipq has 2 bits at least");
  }
  return base::Done{};
}

}  // namespace

base::Result<MethodSpec> ParseMethod(std::string_view text) {
  const auto words = base::Split(text, ',');
  MethodSpec spec;
  const std::size_t colon = words[0].find(':');
  spec.name = words[0].substr(0, colon);
  if (colon != std::string_view::npos) spec.format = words[0].substr(colon + 1);
  if (std::find(kNames.begin(), kNames.end(), spec.name) == kNames.end())
    return base::UnknownName("method", spec.name, kNames);
  if ((spec.name == "rtn") == spec.format.empty()) {
    return base::UsageError(fmt::format(
        "'{}': rtn takes a format, as in rtn:float8_e4m3fn, and no other method does", words[0]));
  }
  if (spec.name == "rtn") {
    if (const auto target = ParseCastTarget(spec.format); !target.ok()) return target.error();
  }
  if (spec.name == "diffq") spec.law = formats::NoiseLaw::kUniform;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    if (equals == std::string_view::npos)
      return base::UsageError(fmt::format("'{}' in method '{}' is not key=value", words[i], text));
    const auto stored = StoreOption(words[i].substr(0, equals), words[i].substr(equals + 1), spec);
    if (!stored.ok()) return stored.error();
  }
  if (auto valid = CheckSpec(text, spec); !valid.ok()) return valid.error();
  return spec;
}

std::string MethodSpec::ToString() const {
  MethodSpec usual;
  if (name == "diffq") usual.law = formats::NoiseLaw::kUniform;
  std::string text = format.empty() ? name : name + ":" + format;
  if (law != usual.law) text += fmt::format(",law={}", NoiseLawName(law));
  if (block != usual.block) text += fmt::format(",block={}", BlockShapeName(block));
  if (bits_init != usual.bits_init) text += fmt::format(",init={}", bits_init);
  if (bits_target != usual.bits_target) text += fmt::format(",target={}", bits_target);
  if (lambda != usual.lambda) text += fmt::format(",lambda={}", lambda);
  if (rate != usual.rate) text += fmt::format(",rate={}", rate);
  if (layers != usual.layers)
    text += fmt::format(",layers={}", kLayers[static_cast<std::size_t>(layers)]);
  if (backward_stream != 0) text += fmt::format(",backward-stream={}", backward_stream);
  if (settles()) text += fmt::format(",settle={}", settle);
  if (activations) text += ",act=" + LevelsName(*activations);
  if (histogram) text += ",noise=histogram";
  if (rectified) text += ",optimizer=radam";
  if (distill != 0) text += fmt::format(",distill={}", distill);
  if (divergence != usual.divergence)
    text += fmt::format(",divergence={}", kDivergences[static_cast<std::size_t>(divergence)]);
  return text;
}

bool IsSampled(SampledLayers layers, Linear linear) {
  const bool attention = linear == Linear::kAttention || linear == Linear::kAttentionOut;
  return layers == SampledLayers::kAll || (layers == SampledLayers::kAttention) == attention;
}

base::Result<std::unique_ptr<Method>> MakeMethod(const MethodSpec& spec,
                                                 const std::vector<MatrixShape>& matrices,
                                                 formats::Backend& backend, std::uint64_t seed) {
  if (spec.name == "gaussws") return MakeGaussws(spec, matrices, backend, seed);
  if (spec.name == "gaussws-fixed") return MakeGausswsFixed(spec, matrices, backend, seed);
  if (spec.name == "diffq") return MakeDiffq(spec, matrices, backend, seed);
  if (spec.name == "statqat") return MakeStatqat(spec, matrices, backend, seed);
  if (spec.name == "lsq") return MakeLsq(spec, matrices, backend, seed);
  if (spec.name == "gdnsq") return MakeGdnsq(spec, matrices, backend, seed);
  if (spec.name == "nipq") return MakeNipq(spec, matrices, backend, seed);
  if (spec.name == "rtn") return MakeRtn(spec, backend);
  return MakeBf16();
}

}  // namespace ulproof::trainer
