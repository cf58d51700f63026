// SPDX-License-Identifier: Apache-2.0
// The contraction that ptxas is free to do, done as often as it can be.
#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "gpu/ptx/decode.h"
#include "gpu/ptx/layout.h"
#include "gpu/ptx/ops/by_operand.h"

namespace ulproof::gpu::ptx {
namespace {

// A product whose factors still hold what they held when it was taken.
struct Product {
  std::uint32_t pc;
  Type type;
  bool flush;
};

class Contraction {
 public:
  explicit Contraction(Program& program) : program_(program) {}

  int Run() {
    const std::vector<bool> starts = BlockStarts();
    for (std::uint32_t pc = 0; pc < program_.code.size(); ++pc) {
      if (starts[pc]) products_.clear();
      const Instruction* const instruction = program_.origins[pc].instruction;
      const bool is_contractable =
          instruction != nullptr && (program_.origins[pc].row->tags & kContractable) != 0;
      if (is_contractable && instruction->opcode != "mul") Fuse(pc, *instruction);
      Forget(pc);
      if (is_contractable && instruction->opcode == "mul" && !Has(*instruction, "sat")) {
        products_[program_.code[pc].operand[0]] = {
            .pc = pc, .type = program_.code[pc].type, .flush = Has(*instruction, "ftz")};
      }
    }
    return fused_;
  }

 private:
  static bool Has(const Instruction& instruction, std::string_view modifier) {
    return std::find(instruction.modifiers.begin(), instruction.modifiers.end(), modifier) !=
           instruction.modifiers.end();
  }

  std::vector<bool> BlockStarts() const {
    std::vector<bool> starts(program_.code.size() + 1, false);
    for (std::size_t pc = 0; pc < program_.code.size(); ++pc) {
      const Operation& operation = program_.code[pc];
      const auto control = static_cast<Control>(operation.control);
      if (control == Control::kNone) continue;
      starts[pc + 1] = true;
      if (control == Control::kBranch) starts[static_cast<std::size_t>(operation.offset)] = true;
      if (control != Control::kIndexed) continue;
      for (const std::uint32_t target :
           program_.branch_targets[static_cast<std::size_t>(operation.offset)]) {
        starts[target] = true;
      }
    }
    return starts;
  }

  // What the operation overwrites is no product any more, nor a factor of one.
  void Forget(std::uint32_t pc) {
    const Operation& operation = program_.code[pc];
    for (int i = 0; i < kMaxOperands; ++i) {
      if ((program_.origins[pc].writes >> i & 1) == 0) continue;
      const Slot slot = operation.operand[i];
      std::erase_if(products_, [&](const auto& entry) {
        const Operation& product = program_.code[entry.second.pc];
        return entry.first == slot || product.operand[1] == slot || product.operand[2] == slot ||
               product.guard == slot;
      });
    }
  }

  void Fuse(std::uint32_t pc, const Instruction& instruction) {
    Operation& sum = program_.code[pc];
    for (const int side : {1, 2}) {
      const auto found = products_.find(sum.operand[side]);
      if (found == products_.end()) continue;
      const Operation& product = program_.code[found->second.pc];
      const bool same_guard = product.guard == kTrueSlot ||
                              (product.guard == sum.guard && product.guard_flip == sum.guard_flip);
      if (!same_guard || found->second.type != sum.type ||
          found->second.flush != Has(instruction, "ftz")) {
        continue;
      }
      const Slot addend = sum.operand[side == 1 ? 2 : 1];
      const bool is_subtraction = instruction.opcode == "sub";
      const Binding fused = ops::FusedProduct({.type = sum.type,
                                               .flush = found->second.flush,
                                               .saturate = Has(instruction, "sat"),
                                               .negates_product = is_subtraction && side == 2,
                                               .negates_addend = is_subtraction && side == 1});
      sum.execute = fused.execute;
      sum.parameter = fused.parameter;
      sum.operand[1] = product.operand[1];
      sum.operand[2] = product.operand[2];
      sum.operand[3] = addend;
      program_.origins[pc].reads = 0b1110;
      ++fused_;
      return;
    }
  }

  Program& program_;
  std::map<Slot, Product> products_;  // By the slot that holds the product.
  int fused_ = 0;
};

}  // namespace

int ContractProducts(Program& program) { return Contraction(program).Run(); }

}  // namespace ulproof::gpu::ptx
