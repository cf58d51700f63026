// SPDX-License-Identifier: Apache-2.0
#include "cli/campaign_file.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/text.h"
#include "cli/report/file.h"
#include "io/input_file.h"

namespace ulproof::cli {
namespace {

using base::Error;
using base::Result;
using base::Status;
using reference::AffineHash;
using reference::SweepMismatch;
using reference::SweepResult;

constexpr std::string_view kSchema = "ulproof.campaign/1";

Error Malformed(const std::string& path, const std::string& message) {
  Error error = base::UsageError(message);
  error.file = path;
  return error;
}

std::string HexText(std::uint64_t value) { return fmt::format("{:016x}", value); }

// "operation is 'cast ...', not 'cast ...'": the first key in which two objects differ.
std::string FirstDifference(const Json& a, const Json& b) {
  for (const auto& [key, value] : a.items()) {
    const auto other = b.find(key);
    if (other == b.end() || *other != value) {
      return fmt::format("{} is {}, not {}", key, value.dump(),
                         other == b.end() ? "given" : other->dump());
    }
  }
  for (const auto& [key, value] : b.items()) {
    if (!a.contains(key)) return fmt::format("{} is not given, but {}", key, value.dump());
  }
  return {};
}

}  // namespace

const Json* Fields::Find(const char* key) {
  const auto found = json_.find(key);  // The end, if this is no object.
  if (found != json_.end()) return &*found;
  Fail(key, "is missing");
  return nullptr;
}

std::string Fields::Text(const char* key) {
  const Json* value = Find(key);
  if (value == nullptr) return {};
  if (value->is_string()) return value->get<std::string>();
  Fail(key, "is not a text");
  return {};
}

std::uint64_t Fields::Number(const char* key, std::uint64_t max) {
  const Json* value = Find(key);
  if (value == nullptr) return 0;
  if (value->is_number_unsigned() && value->get<std::uint64_t>() <= max) {
    return value->get<std::uint64_t>();
  }
  Fail(key, "is not a number, or beyond its range");
  return 0;
}

double Fields::Real(const char* key) {
  const Json* value = Find(key);
  if (value == nullptr) return 0;
  if (value->is_number() && value->get<double>() >= 0) return value->get<double>();
  Fail(key, "is not a number, or below zero");
  return 0;
}

bool Fields::Truth(const char* key) {
  const Json* value = Find(key);
  if (value == nullptr) return false;
  if (value->is_boolean()) return value->get<bool>();
  Fail(key, "is neither true nor false");
  return false;
}

std::uint64_t Fields::Hex(const char* key, std::uint64_t max) {
  const auto value = base::ParseHex(Text(key), key, max);
  if (value.ok()) return *value;
  Fail(key, "is not hexadecimal, or beyond its range");
  return 0;
}

Json Fields::Part(const char* key, Json::value_t type) {
  const Json* value = Find(key);
  if (value == nullptr) return Json(type);
  if (value->type() == type) return *value;
  Fail(key, type == Json::value_t::object ? "is not an object" : "is not a list");
  return Json(type);
}

void Fields::Fail(std::string_view key, std::string_view what) {
  if (!error_) error_ = Malformed(path_, fmt::format("\"{}\" {}", key, what));
}

Status WriteCampaign(const CampaignFile& file) {
  const Json json = {{"schema", kSchema},
                     {"tool", "ulproof"},
                     {"version", file.version},
                     {"contract", file.contract},
                     {"kind", file.kind},
                     {"campaign", file.campaign},
                     {"shard", fmt::format("{}/{}", file.shard.index, file.shard.count)},
                     {"state", file.is_complete ? "complete" : "partial"},
                     {"result", file.result}};
  return WriteReport(file.path, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

Result<CampaignFile> ReadCampaign(const std::string& path) {
  const auto input = io::InputFile::Open(path);
  if (!input.ok()) return input.error();
  std::string text(input->size(), '\0');
  if (const Status read = input->ReadAt(0, text.data(), text.size()); !read.ok()) {
    return read.error();
  }
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || json.value("schema", Json()) != Json(kSchema)) {
    return Malformed(path, fmt::format("not the file of a campaign ({})", kSchema));
  }
  Fields fields(json, path);
  CampaignFile file = {.path = path,
                       .kind = fields.Text("kind"),
                       .version = fields.Text("version"),
                       .contract = static_cast<int>(fields.Number("contract", 1000)),
                       .campaign = fields.Part("campaign", Json::value_t::object),
                       .shard = {},
                       .is_complete = false,
                       .result = fields.Part("result", Json::value_t::object)};
  const auto shard = reference::ParseShard(fields.Text("shard"));
  if (!shard.ok()) fields.Fail("shard", "is not k/n");
  const std::string state = fields.Text("state");
  if (state != "complete" && state != "partial") fields.Fail("state", "is not known");
  if (fields.error()) return *fields.error();
  file.shard = *shard;
  file.is_complete = state == "complete";
  return file;
}

Status CheckSameCampaign(const CampaignFile& a, const CampaignFile& b) {
  const auto head = [](const CampaignFile& file) {
    return Json{{"kind", file.kind}, {"version", file.version}, {"contract", file.contract}};
  };
  std::string difference = FirstDifference(head(a), head(b));
  if (difference.empty()) difference = FirstDifference(a.campaign, b.campaign);
  if (difference.empty()) return base::Done{};
  return Malformed(a.path, fmt::format("not of the campaign of {}: {}", b.path, difference));
}

Result<std::optional<CampaignFile>> ReadCheckpoint(const CampaignFile& mine) {
  std::error_code ignored;
  if (!std::filesystem::exists(mine.path, ignored)) return std::optional<CampaignFile>();
  auto file = ReadCampaign(mine.path);
  if (!file.ok()) return file.error();
  CampaignFile wanted = mine;
  wanted.path = "this command";
  if (const Status same = CheckSameCampaign(*file, wanted); !same.ok()) return same.error();
  if (file->shard != mine.shard) {
    return Malformed(mine.path, fmt::format("it is shard {}/{}, not {}/{}", file->shard.index,
                                            file->shard.count, mine.shard.index, mine.shard.count));
  }
  return std::optional(std::move(file).value());
}

Json SweepCampaign(const SweepRun& run) {
  return {{"operation", SweepName(run)},
          {"backend", run.backend},
          {"inputs", run.op.from.code_mask() + 1},
          {"oracle_runs", run.oracle_runs}};
}

Json SweepState(const SweepRun& run) {
  const SweepResult& result = run.result;
  Json state = {{"begin", result.begin},
                {"end", RangeOf(run.shard, run.op.from).end},
                {"next", result.end},
                {"nan_inputs", result.nan_inputs},
                {"mismatches", result.mismatches},
                {"hash_factor", HexText(result.hash.factor)},
                {"hash_sum", HexText(result.hash.sum)},
                {"oracle_seconds", run.oracle_seconds},
                {"seconds", result.seconds},
                {"first_mismatches", Json::array()}};
  for (const SweepMismatch& mismatch : result.first_mismatches) {
    state["first_mismatches"].push_back({{"input", HexText(mismatch.input)},
                                         {"expected", HexText(mismatch.expected)},
                                         {"got", HexText(mismatch.got)}});
  }
  return state;
}

Result<SweepRun> SweepFrom(const CampaignFile& file) {
  Fields campaign(file.campaign, file.path);
  Fields state(file.result, file.path);
  SweepRun run = {.op = {},
                  .backend = campaign.Text("backend"),
                  .shard = file.shard,
                  .oracle_runs = campaign.Number("oracle_runs"),
                  .oracle_seconds = state.Real("oracle_seconds"),
                  .result = {}};
  const auto op = formats::ParseOperation(campaign.Text("operation"));
  if (!op.ok() || op->kind != formats::OpKind::kCast || op->from.storage_bits() > 32) {
    campaign.Fail("operation", "is not a cast that can be swept");
  }
  if (campaign.error()) return *campaign.error();
  run.op = *op;
  const reference::CodeRange range = RangeOf(file.shard, op->from);
  SweepResult& result = run.result;
  result.begin = state.Number("begin");
  result.end = state.Number("next", range.end);
  if (result.begin != range.begin) state.Fail("begin", "is not where the shard begins");
  if (state.Number("end") != range.end) state.Fail("end", "is not where the shard ends");
  if (result.end < result.begin || (file.is_complete && result.end != range.end)) {
    state.Fail("next", "does not agree with the shard's range and state");
  }
  result.nan_inputs = state.Number("nan_inputs", result.inputs());
  result.mismatches = state.Number("mismatches", result.inputs());
  result.hash = {.factor = state.Hex("hash_factor"), .sum = state.Hex("hash_sum")};
  // The factor is that of the number of codes in the hash.
  const AffineHash step = {AffineHash::kMultiplier, 0};
  if (result.hash.factor != step.Times(result.inputs() - result.nan_inputs).factor) {
    state.Fail("hash_factor", "is not that of so many codes");
  }
  result.seconds = state.Real("seconds");
  const Json list = state.Part("first_mismatches", Json::value_t::array);
  if (list.size() != std::min<std::uint64_t>(result.mismatches, SweepResult::kMaxKeptMismatches)) {
    state.Fail("first_mismatches", "are not as many as there should be");
  }
  if (state.error()) return *state.error();
  for (const Json& item : list) {
    Fields mismatch(item, file.path);
    result.first_mismatches.push_back({mismatch.Hex("input", op->from.code_mask()),
                                       mismatch.Hex("expected", op->to.code_mask()),
                                       mismatch.Hex("got", op->to.code_mask())});
    if (mismatch.error()) return *mismatch.error();
  }
  return run;
}

}  // namespace ulproof::cli
