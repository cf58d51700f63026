// SPDX-License-Identifier: Apache-2.0
// The exact reference behind the backend interface: every operation of the contract, each computed
// by its one definition in reference/ops and reference/random. Slow on purpose, right by contract.
#ifndef ULPROOF_REFERENCE_BACKEND_REFERENCE_H_
#define ULPROOF_REFERENCE_BACKEND_REFERENCE_H_

#include <memory>

#include "formats/backend.h"

namespace ulproof::reference {

// Named "reference"; runs everywhere and supports every valid operation. Work is split over
// base::ThreadCount() threads by elements or blocks, and the result does not depend on how many
// there are. Every NaN that it writes is canonical.
std::unique_ptr<formats::Backend> MakeReferenceBackend();

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_BACKEND_REFERENCE_H_
