// SPDX-License-Identifier: Apache-2.0
// What the files of cli/commands/ share: the context, and options that our own parsers read. Each
// command is one file with one function that adds it to the CLI11 application; its callback does
// the work and reports through the context.
#ifndef ULPROOF_CLI_COMMAND_H_
#define ULPROOF_CLI_COMMAND_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <utility>

#include "base/result.h"
#include "cli/context.h"

namespace ulproof::cli {

// An option whose text a parser of ours reads: `parse` takes the text and returns base::Result<T>.
// What it says against the text becomes CLI11's usage error of that option (exit code 2).
template <typename T, typename Parse>
CLI::Option* AddParsedOption(CLI::App& command, const std::string& name, T& field, Parse parse,
                             const std::string& description) {
  return command
      .add_option_function<std::string>(
          name,
          [&field, parse = std::move(parse), name](const std::string& text) {
            auto parsed = parse(text);
            if (!parsed.ok()) throw CLI::ValidationError(name, parsed.error().ToString());
            field = std::move(parsed).value();
          },
          description)
      ->type_name("TEXT");
}

// Adds an option that takes an unsigned decimal number of at most `max`.
CLI::Option* AddUnsignedOption(CLI::App& command, const std::string& name, std::uint64_t& field,
                               const std::string& description, std::uint64_t max = UINT64_MAX);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_COMMAND_H_
