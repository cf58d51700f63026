// SPDX-License-Identifier: Apache-2.0
#include "cli/report/man_page.h"

#include <fmt/format.h>

#include <string_view>

#include "base/text.h"

namespace ulproof::cli {
namespace {

// Text as roff reads it: a backslash and a hyphen mean themselves, and no line is a request.
std::string Escaped(std::string_view text) {
  std::string out;
  bool starts_line = true;
  for (const char c : text) {
    if (starts_line && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    starts_line = c == '\n';
  }
  return out;
}

// Lines that begin with two blanks are examples: they keep their shape.
std::string Footer(std::string_view footer) {
  std::string out;
  bool in_example = false;
  for (const std::string_view line : base::Split(footer, '\n')) {
    const bool is_example = line.starts_with("  ");
    if (is_example != in_example) out += is_example ? ".PP\n.nf\n.RS 2\n" : ".RE\n.fi\n.PP\n";
    in_example = is_example;
    if (line.starts_with("Example")) out += ".PP\n";
    if (!line.empty()) out += Escaped(is_example ? line.substr(2) : line) + "\n";
  }
  if (in_example) out += ".RE\n.fi\n";
  return out;
}

std::string OptionText(const OptionDescription& option) {
  std::string names;
  for (const std::string& name : option.names) {
    if (!names.empty()) names += ", ";
    names += fmt::format("\\fB{}\\fR", Escaped(name));
  }
  std::string value;
  if (!option.is_positional && !option.value.empty()) {
    value = fmt::format(" \\fI{}\\fR", Escaped(option.value));
  }
  return fmt::format(".TP\n{}{}{}\n{}{}\n", names, value, option.repeats ? " ..." : "",
                     Escaped(option.text), option.is_required ? " (required)" : "");
}

std::string CommandText(const CommandDescription& command, const std::string& path) {
  std::string out = fmt::format(".SS {}\n{}\n", Escaped(path), Escaped(command.text));
  for (const OptionDescription& option : command.options) {
    if (option.names.back() != "--help") out += OptionText(option);
  }
  if (!command.footer.empty()) out += ".PP\n" + Footer(command.footer);
  for (const CommandDescription& inner : command.commands) {
    out += CommandText(inner, path + " " + inner.name);
  }
  return out;
}

}  // namespace

std::string ManPage(const CommandDescription& program, const std::string& version) {
  std::string out = fmt::format(
      ".TH {} 1 \"\" \"{} {}\" \"User Commands\"\n"
      ".ad l\n"  // Names in a list have no blanks to stretch.
      ".SH NAME\n{} \\- bit\\-exact verification of low\\-precision numerics\n"
      ".SH SYNOPSIS\n\\fB{}\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...\n"
      ".SH DESCRIPTION\n{}\n",
      program.name, program.name, version, program.name, program.name, Escaped(program.text));
  out += ".SH OPTIONS\n";
  for (const OptionDescription& option : program.options) out += OptionText(option);
  out += ".SH COMMANDS\n";
  for (const CommandDescription& command : program.commands) {
    out += CommandText(command, command.name);
  }
  out += ".SH NOTES\n" + Footer(program.footer);
  return out;
}

}  // namespace ulproof::cli
