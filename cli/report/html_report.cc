// SPDX-License-Identifier: Apache-2.0
#include "cli/report/html_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "cli/report/html_sections.h"
#include "cli/report/record_changes.h"
#include "cli/report/terminal_text.h"

namespace ulproof::cli {
namespace {

constexpr std::string_view kStyle = R"css(
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;margin:0 auto;
max-width:62rem;padding:1.5rem;color:#24292f;background:#fff}
h1{font-size:1.6rem;margin:0 0 .2rem}h2{font-size:1.2rem;margin:0}h3{font-size:1rem;margin:1rem 0 .3rem}
header p,.from{color:#57606a;margin:.2rem 0}
nav ul{padding-left:1.2rem}section{border-top:1px solid #d8dee4;padding:1.2rem 0}
.badge{display:inline-block;border-radius:1rem;padding:0 .7rem;font-size:.85rem;font-weight:600;
border:1.5px solid}
.pass{color:#00694c}.fail{color:#b03a00}.note{color:#57606a}
pre{overflow-x:auto;font:12.5px/1.4 ui-monospace,"DejaVu Sans Mono",monospace;background:#f6f8fa;
padding:.8rem;border-radius:.4rem}
figure{margin:1rem 0;overflow-x:auto}figure svg{max-width:100%;height:auto}
table{border-collapse:collapse;font-size:.9rem}td,th{border-bottom:1px solid #d8dee4;
padding:.25rem .7rem;text-align:left;vertical-align:top}td.n{text-align:right;
font-variant-numeric:tabular-nums}
code{font:.85em ui-monospace,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
@media (prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}
header p,.from,.note{color:#9da7b3}section,td,th{border-color:#30363d}pre{background:#161b22}
.pass{color:#2bc49a}.fail{color:#ff8533}}
@media print{body{max-width:none;padding:0;color:#000;background:#fff}nav{display:none}
section{break-inside:avoid-page}pre{white-space:pre-wrap;background:none;padding:0}}
)css";

std::string CommandOf(const Json& record) { return record.at("command").get<std::string>(); }

std::string Badge(const Json& record) {
  if (!record.contains("verdict")) return "<span class=\"badge note\">measured</span>";
  const bool pass = record.at("verdict") == "pass";
  return fmt::format("<span class=\"badge {0}\">{0}</span>", pass ? "pass" : "fail");
}

// A value of a record in a table of changes; a whole row that came or went is only named.
std::string ChangedValue(const Json& value) {
  if (value.is_null()) return "<span class=\"note\">none</span>";
  if (value.is_structured()) return "<span class=\"note\">a row</span>";
  return XmlEscaped(value.is_string() ? value.get<std::string>() : value.dump());
}

std::string ChangesHtml(const ReportInput& baseline, const ReportInput& input) {
  constexpr std::size_t kShown = 200;
  const std::vector<RecordChange> changes = RecordChanges(baseline.record, input.record);
  std::string text = fmt::format("<h3>Against {}: {}</h3>\n", XmlEscaped(baseline.file),
                                 changes.empty() ? "no value changed, times aside"
                                                 : Grouped(changes.size()) + " values changed");
  if (changes.empty()) return text;
  text += "<table><tr><th>value</th><th>before</th><th>now</th></tr>\n";
  for (std::size_t i = 0; i < std::min(kShown, changes.size()); ++i) {
    text +=
        fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td></tr>\n", XmlEscaped(changes[i].place),
                    ChangedValue(changes[i].before), ChangedValue(changes[i].after));
  }
  text += "</table>\n";
  if (changes.size() > kShown) {
    text += fmt::format("<p class=\"note\">and {} more</p>\n", Grouped(changes.size() - kShown));
  }
  return text;
}

// "ulproof 0.1.0, ulproof.hist/1", the machine, and how to make the record again.
std::string OriginHtml(const ReportInput& input) {
  const Json& record = input.record;
  std::string text = fmt::format("<p class=\"from\">{}, ulproof {}", XmlEscaped(input.file),
                                 XmlEscaped(record.at("version").get<std::string>()));
  if (record.contains("schema")) {
    text += ", " + XmlEscaped(record["schema"].get<std::string>());
  }
  if (record.contains("machine")) {
    text += fmt::format(", on {} ({} threads)",
                        XmlEscaped(record["machine"].at("processor").get<std::string>()),
                        record["machine"].at("threads").get<int>());
  }
  if (record.contains("rerun")) {
    text += fmt::format("<br><code>{}</code>", XmlEscaped(record["rerun"].get<std::string>()));
  }
  return text + "</p>\n";
}

// The number of inputs before `index` with the same command.
std::size_t RankOf(const std::vector<ReportInput>& inputs, std::size_t index) {
  const std::string command = CommandOf(inputs[index].record);
  return static_cast<std::size_t>(
      std::count_if(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(index),
                    [&](const ReportInput& other) { return CommandOf(other.record) == command; }));
}

// The baseline that the input is to be held against: the first of its command for the first of its
// command, and so on; null when there is none.
const ReportInput* BaselineOf(const std::vector<ReportInput>& inputs, std::size_t index,
                              const std::vector<ReportInput>& baselines) {
  for (std::size_t i = 0; i < baselines.size(); ++i) {
    if (CommandOf(baselines[i].record) == CommandOf(inputs[index].record) &&
        RankOf(baselines, i) == RankOf(inputs, index)) {
      return &baselines[i];
    }
  }
  return nullptr;
}

}  // namespace

base::Result<std::string> HtmlReport(const std::string& title,
                                     const std::vector<ReportInput>& inputs,
                                     const std::vector<ReportInput>& baselines) {
  for (const std::vector<ReportInput>* list : {&inputs, &baselines}) {
    for (const ReportInput& input : *list) {
      if (!input.record.contains("command") || !input.record["command"].is_string()) {
        return base::Error{.message = "is not a record of ulproof: it names no command",
                           .file = input.file};
      }
    }
  }
  std::string sections;
  std::string contents;
  std::size_t compared = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const ReportInput& input = inputs[i];
    try {
      const std::string command = XmlEscaped(CommandOf(input.record));
      const std::string badge = Badge(input.record);
      contents += fmt::format("<li><a href=\"#r{}\">{}</a> {}</li>\n", i, command, badge);
      const ReportInput* baseline = BaselineOf(inputs, i, baselines);
      compared += baseline != nullptr ? 1 : 0;
      sections += fmt::format("<section id=\"r{}\">\n<h2>{} {}</h2>\n{}{}{}</section>\n", i,
                              command, badge, OriginHtml(input), SectionHtml(input.record, i),
                              baseline == nullptr ? "" : ChangesHtml(*baseline, input));
    } catch (const nlohmann::json::exception& error) {
      return base::Error{.message = fmt::format("is not a record of ulproof: {}", error.what()),
                         .file = input.file};
    }
  }
  if (compared != baselines.size()) {
    return base::UsageError(fmt::format(
        "{} of the {} records of --against have no record of their command to be held against",
        baselines.size() - compared, baselines.size()));
  }
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n<header>\n<h1>{0}</h1>\n"
      "<p>{2} records; the numerics contract, version 1</p>\n</header>\n<nav><ul>\n{3}</ul></nav>\n"
      "<main>\n{4}</main>\n</body>\n</html>\n",
      XmlEscaped(title), kStyle, inputs.size(), contents, sections);
}

}  // namespace ulproof::cli
