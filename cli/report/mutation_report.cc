// SPDX-License-Identifier: Apache-2.0
#include "cli/report/mutation_report.h"

#include <fmt/format.h>

#include <algorithm>

namespace ulproof::cli {
namespace {

using gpu::Campaign;
using gpu::Fate;
using gpu::Mutant;

constexpr std::array<std::string_view, 5> kFateNames = {"wrong bits", "fault", "slower",
                                                        "equivalent", "survived"};

std::string ListText(const MutantsByPlace& mutants, Fate fate, std::string_view title) {
  std::string text;
  for (const auto& [place, mutant] : mutants) {
    if (mutant.fate != fate) continue;
    if (text.empty()) text = fmt::format("\n{}\n", title);
    text += fmt::format("  {}: line {} ({})\n    - {}\n    + {}\n", place, mutant.mutation.line,
                        MutationKindName(mutant.mutation.kind), mutant.mutation.before,
                        mutant.mutation.after);
    if (!mutant.note.empty()) text += "    " + mutant.note + "\n";
  }
  return text;
}

Json MutantJson(std::uint64_t place, const Mutant& mutant) {
  return {{"place", place},
          {"line", mutant.mutation.line},
          {"kind", MutationKindName(mutant.mutation.kind)},
          {"before", mutant.mutation.before},
          {"after", mutant.mutation.after},
          {"fate", kFateNames[static_cast<std::size_t>(mutant.fate)]},
          {"note", mutant.note}};
}

// The place of a name in its list; an unknown one is an error of the field.
template <typename Enum, std::size_t N>
Enum NameFrom(Fields& fields, const char* key, const std::array<std::string_view, N>& names) {
  const std::string name = fields.Text(key);
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) fields.Fail(key, "is not known");
  return found == names.end() ? Enum{} : static_cast<Enum>(found - names.begin());
}

}  // namespace

Campaign MutationRun::campaign() const {
  Campaign campaign;
  for (const auto& [place, mutant] : mutants) campaign.mutants.push_back(mutant);
  return campaign;
}

std::string MutationText(const MutationRun& run, bool list_all) {
  const Campaign campaign = run.campaign();
  const std::uint64_t survived = campaign.Count(Fate::kSurvived);
  const std::uint64_t equivalent = campaign.Count(Fate::kEquivalent);
  const auto unreached = std::ranges::count_if(campaign.mutants, [](const Mutant& mutant) {
    return mutant.fate == Fate::kSurvived && mutant.note == kUnreached;
  });
  std::string text = fmt::format(
      "{} of {}: {} cases of {} elements in all\n"
      "{} mutants: {} gave wrong bits, {} a fault, {} the right bits more slowly, {} are "
      "equivalent, {} survived\n"
      "kill rate {:.3f} of the {} that could be noticed ({} survived where no case comes)\n",
      run.entry, run.file, run.cases, run.elements, campaign.mutants.size(),
      campaign.Count(Fate::kWrongBits), campaign.Count(Fate::kFault), campaign.Count(Fate::kSlower),
      equivalent, survived, campaign.KillRate(), campaign.mutants.size() - equivalent, unreached);
  text += ListText(run.mutants, Fate::kSurvived, "survived");
  text += ListText(run.mutants, Fate::kSlower, "the right bits, more slowly");
  text += ListText(run.mutants, Fate::kEquivalent, "equivalent, with the proof");
  if (list_all) {
    text += ListText(run.mutants, Fate::kWrongBits, "wrong bits");
    text += ListText(run.mutants, Fate::kFault, "fault");
  }
  return text;
}

std::string MutationJson(const MutationRun& run) {
  const Campaign campaign = run.campaign();
  Json json = RecordHead("mutate", 1, run.invocation);
  json.update({{"file", run.file},
               {"entry", run.entry},
               {"operation", run.operation},
               {"seed", run.seed},
               {"cases", run.cases},
               {"wrong_bits", campaign.Count(Fate::kWrongBits)},
               {"faults", campaign.Count(Fate::kFault)},
               {"slower", campaign.Count(Fate::kSlower)},
               {"equivalent", campaign.Count(Fate::kEquivalent)},
               {"survived", campaign.Count(Fate::kSurvived)},
               {"kill_rate", campaign.KillRate()},
               {"goal", run.goal},
               {"solver", run.has_solver},
               {"verdict", campaign.KillRate() < run.goal ? "fail" : "pass"},
               {"mutants", Json::array()}});
  for (const auto& [place, mutant] : run.mutants) {
    json["mutants"].push_back(MutantJson(place, mutant));
  }
  return json.dump(2) + "\n";
}

Json MutationCampaign(const MutationRun& run) {
  return {{"operation", run.operation},
          {"file", run.file},
          {"text_hash", fmt::format("{:016x}", run.text_hash)},
          {"entry", run.entry},
          {"seed", run.seed},
          {"count", run.count},
          {"goal", run.goal},
          {"cases", run.cases},
          {"elements", run.elements},
          {"solver", run.has_solver}};
}

Json MutationState(const MutationRun& run) {
  Json state = {{"mutants", Json::array()}};
  for (const auto& [place, mutant] : run.mutants) {
    state["mutants"].push_back(MutantJson(place, mutant));
  }
  return state;
}

base::Result<MutationRun> MutationFrom(const CampaignFile& file) {
  Fields campaign(file.campaign, file.path);
  MutationRun run = {.operation = campaign.Text("operation"),
                     .file = campaign.Text("file"),
                     .text_hash = campaign.Hex("text_hash"),
                     .entry = campaign.Text("entry"),
                     .seed = campaign.Number("seed"),
                     .count = campaign.Number("count"),
                     .goal = campaign.Real("goal"),
                     .cases = campaign.Number("cases"),
                     .elements = campaign.Number("elements"),
                     .has_solver = campaign.Truth("solver")};
  Fields state(file.result, file.path);
  const Json list = state.Part("mutants", Json::value_t::array);
  for (const Fields* fields : {&campaign, &state}) {
    if (fields->error()) return *fields->error();
  }
  for (const Json& item : list) {
    Fields fields(item, file.path);
    const std::uint64_t place = fields.Number("place", run.count);
    Mutant mutant = {
        .mutation = {.kind = NameFrom<gpu::MutationKind>(fields, "kind", gpu::kMutationKindNames),
                     .line = static_cast<int>(fields.Number("line", 1u << 30)),
                     .before = fields.Text("before"),
                     .after = fields.Text("after"),
                     .text = {}},
        .fate = NameFrom<Fate>(fields, "fate", kFateNames),
        .note = fields.Text("note")};
    if (!file.shard.Owns(place)) fields.Fail("place", "is not the shard's");
    if (!run.mutants.emplace(place, std::move(mutant)).second) fields.Fail("place", "stands twice");
    if (fields.error()) return *fields.error();
  }
  return run;
}

}  // namespace ulproof::cli
