// SPDX-License-Identifier: Apache-2.0
// ulproof formats: the catalogue, one format's parameters, or all of its codes, as text or JSON.
#include <fmt/ostream.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/commands/commands.h"
#include "cli/options.h"
#include "formats/catalogue.h"
#include "formats/describe.h"

namespace ulproof::cli {
namespace {

using base::Status;
using formats::Code;
using formats::FormatSpec;
using formats::Specials;
using Json = nlohmann::ordered_json;

struct FormatsOptions {
  std::optional<FormatSpec> format;
  bool table = false;
  bool json = false;
};

std::string_view SpecialsName(Specials specials) {
  switch (specials) {
    case Specials::kIeee:
      return "ieee";
    case Specials::kFn:
      return "fn";
    case Specials::kFnuz:
      return "fnuz";
    case Specials::kFinite:
      return "finite";
    case Specials::kE8m0:
      break;
  }
  return "e8m0";
}

std::string_view SpecialsMeaning(Specials specials) {
  switch (specials) {
    case Specials::kIeee:
      return "an all-ones exponent is infinity or NaN";
    case Specials::kFn:
      return "no infinity; only the all-ones magnitude is NaN";
    case Specials::kFnuz:
      return "no infinity, no negative zero; the code of -0 is NaN";
    case Specials::kFinite:
      return "neither infinity nor NaN";
    case Specials::kE8m0:
      break;
  }
  return "unsigned powers of two, no zero; the all-ones code is NaN";
}

std::string_view SourceOf(const FormatSpec& format) {
  for (const formats::CatalogueEntry& entry : formats::kCatalogue) {
    if (entry.spec == format) return entry.source;
  }
  return "generic";
}

// The codes worth naming; those that the format lacks are absent.
struct NotableCodes {
  Code max_finite;
  std::optional<Code> min_normal = {}, min_subnormal = {}, infinity = {}, nan = {}, zero = {},
                      negative_zero = {};
};
NotableCodes NotableCodesOf(const FormatSpec& format) {
  NotableCodes codes = {.max_finite = format.max_finite_code()};
  const Code first_normal = format.has_subnormals() ? Code{1} << format.trailing_bits : 0;
  if (first_normal <= codes.max_finite) codes.min_normal = first_normal;
  if (format.has_subnormals() && format.trailing_bits > 0) codes.min_subnormal = 1;
  if (format.has_infinity()) codes.infinity = format.infinity_code();
  if (format.has_nan()) codes.nan = format.canonical_nan_code();
  if (format.has_zero()) codes.zero = 0;
  if (format.has_zero() && format.has_negative_zero()) codes.negative_zero = format.sign_mask();
  return codes;
}

Json JsonOfCode(const FormatSpec& format, std::optional<Code> code) {
  if (!code) return nullptr;
  return {{"code", formats::CodeText(format, *code)},
          {"value", formats::HexFloat(format, *code)},
          {"decimal", formats::DecimalText(format, *code)}};
}

Json JsonOf(const FormatSpec& format) {
  const NotableCodes codes = NotableCodesOf(format);
  return {{"id", formats::FormatName(format)},
          {"bits", format.storage_bits()},
          {"signed", format.is_signed},
          {"exponent_bits", format.exponent_bits},
          {"trailing_bits", format.trailing_bits},
          {"bias", format.bias},
          {"specials", SpecialsName(format.specials)},
          {"epsilon", fmt::format("0x1p{:+}", -format.trailing_bits)},
          {"max_finite", JsonOfCode(format, codes.max_finite)},
          {"min_normal", JsonOfCode(format, codes.min_normal)},
          {"min_subnormal", JsonOfCode(format, codes.min_subnormal)},
          {"zero", JsonOfCode(format, codes.zero)},
          {"negative_zero", JsonOfCode(format, codes.negative_zero)},
          {"infinity", JsonOfCode(format, codes.infinity)},
          {"canonical_nan", JsonOfCode(format, codes.nan)},
          {"source", SourceOf(format)}};
}

Json JsonOfTable(const FormatSpec& format) {
  Json rows = Json::array();
  for (const formats::ValueRow& row : formats::ValueTable(format)) {
    rows.push_back({{"code", formats::CodeText(format, row.code)},
                    {"class", formats::ValueClassName(row.decoded.value_class)},
                    {"value", row.hex_float},
                    {"decimal", row.decimal}});
  }
  return rows;
}

void PrintCatalogue(std::ostream& out) {
  fmt::print(out, "{:<20} {:>4}  {:<7} {:>5}  {:<7} {:<24} {}\n", "id", "bits", "s+e+m", "bias",
             "special", "max finite", "source");
  for (const formats::CatalogueEntry& entry : formats::kCatalogue) {
    const FormatSpec& format = entry.spec;
    const std::string fields = fmt::format("{}+{}+{}", format.is_signed ? 1 : 0,
                                           format.exponent_bits, format.trailing_bits);
    fmt::print(out, "{:<20} {:>4}  {:<7} {:>5}  {:<7} {:<24} {}\n", entry.name,
               format.storage_bits(), fields, format.bias, SpecialsName(format.specials),
               formats::DecimalText(format, format.max_finite_code()), entry.source);
  }
  fmt::print(out,
             "Any other: e<X>m<Y>[b<bias>][fn|fnuz|finite], X 1..11, Y 0..52; as in e5m10, "
             "e4m3b11fnuz, e3m2finite\n");
}

void PrintFormat(const FormatSpec& format, std::ostream& out) {
  const NotableCodes codes = NotableCodesOf(format);
  const auto text = [&](std::optional<Code> code) {
    return code ? fmt::format("{} = {} = {}", formats::CodeText(format, *code),
                              formats::DecimalText(format, *code), formats::HexFloat(format, *code))
                : "none";
  };
  const auto code_text = [&](std::optional<Code> code) {
    return code ? formats::CodeText(format, *code) : "none";
  };
  fmt::print(out, "{}: {}\n", formats::FormatName(format), SourceOf(format));
  fmt::print(out, "  bits           {} = {} sign + {} exponent + {} trailing\n",
             format.storage_bits(), format.is_signed ? 1 : 0, format.exponent_bits,
             format.trailing_bits);
  fmt::print(out, "  bias           {}\n", format.bias);
  fmt::print(out, "  specials       {}: {}\n", SpecialsName(format.specials),
             SpecialsMeaning(format.specials));
  fmt::print(out, "  max finite     {}\n", text(codes.max_finite));
  fmt::print(out, "  min normal     {}\n", text(codes.min_normal));
  fmt::print(out, "  min subnormal  {}\n", text(codes.min_subnormal));
  fmt::print(out, "  epsilon        2^{}\n", -format.trailing_bits);
  fmt::print(out, "  zero           {}\n", code_text(codes.zero));
  fmt::print(out, "  negative zero  {}\n", code_text(codes.negative_zero));
  fmt::print(out, "  infinity       {}\n", code_text(codes.infinity));
  fmt::print(out, "  canonical NaN  {}\n", code_text(codes.nan));
}

void PrintTable(const FormatSpec& format, std::ostream& out) {
  for (const formats::ValueRow& row : formats::ValueTable(format)) {
    fmt::print(out, "{}  {:<9}  {:<16}  {}\n", formats::CodeText(format, row.code),
               formats::ValueClassName(row.decoded.value_class), row.hex_float, row.decimal);
  }
}

Status Run(const FormatsOptions& options, std::ostream& out) {
  if (options.table && !options.format) return base::UsageError("--table needs a format's id");
  if (options.table && options.format->storage_bits() > formats::kMaxTableBits) {
    return base::UsageError(
        fmt::format("--table shows formats of at most {} bits; {} has {}", formats::kMaxTableBits,
                    formats::FormatName(*options.format), options.format->storage_bits()));
  }
  if (options.json) {
    Json json;
    if (options.format) {
      json = JsonOf(*options.format);
      if (options.table) json["table"] = JsonOfTable(*options.format);
    } else {
      json = Json::array();
      for (const formats::CatalogueEntry& entry : formats::kCatalogue)
        json.push_back(JsonOf(entry.spec));
    }
    out << json.dump(2) << '\n';
  } else if (options.table) {
    PrintTable(*options.format, out);
  } else if (options.format) {
    PrintFormat(*options.format, out);
  } else {
    PrintCatalogue(out);
  }
  return base::Done{};
}

}  // namespace

void AddFormatsCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("formats", "List the formats, or show one of them");
  const auto options = std::make_shared<FormatsOptions>();
  AddFormatOption(*command, "ID", options->format, "A format's id: its parameters");
  command->add_flag("--table", options->table,
                    "Every code with its class and value (formats of at most 16 bits)");
  command->add_flag("--json", options->json, "JSON instead of text");
  command->footer(
      "Examples:\n"
      "  ulproof formats\n"
      "  ulproof formats float8_e4m3fn --table\n"
      "  ulproof formats e3m4b5fnuz --json");
  command->callback([options, &context] { context.Report(Run(*options, context.out)); });
}

}  // namespace ulproof::cli
