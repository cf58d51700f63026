// SPDX-License-Identifier: Apache-2.0
#include "cli/report/html_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "cli/report/anneal_report.h"
#include "cli/report/compare_report.h"
#include "cli/report/formats_for_report.h"
#include "cli/report/hist_report.h"
#include "cli/report/terminal_text.h"
#include "cli/report/underflow_report.h"

namespace ulproof::cli {
namespace {

constexpr std::string_view kStyle = R"css(
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;margin:0 auto;
max-width:62rem;padding:1.5rem;color:#24292f;background:#fff}
h1{font-size:1.6rem;margin:0 0 .2rem}h2{font-size:1.2rem;margin:0}
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
@media (prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}
header p,.from,.note{color:#9da7b3}section,td,th{border-color:#30363d}pre{background:#161b22}
.pass{color:#2bc49a}.fail{color:#ff8533}}
@media print{body{max-width:none;padding:0;color:#000;background:#fff}nav{display:none}
section{break-inside:avoid-page}pre{white-space:pre-wrap;background:none;padding:0}}
)css";

// As XmlEscaped, but lines stay lines.
std::string EscapedLines(const std::string& text) {
  std::string escaped;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    escaped += XmlEscaped(std::string_view(text).substr(begin, end - begin)) + '\n';
    begin = end + 1;
  }
  return escaped;
}

std::string CommandOf(const Json& record) { return record.at("command").get<std::string>(); }

std::string Badge(const Json& record) {
  if (!record.contains("verdict")) return "<span class=\"badge note\">measured</span>";
  const bool pass = record.at("verdict") == "pass";
  return fmt::format("<span class=\"badge {0}\">{0}</span>", pass ? "pass" : "fail");
}

// conform and verify: the checks that failed first, then all, in the order of the run.
std::string ConformTableHtml(const Json& record) {
  std::string rows[2];
  for (const Json& check : record.at("records")) {
    const auto mismatches = check.at("mismatches").get<std::uint64_t>();
    const auto skipped = check.at("skipped_cases").get<std::uint64_t>();
    const std::string outcome =
        mismatches > 0
            ? fmt::format("<strong class=\"fail\">{} differ</strong>", Grouped(mismatches))
        : skipped > 0 ? fmt::format("<span class=\"note\">{} skipped: {}</span>", Grouped(skipped),
                                    XmlEscaped(check.at("skipped_why").get<std::string>()))
                      : std::string("<span class=\"pass\">equal</span>");
    rows[mismatches > 0 ? 0 : 1] += fmt::format(
        "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td "
        "class=\"n\">{}</td><td>{}</td></tr>\n",
        XmlEscaped(check.at("check").get<std::string>()),
        XmlEscaped(check.at("backend").get<std::string>()),
        Grouped(check.at("cases").get<std::uint64_t>()),
        Grouped(check.at("elements").get<std::uint64_t>()), outcome);
  }
  const Json& machine = record.at("machine");
  // verify names the kernel that it judged, conform what its backends were compared with.
  const std::string subject = record.contains("kernel")
                                  ? "kernel " + record.at("kernel").get<std::string>()
                                  : "against " + record.at("truth").get<std::string>();
  return fmt::format(
      "<p>Level {}, {}; {} ({} threads).</p>\n<table><tr><th>check</th><th>backend</th>"
      "<th>cases</th><th>elements</th><th>outcome</th></tr>\n{}{}</table>\n",
      XmlEscaped(record.at("level").get<std::string>()), XmlEscaped(subject),
      XmlEscaped(machine.at("processor").get<std::string>()), machine.at("threads").get<int>(),
      rows[0], rows[1]);
}

// The plain values of a record that we have no picture for.
std::string ValuesHtml(const Json& record) {
  std::string text = "<table>\n";
  for (const auto& [key, value] : record.items()) {
    if (value.is_structured()) continue;
    text += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", XmlEscaped(key),
                        XmlEscaped(value.is_string() ? value.get<std::string>() : value.dump()));
  }
  return text + "</table>\n";
}

std::string Shown(const std::string& text, const Picture& picture, std::size_t number) {
  return fmt::format("<figure>\n{}</figure>\n<pre>{}</pre>\n",
                     RenderSvg(picture, fmt::format("r{}p", number)), EscapedLines(text));
}

std::string BodyOf(const Json& record, std::size_t number) {
  constexpr int kColumns = 110;
  const std::string command = CommandOf(record);
  if (command == "hist") {
    return Shown(HistText(record, kColumns, false), HistPicture(record), number);
  }
  if (command == "underflow") {
    return Shown(UnderflowText(record, {.columns = kColumns}), UnderflowPicture(record), number);
  }
  if (command == "anneal") return Shown(AnnealText(record), AnnealPicture(record), number);
  if (command == "formats-for") {
    return Shown(FormatsForText(record), FormatsForPicture(record), number);
  }
  if (command == "compare") {
    return Shown(CompareText(record, false), ComparePicture(record), number);
  }
  if (command == "conform" || command == "verify") return ConformTableHtml(record);
  return ValuesHtml(record);
}

}  // namespace

base::Result<std::string> HtmlReport(const std::string& title,
                                     const std::vector<ReportInput>& inputs) {
  std::string sections;
  std::string contents;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto& [file, record] = inputs[i];
    try {
      const std::string command = XmlEscaped(CommandOf(record));
      contents += fmt::format("<li><a href=\"#r{}\">{}</a> {}</li>\n", i, command, Badge(record));
      sections += fmt::format(
          "<section id=\"r{}\">\n<h2>{} {}</h2>\n<p class=\"from\">{}, ulproof {}{}</p>\n{}"
          "</section>\n",
          i, command, Badge(record), XmlEscaped(file),
          XmlEscaped(record.at("version").get<std::string>()),
          record.contains("schema") ? ", " + XmlEscaped(record.at("schema").get<std::string>())
                                    : "",
          BodyOf(record, i));
    } catch (const nlohmann::json::exception& error) {
      return base::Error{.message = fmt::format("is not a record of ulproof: {}", error.what()),
                         .file = file};
    }
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
