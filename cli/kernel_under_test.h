// SPDX-License-Identifier: Apache-2.0
// A user's kernel, opened: read or compiled, bound to its manifest, and loaded on the machines that
// it is to run on. What `verify` and `mutate` start from.
#ifndef ULPROOF_CLI_KERNEL_UNDER_TEST_H_
#define ULPROOF_CLI_KERNEL_UNDER_TEST_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/backend.h"
#include "gpu/ptx/launch.h"
#include "gpu/user_kernel/user_kernel.h"
#include "reference/compare/conform.h"

namespace ulproof::cli {

struct KernelOptions {
  std::string path;                      // .ptx, .cu or .so
  std::optional<formats::Operation> op;  // Without: the manifest names it.
  std::string manifest;                  // Path; empty: the default argument order.
  std::vector<std::string> machines;     // Empty: simulator, and device if there is one.
  std::string arch = "sm_80";            // For .cu.
  std::vector<std::string> nvrtc;        // Options, for .cu.
};

// What the simulator executed, summed over all launches.
struct SimulatedWork {
  std::uint8_t tags = 0;  // gpu/ptx/form.h
  std::uint64_t launches = 0;
  std::uint64_t thread_instructions = 0;
  std::uint64_t divergent_branches = 0;
};

class KernelUnderTest {
 public:
  // Errors: what the file, the compiler, the manifest or a machine says; a machine that was asked
  // for by name and is not here (exit code 3). `truth` must outlive the result.
  static base::Result<std::unique_ptr<KernelUnderTest>> Open(const KernelOptions& options,
                                                             formats::Backend& truth);

  const formats::Operation& op() const { return op_; }
  std::vector<formats::Backend*> subjects() const;
  // For ConformOptions. Valid as long as this object.
  reference::KernelUnderTest suite() const;
  // How calls are narrower than the operation (UserKernel::Restrictions).
  std::vector<std::string> restrictions() const;
  // "entry my_cast, manifest cast.json", for headings.
  const std::string& description() const { return description_; }
  // Entries that are launched, once each.
  const std::vector<std::string>& entries() const { return entries_; }
  // Empty for plugins.
  const std::string& ptx() const { return ptx_; }

  using LaunchObserver = std::function<void(const gpu::KernelLaunch&, const gpu::ptx::RunReport&)>;
  // The same launches of another PTX text, a mutant's, on the simulator and in every order in which
  // the kernel itself runs there. No thread block may take more instructions of warps than
  // `budget`. `sees` hears of each launch once, in the first order, and may be called from several
  // threads at once. Errors: what the parser says.
  // Precondition: no plugin.
  base::Result<std::unique_ptr<formats::Backend>> Simulate(const std::string& ptx,
                                                           std::uint64_t budget,
                                                           const LaunchObserver& sees) const;

  // A call without any element, on the simulator: what touched memory, or nothing. A record of a
  // check, like those of the suite; none for plugins, and where no simulator was asked for.
  std::optional<reference::CheckRecord> RunEmptyCall() const;

  SimulatedWork work() const;
  // The kernel with every multiplication and addition fused that ptxas may fuse; null for plugins
  // and where no simulator was asked for.
  formats::Backend* contracted() const { return contracted_.get(); }

 private:
  KernelUnderTest() = default;
  base::Status OpenPlugin(const KernelOptions& options);
  base::Status OpenKernel(const KernelOptions& options, formats::Backend& truth);
  base::Status AddMachine(const std::string& name, bool is_asked_for);
  base::Status AddSimulator();
  base::Result<std::unique_ptr<gpu::LoadedModule>> LoadSimulated(
      const gpu::ptx::LaunchOptions& launch, const std::string& ptx,
      const LaunchObserver& sees) const;

  formats::Backend* truth_ = nullptr;
  std::string path_, ptx_;
  formats::Operation op_;
  std::string description_;
  std::vector<std::string> entries_;
  std::shared_ptr<const gpu::UserKernel> kernel_;        // Null for plugins.
  std::vector<std::unique_ptr<gpu::Machine>> machines_;  // Outlive the modules in subjects_.
  std::vector<std::unique_ptr<formats::Backend>> subjects_;
  std::unique_ptr<formats::Backend> contracted_;
  std::unique_ptr<gpu::LoadedModule> for_empty_call_;
  mutable std::mutex mutex_;
  SimulatedWork work_;
};

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_KERNEL_UNDER_TEST_H_
