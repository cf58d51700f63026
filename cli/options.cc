// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include "cli/backends.h"

namespace ulproof::cli {

CLI::Option* AddFormatOption(CLI::App& command, const std::string& name,
                             formats::FormatSpec& format, const std::string& description) {
  return AddParsedOption(command, name, format, formats::ParseFormat, description)
      ->type_name("FORMAT");
}

CLI::Option* AddFormatOption(CLI::App& command, const std::string& name,
                             std::optional<formats::FormatSpec>& format,
                             const std::string& description) {
  const auto parse =
      [](const std::string& text) -> base::Result<std::optional<formats::FormatSpec>> {
    const auto parsed = formats::ParseFormat(text);
    if (!parsed.ok()) return parsed.error();
    return std::optional(*parsed);
  };
  return AddParsedOption(command, name, format, parse, description)->type_name("FORMAT");
}

void AddRoundingOptions(CLI::App& command, formats::Operation& op) {
  AddParsedOption(command, "--round", op.rounding, formats::ParseRounding,
                  "Rounding: rne (default), rna, rtz, rup, rdn, rto, sra<N>, srb<N>, src<N>")
      ->type_name("MODE");
  AddParsedOption(command, "--overflow", op.overflow, formats::ParseOverflow,
                  "Overflow: ovf (default), sat, satprop, ovfinf")
      ->type_name("POLICY");
}

CLI::Option* AddLawOption(CLI::App& command, formats::Operation& op) {
  return AddParsedOption(command, "--law", op.law, formats::ParseNoiseLaw,
                         "Noise law: rg16 (default), rg32, rgbits, boxmuller, uniform, normal2")
      ->type_name("LAW");
}

KeyOptions AddKeyOptions(CLI::App& command, formats::RandomKey& key) {
  return {.seed = AddUnsignedOption(command, "--seed", key.seed, "The run (default 0)"),
          .stream = AddUnsignedOption(command, "--stream", key.stream,
                                      "The draw within the run (default 0)"),
          .offset = AddUnsignedOption(command, "--offset", key.offset,
                                      "Logical index of the first element (default 0)")};
}

CLI::Option* AddBackendOption(CLI::App& command, std::string& backend) {
  return AddParsedOption(
             command, "--backend", backend,
             [](const std::string& name) -> base::Result<std::string> {
               const auto found = FindBackend(name);
               if (!found.ok()) return found.error();
               return name;
             },
             "reference, cpu or cpu-<target> (default: the fastest with the reference's bits)")
      ->type_name("NAME");
}

}  // namespace ulproof::cli
