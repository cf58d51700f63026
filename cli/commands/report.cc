// SPDX-License-Identifier: Apache-2.0
// ulproof report: one HTML page from the JSON records of other commands.
#include <memory>

#include "cli/commands/commands.h"
#include "cli/report/file.h"
#include "cli/report/html_report.h"
#include "io/input_file.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;

// A record is text; a file beyond this is something else.
constexpr std::uint64_t kMaxRecordBytes = std::uint64_t{1} << 30;

struct ReportOptions {
  std::vector<std::string> files;
  std::vector<std::string> against;
  std::string out;
  std::string title = "ulproof report";
};

Result<ReportInput> ReadRecord(const std::string& path) {
  const auto file = io::InputFile::Open(path);
  if (!file.ok()) return file.error();
  if (file->size() > kMaxRecordBytes)
    return base::Error{.message = "is not a record", .file = path};
  std::string text(file->size(), '\0');
  if (const Status read = file->ReadAt(0, text.data(), text.size()); !read.ok()) {
    return read.error();
  }
  Json record = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!record.is_object()) return base::Error{.message = "is not a JSON object", .file = path};
  return ReportInput{path, std::move(record)};
}

Result<std::vector<ReportInput>> ReadRecords(const std::vector<std::string>& paths) {
  std::vector<ReportInput> inputs;
  for (const std::string& path : paths) {
    auto input = ReadRecord(path);
    if (!input.ok()) return input.error();
    inputs.push_back(std::move(*input));
  }
  return inputs;
}

Status Run(const ReportOptions& options) {
  const auto inputs = ReadRecords(options.files);
  if (!inputs.ok()) return inputs.error();
  const auto baselines = ReadRecords(options.against);
  if (!baselines.ok()) return baselines.error();
  const auto page = HtmlReport(options.title, *inputs, *baselines);
  if (!page.ok()) return page.error();
  return WriteReport(options.out, *page);
}

}  // namespace

void AddReportCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("report", "Make one HTML page from the records of other commands");
  const auto options = std::make_shared<ReportOptions>();
  command->add_option("RECORD", options->files, "Files that --json wrote")->required();
  command
      ->add_option("--against", options->against,
                   "Earlier records of the same commands: show what changed (repeatable)")
      ->type_name("FILE");
  command->add_option("--out", options->out, "The page")->required()->type_name("FILE");
  command->add_option("--title", options->title, "Its title (default: ulproof report)")
      ->type_name("TEXT");
  command->footer(
      "The page needs no network and runs no scripts.\n"
      "Examples:\n"
      "  ulproof report conform.json hist.json underflow.json --out report.html\n"
      "  ulproof report new.json --out report.html --against old.json");
  command->callback([options, &context] { context.Report(Run(*options)); });
}

}  // namespace ulproof::cli
