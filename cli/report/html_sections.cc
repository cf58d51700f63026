// SPDX-License-Identifier: Apache-2.0
#include "cli/report/html_sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "cli/report/anneal_report.h"
#include "cli/report/compare_report.h"
#include "cli/report/formats_for_report.h"
#include "cli/report/hist_report.h"
#include "cli/report/quantizer_report.h"
#include "cli/report/terminal_text.h"
#include "cli/report/training_report.h"
#include "cli/report/underflow_report.h"

namespace ulproof::cli {
namespace {

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

std::string ValueText(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_number_float() ? Short(value.get<double>()) : value.dump();
}

// The plain values of a record.
std::string ValuesHtml(const Json& record) {
  std::string text = "<table>\n";
  for (const auto& [key, value] : record.items()) {
    if (value.is_structured() || key == "schema" || key == "tool" || key == "rerun") continue;
    text += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", XmlEscaped(key),
                        XmlEscaped(ValueText(value)));
  }
  return text + "</table>\n";
}

// A list of objects as a table; its columns are the plain values of the first of them.
std::string RowsHtml(const Json& rows) {
  if (rows.empty()) return "";
  std::vector<std::string> columns;
  std::string text = "<table><tr>";
  for (const auto& [key, value] : rows.front().items()) {
    if (value.is_structured()) continue;
    columns.push_back(key);
    text += fmt::format("<th>{}</th>", XmlEscaped(key));
  }
  text += "</tr>\n";
  for (const Json& row : rows) {
    text += "<tr>";
    for (const std::string& column : columns) {
      const Json value = row.value(column, Json());
      text += fmt::format("<td{}>{}</td>", value.is_number() ? " class=\"n\"" : "",
                          value.is_null() ? "" : XmlEscaped(ValueText(value)));
    }
    text += "</tr>\n";
  }
  return text + "</table>\n";
}

// Claims with what decided them; what came out otherwise than expected stands out.
std::string ClaimsHtml(const Json& record) {
  std::string text = "<table><tr><th>claim</th><th>verdict</th><th>decided by</th></tr>\n";
  for (const Json& claim : record.at("claims")) {
    const auto verdict = claim.at("verdict").get<std::string>();
    const bool is_expected = verdict == claim.at("expected").get<std::string>();
    std::string details;
    for (const char* key : {"condition", "counterexample", "figures"}) {
      const auto detail = claim.at(key).get<std::string>();
      if (!detail.empty()) details += fmt::format("<br><small>{}</small>", XmlEscaped(detail));
    }
    text += fmt::format(
        "<tr><td>{}<br><small>{}</small></td><td><strong class=\"{}\">{}</strong>{}</td>"
        "<td>{}; {} cases</td></tr>\n",
        XmlEscaped(claim.at("id").get<std::string>()),
        XmlEscaped(claim.at("statement").get<std::string>()), is_expected ? "pass" : "fail",
        XmlEscaped(verdict), details, XmlEscaped(claim.at("method").get<std::string>()),
        Grouped(claim.at("cases").get<std::uint64_t>()));
  }
  return text + "</table>\n";
}

std::string PictureHtml(const Picture& picture, std::size_t number) {
  return fmt::format("<figure>\n{}</figure>\n", RenderSvg(picture, fmt::format("r{}p", number)));
}

std::string TrainHtml(const Json& record, std::size_t number) {
  std::string text = PictureHtml(TrainPicture(record), number);
  text += RowsHtml(record.at("final_weights"));
  if (record.contains("generated")) {
    text += fmt::format("<pre>{}</pre>\n", EscapedLines(record.at("generated").get<std::string>()));
  }
  return text;
}

std::string ParityHtml(const Json& record, std::size_t number) {
  std::string text;
  if (record.contains("bit_parity")) text += RowsHtml(record.at("bit_parity").at("backends"));
  if (record.contains("method_parity")) {
    text += PictureHtml(ParityPicture(record), number);
    text += RowsHtml(record.at("method_parity").at("methods"));
  }
  if (record.contains("breaks")) text += RowsHtml(record.at("breaks"));
  return text;
}

std::string Shown(const std::string& text, const Picture& picture, std::size_t number) {
  return fmt::format("{}<pre>{}</pre>\n", PictureHtml(picture, number), EscapedLines(text));
}

}  // namespace

std::string SectionHtml(const Json& record, std::size_t number) {
  constexpr int kColumns = 110;
  const auto command = record.at("command").get<std::string>();
  if (command == "quantizer-snr") {
    return Shown(QuantizerSnrText(record), QuantizerSnrPicture(record), number);
  }
  if (command == "quantizer-crossover") {
    return Shown(QuantizerCrossoverText(record), QuantizerCrossoverPicture(record), number);
  }
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
  if (command == "prove") return ClaimsHtml(record);
  if (command == "train") return TrainHtml(record, number);
  if (command == "parity") return ParityHtml(record, number);
  return ValuesHtml(record);
}

}  // namespace ulproof::cli
