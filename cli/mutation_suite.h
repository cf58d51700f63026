// SPDX-License-Identifier: Apache-2.0
// The cases by which `ulproof mutate` tells a wrong version of a kernel from the right one, with
// the right answers. Small enough to be run some hundred times over.
#ifndef ULPROOF_CLI_MUTATION_SUITE_H_
#define ULPROOF_CLI_MUTATION_SUITE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/backend.h"
#include "formats/case.h"
#include "gpu/kernels/registry.h"
#include "gpu/mutate/campaign.h"
#include "gpu/mutate/slice_trial.h"
#include "gpu/ptx/launch.h"
#include "gpu/tensor_part.h"

namespace ulproof::cli {

class MutationSuite {
 public:
  virtual ~MutationSuite() = default;

  virtual std::size_t case_count() const = 0;
  virtual std::uint64_t element_count() const = 0;

  // Runs the cases until one tells: wrong bits or a fault; when none does, whether one took more
  // instructions than the kernel itself takes for it. Thread-safe.
  virtual gpu::Discovery Try(std::string_view text, const std::string& file) const = 0;
  // The same of a mutant, which may also turn out to be equivalent.
  virtual gpu::Discovery Judge(const gpu::Mutation& mutation, const std::string& file) const {
    return Try(mutation.text, file);
  }
  // Whether a thread of some case comes to that line of `text`, the right kernel.
  bool Reaches(std::string_view text, int line) const;
};

// The instructions of warps that a launch takes, with what divisions become.
std::uint64_t CostOf(const gpu::ptx::RunReport& report);
// Whether a mutant that takes `taken` instructions of warps is slower than what takes `own`.
bool IsSlower(std::uint64_t taken, std::uint64_t own);

// For our own kernels: cases made for the ways in which they can go wrong, launched and aligned in
// every way that their code tells apart.
class KernelSuite : public MutationSuite {
 public:
  // The suite of the kernel that computes `op` (its shape, key, flags and rule are the suite's to
  // choose). `text` is the PTX of its module. Errors: there is no such kernel; the kernel itself
  // does not give the reference's bits, so that nothing can be said of its mutants.
  static base::Result<std::unique_ptr<MutationSuite>> Make(const formats::Operation& op, bool plain,
                                                           std::string_view text,
                                                           const std::string& file);

  std::size_t case_count() const override { return cases_.size(); }
  std::uint64_t element_count() const override;
  gpu::Discovery Try(std::string_view text, const std::string& file) const override;
  // One that survives because exp2 is right without it is equivalent.
  gpu::Discovery Judge(const gpu::Mutation& mutation, const std::string& file) const override;

 private:
  struct SuiteCase {
    formats::Case c;
    std::uint32_t grid_limit = 0;  // Not 0: fewer thread blocks, so that loops go round.
    // Of the first input and the first output; kernels choose their path by it.
    std::uint64_t input_misalignment = 0, output_misalignment = 0;
    std::optional<gpu::TensorPart> part = {};  // Of a large tensor, of which the case is this.
    std::vector<formats::Tensor> expected = {};
    std::uint64_t warp_instructions = 0;  // That the kernel itself takes.
  };

  KernelSuite() = default;
  // Adds a case with its variants of launch and memory. Errors: the reference's.
  base::Status AddCase(formats::Backend& truth, formats::Case c);
  // Adds parts of tensors whose elements, blocks or groups need more than 32 bits for their
  // numbers.
  base::Status AddParts(formats::Backend& truth, formats::Operation op);
  base::Status AddPart(formats::Backend& truth, formats::Case c, const gpu::TensorPart& part);
  // `sees(i, instructions)` hears of each case that gave the right bits, by its index.
  gpu::Discovery RunCases(const gpu::ptx::LaunchOptions& launch, std::string_view text,
                          const std::string& file,
                          const std::function<void(std::size_t, std::uint64_t)>& sees) const;

  const gpu::Kernel* kernel_ = nullptr;
  std::vector<SuiteCase> cases_;
  std::uint64_t instruction_budget_ = 0;
  std::shared_ptr<const gpu::SliceTrial> exponents_;  // Of exp2.
};

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_MUTATION_SUITE_H_
