// SPDX-License-Identifier: Apache-2.0
// The register of claims: one row each, in the order of the contract.
#ifndef ULPROOF_PROOFS_REGISTER_H_
#define ULPROOF_PROOFS_REGISTER_H_

#include <span>

#include "base/result.h"
#include "proofs/claim.h"

namespace ulproof::proofs {

std::span<const Claim> Claims();

// Errors: unknown id, with the nearest known one.
base::Result<const Claim*> FindClaim(std::string_view id);

}  // namespace ulproof::proofs

#endif  // ULPROOF_PROOFS_REGISTER_H_
