// SPDX-License-Identifier: Apache-2.0
#include "gpu/mutate/mutation.h"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <utility>

#include "gpu/ptx/decode.h"
#include "gpu/ptx/parser.h"

namespace ulproof::gpu {
namespace {

using ptx::Token;
using ptx::TokenKind;

constexpr int kTries = 64;
constexpr std::size_t kRegisterWindow = 40;  // Instructions back, for another register.

// What a token becomes, and where in the text it stands.
struct Edit {
  std::size_t token;
  std::string text;
};
using Edits = std::vector<Edit>;

// Words that are mistaken for one another, opcodes apart from modifiers.
constexpr std::array kOpcodes = {
    std::pair("add", "sub"), std::pair("sub", "add"),  std::pair("and", "or"),
    std::pair("or", "and"),  std::pair("or", "xor"),   std::pair("xor", "or"),
    std::pair("xor", "and"), std::pair("and", "xor"),  std::pair("min", "max"),
    std::pair("max", "min"), std::pair("shl", "shr"),  std::pair("shr", "shl"),
    std::pair("mul", "add"), std::pair("clz", "popc"), std::pair("div", "rem"),
    std::pair("rem", "div"), std::pair("neg", "abs"),  std::pair("abs", "neg"),
};
constexpr std::array kModifiers = {
    std::pair("eq", "ne"),   std::pair("ne", "eq"),      std::pair("lt", "le"),
    std::pair("le", "lt"),   std::pair("lt", "gt"),      std::pair("gt", "ge"),
    std::pair("ge", "gt"),   std::pair("gt", "lt"),      std::pair("lo", "hi"),
    std::pair("hi", "lo"),   std::pair("neu", "equ"),    std::pair("equ", "neu"),
    std::pair("num", "nan"), std::pair("nan", "num"),    std::pair("rn", "rz"),
    std::pair("rn", "rp"),   std::pair("rz", "rn"),      std::pair("rni", "rzi"),
    std::pair("rzi", "rni"), std::pair("u32", "s32"),    std::pair("s32", "u32"),
    std::pair("u64", "s64"), std::pair("s64", "u64"),    std::pair("u16", "s16"),
    std::pair("s16", "u16"), std::pair("wrap", "clamp"), std::pair("l", "r"),
    std::pair("r", "l"),     std::pair("bfly", "down"),  std::pair("min", "max"),
    std::pair("max", "min"), std::pair("and", "or"),     std::pair("or", "and"),
    std::pair("any", "all"), std::pair("u8", "s8"),      std::pair("s8", "u8"),
};

template <std::size_t n>
std::vector<std::string> MistakenFor(
    const std::array<std::pair<const char*, const char*>, n>& table, std::string_view word) {
  std::vector<std::string> others;
  for (const auto& [from, to] : table) {
    if (word == from) others.emplace_back(to);
  }
  return others;
}

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

// Whether the sign in a type modifier decides anything: a sum or a low product has the same bits.
bool SignMatters(const ptx::Instruction& instruction) {
  const auto has = [&](std::string_view modifier) {
    return std::ranges::find(instruction.modifiers, modifier) != instruction.modifiers.end();
  };
  if (IsOneOf(instruction.opcode, {"mul", "mad"})) return has("wide") || has("hi");
  if (instruction.opcode == "setp") {
    return !has("eq") && !has("ne");
  }
  return IsOneOf(instruction.opcode,
                 {"shr", "min", "max", "div", "rem", "cvt", "bfe", "abs", "ld"});
}

bool IsCommutative(const ptx::Instruction& instruction) {
  return IsOneOf(instruction.opcode, {"add", "mul", "and", "or", "xor", "min", "max"});
}

// Where a register's sources begin: stores and branches write none.
bool WritesFirstOperand(const ptx::Instruction& instruction) {
  return !IsOneOf(instruction.opcode,
                  {"st", "red", "bra", "bar", "brx", "ret", "call", "prefetch"});
}

std::string_view ClassOf(std::string_view name) {
  return name.substr(0, std::min(name.find_first_of("0123456789"), name.size()));
}

bool IsRegister(const Token& token) {
  return token.kind == TokenKind::kWord && token.text.starts_with('%') &&
         ClassOf(token.text).size() < token.text.size() && token.text.find('.') == token.text.npos;
}

}  // namespace

std::uint64_t MutationRng::Next() {  // SplitMix64
  std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

base::Result<Mutator> Mutator::Make(std::string_view text, std::string_view file,
                                    std::string_view entry) {
  base::Result<ptx::Module> module = ptx::ParseModule(text, file);
  if (!module) return module.error();
  const base::Result<ptx::Program> program = ptx::DecodeEntry(*module, entry);
  if (!program) return program.error();
  Mutator mutator;
  mutator.file_ = file;
  mutator.entry_ = entry;
  mutator.module_ = std::make_shared<const ptx::Module>(std::move(*module));
  base::Result<std::vector<Token>> tokens = ptx::Tokenize(*mutator.module_->source, file);
  if (!tokens) return tokens.error();
  mutator.tokens_ = std::make_shared<const std::vector<Token>>(std::move(*tokens));
  // The entry and what it calls, by name as it stands in the text.
  std::set<std::string> wanted = {mutator.entry_};
  for (bool grew = true; grew;) {
    grew = false;
    for (const ptx::Function& function : mutator.module_->functions) {
      if (!function.is_defined || !wanted.contains(function.name)) continue;
      for (const ptx::Instruction& instruction : function.body) {
        for (const ptx::Operand& operand : instruction.operands) {
          if (operand.kind == ptx::OperandKind::kFunction) {
            grew |= wanted.insert(operand.text).second;
          }
        }
      }
    }
  }
  for (const ptx::Function& function : mutator.module_->functions) {
    if (function.is_defined && wanted.contains(function.name)) mutator.FindSites(function);
  }
  return mutator;
}

void Mutator::FindSites(const ptx::Function& function) {
  const auto before = [](const Token& token, const ptx::Position& position) {
    return std::pair(token.position.line, token.position.column) <
           std::pair(position.line, position.column);
  };
  for (const ptx::Instruction& instruction : function.body) {
    const auto first =
        std::lower_bound(tokens_->begin(), tokens_->end(), instruction.position, before);
    Site site = {.instruction = &instruction,
                 .begin = static_cast<std::size_t>(first - tokens_->begin()),
                 .end = 0,
                 .opcode = 0,
                 .operands = 0};
    site.end = site.begin;
    while (site.end < tokens_->size() && !(*tokens_)[site.end].Is(';')) ++site.end;
    site.opcode = site.begin;
    while (site.opcode < site.end && (*tokens_)[site.opcode].text != instruction.opcode) {
      ++site.opcode;
    }
    // An instruction's position is its opcode's; its guard stands before it.
    if (instruction.guard != ptx::kNoRegister) {
      while (site.begin > 0 && !(*tokens_)[site.begin].Is('@')) --site.begin;
    }
    site.operands = site.opcode + 1;
    while (site.operands < site.end && (*tokens_)[site.operands].kind == TokenKind::kDotWord) {
      ++site.operands;
    }
    if (site.operands < site.end) sites_.push_back(site);
  }
}

std::optional<Mutation> Mutator::Apply(const Site& site, MutationKind kind,
                                       MutationRng& rng) const {
  const std::vector<Token>& tokens = *tokens_;
  const ptx::Instruction& instruction = *site.instruction;
  std::vector<Edits> choices;
  const auto replace = [&](std::size_t token, std::string text) {
    choices.push_back({{token, std::move(text)}});
  };
  // The tokens of registers among the sources, and of all numbers.
  std::vector<std::size_t> registers, numbers;
  bool is_destination = WritesFirstOperand(instruction);
  for (std::size_t at = site.operands; at < site.end; ++at) {
    if (is_destination && tokens[at].Is(',')) {
      is_destination = false;
    } else if (!is_destination && IsRegister(tokens[at])) {
      registers.push_back(at);
    } else if (!is_destination &&
               (tokens[at].kind == TokenKind::kInteger || tokens[at].kind == TokenKind::kFloat32 ||
                tokens[at].kind == TokenKind::kFloat64)) {
      numbers.push_back(at);
    }
  }
  switch (kind) {
    case MutationKind::kOpcode:
      for (const std::string& other : MistakenFor(kOpcodes, instruction.opcode)) {
        Edits edits = {{site.opcode, other}};
        if (other == "shr" || other == "shl") {
          const std::string type(instruction.modifiers.back());
          const std::string bits = type.substr(1);
          edits.push_back({site.operands - 1, (other == "shr" ? ".u" : ".b") + bits});
        }
        if (instruction.opcode == "mul" && instruction.modifiers.size() == 2 &&
            instruction.modifiers[0] == "lo") {
          edits.push_back({site.opcode + 1, ""});
        }
        choices.push_back(std::move(edits));
      }
      if (instruction.opcode == "selp" && instruction.operands.size() == 4 &&
          registers.size() >= 3) {
        choices.push_back({{registers[0], std::string(tokens[registers[1]].text)},
                           {registers[1], std::string(tokens[registers[0]].text)}});
      }
      break;
    case MutationKind::kModifier:
      for (std::size_t at = site.opcode + 1; at < site.operands; ++at) {
        const bool is_sign =
            tokens[at].text.size() >= 2 && (tokens[at].text[0] == 'u' || tokens[at].text[0] == 's');
        if (is_sign && !SignMatters(instruction)) continue;
        for (const std::string& other : MistakenFor(kModifiers, tokens[at].text)) {
          replace(at, "." + other);
        }
      }
      break;
    case MutationKind::kGuard:
      if (site.begin != site.opcode) {
        const bool negated = tokens[site.begin + 1].Is('!');
        replace(negated ? site.begin + 1 : site.begin, negated ? "" : "@!");
      }
      break;
    case MutationKind::kConstant:
      for (const std::size_t at : numbers) {
        const std::uint64_t value = tokens[at].bits;
        const bool is_float = tokens[at].kind != TokenKind::kInteger;
        const int bits = tokens[at].kind == TokenKind::kFloat64 ? 64 : 32;
        for (const std::uint64_t other :
             {value + 1, value - 1, value ^ (std::uint64_t{1} << rng.Below(is_float ? bits : 8))}) {
          char digits[32];
          if (tokens[at].kind == TokenKind::kFloat32) {
            std::snprintf(digits, sizeof digits, "0f%08X", static_cast<unsigned>(other));
          } else if (tokens[at].kind == TokenKind::kFloat64) {
            std::snprintf(digits, sizeof digits, "0d%016llX",
                          static_cast<unsigned long long>(other));
          } else {
            std::snprintf(digits, sizeof digits, "%lld", static_cast<long long>(other));
          }
          replace(at, digits);
        }
      }
      break;
    case MutationKind::kOperand: {
      for (const std::size_t at : registers) {
        std::set<std::string_view> others;
        const std::size_t begin = site.begin - std::min(site.begin, 8 * kRegisterWindow);
        for (std::size_t other = begin; other < site.begin; ++other) {
          if (IsRegister(tokens[other]) &&
              ClassOf(tokens[other].text) == ClassOf(tokens[at].text) &&
              tokens[other].text != tokens[at].text) {
            others.insert(tokens[other].text);
          }
        }
        if (others.empty()) continue;
        auto chosen = others.begin();
        std::advance(chosen, static_cast<std::ptrdiff_t>(rng.Below(others.size())));
        replace(at, std::string(*chosen));
      }
      const bool swappable = registers.size() >= 2 && !IsCommutative(instruction) &&
                             tokens[registers[0]].text != tokens[registers[1]].text &&
                             !IsOneOf(instruction.opcode, {"fma", "mad", "lop3"});
      if (swappable) {
        choices.push_back({{registers[0], std::string(tokens[registers[1]].text)},
                           {registers[1], std::string(tokens[registers[0]].text)}});
      }
      break;
    }
  }
  if (choices.empty()) return std::nullopt;
  Edits& edits = choices[rng.Below(choices.size())];
  std::ranges::sort(edits, std::greater<>(), &Edit::token);
  const std::string& source = *module_->source;
  Mutation mutation = {.kind = kind,
                       .line = instruction.position.line,
                       .before = std::string(module_->LineText(instruction.position.line)),
                       .after = {},
                       .text = source};
  for (const Edit& edit : edits) {
    const Token& token = tokens[edit.token];
    auto begin = static_cast<std::size_t>(token.text.data() - source.data());
    std::size_t length = token.text.size();
    if (token.kind == TokenKind::kDotWord) {
      --begin;  // Its dot.
      ++length;
    }
    mutation.text.replace(begin, length, edit.text);
  }
  return mutation;
}

std::optional<Mutation> Mutator::Draw(MutationRng& rng) const {
  if (sites_.empty()) return std::nullopt;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const Site& site = sites_[rng.Below(sites_.size())];
    const auto kind = static_cast<MutationKind>(rng.Below(kMutationKindNames.size()));
    std::optional<Mutation> mutation = Apply(site, kind, rng);
    if (!mutation) continue;
    const base::Result<ptx::Module> mutant = ptx::ParseModule(mutation->text, file_);
    if (!mutant || !ptx::DecodeEntry(*mutant, entry_).ok()) continue;
    mutation->after = mutant->LineText(mutation->line);
    if (mutation->after == mutation->before) continue;
    return mutation;
  }
  return std::nullopt;
}

}  // namespace ulproof::gpu
