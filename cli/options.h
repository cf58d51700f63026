// SPDX-License-Identifier: Apache-2.0
// Options that several commands share, under one spelling each.
#ifndef ULPROOF_CLI_OPTIONS_H_
#define ULPROOF_CLI_OPTIONS_H_

#include <optional>
#include <string>

#include "cli/command.h"
#include "formats/operation.h"

namespace ulproof::cli {

// An option that takes a format's id.
CLI::Option* AddFormatOption(CLI::App& command, const std::string& name,
                             formats::FormatSpec& format, const std::string& description);

// The same, remembering whether it was given.
CLI::Option* AddFormatOption(CLI::App& command, const std::string& name,
                             std::optional<formats::FormatSpec>& format,
                             const std::string& description);

// --round and --overflow.
void AddRoundingOptions(CLI::App& command, formats::Operation& op);

// --law.
CLI::Option* AddLawOption(CLI::App& command, formats::Operation& op);

// --seed, --stream and --offset, as members so that a command can exclude or require them.
struct KeyOptions {
  CLI::Option* seed;
  CLI::Option* stream;
  CLI::Option* offset;
};
KeyOptions AddKeyOptions(CLI::App& command, formats::RandomKey& key);

// --backend, checked to exist. Left empty when not given (see BackendFor).
CLI::Option* AddBackendOption(CLI::App& command, std::string& backend);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_OPTIONS_H_
