// SPDX-License-Identifier: Apache-2.0
// One case: an operation with its input elements. Its line is what a failure prints and what
// `ulproof replay` takes:
//
//   cast from=float32 to=bfloat16 round=rne overflow=ovf shape=1x3 | x=3f808000,0*2
//
// Inputs follow the bar by port name, elements in hexadecimal, "V*N" for N times V.
#ifndef ULPROOF_FORMATS_CASE_H_
#define ULPROOF_FORMATS_CASE_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/backend.h"
#include "formats/operation.h"

namespace ulproof::formats {

struct Case {
  Operation op;
  std::vector<Tensor> inputs;  // The ports of SignatureOf(op).inputs, in order.

  friend bool operator==(const Case&, const Case&) = default;
};

std::string CaseLine(const Case& c);

// Errors name the port and the column. The result has every input port, fully filled with codes
// that fit.
base::Result<Case> ParseCase(std::string_view line);

// Runs one case and returns the outputs, one tensor a port.
// Precondition: the backend is available and supports c.op.
base::Result<std::vector<Tensor>> RunCase(Backend& backend, const Case& c);

// An operation's inputs, zero-filled.
Case EmptyCase(const Operation& op);

}  // namespace ulproof::formats

#endif  // ULPROOF_FORMATS_CASE_H_
