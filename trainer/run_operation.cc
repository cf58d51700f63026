// SPDX-License-Identifier: Apache-2.0
#include "trainer/run_operation.h"

#include <fmt/format.h>

#include <vector>

namespace ulproof::trainer {

base::Status RunOperation(formats::Backend& backend, const formats::Operation& op,
                          std::initializer_list<const void*> inputs,
                          std::initializer_list<void*> outputs) {
  if (const base::Status valid = formats::ValidateOperation(op); !valid.ok()) return valid;
  if (const std::string why = backend.why_unsupported(op); !why.empty()) {
    return base::UsageError(
        fmt::format("backend {} does not compute {}: {}", backend.name(), OperationName(op), why));
  }
  const formats::Signature signature = formats::SignatureOf(op);
  ULPROOF_CHECK(signature.inputs.size() == inputs.size() &&
                signature.outputs.size() == outputs.size());
  std::vector<formats::ConstBuffer> in;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    in.push_back({signature.inputs[i].type, inputs.begin()[i], signature.inputs[i].count});
  }
  std::vector<formats::Buffer> out;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    out.push_back({signature.outputs[i].type, outputs.begin()[i], signature.outputs[i].count});
  }
  return backend.Run(op, in, out);
}

}  // namespace ulproof::trainer
