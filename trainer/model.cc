// SPDX-License-Identifier: Apache-2.0
#include "trainer/model.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "trainer/layers/attention.h"
#include "trainer/layers/cross_entropy.h"
#include "trainer/layers/embedding.h"
#include "trainer/layers/gelu.h"
#include "trainer/layers/layer_norm.h"
#include "trainer/layers/linear.h"

namespace ulproof::trainer {
namespace {

template <typename T>
void Add(const std::vector<T>& a, const std::vector<T>& b, std::vector<T>& sum) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = a[i] + b[i];
}

template <typename T>
bool AllFinite(const std::vector<T>& values) {
  return std::all_of(values.begin(), values.end(), [](T x) { return std::isfinite(x); });
}

}  // namespace

template <typename T>
Model<T>::Model(const ModelConfig& config, OperandRounding rounding)
    : config_(config),
      table_(config),
      rounding_(rounding),
      parameters_(table_.total),
      gradients_(table_.total),
      codes_(config.layers * kLinearsPerLayer),
      blocks_(config.layers) {}

template <typename T>
void Model<T>::UseWeightCodes(std::size_t layer, Linear linear, const std::uint16_t* codes) {
  codes_[layer * kLinearsPerLayer + static_cast<std::size_t>(linear)] = codes;
}

template <typename T>
void Model<T>::UseParameters() {
  std::fill(codes_.begin(), codes_.end(), nullptr);
}

template <typename T>
Operand<T> Model<T>::Weight(std::size_t layer, Linear linear) const {
  const Parameter& weight = table_.weight(layer, linear);
  const auto* codes = codes_[layer * kLinearsPerLayer + static_cast<std::size_t>(linear)];
  Operand<T> operand = RowMajor<T>(codes == nullptr ? At(weight) : nullptr, weight.cols);
  operand.codes = codes;
  return operand;
}

template <typename T>
void Model<T>::Resize(std::size_t rows, std::size_t length) {
  if (rows == rows_ && length == length_) return;
  rows_ = rows;
  length_ = length;
  const std::size_t stream = rows * config_.width;
  embedded_.resize(stream);
  for (Block& block : blocks_) {
    for (auto* v : {&block.norm1, &block.heads, &block.middle, &block.norm2, &block.out})
      v->resize(stream);
    for (auto* v : {&block.mean1, &block.rstd1, &block.mean2, &block.rstd2}) v->resize(rows);
    block.qkv.resize(3 * stream);
    block.probabilities.resize(rows * config_.heads * length);
    block.up.resize(4 * stream);
    block.gelu.resize(4 * stream);
  }
  norm_.resize(stream);
  mean_.resize(rows);
  rstd_.resize(rows);
  probabilities_.resize(rows * config_.vocabulary);
  losses_.resize(rows);
}

template <typename T>
T Model<T>::Forward(std::span<const std::int32_t> tokens, std::span<const std::int32_t> targets,
                    std::size_t length) {
  ULPROOF_CHECK(length > 0 && length <= config_.context && tokens.size() % length == 0 &&
                tokens.size() == targets.size() && !tokens.empty());
  const std::size_t rows = tokens.size(), width = config_.width;
  Resize(rows, length);
  EmbeddingForward(tokens, length, width, At(table_.token_embedding()),
                   At(table_.position_embedding()), embedded_.data());
  const AttentionShape attention = {rows / length, length, config_.heads, width};
  std::vector<T> branch(rows * width);
  const std::vector<T>* stream = &embedded_;
  for (std::size_t l = 0; l < config_.layers; ++l) {
    Block& block = blocks_[l];
    const auto linear = [&](Linear which, std::vector<T>& x, std::vector<T>& y) {
      const Parameter& weight = table_.weight(l, which);
      if (hook_ != nullptr) hook_->Forward(l, which, weight.rows, x);
      LinearForward({rows, weight.rows, weight.cols}, x.data(), Weight(l, which),
                    At(table_.bias(l, which)), y.data(), rounding_);
    };
    LayerNormForward(rows, width, stream->data(), At(table_.norm_gain(l, 0)),
                     At(table_.norm_bias(l, 0)), block.norm1.data(), block.mean1.data(),
                     block.rstd1.data());
    linear(Linear::kAttention, block.norm1, block.qkv);
    AttentionForward(attention, block.qkv.data(), block.probabilities.data(), block.heads.data(),
                     rounding_);
    linear(Linear::kAttentionOut, block.heads, branch);
    Add(*stream, branch, block.middle);
    LayerNormForward(rows, width, block.middle.data(), At(table_.norm_gain(l, 1)),
                     At(table_.norm_bias(l, 1)), block.norm2.data(), block.mean2.data(),
                     block.rstd2.data());
    linear(Linear::kMlpUp, block.norm2, block.up);
    GeluForward(block.up.size(), block.up.data(), block.gelu.data());
    linear(Linear::kMlpDown, block.gelu, branch);
    Add(block.middle, branch, block.out);
    stream = &block.out;
  }
  LayerNormForward(rows, width, stream->data(), At(table_.final_norm_gain()),
                   At(table_.final_norm_bias()), norm_.data(), mean_.data(), rstd_.data());
  Gemm(rows, config_.vocabulary, width, RowMajor<T>(norm_.data(), width),
       RowMajor<T>(At(table_.token_embedding()), width).Transposed(), probabilities_.data(),
       config_.vocabulary, false, rounding_);
  CrossEntropyForward(targets, config_.vocabulary, probabilities_.data(), losses_.data());
  T sum = 0;
  for (const T loss : losses_) sum += loss;
  return sum / static_cast<T>(rows);
}

