// SPDX-License-Identifier: Apache-2.0
// The records of the subcommands of quantizer as text and as pictures.
#ifndef ULPROOF_CLI_REPORT_QUANTIZER_REPORT_H_
#define ULPROOF_CLI_REPORT_QUANTIZER_REPORT_H_

#include <string>

#include "cli/report/record.h"

namespace ulproof::cli {

std::string QuantizerSnrText(const Json& record);
Picture QuantizerSnrPicture(const Json& record);

std::string QuantizerCrossoverText(const Json& record);
Picture QuantizerCrossoverPicture(const Json& record);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_QUANTIZER_REPORT_H_
