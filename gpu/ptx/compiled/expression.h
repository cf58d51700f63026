// SPDX-License-Identifier: Apache-2.0
// A form as an expression in the functions of prelude.h: the table of what has compiled code.
#ifndef ULPROOF_GPU_PTX_COMPILED_EXPRESSION_H_
#define ULPROOF_GPU_PTX_COMPILED_EXPRESSION_H_

#include <span>
#include <string>
#include <vector>

#include "gpu/ptx/form.h"
#include "gpu/ptx/operation.h"

namespace ulproof::gpu::ptx::compiled {

// What one operation assigns: operand number and expression. Empty: the form has no compiled code,
// the interpreter runs it. `sources` are expressions of the operands, by number; those that are not
// sources are not looked at.
struct Assignment {
  int operand = 0;
  std::string value;
};
std::vector<Assignment> AssignmentsOf(const Form& form, const Operation& operation,
                                      std::span<const std::string> sources);

// The mnemonics that AssignmentsOf knows by name ("add.s32"), for tests; mov, lop3 and setp come by
// rules of their own.
std::vector<std::string> NamedMnemonics();

}  // namespace ulproof::gpu::ptx::compiled

#endif  // ULPROOF_GPU_PTX_COMPILED_EXPRESSION_H_
