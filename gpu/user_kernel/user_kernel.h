// SPDX-License-Identifier: Apache-2.0
// A manifest checked against the entries of a compiled file: which operations the kernel takes, and
// the launches of one of them.
#ifndef ULPROOF_GPU_USER_KERNEL_USER_KERNEL_H_
#define ULPROOF_GPU_USER_KERNEL_USER_KERNEL_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/backend.h"
#include "gpu/machine.h"
#include "gpu/user_kernel/manifest.h"

namespace ulproof::gpu {

// An entry of a PTX file, by its declaration.
struct EntryInfo {
  std::string name;
  std::vector<std::uint64_t> parameter_bytes;
  int line = 0;
};

// The entries of a PTX text in order. Errors: the parser's.
base::Result<std::vector<EntryInfo>> EntriesOf(std::string_view ptx, std::string_view file);

class UserKernel {
 public:
  // Buffers are numbered: inputs, outputs, one for each Derived, scratch.
  struct BufferNumbers {
    std::size_t outputs, derived, scratch, count;
  };

  // Finds each launch's entry (by name; a C++ name finds its mangled form; no name finds the only
  // entry) and checks everything that does not depend on the shape: number, size and kind of the
  // arguments, every output passed, every input passed, every expression at shapes small and
  // large. Errors (exit code 2) name the place in the manifest, or entry and line of `file`.
  static base::Result<UserKernel> Bind(Manifest manifest, std::span<const EntryInfo> entries,
                                       std::string_view file);

  const Manifest& manifest() const { return manifest_; }
  const formats::Operation& prototype() const { return manifest_.op; }

  // The operation nearest to `op` that the kernel takes: the prototype's formats, modes, law and
  // block; a field that no argument carries has the prototype's value (a matrix, where neither rows
  // nor columns are passed, one row); the manifest's limits hold, and the widths of the arguments.
  // Precondition: op is valid and of the prototype's kind. The result is valid.
  formats::Operation Fit(formats::Operation op) const;

  // One sentence for each way in which Fit narrows, "offset=0 always: no argument carries it", and
  // for what the manifest forgives.
  std::vector<std::string> Restrictions() const;

  // Empty when the kernel takes op; else why not.
  std::string why_unsupported(const formats::Operation& op) const;

  // The launches for op; `inputs` as for Backend::Run. Errors: what an expression says.
  // Precondition: op is supported.
  base::Result<std::vector<KernelLaunch>> Launches(
      const formats::Operation& op, std::span<const formats::ConstBuffer> inputs) const;

  // The launches for a call without any element (one row of no columns), as host code would make
  // them: those whose grid is empty are left out. Errors: what an expression says.
  base::Result<std::vector<KernelLaunch>> EmptyLaunches() const;

  BufferNumbers buffer_numbers() const;
  bool UsesDerived(Derived derived) const;
  // The bytes of scratch buffer `index`, at least 1. Errors: what its expression says.
  base::Result<std::uint64_t> ScratchBytes(const formats::Operation& op, std::size_t index) const;

 private:
  explicit UserKernel(Manifest manifest) : manifest_(std::move(manifest)) {}

  base::Error Wrong(const std::string& place, const std::string& message) const;
  base::Status BindLaunch(ManifestLaunch& launch, std::span<const EntryInfo> entries,
                          std::string_view file);
  base::Status CheckArgument(ManifestArgument& argument, std::uint64_t bytes,
                             const formats::Signature& signature) const;
  base::Status CheckPorts() const;
  base::Status CheckExpressions() const;
  // With a grid of at least `smallest_grid` blocks in each direction.
  base::Result<std::vector<KernelLaunch>> LaunchesWithin(
      const formats::Operation& op, std::span<const formats::ConstBuffer> inputs,
      std::uint64_t smallest_grid) const;
  // Whether an argument carries the field; for rows and cols, also whether a grid does.
  bool Takes(Field field) const;
  std::uint64_t LargestOf(Field field) const;
  base::Result<LaunchArgument> Resolve(const ManifestArgument& argument,
                                       std::span<const std::uint64_t> values,
                                       std::span<const formats::ConstBuffer> inputs) const;

  Manifest manifest_;
};

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_USER_KERNEL_USER_KERNEL_H_
