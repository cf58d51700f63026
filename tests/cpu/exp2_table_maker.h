// SPDX-License-Identifier: Apache-2.0
// Makes cpu/exp2_table.h from MPFR. To regenerate it: cpu_exp2_table_maker > cpu/exp2_table.h
// (tests/cpu/exp2_test.cc compares the two byte for byte).
#ifndef ULPROOF_TESTS_CPU_EXP2_TABLE_MAKER_H_
#define ULPROOF_TESTS_CPU_EXP2_TABLE_MAKER_H_

#include <string>

namespace ulproof::tests {

// The whole text of cpu/exp2_table.h.
std::string MakeExp2Table();

}  // namespace ulproof::tests

#endif  // ULPROOF_TESTS_CPU_EXP2_TABLE_MAKER_H_
