// SPDX-License-Identifier: Apache-2.0
// The registry against the compiled kernels: every row's entry exists, with parameters of the sizes
// that the row will pass, and no entry is left without a row.
#include "gpu/kernels/registry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "gpu/golden/golden.h"
#include "gpu/ptx/parser.h"

namespace ulproof::gpu {
namespace {

const ptx::Module& ParsedModule(const std::string& name) {
  static std::map<std::string, ptx::Module> modules;
  if (const auto found = modules.find(name); found != modules.end()) return found->second;
  auto parsed = ptx::ParseModule(GoldenPtx("sm_80", name), name + ".ptx");
  EXPECT_TRUE(parsed.ok()) << parsed.error().ToString();
  return modules.emplace(name, std::move(*parsed)).first->second;
}

// Would catch: a renamed entry, an argument added to a kernel and not to the registry (or of
// another width), a kernel that nobody runs.
TEST(Registry, MatchesTheCompiledEntries) {
  std::map<std::string, std::set<std::string>> unused;
  for (const Kernel& kernel : Kernels()) {
    for (const ptx::Function& function : ParsedModule(kernel.module).functions) {
      if (function.is_entry) unused[kernel.module].insert(function.name);
    }
  }
  for (const Kernel& kernel : Kernels()) {
    for (const Launch& launch : kernel.launches) {
      const ptx::Module& module = ParsedModule(kernel.module);
      const auto entry = std::ranges::find(module.functions, launch.entry, &ptx::Function::name);
      ASSERT_NE(entry, module.functions.end()) << launch.entry;
      ASSERT_EQ(entry->parameters.size(), launch.arguments.size()) << launch.entry;
      for (std::size_t i = 0; i < launch.arguments.size(); ++i) {
        EXPECT_EQ(entry->variables[entry->parameters[i].index].size,
                  static_cast<std::uint64_t>(ArgumentBytes(launch.arguments[i].role)))
            << launch.entry << " parameter " << i;
      }
      unused[kernel.module].erase(launch.entry);
    }
  }
  for (const auto& [module, entries] : unused) {
    EXPECT_TRUE(entries.empty()) << module << ": " << *entries.begin();
  }
}

// Would catch: two rows for one operation, a prototype that is not valid.
TEST(Registry, FindsEachKernelByItsOperation) {
  for (const Kernel& kernel : Kernels()) {
    EXPECT_TRUE(formats::ValidateOperation(kernel.prototype).ok()) << kernel.name;
    EXPECT_EQ(FindKernel(kernel.prototype, kernel.plain), &kernel) << kernel.name;
    formats::Operation call = kernel.prototype;
    call.shape = {.rows = 77, .cols = 5, .index_stride = 9};
    call.key = {.seed = 1, .stream = 2, .offset = 3};
    EXPECT_EQ(FindKernel(call, kernel.plain), &kernel) << kernel.name;
  }
  formats::Operation other = Kernels().front().prototype;
  other.law = formats::NoiseLaw::kNormal2;
  EXPECT_EQ(FindKernel(other, false), nullptr);
}

}  // namespace
}  // namespace ulproof::gpu
