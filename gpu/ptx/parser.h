// SPDX-License-Identifier: Apache-2.0
// PTX text to a Module. Total: any byte sequence gives a module or one error with line and column.
#ifndef ULPROOF_GPU_PTX_PARSER_H_
#define ULPROOF_GPU_PTX_PARSER_H_

#include <string_view>

#include "base/result.h"
#include "gpu/ptx/module.h"

namespace ulproof::gpu::ptx {

// Parses what nvcc, NVRTC and Triton write: .version/.target/.address_size, .visible .entry/.func,
// .param (by value too), .reg ranges, variables of all spaces with initialisers, { } scopes with
// local registers, labels, guards, vector and address operands, .loc/.file/.section, .pragma.
// `file` names the text in messages. 64-bit addresses only. Errors: everything else, undeclared or
// twice declared names, undefined labels. Whether an instruction exists is found when its function
// is decoded, so that a module may hold functions that are never run.
base::Result<Module> ParseModule(std::string_view text, std::string_view file);

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_PARSER_H_
