// SPDX-License-Identifier: Apache-2.0
// An operation of the contract on a backend, with its arguments as plain arrays: how methods reach
// the arithmetic that is under test.
#ifndef ULPROOF_TRAINER_RUN_OPERATION_H_
#define ULPROOF_TRAINER_RUN_OPERATION_H_

#include <initializer_list>

#include "base/result.h"
#include "formats/backend.h"

namespace ulproof::trainer {

// `inputs` and `outputs` are the arrays of SignatureOf(op), in order. Errors: the operation is not
// valid (2) or not one of the backend's (2, with its reason); the backend's own.
base::Status RunOperation(formats::Backend& backend, const formats::Operation& op,
                          std::initializer_list<const void*> inputs,
                          std::initializer_list<void*> outputs);

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_RUN_OPERATION_H_
