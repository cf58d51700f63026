// SPDX-License-Identifier: Apache-2.0
#include "cli/report/shell_completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace ulproof::cli {
namespace {

std::vector<std::string> Names(const std::vector<CommandDescription>& commands) {
  std::vector<std::string> names;
  for (const CommandDescription& command : commands) names.push_back(command.name);
  return names;
}

// The option names of a command, then those that every command shares.
std::vector<std::string> OptionNames(const CommandDescription& program,
                                     const CommandDescription& command) {
  std::vector<std::string> names;
  const auto add = [&](const CommandDescription& source) {
    for (const OptionDescription& option : source.options) {
      if (option.is_positional) continue;
      for (const std::string& name : option.names) {
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
      }
    }
  };
  add(command);
  add(program);
  return names;
}

// In single quotes, where only the quote itself needs care.
std::string Quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

// Calls visit(path, command) for every command, inner ones after their parent: "quantizer snr".
template <typename Visit>
void ForEachCommand(const CommandDescription& parent, const std::string& path, Visit visit) {
  for (const CommandDescription& command : parent.commands) {
    const std::string inner = path.empty() ? command.name : path + " " + command.name;
    visit(inner, command);
    ForEachCommand(command, inner, visit);
  }
}

std::string BashCommandCase(const CommandDescription& program, const std::string& path,
                            const CommandDescription& command) {
  std::string values;
  for (const OptionDescription& option : command.options) {
    if (option.choices.empty()) continue;
    values += fmt::format("        {}) words={};;\n", fmt::join(option.names, "|"),
                          Quoted(fmt::format("{}", fmt::join(option.choices, " "))));
  }
  std::string text = fmt::format("    {})\n", Quoted(path));
  if (!values.empty()) text += "      case $previous in\n" + values + "      esac\n";
  std::vector<std::string> names = Names(command.commands);
  for (const std::string& name : OptionNames(program, command)) names.push_back(name);
  return text +
         fmt::format("      options={};;\n", Quoted(fmt::format("{}", fmt::join(names, " "))));
}

// zsh's _arguments reads brackets and colons in a description as its own.
std::string ZshText(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string ZshOption(const OptionDescription& option) {
  std::string action;
  if (!option.value.empty() || option.is_positional) {
    const std::string message = ZshText(option.is_positional ? option.names[0] : option.value);
    action = fmt::format(":{}:", message);
    if (!option.choices.empty()) {
      action += fmt::format("({})", fmt::join(option.choices, " "));
    } else {
      action += option.takes_file || option.is_positional ? "_files" : " ";  // " ": any text.
    }
  }
  if (option.is_positional) {
    return fmt::format("      {} \\\n", Quoted((option.repeats ? "*" : "") + action));
  }
  std::string text;
  for (const std::string& name : option.names) {
    text += fmt::format("      {} \\\n", Quoted(fmt::format("{}{}[{}]{}", option.repeats ? "*" : "",
                                                            name, ZshText(option.text), action)));
  }
  return text;
}

}  // namespace

std::string BashCompletion(const CommandDescription& program) {
  std::string cases;
  ForEachCommand(program, "", [&](const std::string& path, const CommandDescription& command) {
    cases += BashCommandCase(program, path, command);
  });
  std::vector<std::string> top = Names(program.commands);
  for (const std::string& name : OptionNames(program, CommandDescription{})) top.push_back(name);
  std::string inner;
  for (const CommandDescription& command : program.commands) {
    if (command.commands.empty()) continue;
    inner += fmt::format("      {}) case \" {} \" in *\" $word \"*) path+=\" $word\";; esac;;\n",
                         command.name, fmt::join(Names(command.commands), " "));
  }
  return fmt::format(
      R"(# bash completion for {0}; made by `{0} completion bash`.
_{0}() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}
  local path= word= words= options= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${{COMP_WORDS[i]}}
    case $path in
      '') case $word in -*) ;; *) path=$word;; esac;;
{1}    esac
  done
  case $path in
    '') options={2};;
{3}  esac
  if [[ -n $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  elif [[ $current == -* || -z $path ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  else
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$current") $(compgen -W "${{options//--*/}}" -- "$current"))
  fi
}}
complete -F _{0} {0}
)",
      program.name, inner, Quoted(fmt::format("{}", fmt::join(top, " "))), cases);
}

std::string ZshCompletion(const CommandDescription& program) {
  std::string cases;
  std::string shared;
  for (const OptionDescription& option : program.options) shared += ZshOption(option);
  std::string commands;
  ForEachCommand(program, "", [&](const std::string& path, const CommandDescription& command) {
    commands += fmt::format("    {}\n", Quoted(ZshText(path) + ":" + command.text));
    std::string arguments;
    for (const OptionDescription& option : command.options) {
      if (option.names.back() != "--help") arguments += ZshOption(option);
    }
    cases += fmt::format("    {}) _arguments \\\n{}{}      && return;;\n", Quoted(path), arguments,
                         shared);
  });
  return fmt::format(
      R"(#compdef {0}
# zsh completion for {0}; made by `{0} completion zsh`.
_{0}() {{
  local -a commands=(
{1}  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local path_=${{words[2]}}
  shift words
  ((CURRENT--))
  if [[ -n ${{commands[(r)$path_ $words[2]:*]}} ]]; then
    path_="$path_ $words[2]"
    shift words
    ((CURRENT--))
  fi
  case $path_ in
{2}  esac
}}
_{0} "$@"
)",
      program.name, commands, cases);
}

}  // namespace ulproof::cli
