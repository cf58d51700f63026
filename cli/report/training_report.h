// SPDX-License-Identifier: Apache-2.0
// The pictures of the records of train and parity: losses along a run.
#ifndef ULPROOF_CLI_REPORT_TRAINING_REPORT_H_
#define ULPROOF_CLI_REPORT_TRAINING_REPORT_H_

#include "cli/report/chart.h"
#include "cli/report/record.h"

namespace ulproof::cli {

// Loss by step, training and held out; and the mean bitwidth, for methods that learn one.
Picture TrainPicture(const Json& record);
// Mean training loss of each method along the run.
Picture ParityPicture(const Json& record);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_TRAINING_REPORT_H_
