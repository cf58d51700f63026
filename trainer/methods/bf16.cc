// SPDX-License-Identifier: Apache-2.0
// The baseline: the operator rounds the master weights (to bfloat16, or not for fp32), and there is
// nothing to prepare.
#include "base/check.h"
#include "trainer/methods/method.h"

namespace ulproof::trainer {
namespace {

class Bf16 final : public Method {
 public:
  bool makes_codes() const override { return false; }
  base::Status Prepare(const MatrixStep&, std::span<std::uint16_t>) override {
    ULPROOF_CHECK(false, "bf16 makes no codes");
    return base::Done{};
  }
};

}  // namespace

std::unique_ptr<Method> MakeBf16() { return std::make_unique<Bf16>(); }

}  // namespace ulproof::trainer
