// SPDX-License-Identifier: Apache-2.0
// The interface that every implementation answers: the exact reference, the SIMD implementation,
// and whatever joins later. One test body, one judge and one fuzz target then run on all of them.
#ifndef ULPROOF_FORMATS_BACKEND_H_
#define ULPROOF_FORMATS_BACKEND_H_

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "formats/operation.h"

namespace ulproof::formats {

class Backend {
 public:
  virtual ~Backend() = default;

  // "reference", "cpu", "cpu-avx2", ...: the name on the command line and in reports.
  virtual std::string_view name() const = 0;

  // Empty when the backend runs on this machine, else the reason why not.
  virtual std::string why_unavailable() const { return {}; }

  // Empty when the backend computes `op`, else the reason why not. Precondition: op is valid.
  virtual std::string why_unsupported(const Operation& op) const = 0;

  // Computes op: `inputs` and `outputs` are the buffers of SignatureOf(op), in order, with its
  // types and counts, and do not overlap. Every output element is written. Numeric events are
  // results; an error is a failure of the machine or of a user's code behind the backend.
  // Thread-safe. Precondition: available and supported.
  virtual base::Status Run(const Operation& op, std::span<const ConstBuffer> inputs,
                           std::span<const Buffer> outputs) = 0;
};

}  // namespace ulproof::formats

#endif  // ULPROOF_FORMATS_BACKEND_H_
