// SPDX-License-Identifier: Apache-2.0
// The cases by which `ulproof mutate` tells a wrong version of one of our kernels from the right
// one, with the reference's answers. Small enough to be run some hundred times over.
#ifndef ULPROOF_CLI_MUTATION_SUITE_H_
#define ULPROOF_CLI_MUTATION_SUITE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/case.h"
#include "gpu/kernels/registry.h"
#include "gpu/machine.h"
#include "gpu/mutate/campaign.h"

namespace ulproof::cli {

class KernelSuite {
 public:
  // The suite of the kernel that computes `op` (its shape, key, flags and rule are the suite's to
  // choose). `text` is the PTX of its module. Errors: there is no such kernel; the kernel itself
  // does not give the reference's bits, so that nothing can be said of its mutants.
  static base::Result<KernelSuite> Make(const formats::Operation& op, bool plain,
                                        std::string_view text, const std::string& file);

  const gpu::Kernel& kernel() const { return *kernel_; }
  std::size_t case_count() const { return cases_.size(); }
  std::uint64_t element_count() const;

  // Runs the cases until one tells. Thread-safe.
  gpu::Discovery Try(std::string_view text, const std::string& file) const;
  // Whether a thread of some case comes to that line of `text`, the right kernel.
  bool Reaches(std::string_view text, int line) const;

 private:
  struct SuiteCase {
    formats::Case c;
    std::uint32_t grid_limit = 0;  // Not 0: fewer thread blocks, so that loops go round.
    std::vector<formats::Tensor> expected = {};
  };

  KernelSuite() = default;
  gpu::Discovery RunCases(gpu::Machine& machine, std::string_view text,
                          const std::string& file) const;

  const gpu::Kernel* kernel_ = nullptr;
  std::vector<SuiteCase> cases_;
  std::uint64_t instruction_budget_ = 0;
};

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_MUTATION_SUITE_H_
