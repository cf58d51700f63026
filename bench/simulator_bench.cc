// SPDX-License-Identifier: Apache-2.0
// Speed of the PTX simulator: thread instructions per second on one core and on all, interpreted
// and compiled, for a straight-line kernel (Philox, integer noise, FMA, bfloat16 pairs). Validates
// its output against the reference before it times. The kernel is tests/vectors/ptx/noise_bf16.ptx.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "gpu/ptx/compiled/compile.h"
#include "gpu/ptx/launch.h"
#include "reference/ops/arith.h"
#include "reference/ops/cast.h"
#include "reference/random/noise.h"

namespace ulproof {
namespace {

using gpu::ptx::Arguments;
using gpu::ptx::DeviceAddress;
using gpu::ptx::Kernel;
using gpu::ptx::LaunchOptions;
using gpu::ptx::LaunchShape;
using gpu::ptx::Memory;
using gpu::ptx::Module;
using gpu::ptx::RunReport;

constexpr std::uint32_t kGroups = 1 << 17;  // Eight elements each: one thread.
constexpr float kScale = 0.03F;
constexpr formats::RandomKey kKey{.seed = 0x123456789ABCDEF, .stream = 42};

[[noreturn]] void Fail(const std::string& message) {
  std::fprintf(stderr, "simulator_bench: %s\n", message.c_str());
  std::exit(1);
}

std::vector<std::uint8_t> Weights() {
  std::vector<std::uint8_t> bytes(kGroups * 16);
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    bytes[i] = static_cast<std::uint8_t>(i * 37);
    bytes[i + 1] = static_cast<std::uint8_t>((i & 2) != 0 ? 0x3F : 0xBE);
  }
  return bytes;
}

struct Setup {
  Module module;
  Memory memory;
  DeviceAddress in = 0;
  DeviceAddress out = 0;
  Arguments arguments;
};

void Load(Setup& setup) {
  std::ifstream file(ULPROOF_SOURCE_DIR "/tests/vectors/ptx/noise_bf16.ptx");
  std::stringstream text;
  text << file.rdbuf();
  base::Result<Module> module = gpu::ptx::ParseModule(text.str(), "noise_bf16.ptx");
  if (!module) Fail(module.error().ToString());
  setup.module = std::move(*module);
  setup.in = setup.memory.Upload("weights", Weights());
  setup.out = setup.memory.Allocate("out", kGroups * 16);
  setup.arguments.Add(setup.out)
      .Add(setup.in)
      .Add(kScale)
      .Add(kKey.seed)
      .Add(kKey.stream)
      .Add(kGroups);
}

constexpr LaunchShape kShape{.grid = {kGroups / 256}, .block = {256}, .dynamic_shared_bytes = 0};

RunReport Run(const Kernel& kernel, Setup& setup, bool single_threaded) {
  base::Result<RunReport> report =
      kernel.Launch(kShape, setup.arguments, setup.memory, {.single_threaded = single_threaded});
  if (!report) Fail(report.error().ToString());
  return std::move(*report);
}

void Validate(Setup& setup) {
  const std::vector<std::uint8_t> weights = Weights();
  const auto out = setup.memory.Bytes(setup.out);
  std::uint32_t scale = 0;
  std::memcpy(&scale, &kScale, sizeof(scale));
  for (std::uint64_t i = 0; i < std::uint64_t{kGroups} * 8; i += 7) {
    std::uint16_t weight = 0;
    std::uint16_t sampled = 0;
    std::memcpy(&weight, weights.data() + 2 * i, 2);
    std::memcpy(&sampled, out.data() + 2 * i, 2);
    const formats::Code noise = reference::RealNoise(formats::NoiseLaw::kRg16, kKey, i);
    const formats::Code t = reference::Fma32(noise, scale, formats::Code{weight} << 16);
    const formats::Code wanted =
        reference::Cast(formats::kFloat32, t, formats::kBfloat16, {}, formats::Overflow::kIeee);
    if (wanted != sampled) Fail("element " + std::to_string(i) + " differs from the reference");
  }
}

void StraightLine(benchmark::State& state, bool single_threaded, bool compiled) {
  Setup setup;
  Load(setup);
  base::Result<Kernel> kernel = Kernel::Prepare(setup.module, "noise_bf16");
  if (!kernel) Fail(kernel.error().ToString());
  if (compiled) {
    const gpu::ptx::Program* const program = &kernel->program();
    auto runs = gpu::ptx::CompileRuns({&program, 1});
    if (!runs.ok()) {
      state.SkipWithError(runs.error().ToString().c_str());
      return;
    }
    kernel->Use(std::move(runs->front()));
  }
  const RunReport report = Run(*kernel, setup, single_threaded);
  Validate(setup);
  for (auto _ : state) benchmark::DoNotOptimize(Run(*kernel, setup, single_threaded));
  const auto runs = static_cast<double>(state.iterations());
  state.counters["thread_instructions/s"] = benchmark::Counter(
      runs * static_cast<double>(report.thread_instructions), benchmark::Counter::kIsRate);
  state.counters["elements/s"] =
      benchmark::Counter(runs * kGroups * 8, benchmark::Counter::kIsRate);
}

BENCHMARK_CAPTURE(StraightLine, one_core, true, false);
BENCHMARK_CAPTURE(StraightLine, all_cores, false, false)->UseRealTime();
BENCHMARK_CAPTURE(StraightLine, compiled_one_core, true, true);
BENCHMARK_CAPTURE(StraightLine, compiled_all_cores, false, true)->UseRealTime();

}  // namespace
}  // namespace ulproof

BENCHMARK_MAIN();
