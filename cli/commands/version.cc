// SPDX-License-Identifier: Apache-2.0
// ulproof version: the version, the backends of this machine and why the others are missing.
#include <fmt/ostream.h>

#include "base/parallel.h"
#include "cli/backends.h"
#include "cli/commands/commands.h"

namespace ulproof::cli {

void AddVersionCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("version", "Show the version and this machine's backends");
  command->footer("Examples:\n  ulproof version\n  ulproof --version");
  command->callback([&context] {
    fmt::print(context.out, "ulproof {}\nthreads {}\n", ULPROOF_VERSION, base::ThreadCount());
    for (const formats::Backend* backend : AllBackends()) {
      const std::string why = backend->why_unavailable();
      fmt::print(context.out, "backend {}{}{}\n", backend->name(), why.empty() ? "" : ": ", why);
    }
  });
}

}  // namespace ulproof::cli
