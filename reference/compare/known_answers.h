// SPDX-License-Identifier: Apache-2.0
// Known answers of the contract as cases with their outputs (tests/vectors/contract_cases.kat),
// built into the library so that a stranger's binary can check itself.
#ifndef ULPROOF_REFERENCE_COMPARE_KNOWN_ANSWERS_H_
#define ULPROOF_REFERENCE_COMPARE_KNOWN_ANSWERS_H_

#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/case.h"

namespace ulproof::reference {

struct KnownAnswer {
  formats::Case c;
  std::vector<formats::Tensor> outputs;  // The ports of SignatureOf(c.op).outputs, in order.
};

// "CASE -> port=elements ...", elements in hexadecimal separated by commas. Errors name the column.
base::Result<KnownAnswer> ParseKnownAnswer(std::string_view line);

// The built-in ones, in the order of the file.
const std::vector<KnownAnswer>& ContractKnownAnswers();

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_KNOWN_ANSWERS_H_
