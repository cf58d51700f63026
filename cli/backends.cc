// SPDX-License-Identifier: Apache-2.0
#include "cli/backends.h"

#include <fmt/format.h>

#include <memory>
#include <vector>

#include "base/text.h"
#include "cpu/backend_cpu.h"
#include "gpu/kernel_backend.h"
#include "gpu/runtime/device_machine.h"
#include "gpu/simulator_machine.h"
#include "reference/backend_reference.h"

namespace ulproof::cli {
namespace {

using formats::Backend;

struct Registry {
  std::vector<std::unique_ptr<Backend>> owned;
  std::vector<Backend*> all;

  Registry() {
    owned.push_back(reference::MakeReferenceBackend());
    owned.push_back(cpu::MakeCpuBackend());
    for (auto& backend : cpu::MakeCpuBackends()) owned.push_back(std::move(backend));
    const std::shared_ptr<gpu::Machine> simulator = gpu::MakeSimulatorMachine();
    owned.push_back(gpu::MakeKernelBackend({.name = "simulator", .machine = simulator}));
    owned.push_back(
        gpu::MakeKernelBackend({.name = "simulator-plain", .machine = simulator, .plain = true}));
    owned.push_back(gpu::MakeKernelBackend(
        {.name = "simulator-compiled", .machine = gpu::MakeSimulatorMachine({.compiled = true})}));
    owned.push_back(
        gpu::MakeKernelBackend({.name = "device", .machine = gpu::MakeDeviceMachine()}));
    for (const auto& backend : owned) all.push_back(backend.get());
  }
};

// Whether fast implementations decide this law in real numbers only approximately.
bool HasRealLaw(const formats::Operation& op) {
  const bool draws_noise = op.kind == formats::OpKind::kNoise ||
                           op.kind == formats::OpKind::kSample ||
                           op.kind == formats::OpKind::kBackward;
  return draws_noise &&
         (op.law == formats::NoiseLaw::kBoxMuller || op.law == formats::NoiseLaw::kNormal2);
}

}  // namespace

std::span<Backend* const> AllBackends() {
  static const Registry registry;
  return registry.all;
}

bool RepeatsAnother(const Backend& backend) {
  return backend.name() == "cpu" || backend.name() == "simulator-compiled";
}

base::Result<Backend*> FindBackend(std::string_view name) {
  std::vector<std::string_view> known;
  for (Backend* backend : AllBackends()) {
    if (backend->name() == name) {
      const std::string why = backend->why_unavailable();
      if (why.empty()) return backend;
      return base::EnvironmentError(fmt::format("backend {} is unavailable: {}", name, why));
    }
    known.push_back(backend->name());
  }
  return base::UnknownName("backend", name, known);
}

base::Result<Backend*> BackendFor(std::string_view name, const formats::Operation& op) {
  if (!name.empty()) {
    const auto backend = FindBackend(name);
    if (!backend.ok()) return backend;
    const std::string why = (*backend)->why_unsupported(op);
    if (why.empty()) return backend;
    return base::UsageError(fmt::format("backend {} does not compute this: {}", name, why));
  }
  if (!HasRealLaw(op)) {
    const auto fast = FindBackend("cpu");
    if (fast.ok() && (*fast)->why_unsupported(op).empty()) return fast;
  }
  return FindBackend("reference");
}

}  // namespace ulproof::cli
