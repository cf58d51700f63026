// SPDX-License-Identifier: Apache-2.0
#include "gpu/ptx/form.h"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_map>

#include "base/text.h"

namespace ulproof::gpu::ptx {

namespace ops {
#define ULPROOF_PTX_FORM(pattern, operands, family, control, semantics, tags) \
  Binding semantics(const Form& form);
#include "gpu/ptx/opcodes.def"
#undef ULPROOF_PTX_FORM
}  // namespace ops

namespace {

constexpr FormRow kRows[] = {
#define ULPROOF_PTX_FORM(pattern, operands, family, control, semantics, tags) \
  {pattern, operands, #family, Control::control, &ops::semantics, tags},
#include "gpu/ptx/opcodes.def"
#undef ULPROOF_PTX_FORM
};

struct Group {
  std::vector<std::string_view> choices;
  bool is_optional = false;
  bool Takes(std::string_view modifier) const {
    return std::find(choices.begin(), choices.end(), modifier) != choices.end();
  }
};

// A pattern taken apart.
struct Matcher {
  const FormRow* row;
  std::vector<Group> groups;

  bool Matches(std::span<const std::string_view> modifiers) const {
    std::array<bool, 32> used{};
    for (const std::string_view modifier : modifiers) {
      std::size_t g = 0;
      while (g < groups.size() && (used[g] || !groups[g].Takes(modifier))) ++g;
      if (g == groups.size()) return false;
      used[g] = true;
    }
    for (std::size_t g = 0; g < groups.size(); ++g) {
      if (!used[g] && !groups[g].is_optional) return false;
    }
    return true;
  }
};

using MatcherTable = std::unordered_map<std::string_view, std::vector<Matcher>>;

MatcherTable BuildTable() {
  MatcherTable table;
  for (const FormRow& row : kRows) {
    Matcher matcher{.row = &row, .groups = {}};
    std::vector<std::string_view> opcodes;
    for (std::string_view word : base::Split(row.pattern, ' ')) {
      if (word.empty()) continue;
      Group group;
      group.is_optional = word.back() == '?';
      if (group.is_optional) word.remove_suffix(1);
      group.choices = base::Split(word, '|');
      if (opcodes.empty()) {
        opcodes = std::move(group.choices);
      } else {
        matcher.groups.push_back(std::move(group));
      }
    }
    for (const std::string_view opcode : opcodes) table[opcode].push_back(matcher);
  }
  return table;
}

const MatcherTable& Table() {
  static const MatcherTable table = BuildTable();
  return table;
}

// The modifier to blame: the first that no row of the opcode takes, else none.
std::string Reason(std::string_view opcode, const std::vector<Matcher>& matchers,
                   std::span<const std::string_view> modifiers) {
  for (const std::string_view modifier : modifiers) {
    const bool known = std::any_of(matchers.begin(), matchers.end(), [&](const Matcher& matcher) {
      return std::any_of(matcher.groups.begin(), matcher.groups.end(),
                         [&](const Group& group) { return group.Takes(modifier); });
    });
    if (!known) {
      return "unknown modifier '." + std::string(modifier) + "' of '" + std::string(opcode) + "'";
    }
  }
  return "no form of '" + std::string(opcode) + "' takes these modifiers together";
}

}  // namespace

std::span<const FormRow> FormTable() { return kRows; }

bool Form::Has(std::string_view modifier) const {
  return std::find(modifiers.begin(), modifiers.end(), modifier) != modifiers.end();
}

int Form::Find(std::span<const std::string_view> names, int fallback) const {
  for (const std::string_view modifier : modifiers) {
    const auto found = std::find(names.begin(), names.end(), modifier);
    if (found != names.end()) return static_cast<int>(found - names.begin());
  }
  return fallback;
}

int Form::vector_length() const { return Has("v2") ? 2 : Has("v4") ? 4 : Has("v8") ? 8 : 1; }

std::vector<Form> MatchForms(std::string_view opcode, std::span<const std::string_view> modifiers,
                             std::string* reason) {
  const auto found = Table().find(opcode);
  if (found == Table().end()) {
    *reason = "unknown instruction '" + std::string(opcode) + "'";
    return {};
  }
  std::vector<Form> forms;
  for (const Matcher& matcher : found->second) {
    if (!matcher.Matches(modifiers)) continue;
    Form form{.row = matcher.row,
              .opcode = opcode,
              .modifiers = {modifiers.begin(), modifiers.end()},
              .types = {}};
    for (const std::string_view modifier : modifiers) {
      const std::optional<Type> type = FindType(modifier);
      if (type) form.types.push_back(*type);
    }
    forms.push_back(std::move(form));
  }
  if (forms.empty()) *reason = Reason(opcode, found->second, modifiers);
  return forms;
}

}  // namespace ulproof::gpu::ptx
