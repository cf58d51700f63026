// SPDX-License-Identifier: Apache-2.0
#include "gpu/ptx/module.h"

namespace ulproof::gpu::ptx {

std::string Instruction::Mnemonic() const {
  std::string text = opcode;
  for (const std::string_view modifier : modifiers) {
    text += '.';
    text += modifier;
  }
  return text;
}

const Function* Module::FindFunction(std::string_view name) const {
  for (const Function& function : functions) {
    if (function.is_defined && function.name == name) return &function;
  }
  return nullptr;
}

std::string_view Module::LineText(int line) const {
  std::string_view rest = *source;
  for (int i = 1; i < line; ++i) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return {};
    rest.remove_prefix(end + 1);
  }
  rest = rest.substr(0, rest.find('\n'));
  const std::size_t first = rest.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return rest.substr(first, rest.find_last_not_of(" \t\r") - first + 1);
}

}  // namespace ulproof::gpu::ptx
