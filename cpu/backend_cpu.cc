// SPDX-License-Identifier: Apache-2.0
#include "cpu/backend_cpu.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"
#include "cpu/backward_kernels.h"
#include "cpu/block_quantize_kernels.h"
#include "cpu/cast_kernels.h"
#include "cpu/noise_kernels.h"
#include "cpu/quantizers.h"
#include "cpu/sample_kernels.h"

namespace ulproof::cpu {
namespace {

using formats::Operation;
using formats::OpKind;

class CpuBackend final : public formats::Backend {
 public:
  CpuBackend(std::string name, Target target) : name_(std::move(name)), target_(target) {}

  std::string_view name() const override { return name_; }

  std::string why_unsupported(const Operation& op) const override {
    switch (op.kind) {
      case OpKind::kNoise:
      case OpKind::kScale:
        return {};
      case OpKind::kCast:
        return WhyCastUnsupported(op);
      case OpKind::kBlockMax:
        return WhyBlockMaxUnsupported(op);
      case OpKind::kSample:
        return WhySampleUnsupported(op);
      case OpKind::kBackward:
        return WhyBackwardUnsupported(op);
      case OpKind::kQuantize:
        return WhyQuantizeUnsupported(op);
      case OpKind::kDequantize:
        return WhyDequantizeUnsupported(op);
      case OpKind::kFit:
      case OpKind::kRefit:
      case OpKind::kFakeQuantize:
      case OpKind::kFakeBackward:
      case OpKind::kPerturb:
        return WhyQuantizerUnsupported(op);
    }
    return "unknown operation";
  }

  base::Status Run(const Operation& op, std::span<const formats::ConstBuffer> inputs,
                   std::span<const formats::Buffer> outputs) override {
    switch (op.kind) {
      case OpKind::kNoise:
        RunNoise(target_, op, outputs[0]);
        break;
      case OpKind::kCast:
        RunCast(target_, op, inputs[0], outputs[0]);
        break;
      case OpKind::kBlockMax:
        RunBlockMax(target_, op, inputs[0], outputs[0]);
        break;
      case OpKind::kScale:
        RunScale(op, inputs[0], inputs[1], outputs[0]);
        break;
      case OpKind::kSample:
        RunSample(target_, op, inputs[0], inputs[1], outputs[0]);
        break;
      case OpKind::kBackward:
        RunBackward(target_, op, inputs[0], inputs[1], outputs[0]);
        break;
      case OpKind::kQuantize:
        RunQuantize(target_, op, inputs, outputs);
        break;
      case OpKind::kDequantize:
        RunDequantize(target_, op, inputs, outputs);
        break;
      case OpKind::kFit:
      case OpKind::kRefit:
      case OpKind::kFakeQuantize:
      case OpKind::kFakeBackward:
      case OpKind::kPerturb:
        RunQuantizer(target_, op, inputs, outputs);
        break;
    }
    return base::Done{};
  }

 private:
  std::string name_;
  Target target_;
};

}  // namespace

std::unique_ptr<formats::Backend> MakeCpuBackend(Target target) {
  ULPROOF_CHECK(std::ranges::count(RunnableTargets(), target) == 1, "not a target of this machine");
  return std::make_unique<CpuBackend>("cpu-" + TargetName(target), target);
}

std::unique_ptr<formats::Backend> MakeCpuBackend() {
  return std::make_unique<CpuBackend>("cpu", RunnableTargets().front());
}

std::vector<std::unique_ptr<formats::Backend>> MakeCpuBackends() {
  std::vector<std::unique_ptr<formats::Backend>> backends;
  for (const Target target : RunnableTargets()) backends.push_back(MakeCpuBackend(target));
  return backends;
}

}  // namespace ulproof::cpu
