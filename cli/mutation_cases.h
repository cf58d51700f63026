// SPDX-License-Identifier: Apache-2.0
// Inputs made for the ways in which our kernels can go wrong: what random ones seldom meet, in
// every place where a kernel does it in code of its own.
#ifndef ULPROOF_CLI_MUTATION_CASES_H_
#define ULPROOF_CLI_MUTATION_CASES_H_

#include <vector>

#include "formats/backend.h"
#include "formats/case.h"

namespace ulproof::cli {

// For the kernel that computes `op`, whose shape, key, flags and rule are chosen here. Always the
// same. `truth` draws the noise that some of them are made for.
std::vector<formats::Case> MutationCases(formats::Operation op, formats::Backend& truth);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_MUTATION_CASES_H_
