// SPDX-License-Identifier: Apache-2.0
// ulproof cast: codes (or values) of one format to another, by one rounding each (contract section
// 3). Works through input of any length in chunks, and answers at once when the input pauses, so
// that another program can talk to it over a pipe.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/backends.h"
#include "cli/commands/commands.h"
#include "cli/options.h"
#include "formats/case.h"
#include "formats/describe.h"
#include "formats/tensor.h"
#include "reference/ops/parse_value.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;
using formats::Code;
using formats::FormatSpec;
using formats::Operation;

constexpr std::size_t kChunkElements = 1 << 16;

struct CastOptions {
  Operation op = {.kind = formats::OpKind::kCast};
  bool values = false;
  std::string backend;
  std::vector<std::string> codes;
};

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\v\f";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  return begin == text.npos ? "" : text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

// The exact value as text that every strtod reads: decimal when short, else hexadecimal.
std::string ValueText(const FormatSpec& format, Code code) {
  const std::string decimal = formats::DecimalText(format, code);
  return decimal.starts_with('~') ? formats::HexFloat(format, code) : decimal;
}

class Caster {
 public:
  Caster(const CastOptions& options, formats::Backend& backend, CommandContext& context)
      : options_(options), backend_(backend), context_(context) {}

  // One more element of the input; runs when a chunk is full.
  Status Add(std::string_view text) {
    const FormatSpec& from = options_.op.from;
    const auto code = options_.values ? reference::ParseValue(from, text)
                                      : base::ParseHex(text, "code", from.code_mask());
    if (!code.ok()) return code.error();
    pending_.push_back(*code);
    return pending_.size() < kChunkElements ? Status(base::Done{}) : Flush();
  }

  // Casts and prints what is pending.
  Status Flush() {
    if (pending_.empty()) return base::Done{};
    formats::Case c = {.op = options_.op, .inputs = {}};
    c.op.shape = {.rows = 1, .cols = pending_.size()};
    c.op.key.offset += done_;
    if (const Status valid = formats::ValidateOperation(c.op); !valid.ok()) return valid;
    formats::Tensor& x =
        c.inputs.emplace_back(formats::ElementType::CodeOf(c.op.from), pending_.size());
    for (std::size_t i = 0; i < pending_.size(); ++i) x.Set(i, pending_[i]);
    const auto outputs = formats::RunCase(backend_, c);
    if (!outputs.ok()) return outputs.error();
    const FormatSpec& to = c.op.to;
    const int digits = formats::ElementType::CodeOf(to).hex_digits();
    text_.clear();
    for (std::uint64_t i = 0; i < pending_.size(); ++i) {
      const Code code = outputs->front().Get(i);
      if (options_.values) {
        text_.append(ValueText(to, code));
        text_.push_back('\n');
      } else {
        fmt::format_to(std::back_inserter(text_), "{:0{}x}\n", code, digits);
      }
    }
    done_ += pending_.size();
    pending_.clear();
    if (!context_.out.write(text_.data(), static_cast<std::streamsize>(text_.size())).flush()) {
      return base::EnvironmentError("cannot write to standard output");
    }
    return base::Done{};
  }

 private:
  const CastOptions& options_;
  formats::Backend& backend_;
  CommandContext& context_;
  std::vector<Code> pending_;
  std::uint64_t done_ = 0;
  fmt::memory_buffer text_;
};

Status CastArguments(const std::vector<std::string>& codes, Caster& caster) {
  for (const std::string& text : codes) {
    if (const Status added = caster.Add(text); !added.ok()) return added;
  }
  return caster.Flush();
}

Status CastLines(std::istream& in, Caster& caster) {
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const std::string_view text = Trimmed(std::string_view(line).substr(0, line.find('#')));
    if (text.empty()) continue;
    if (Status added = caster.Add(text); !added.ok()) {
      base::Error error = added.error();
      error.file = "stdin";
      error.line = number;
      if (const Status flushed = caster.Flush(); !flushed.ok()) return flushed;
      return error;
    }
    if (in.rdbuf()->in_avail() <= 0) {
      if (const Status flushed = caster.Flush(); !flushed.ok()) return flushed;
    }
  }
  if (in.bad()) return base::EnvironmentError("cannot read standard input");
  return caster.Flush();
}

Status Run(const CastOptions& options, CommandContext& context) {
  if (const Status valid = formats::ValidateOperation(options.op); !valid.ok()) return valid;
  const auto backend =
      BackendFor(options.backend.empty() ? "reference" : options.backend, options.op);
  if (!backend.ok()) return backend.error();
  Caster caster(options, **backend, context);
  return options.codes.empty() ? CastLines(context.in, caster)
                               : CastArguments(options.codes, caster);
}

}  // namespace

void AddCastCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("cast", "Round codes or values of a format to another");
  const auto options = std::make_shared<CastOptions>();
  AddFormatOption(*command, "--from", options->op.from, "Format of the input")->required();
  AddFormatOption(*command, "--to", options->op.to, "Format of the output")->required();
  AddRoundingOptions(*command, options->op);
  const KeyOptions key = AddKeyOptions(*command, options->op.key);
  AddParsedOption(
      *command, "--random", options->op.random,
      [](const std::string& text) -> base::Result<std::optional<std::uint32_t>> {
        const auto r = base::ParseUnsigned(text, "number", UINT32_MAX);
        if (!r.ok()) return r.error();
        return std::optional(static_cast<std::uint32_t>(*r));
      },
      "Stochastic modes: this r for every code, instead of drawing from seed and stream")
      ->type_name("R")
      ->excludes(key.seed)
      ->excludes(key.stream)
      ->excludes(key.offset);
  command->add_flag("--values", options->values,
                    "Take and show values (1.5, -0x1.8p-3, inf, nan) instead of codes");
  AddBackendOption(*command, options->backend)
      ->description("reference (default), cpu or cpu-<target>");
  command->add_option("CODE", options->codes,
                      "Hexadecimal codes; without any, one a line from standard input");
  command->footer(
      "Prints one code a line, lower-case hexadecimal, zero-padded to the format's width. Input "
      "lines\n"
      "may be empty or hold a # comment. A value is first rounded (rne) to the nearest code of "
      "--from.\n"
      "Element i of the input draws its r at logical index offset + i.\n"
      "Examples:\n"
      "  ulproof cast --from float32 --to float8_e4m3fn --overflow sat 43e80000 7f800000\n"
      "  ulproof cast --from float32 --to bfloat16 --round sra8 --random 200 3f808000\n"
      "  ulproof cast --from float32 --to bfloat16 --values -- 0.1 -1e-40 -inf\n"
      "  seq 0 255 | xargs printf '%02x\\n' | ulproof cast --from float8_e5m2 --to float16");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
