// SPDX-License-Identifier: Apache-2.0
// ulproof prove: the claims register, run. Each claim with its verdict, the condition under which
// it holds or a counterexample, and what relies on it.
#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/report/file.h"
#include "cli/report/record.h"
#include "cli/report/terminal_text.h"
#include "proofs/register.h"

namespace ulproof::cli {
namespace {

using base::Status;

struct ProveCommand {
  std::vector<std::string> claims;
  bool is_full = false;
  bool lists = false;
  std::string json;
};

// The text in lines of at most `width` columns, each behind the indent.
std::string Wrapped(std::string_view text, std::string_view indent, std::size_t width = 92) {
  std::string out(indent);
  std::size_t column = indent.size();
  for (const std::string_view word : base::Split(text, ' ')) {
    if (column > indent.size() && column + 1 + word.size() > width) {
      out += fmt::format("\n{}", indent);
      column = indent.size();
    }
    if (column > indent.size()) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out + "\n";
}

Status Run(const ProveCommand& command, CommandContext& context) {
  std::vector<const proofs::Claim*> claims;
  for (const std::string& id : command.claims) {
    const auto claim = proofs::FindClaim(id);
    if (!claim.ok()) return claim.error();
    claims.push_back(*claim);
  }
  if (claims.empty()) {
    for (const proofs::Claim& claim : proofs::Claims()) claims.push_back(&claim);
  }
  const proofs::Depth depth = command.is_full ? proofs::Depth::kFull : proofs::Depth::kQuick;
  Json record = RecordHead("prove", 1, context.invocation);
  record["depth"] = command.is_full ? "full" : "quick";
  record["claims"] = Json::array();
  int unexpected = 0;
  std::uint64_t cases = 0;
  for (const proofs::Claim* claim : claims) {
    context.out << claim->id << "\n" << Wrapped(claim->statement, "  ");
    if (command.lists) {
      context.out << Wrapped(fmt::format("method: {}", claim->method), "    ")
                  << Wrapped(fmt::format("relied on by: {}", claim->relied_on_by), "    ")
                  << Wrapped(fmt::format("a variant that comes out otherwise: {}", claim->variant),
                             "    ");
      continue;
    }
    const auto start = std::chrono::steady_clock::now();
    const proofs::Outcome outcome = claim->prove(depth);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    const bool as_expected = outcome.verdict == claim->expected;
    unexpected += as_expected ? 0 : 1;
    cases += outcome.cases;
    std::string verdict(VerdictName(outcome.verdict));
    if (!outcome.condition.empty()) verdict += " " + outcome.condition;
    context.out << Wrapped(
        fmt::format("{}  ({} cases, {:.1f} s)", verdict, Grouped(outcome.cases), elapsed.count()),
        "  => ");
    if (!outcome.counterexample.empty()) {
      context.out << Wrapped(fmt::format("otherwise: {}", outcome.counterexample), "     ");
    }
    if (!outcome.figures.empty()) context.out << Wrapped(outcome.figures, "     ");
    if (!as_expected) {
      context.out << fmt::format("     UNEXPECTED: this claim has come out as \"{}\"\n",
                                 VerdictName(claim->expected));
    }
    context.out << std::flush;
    record["claims"].push_back({{"id", claim->id},
                                {"statement", claim->statement},
                                {"method", claim->method},
                                {"relied_on_by", claim->relied_on_by},
                                {"verdict", VerdictName(outcome.verdict)},
                                {"expected", VerdictName(claim->expected)},
                                {"condition", outcome.condition},
                                {"counterexample", outcome.counterexample},
                                {"figures", outcome.figures},
                                {"cases", outcome.cases},
                                {"seconds", elapsed.count()}});
  }
  if (command.lists) return base::Done{};
  context.out << fmt::format("\n{}  {} claims, {} cases decided, depth {}\n",
                             unexpected == 0 ? "PASS" : "FAIL", claims.size(), Grouped(cases),
                             command.is_full ? "full" : "quick");
  if (unexpected > 0) context.SetExitCode(base::ExitCode::kMismatch);
  record["verdict"] = unexpected == 0 ? "pass" : "fail";
  if (!command.json.empty()) return WriteReport(command.json, record.dump(2) + "\n");
  return base::Done{};
}

}  // namespace

void AddProveCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "prove", "Run the register of claims: which hold, under which condition, which do not");
  const auto options = std::make_shared<ProveCommand>();
  command->add_option("CLAIM", options->claims, "Claims by id (default: all)");
  command->add_flag("--full", options->is_full,
                    "Everything exhaustively, instead of a representative part");
  command->add_flag("--list", options->lists, "Show the register and run nothing");
  command->add_option("--json", options->json, "Write the verdicts to FILE")->type_name("FILE");
  command->footer(
      "Ends with exit code 1 when a claim comes out otherwise than the register says.\n"
      "Examples:\n"
      "  ulproof prove\n"
      "  ulproof prove absorption-threshold --full\n"
      "  ulproof prove --list");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
