// SPDX-License-Identifier: Apache-2.0
// Matrices for kernels of block-scaled formats, made group by group: what decides a group's scale,
// and elements that stand beside the midpoints under it.
#ifndef ULPROOF_CLI_SCALE_GROUP_CASES_H_
#define ULPROOF_CLI_SCALE_GROUP_CASES_H_

#include <vector>

#include "formats/case.h"
#include "reference/compare/inputs.h"

namespace ulproof::cli {

// Whole groups and cut ones, of every scale rule. `op` quantizes.
void AddScaleGroups(formats::Operation op, reference::Rng& rng, std::vector<formats::Case>& cases);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_SCALE_GROUP_CASES_H_
