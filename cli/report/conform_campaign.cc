// SPDX-License-Identifier: Apache-2.0
#include "cli/report/conform_campaign.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;
using reference::CheckRecord;

// A record without the mismatch of its failures, which text does not show.
CheckRecord RecordFrom(Fields& fields, const std::string& path) {
  CheckRecord record = {.op = {},
                        .check = fields.Text("check"),
                        .backend = fields.Text("backend"),
                        .cases = fields.Number("cases"),
                        .elements = fields.Number("elements"),
                        .mismatches = fields.Number("mismatches"),
                        .near_boundary = fields.Number("near_boundary"),
                        .skipped_cases = fields.Number("skipped_cases"),
                        .skipped_why = fields.Text("skipped_why"),
                        .seconds = fields.Real("seconds")};
  const auto op = formats::ParseOpKind(fields.Text("operation"));
  if (!op.ok()) fields.Fail("operation", "is not known");
  if (op.ok()) record.op = *op;
  for (const Json& failure : fields.Part("failures", Json::value_t::array)) {
    Fields parts(failure, path);
    record.failures.push_back(
        {.line = parts.Text("line"), .text = parts.Text("text"), .mismatch = {}});
    if (parts.error()) fields.Fail("failures", "are not as they should be");
  }
  return record;
}

std::vector<std::string> Texts(Fields& fields, const char* key) {
  std::vector<std::string> texts;
  for (const Json& text : fields.Part(key, Json::value_t::array)) {
    if (text.is_string()) {
      texts.push_back(text.get<std::string>());
    } else {
      fields.Fail(key, "is not a list of texts");
    }
  }
  return texts;
}

}  // namespace

Json ConformCampaign(const ConformRun& run, const reference::ConformOptions& options,
                     const std::vector<std::string>& checks) {
  base::Fnv1a weights;
  for (const reference::Weights& w : options.weights) {
    weights.Add(w.shape.rows);
    weights.Add(w.shape.cols);
    for (std::uint64_t i = 0; i < w.codes.count(); ++i) weights.Add(w.codes.Get(i));
  }
  Json operations = Json::array();
  for (const formats::OpKind op : options.ops) operations.push_back(formats::OpKindName(op));
  return {{"level", run.level},     {"operations", operations},
          {"truth", run.truth},     {"backends", run.backends},
          {"weights", run.weights}, {"weights_hash", fmt::format("{:016x}", weights.value())},
          {"checks", checks.size()}};
}

Json StateJson(const ConformState& state) {
  Json json = {{"rounds", state.rounds},
               {"checks", state.checks},
               {"seconds", state.seconds},
               {"records", Json::array()}};
  for (const auto& [place, record] : state.records) {
    Json placed = {{"place", place}};
    placed.update(record);
    json["records"].push_back(std::move(placed));
  }
  return json;
}

Result<ConformState> ConformStateFrom(const CampaignFile& file) {
  Fields campaign(file.campaign, file.path);
  Fields fields(file.result, file.path);
  const std::uint64_t total = campaign.Number("checks");
  ConformState state = {.rounds = fields.Number("rounds"),
                        .checks = fields.Number("checks", total),
                        .seconds = fields.Real("seconds")};
  for (Json record : fields.Part("records", Json::value_t::array)) {
    Fields place(record, file.path);
    const std::uint64_t at = place.Number("place", total);
    if (!file.shard.Owns(at)) place.Fail("place", "is not the shard's");
    if (place.error()) return *place.error();
    record.erase("place");
    state.records.emplace(at, std::move(record));
  }
  for (const Fields* part : {&campaign, &fields}) {
    if (part->error()) return *part->error();
  }
  return state;
}

Result<ConformRun> ConformRunFrom(const CampaignFile& file) {
  Fields campaign(file.campaign, file.path);
  ConformRun run;
  run.level = campaign.Text("level");
  run.truth = campaign.Text("truth");
  run.backends = Texts(campaign, "backends");
  run.weights = Texts(campaign, "weights");
  if (run.backends.empty()) campaign.Fail("backends", "are none");
  if (campaign.error()) return *campaign.error();
  return run;
}

Status FillReport(const ConformState& state, const std::string& path, ConformRun& run) {
  run.report = {.records = {}, .checks = state.checks, .seconds = state.seconds};
  for (const auto& [place, json] : state.records) {
    Fields fields(json, path);
    run.report.records.push_back(RecordFrom(fields, path));
    if (fields.error()) return *fields.error();
  }
  return base::Done{};
}

std::string ConformJson(const ConformRun& run, const ConformState& state) {
  Json json = Json::parse(ConformJson(run));
  json["records"] = Json::array();
  for (const auto& [place, record] : state.records) json["records"].push_back(record);
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ulproof::cli