template <typename T>
T Model<T>::DivergenceFrom(const Distillation<T>& distillation) {
  std::vector<T> divergences(rows_);
  DivergenceForward(distillation, rows_, config_.vocabulary, probabilities_.data(),
                    divergences.data());
  T sum = 0;
  for (const T divergence : divergences) sum += divergence;
  return sum / static_cast<T>(rows_);
}

template <typename T>
void Model<T>::Backward(std::span<const std::int32_t> tokens, std::span<const std::int32_t> targets,
                        std::size_t length, T scale, const Distillation<T>& distillation) {
  ULPROOF_CHECK(tokens.size() == rows_ && length == length_);
  const std::size_t rows = rows_, width = config_.width, vocabulary = config_.vocabulary;
  // The probabilities are consumed: they become the gradient by the logits.
  const T share = scale / static_cast<T>(rows);
  if (distillation.teacher == nullptr) {
    CrossEntropyBackward(targets, vocabulary, share, probabilities_.data());
  } else {
    DistillationBackward(distillation, targets, vocabulary, share, probabilities_.data());
  }
  const auto dlogits = RowMajor<T>(probabilities_.data(), vocabulary);
  const Parameter& tokens_table = table_.token_embedding();
  std::vector<T> dstream(rows * width), dbranch(rows * width), dnorm(rows * width);
  std::vector<T> dup(4 * rows * width), dqkv(3 * rows * width);
  Gemm(rows, width, vocabulary, dlogits, RowMajor<T>(At(tokens_table), width), dnorm.data(), width,
       false, rounding_);
  Gemm(vocabulary, width, rows, dlogits.Transposed(), RowMajor<T>(norm_.data(), width),
       GradientAt(tokens_table), width, true, rounding_);
  const auto stream_before = [&](std::size_t l) {
    return l == 0 ? embedded_.data() : blocks_[l - 1].out.data();
  };
  LayerNormBackward(rows, width, stream_before(config_.layers), At(table_.final_norm_gain()),
                    mean_.data(), rstd_.data(), dnorm.data(), dstream.data(),
                    GradientAt(table_.final_norm_gain()), GradientAt(table_.final_norm_bias()));
  const AttentionShape attention = {rows / length, length, config_.heads, width};
  for (std::size_t l = config_.layers; l-- > 0;) {
    Block& block = blocks_[l];
    const auto linear = [&](Linear which, const std::vector<T>& x, const std::vector<T>& dy,
                            std::vector<T>& dx) {
      const Parameter& weight = table_.weight(l, which);
      LinearBackward({rows, weight.rows, weight.cols}, x.data(), Weight(l, which), dy.data(),
                     dx.data(), GradientAt(weight), GradientAt(table_.bias(l, which)), rounding_);
      if (hook_ != nullptr) hook_->Backward(l, which, weight.rows, dx);
    };
    // dstream is the gradient by block.out, and passes straight to block.middle as well.
    linear(Linear::kMlpDown, block.gelu, dstream, dup);
    GeluBackward(dup.size(), block.up.data(), dup.data(), dup.data());
    linear(Linear::kMlpUp, block.norm2, dup, dnorm);
    LayerNormBackward(rows, width, block.middle.data(), At(table_.norm_gain(l, 1)),
                      block.mean2.data(), block.rstd2.data(), dnorm.data(), dstream.data(),
                      GradientAt(table_.norm_gain(l, 1)), GradientAt(table_.norm_bias(l, 1)));
    linear(Linear::kAttentionOut, block.heads, dstream, dbranch);
    AttentionBackward(attention, block.qkv.data(), block.probabilities.data(), dbranch.data(),
                      dqkv.data(), rounding_);
    linear(Linear::kAttention, block.norm1, dqkv, dnorm);
    LayerNormBackward(rows, width, stream_before(l), At(table_.norm_gain(l, 0)), block.mean1.data(),
                      block.rstd1.data(), dnorm.data(), dstream.data(),
                      GradientAt(table_.norm_gain(l, 0)), GradientAt(table_.norm_bias(l, 0)));
  }
  EmbeddingBackward(tokens, length, width, dstream.data(), GradientAt(tokens_table),
                    GradientAt(table_.position_embedding()));
}

template <typename T>
std::span<const T> Model<T>::Probabilities(std::size_t n) const {
  return {probabilities_.data() + n * config_.vocabulary, config_.vocabulary};
}

template <typename T>
std::optional<std::string> Model<T>::FirstNonFinite() const {
  if (!AllFinite(embedded_)) return "wte + wpe";
  for (std::size_t l = 0; l < blocks_.size(); ++l) {
    const Block& block = blocks_[l];
    const std::pair<const std::vector<T>*, const char*> places[] = {
        {&block.norm1, "ln_1"},         {&block.qkv, "attn.c_attn"}, {&block.heads, "attn"},
        {&block.middle, "attn.c_proj"}, {&block.norm2, "ln_2"},      {&block.up, "mlp.c_fc"},
        {&block.gelu, "mlp gelu"},      {&block.out, "mlp.c_proj"}};
    for (const auto& [values, name] : places) {
      if (!AllFinite(*values)) return "h." + std::to_string(l) + "." + name;
    }
  }
  if (!AllFinite(norm_)) return "ln_f";
  if (!AllFinite(losses_)) return "the output layer";
  return std::nullopt;
}

template class Model<float>;
template class Model<double>;

}  // namespace ulproof::trainer
