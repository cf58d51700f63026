// SPDX-License-Identifier: Apache-2.0
// Manifests of users' kernels, bound to the entries of a PTX file. Oracle: any text gives a
// manifest or an error that names the file; a kernel that binds takes whatever Fit says it takes,
// fitting a second time changes nothing, and the launches have the entry's arguments.
#include "fuzz/byte_reader.h"
#include "gpu/user_kernel/user_kernel.h"
#include "reference/compare/inputs.h"

namespace ulproof::fuzz {
namespace {

using formats::Operation;

// Entries with one to six parameters of the usual sizes, and two launches' worth of them.
const std::vector<gpu::EntryInfo>& Entries() {
  static const std::vector<gpu::EntryInfo> entries = {
      {.name = "one", .parameter_bytes = {8, 8, 8}, .line = 1},
      {.name = "two", .parameter_bytes = {8, 8, 4}, .line = 2},
      {.name = "_Z5threePfS_i", .parameter_bytes = {8, 8, 8, 4, 4, 8}, .line = 3},
      {.name = "many", .parameter_bytes = {8, 8, 8, 4, 4, 8, 8, 1, 2}, .line = 4},
  };
  return entries;
}

void ExpectFits(const gpu::UserKernel& kernel, std::uint64_t seed) {
  reference::Rng rng(seed);
  for (int i = 0; i < 8; ++i) {
    Operation op = reference::RandomCall(kernel.prototype(), rng);
    const Operation fitted = kernel.Fit(op);
    const std::string name = formats::OperationName(fitted);
    ULPROOF_CHECK(formats::ValidateOperation(fitted).ok(), name);
    ULPROOF_CHECK(kernel.Fit(fitted) == fitted, name);
    const std::string why = kernel.why_unsupported(fitted);
    ULPROOF_CHECK(why.empty(), name + ": " + why);
    constexpr std::uint64_t kMaxElements = 1 << 20;
    if (fitted.shape.count() > kMaxElements) continue;
    const formats::Case c = formats::EmptyCase(fitted);
    std::vector<formats::ConstBuffer> inputs;
    for (const formats::Tensor& tensor : c.inputs) inputs.push_back(tensor.view());
    const auto launches = kernel.Launches(fitted, inputs);
    if (!launches.ok()) continue;
    for (const gpu::KernelLaunch& launch : *launches) {
      const auto entry = std::ranges::find(Entries(), launch.entry, &gpu::EntryInfo::name);
      ULPROOF_CHECK(entry != Entries().end(), launch.entry);
      ULPROOF_CHECK(launch.arguments.size() == entry->parameter_bytes.size(), launch.entry);
      for (std::size_t a = 0; a < launch.arguments.size(); ++a) {
        if (launch.arguments[a].buffer >= 0) continue;
        ULPROOF_CHECK(
            static_cast<std::uint64_t>(launch.arguments[a].bytes) == entry->parameter_bytes[a],
            launch.entry);
      }
    }
  }
}

}  // namespace

ULPROOF_FUZZ_TARGET(manifest) {
  auto manifest = gpu::ParseManifest(TextOf(data), "m.json", std::nullopt);
  if (!manifest.ok()) {
    ULPROOF_CHECK(manifest.error().file == "m.json" && !manifest.error().message.empty());
    ULPROOF_CHECK(manifest.error().exit_code == base::ExitCode::kUsage);
    return;
  }
  const auto kernel = gpu::UserKernel::Bind(std::move(manifest).value(), Entries(), "k.ptx");
  if (!kernel.ok()) {
    ULPROOF_CHECK(!kernel.error().message.empty() &&
                  kernel.error().exit_code == base::ExitCode::kUsage);
    return;
  }
  for (const std::string& sentence : kernel->Restrictions()) ULPROOF_CHECK(!sentence.empty());
  const auto empty = kernel->EmptyLaunches();
  ULPROOF_CHECK(empty.ok() || !empty.error().message.empty());
  ExpectFits(*kernel, data.size());
}

}  // namespace ulproof::fuzz
