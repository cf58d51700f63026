// SPDX-License-Identifier: Apache-2.0
// Changes one instruction of a kernel's PTX text at random: the kind of error that a compiler, a
// hand or a bad merge would make. Whether the change can be seen at all is equivalence.h's
// business, whether it is seen campaign.h's.
#ifndef ULPROOF_GPU_MUTATE_MUTATION_H_
#define ULPROOF_GPU_MUTATE_MUTATION_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gpu/ptx/lexer.h"
#include "gpu/ptx/module.h"

namespace ulproof::gpu {

enum class MutationKind : std::uint8_t {
  kOpcode,    // add for sub, or for xor, the sources of a selection swapped ...
  kOperand,   // another register of the same kind, or two sources swapped
  kConstant,  // one more or less, or one bit
  kModifier,  // lt for le, hi for lo, rz for rn, signed for unsigned ...
  kGuard,     // @p for @!p
};
inline constexpr std::array<std::string_view, 5> kMutationKindNames = {
    "opcode", "operand", "constant", "modifier", "guard"};
constexpr std::string_view MutationKindName(MutationKind kind) {
  return kMutationKindNames[static_cast<std::size_t>(kind)];
}

struct Mutation {
  MutationKind kind;
  int line = 0;        // Of the PTX text.
  std::string before;  // The instruction
  std::string after;   // ... and what has become of it.
  std::string text;    // The whole module with the change.
};

// A small generator with a seed, so that a campaign can be repeated.
class MutationRng {
 public:
  explicit MutationRng(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next();
  std::uint64_t Below(std::uint64_t bound) { return Next() % bound; }  // bound > 0

 private:
  std::uint64_t state_;
};

class Mutator {
 public:
  // Takes in a module. Errors: it does not parse; it has no such entry or the simulator does not
  // have one of its instructions.
  static base::Result<Mutator> Make(std::string_view text, std::string_view file,
                                    std::string_view entry);

  // One random change of an instruction of the entry or of a function that it calls. The result
  // parses and decodes, and differs from the original in more than the order of the sources of a
  // commutative instruction. Nothing: none was found in a good number of tries.
  std::optional<Mutation> Draw(MutationRng& rng) const;

  const ptx::Module& module() const { return *module_; }

 private:
  // The tokens [begin, end) of one instruction.
  struct Site {
    const ptx::Instruction* instruction;
    std::size_t begin, end;
    std::size_t opcode;    // The token of the opcode
    std::size_t operands;  // ... and the first one after its modifiers.
  };

  Mutator() = default;
  void FindSites(const ptx::Function& function);
  std::optional<Mutation> Apply(const Site& site, MutationKind kind, MutationRng& rng) const;

  std::string file_, entry_;
  std::shared_ptr<const ptx::Module> module_;
  std::shared_ptr<const std::vector<ptx::Token>> tokens_;  // Views into the module's source.
  std::vector<Site> sites_;
};

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_MUTATE_MUTATION_H_
