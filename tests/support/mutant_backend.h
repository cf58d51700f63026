// SPDX-License-Identifier: Apache-2.0
// A backend with one planted bug, to show that a check finds it: another backend answers, for a
// changed operation or with changed outputs.
#ifndef ULPROOF_TESTS_SUPPORT_MUTANT_BACKEND_H_
#define ULPROOF_TESTS_SUPPORT_MUTANT_BACKEND_H_

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "formats/backend.h"

namespace ulproof::tests {

class MutantBackend : public formats::Backend {
 public:
  using ChangeOperation = std::function<void(formats::Operation&)>;
  using ChangeOutputs =
      std::function<void(const formats::Operation&, std::span<const formats::ConstBuffer> inputs,
                         std::span<const formats::Buffer> outputs)>;

  // `inner` must outlive it. Either change may be empty.
  MutantBackend(formats::Backend& inner, std::string name, ChangeOperation change_operation,
                ChangeOutputs change_outputs)
      : inner_(inner),
        name_(std::move(name)),
        change_operation_(std::move(change_operation)),
        change_outputs_(std::move(change_outputs)) {}

  std::string_view name() const override { return name_; }
  std::string why_unavailable() const override { return inner_.why_unavailable(); }
  std::string why_unsupported(const formats::Operation& op) const override {
    return inner_.why_unsupported(op);
  }
  base::Status Run(const formats::Operation& op, std::span<const formats::ConstBuffer> inputs,
                   std::span<const formats::Buffer> outputs) override {
    formats::Operation changed = op;
    if (change_operation_) change_operation_(changed);
    base::Status status = inner_.Run(changed, inputs, outputs);
    if (status.ok() && change_outputs_) change_outputs_(op, inputs, outputs);
    return status;
  }

 private:
  formats::Backend& inner_;
  const std::string name_;
  const ChangeOperation change_operation_;
  const ChangeOutputs change_outputs_;
};

// --- Bugs that kernels have had

// Ties go away from zero instead of to even.
inline MutantBackend TiesAway(formats::Backend& inner) {
  return {inner,
          "ties-away",
          [](formats::Operation& op) {
            if (op.rounding == formats::Rounding{}) {
              op.rounding.mode = formats::RoundingMode::kNearestAway;
            }
          },
          {}};
}

// Lanes 2 and 3 of every 8 change places in the first output.
inline MutantBackend SwapsLanes(formats::Backend& inner) {
  return {inner, "swaps-lanes", {}, [](const formats::Operation&, auto, auto outputs) {
            const formats::Buffer& y = outputs[0];
            for (std::uint64_t i = 0; i + 3 < y.count; i += 8) {
              const formats::Code lane2 = y.Get(i + 2);
              y.Set(i + 2, y.Get(i + 3));
              y.Set(i + 3, lane2);
            }
          }};
}

// Subnormal outputs become zero.
inline MutantBackend FlushesSubnormals(formats::Backend& inner) {
  return {inner, "flushes-subnormals", {}, [](const formats::Operation&, auto, auto outputs) {
            const formats::Buffer& y = outputs[0];
            if (y.type.kind != formats::ElementKind::kCode) return;
            const formats::FormatSpec& format = y.type.format;
            for (std::uint64_t i = 0; i < y.count; ++i) {
              const formats::Code code = y.Get(i);
              if (format.IsSubnormal(code)) y.Set(i, code & format.sign_mask());
            }
          }};
}

// NaN is the code with all trailing bits set.
inline MutantBackend WritesOtherNan(formats::Backend& inner) {
  return {inner, "other-nan", {}, [](const formats::Operation&, auto, auto outputs) {
            const formats::Buffer& y = outputs[0];
            if (y.type.kind != formats::ElementKind::kCode) return;
            const formats::FormatSpec& format = y.type.format;
            for (std::uint64_t i = 0; i < y.count; ++i) {
              if (format.IsNan(y.Get(i))) y.Set(i, format.magnitude_mask());
            }
          }};
}

// The noise of the next element.
inline MutantBackend OffsetOffByOne(formats::Backend& inner) {
  return {inner,
          "offset-off-by-one",
          [](formats::Operation& op) {
            const formats::Operation before = op;
            ++op.key.offset;
            if (!formats::ValidateOperation(op).ok()) op = before;
          },
          {}};
}

// Saturation is forgotten.
inline MutantBackend ForgetsSaturation(formats::Backend& inner) {
  return {inner,
          "forgets-saturation",
          [](formats::Operation& op) {
            if (op.overflow == formats::Overflow::kSaturate) op.overflow = formats::Overflow::kIeee;
          },
          {}};
}

}  // namespace ulproof::tests

#endif  // ULPROOF_TESTS_SUPPORT_MUTANT_BACKEND_H_
