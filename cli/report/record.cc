// SPDX-License-Identifier: Apache-2.0
#include "cli/report/record.h"

#include <fmt/format.h>

#include <cmath>

#include "base/parallel.h"
#include "cli/command.h"
#include "cli/report/file.h"
#include "cli/report/picture_file.h"
#include "cli/report/terminal_text.h"

namespace ulproof::cli {

Json RecordHead(std::string_view command, int schema_version, const std::string& invocation) {
  return {{"schema", fmt::format("ulproof.{}/{}", command, schema_version)},
          {"tool", "ulproof"},
          {"version", ULPROOF_VERSION},
          {"command", command},
          {"contract", 1},
          {"rerun", invocation},
          {"machine", {{"processor", ProcessorName()}, {"threads", base::ThreadCount()}}}};
}

Json JsonNumber(double x) { return std::isfinite(x) ? Json(x) : Json(nullptr); }

double NumberFrom(const Json& json) { return json.is_null() ? NAN : json.get<double>(); }

void AddRecordOptions(CLI::App& command, RecordFiles& files) {
  command.add_option("--json", files.json, "Write the record as JSON (docs/inspect.md)")
      ->type_name("FILE");
  command.add_option("--svg", files.svg, "Draw it as SVG")->type_name("FILE");
  command.add_option("--png", files.png, "Draw it as PNG (needs rsvg-convert)")->type_name("FILE");
}

base::Status WriteRecord(const RecordFiles& files, const Json& record, const Picture& picture) {
  if (!files.json.empty()) {
    // Names of tensors may be any bytes in an .npy file's name: those are shown as U+FFFD.
    const std::string text =
        record.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    if (base::Status written = WriteReport(files.json, text); !written.ok()) return written;
  }
  if (!files.svg.empty()) {
    if (base::Status written = WriteSvg(files.svg, picture); !written.ok()) return written;
  }
  return files.png.empty() ? base::Status(base::Done{}) : WritePng(files.png, picture);
}

std::string Short(double x) {
  if (!std::isfinite(x)) return "n/a";
  return x != 0 && std::fabs(x) < 1e-4 ? fmt::format("{:.3e}", x) : fmt::format("{:.5g}", x);
}

std::string CsvField(std::string_view text) {
  std::string field = "\"";
  for (const char c : text) field += c == '"' ? std::string("\"\"") : std::string(1, c);
  return field + '"';
}

std::string Percent(double rate) {
  if (!std::isfinite(rate)) return "n/a";
  if (rate == 0) return "0";
  if (rate < 0.0001) return fmt::format("{:.1e} %", 100 * rate);
  return fmt::format("{:.{}f} %", 100 * rate, rate < 0.01 ? 3 : 2);
}

}  // namespace ulproof::cli
