// SPDX-License-Identifier: Apache-2.0
// The suite of `ulproof verify` as a suite for mutants of a user's kernel: its cases are kept with
// their answers while the kernel itself passes it, so that each mutant meets what `verify` would
// put to it, and meets the cheapest first.
#ifndef ULPROOF_CLI_USER_MUTATION_SUITE_H_
#define ULPROOF_CLI_USER_MUTATION_SUITE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/kernel_under_test.h"
#include "cli/mutation_suite.h"

namespace ulproof::cli {

class UserKernelSuite : public MutationSuite {
 public:
  // Runs the suite of level quick once. `kernel` runs on the simulator and must outlive the result.
  // Errors: the kernel itself fails it (exit code 1).
  static base::Result<std::unique_ptr<MutationSuite>> Make(const KernelUnderTest& kernel,
                                                           formats::Backend& truth);

  std::size_t case_count() const override { return cases_.size(); }
  std::uint64_t element_count() const override;
  gpu::Discovery Try(std::string_view text, const std::string& file) const override;

 private:
  struct KeptCase {
    formats::Case c;
    std::vector<formats::Tensor> expected;
    std::uint64_t warp_instructions = 0;  // That the kernel itself takes.
  };

  explicit UserKernelSuite(const KernelUnderTest& kernel) : kernel_(kernel) {}
  // `sees(i, instructions)` hears of each case that gave the right bits, by its index.
  gpu::Discovery RunCases(std::string_view text, std::uint64_t budget,
                          const std::function<void(std::size_t, std::uint64_t)>& sees) const;

  const KernelUnderTest& kernel_;
  std::vector<KeptCase> cases_;
  std::uint64_t instruction_budget_ = 0;
};

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_USER_MUTATION_SUITE_H_
