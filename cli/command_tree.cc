// SPDX-License-Identifier: Apache-2.0
#include "cli/command_tree.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "cli/backends.h"
#include "cli/command.h"
#include "formats/catalogue.h"
#include "formats/noise_law.h"
#include "formats/rounding.h"

namespace ulproof::cli {
namespace {

std::vector<std::string> FormatNames() {
  std::vector<std::string> names;
  for (const formats::CatalogueEntry& entry : formats::kCatalogue) names.emplace_back(entry.name);
  return names;
}

std::vector<std::string> LawNames() {
  std::vector<std::string> names;
  for (const formats::NoiseLaw law : formats::kNoiseLaws) names.emplace_back(NoiseLawName(law));
  return names;
}

std::vector<std::string> RoundingNames() {
  std::vector<std::string> names;
  for (const formats::Rounding& mode : formats::kDeterministicRoundings) {
    names.push_back(RoundingName(mode));
  }
  names.insert(names.end(), {"sra8", "srb8", "src8"});  // Any N of 1 to 32; a hint, not a limit.
  return names;
}

std::vector<std::string> OverflowNames() {
  std::vector<std::string> names;
  for (const formats::Overflow policy : formats::kOverflows)
    names.emplace_back(OverflowName(policy));
  return names;
}

std::vector<std::string> BackendNames() {
  std::vector<std::string> names;
  for (const formats::Backend* backend : AllBackends()) names.emplace_back(backend->name());
  return names;
}

// The names that an option of this name takes, in every command alike.
std::vector<std::string> ChoicesOf(std::string_view option) {
  struct Row {
    std::string_view option;
    std::vector<std::string> (*names)();
  };
  static constexpr auto kRows = std::to_array<Row>({
      {"--from", FormatNames},
      {"--to", FormatNames},
      {"--out-format", FormatNames},
      {"--dtype", FormatNames},
      {"--law", LawNames},
      {"--round", RoundingNames},
      {"--overflow", OverflowNames},
      {"--backend", BackendNames},
  });
  for (const Row& row : kRows) {
    if (row.option == option) return row.names();
  }
  return {};
}

// Directories complete like files.
bool NamesFile(std::string_view value) {
  return value == "FILE" || value == "DIR" || value == "IN" || value == "OUT";
}

OptionDescription Describe(const CLI::Option& option) {
  OptionDescription description;
  description.text = option.get_description();
  description.is_positional = option.get_positional();
  description.is_required = option.get_required();
  description.repeats = option.get_items_expected_max() > 1;
  for (const std::string& name : option.get_snames()) description.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) description.names.push_back("--" + name);
  if (description.is_positional && description.names.empty()) {
    description.names.push_back(option.get_name());
  }
  if (option.get_items_expected_max() > 0) description.value = option.get_type_name();
  description.choices = ChoicesOf(description.names.back());
  description.takes_file = NamesFile(description.value) || NamesFile(description.names.back());
  return description;
}

}  // namespace

CommandDescription DescribeCommands(const CLI::App& app) {
  CommandDescription description;
  description.name = app.get_name();
  description.text = app.get_description();
  description.footer = app.get_footer();
  for (const CLI::Option* option : app.get_options()) {
    description.options.push_back(Describe(*option));
  }
  for (const CLI::App* command : app.get_subcommands({})) {
    description.commands.push_back(DescribeCommands(*command));
  }
  return description;
}

}  // namespace ulproof::cli
