// SPDX-License-Identifier: Apache-2.0
// Speed of the block operations, one core: maxima, the gradient of the bitwidths, MX and NVFP4 both
// ways, for each instruction set of this machine; and the CUDA kernels on the simulator,
// interpreted and compiled, as elements a second of the fused sample. Each backend is checked
// against the exact reference on a ragged matrix before it is timed; a wrong bit ends the program.
//
//   of_memcpy = seconds of a memcpy of the first input (noise: of the output) / seconds of the
//   operation, best of each,
//               taken in turn
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <random>

#include "bench/support.h"
#include "cpu/backend_cpu.h"
#include "formats/case.h"
#include "gpu/kernel_backend.h"
#include "gpu/simulator_machine.h"
#include "reference/backend_reference.h"

namespace ulproof::bench {
namespace {

using formats::Backend;
using formats::Case;
using formats::Operation;

// N(0, 0.02) for floats, 4 for bitwidths, any code for what is quantised already.
Case Inputs(const Operation& op) {
  Case c = formats::EmptyCase(op);
  const formats::Signature signature = formats::SignatureOf(op);
  std::mt19937_64 engine(1);
  std::normal_distribution<float> normal(0, 0.02f);
  for (std::size_t p = 0; p < c.inputs.size(); ++p) {
    const formats::ElementType& type = signature.inputs[p].type;
    const bool is_wide = type.format == formats::kFloat32 || type.format == formats::kBfloat16;
    for (std::uint64_t i = 0; i < c.inputs[p].count(); ++i) {
      const std::uint32_t value =
          std::bit_cast<std::uint32_t>(signature.inputs[p].name == "bits" ? 4.0f : normal(engine));
      c.inputs[p].Set(i, type.kind != formats::ElementKind::kCode || !is_wide
                             ? engine() % 127 & type.format.code_mask()
                             : value >> (type.format == formats::kBfloat16 ? 16 : 0));
    }
  }
  return c;
}

void Validate(Backend& backend, std::string_view text) {
  const Case c = Inputs(Parse(text, 67, 170));
  const auto reference = reference::MakeReferenceBackend();
  if (formats::RunCase(backend, c).value() != formats::RunCase(*reference, c).value()) {
    Wrong(fmt::format("{} differs from the reference: {}", backend.name(), text));
  }
}

void RunBlockBenchmark(benchmark::State& state, Backend& backend, std::string_view text) {
  Validate(backend, text);
  const Operation op = Parse(text, 256, 512);  // 256 KiB of bfloat16: stays in the caches.
  const Case c = Inputs(op);
  std::vector<formats::ConstBuffer> inputs;
  for (const formats::Tensor& tensor : c.inputs) inputs.push_back(tensor.view());
  std::vector<formats::Tensor> results;
  for (const formats::Port& port : formats::SignatureOf(op).outputs) {
    results.emplace_back(port.type, port.count);
  }
  std::vector<formats::Buffer> outputs;
  for (formats::Tensor& tensor : results) outputs.push_back(tensor.view());
  // The noise reads nothing: it is compared with a copy of what it writes.
  const formats::ConstBuffer copied = inputs.empty() ? outputs[0] : inputs[0];
  AlignedTensor copy(copied.type, copied.count);
  Best memcpy_best, best;
  for (auto _ : state) {
    memcpy_best.Time([&] { std::memcpy(copy.view().data, copied.data, copy.size_bytes()); });
    state.SetIterationTime(best.Time([&] {
      if (!backend.Run(op, inputs, outputs).ok()) Wrong("the backend failed");
    }));
  }
  const double count = static_cast<double>(op.shape.count());
  state.counters["best_ns_per_element"] = best.seconds() / count * 1e9;
  state.counters["of_memcpy"] = memcpy_best.seconds() / best.seconds();
}

void Add(Backend& backend, std::string_view text) {
  std::string label(text);
  for (char& c : label) c = c == ' ' ? ',' : c;
  benchmark::RegisterBenchmark(fmt::format("{}/{}", backend.name(), label).c_str(),
                               RunBlockBenchmark, std::ref(backend), text)
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
}

void RegisterAll() {
  static const auto targets = cpu::MakeCpuBackends();
  for (const auto& backend : targets) {
    if (!backend->why_unavailable().empty()) continue;
    for (const std::string_view text :
         {"block_max from=bfloat16", "backward from=bfloat16 law=rg16",
          "quantize from=bfloat16 format=mxfp8_e4m3", "quantize from=bfloat16 format=mxfp6_e3m2",
          "quantize from=bfloat16 format=mxfp4", "quantize from=bfloat16 format=mxint8",
          "quantize from=bfloat16 format=nvfp4", "quantize from=float32 format=mxfp8_e4m3",
          "dequantize format=mxfp8_e4m3 to=bfloat16", "dequantize format=nvfp4 to=bfloat16"}) {
      Add(*backend, text);
    }
  }
  static std::vector<std::unique_ptr<Backend>> simulators;
  for (const bool compiled : {false, true}) {
    const std::shared_ptr<gpu::Machine> machine =
        gpu::MakeSimulatorMachine({.launch = {.single_threaded = true}, .compiled = compiled});
    if (!machine->why_unavailable().empty()) continue;
    simulators.push_back(
        gpu::MakeKernelBackend({.name = std::string(machine->name()), .machine = machine}));
    for (const std::string_view text :
         {"sample from=bfloat16 to=bfloat16 law=rg16",
          "sample from=bfloat16 to=bfloat16 law=rgbits", "noise law=rg16",
          "cast from=float32 to=float8_e4m3fn overflow=sat", "backward from=bfloat16 law=rg16"}) {
      Add(*simulators.back(), text);
    }
  }
}

}  // namespace
}  // namespace ulproof::bench

int main(int argc, char** argv) {
  return ulproof::bench::Main(argc, argv, ulproof::bench::RegisterAll);
}
