// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include "base/text.h"

namespace ulproof::cli {

CLI::Option* AddUnsignedOption(CLI::App& command, const std::string& name, std::uint64_t& field,
                               const std::string& description, std::uint64_t max) {
  return AddParsedOption(
             command, name, field,
             [max](const std::string& text) { return base::ParseUnsigned(text, "number", max); },
             description)
      ->type_name("N");
}

}  // namespace ulproof::cli
