// SPDX-License-Identifier: Apache-2.0
// ulproof replay: one case once more, with every intermediate and every backend's answer.
#include "reference/compare/replay.h"

#include <memory>
#include <vector>

#include "cli/backends.h"
#include "cli/commands/commands.h"

namespace ulproof::cli {
namespace {

using base::Status;

struct ReplayCommand {
  std::vector<std::string> words;
  std::vector<std::string> backends;
};

Status Run(const ReplayCommand& command, CommandContext& context) {
  // The line may come quoted as one argument, or unquoted as several.
  std::string line;
  for (const std::string& word : command.words) line += (line.empty() ? "" : " ") + word;
  const auto c = formats::ParseCase(line);
  if (!c.ok()) return c.error();
  const auto truth = FindBackend("reference");
  if (!truth.ok()) return truth.error();
  std::vector<formats::Backend*> subjects;
  for (const std::string& name : command.backends) {
    const auto backend = FindBackend(name);
    if (!backend.ok()) return backend.error();
    subjects.push_back(*backend);
  }
  if (subjects.empty()) {
    for (formats::Backend* backend : AllBackends()) {
      if (!RepeatsAnother(*backend)) subjects.push_back(backend);
    }
  }
  const auto replayed = reference::Replay(*c, **truth, subjects);
  if (!replayed.ok()) return replayed.error();
  context.out << replayed->text << std::flush;
  if (!replayed->agree) context.SetExitCode(base::ExitCode::kMismatch);
  return base::Done{};
}

}  // namespace

void AddReplayCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("replay", "Show one case with every intermediate");
  const auto options = std::make_shared<ReplayCommand>();
  command->add_option("LINE", options->words, "A case, as a failure prints it")->required();
  command->add_option("--backend", options->backends, "Whose answers (repeatable; default: all)")
      ->type_name("NAME");
  command->footer(
      "Exit code 1 if a backend disagrees with the reference.\n"
      "Examples:\n"
      "  ulproof replay 'cast from=float32 to=bfloat16 round=rne overflow=ovf shape=1x1 | "
      "x=3f808000'\n"
      "  ulproof replay 'sample from=bfloat16 to=bfloat16 round=rne overflow=ovf law=rg16 "
      "block=32x32 pow2=0 bits=tensor shape=1x2 seed=1 stream=2 offset=5 | w=3f80,bf00 "
      "bits=40800000'");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
