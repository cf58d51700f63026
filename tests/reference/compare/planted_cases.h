// SPDX-License-Identifier: Apache-2.0
// Cases of one operation in which most bugs show: ragged and whole shapes, own strides, offsets and
// keys of every size, inputs of every style. For tests that plant a bug and look for it.
#ifndef ULPROOF_TESTS_REFERENCE_COMPARE_PLANTED_CASES_H_
#define ULPROOF_TESTS_REFERENCE_COMPARE_PLANTED_CASES_H_

#include <string_view>
#include <vector>

#include "formats/case.h"

namespace ulproof::reference {

// Operations of a kind (spelled as the command line does, without shape and key) that between them
// use every clause of the contract.
std::vector<std::string_view> PlantableOperations(formats::OpKind kind);

// Cases of one of them. A function of its arguments.
std::vector<formats::Case> PlantedCases(std::string_view operation);

}  // namespace ulproof::reference

#endif  // ULPROOF_TESTS_REFERENCE_COMPARE_PLANTED_CASES_H_
