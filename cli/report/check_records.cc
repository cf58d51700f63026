// SPDX-License-Identifier: Apache-2.0
#include "cli/report/check_records.h"

#include <fmt/format.h>

namespace ulproof::cli {
namespace {

using reference::CheckRecord;
using reference::Failure;
using Json = nlohmann::ordered_json;

Json FailureJson(const Failure& failure) {
  Json json = {{"line", failure.line}, {"text", failure.text}};
  if (failure.mismatch) {
    const reference::Mismatch& mismatch = *failure.mismatch;
    const int digits = mismatch.type.hex_digits();
    json["output"] = mismatch.output;
    json["index"] = mismatch.index;
    json["row"] = mismatch.row;
    json["col"] = mismatch.col;
    json["expected"] = fmt::format("{:0{}x}", mismatch.expected, digits);
    json["got"] = fmt::format("{:0{}x}", mismatch.got, digits);
    json["ulps"] = mismatch.ulps ? Json(*mismatch.ulps) : Json(nullptr);
  }
  return json;
}

std::string XmlText(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        // XML 1.0 has no way to write control characters.
        escaped += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    }
  }
  return escaped;
}

std::string JunitCase(const CheckRecord& record,
                      const std::function<std::string(const std::string&)>& replay) {
  std::string text = fmt::format("    <testcase classname=\"{}.{}\" name=\"{}\" time=\"{:.3f}\"",
                                 XmlText(record.backend), formats::OpKindName(record.op),
                                 XmlText(record.check), record.seconds);
  if (record.mismatches > 0) {
    std::string lines;
    for (const Failure& failure : record.failures) {
      lines += fmt::format("{}\n{}\n", failure.text, replay(failure.line));
    }
    return text + fmt::format(
                      ">\n      <failure message=\"{} mismatches\">{}</failure>\n    </testcase>\n",
                      record.mismatches, XmlText(lines));
  }
  if (record.cases == 0) {
    return text + fmt::format(">\n      <skipped message=\"{}\"/>\n    </testcase>\n",
                              XmlText(record.skipped_why.empty() ? "nothing to do on this backend"
                                                                 : record.skipped_why));
  }
  return text + "/>\n";
}

}  // namespace

Json RecordJson(const CheckRecord& record) {
  Json json = {{"operation", formats::OpKindName(record.op)},
               {"check", record.check},
               {"backend", record.backend},
               {"cases", record.cases},
               {"elements", record.elements},
               {"mismatches", record.mismatches},
               {"near_boundary", record.near_boundary},
               {"skipped_cases", record.skipped_cases},
               {"skipped_why", record.skipped_why},
               {"seconds", record.seconds},
               {"failures", Json::array()}};
  for (const Failure& failure : record.failures) json["failures"].push_back(FailureJson(failure));
  return json;
}

std::string RecordsJunit(std::string_view name, std::span<const CheckRecord> records,
                         std::span<const std::string> backends,
                         const std::function<std::string(const std::string& line)>& replay) {
  std::string text = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\">\n", XmlText(name));
  for (const std::string& backend : backends) {
    std::string cases;
    std::size_t tests = 0;
    std::size_t failures = 0;
    std::size_t skipped = 0;
    double seconds = 0;
    for (const CheckRecord& record : records) {
      if (record.backend != backend) continue;
      ++tests;
      failures += record.mismatches > 0;
      skipped += record.mismatches == 0 && record.cases == 0;
      seconds += record.seconds;
      cases += JunitCase(record, replay);
    }
    if (tests == 0) continue;
    text += fmt::format(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" "
        "time=\"{:.3f}\">\n{}  </testsuite>\n",
        XmlText(backend), tests, failures, skipped, seconds, cases);
  }
  return text + "</testsuites>\n";
}

std::string ReplayCommand(const std::string& line) {
  return fmt::format("ulproof replay '{}'", line);
}

}  // namespace ulproof::cli
