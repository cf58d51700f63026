// SPDX-License-Identifier: Apache-2.0
// Fake quantisation: round to nearest to a narrow format at every step, gradients straight through.
#include "trainer/cast_weights.h"
#include "trainer/methods/method.h"

namespace ulproof::trainer {
namespace {

class Rtn final : public Method {
 public:
  Rtn(CastTarget target, formats::Backend& backend) : target_(target), backend_(backend) {}
  base::Status Prepare(const MatrixStep& step, std::span<std::uint16_t> codes) override {
    return CastWeights(backend_, target_, step.rows, step.cols, step.weights, codes);
  }

 private:
  CastTarget target_;
  formats::Backend& backend_;
};

}  // namespace

base::Result<std::unique_ptr<Method>> MakeRtn(const MethodSpec& spec, formats::Backend& backend) {
  const auto target = ParseCastTarget(spec.format);
  if (!target.ok()) return target.error();
  return std::unique_ptr<Method>(std::make_unique<Rtn>(*target, backend));
}

}  // namespace ulproof::trainer
