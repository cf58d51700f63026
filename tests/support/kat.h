// SPDX-License-Identifier: Apache-2.0
// Known answers as cases, one a line, for the tests of every backend (tests/vectors/*_cases.kat):
//
//   # comment: where the answers come from
//   cast from=float32 to=bfloat16 round=rne overflow=ovf shape=1x2 | x=3f808000,0 -> y=3f80,0
//
// Left of the arrow a case line (formats/case.h), right of it outputs by port name, elements in
// hexadecimal separated by commas. An output that is not named is not compared.
#ifndef ULPROOF_TESTS_SUPPORT_KAT_H_
#define ULPROOF_TESTS_SUPPORT_KAT_H_

#include <string>
#include <vector>

#include "formats/case.h"

namespace ulproof::tests {

struct KnownAnswer {
  struct Output {
    std::size_t port;  // In SignatureOf(c.op).outputs.
    std::vector<formats::Code> codes;
  };
  formats::Case c;
  std::vector<Output> outputs;
  std::string place;  // "contract_cases.kat:12"
};

struct KnownAnswerFile {
  std::vector<KnownAnswer> answers;
  // Every line that is neither blank nor a comment nor a known answer, with its place and the
  // reason. A test must expect none: an answer that cannot be read is not an answer that holds.
  std::vector<std::string> unreadable;
};

// Reads tests/vectors/<name>. A missing file is one unreadable line.
KnownAnswerFile ReadKnownAnswers(const std::string& name);

// Runs the case on a backend: "" when every named output has the expected codes (any NaN for a NaN
// where the port does not promise the canonical one), else what differs first, with the line.
// Precondition: the backend supports the operation.
std::string Mismatches(formats::Backend& backend, const KnownAnswer& answer);

}  // namespace ulproof::tests

#endif  // ULPROOF_TESTS_SUPPORT_KAT_H_
