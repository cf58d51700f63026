// SPDX-License-Identifier: Apache-2.0
// Speed of the noise laws (contract section 5), one core, for each instruction set of this machine.
// The exact laws are checked against the reference before they are timed; a wrong bit ends the
// program.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "bench/support.h"
#include "cpu/noise_kernels.h"
#include "formats/case.h"
#include "reference/backend_reference.h"

namespace ulproof::bench {
namespace {

using formats::NoiseLaw;
using formats::Operation;

Operation Noise(NoiseLaw law, std::uint64_t count) {
  Operation op = formats::ParseOperation(fmt::format("noise law={} shape=1x{} seed=1 stream=2",
                                                     NoiseLawName(law), count))
                     .value();
  op.key.offset = 5;
  return op;
}

void Validate(cpu::Target target, NoiseLaw law) {
  if (law == NoiseLaw::kBoxMuller || law == NoiseLaw::kNormal2) return;  // Not exact by contract.
  const Operation op = Noise(law, 2000);
  const auto reference = reference::MakeReferenceBackend();
  const auto expected = formats::RunCase(*reference, formats::EmptyCase(op)).value();
  formats::Tensor noise(expected[0].type(), expected[0].count());
  cpu::RunNoise(target, op, noise.view());
  if (noise != expected[0]) {
    Wrong(fmt::format("{} differs from the reference: {}", cpu::TargetName(target),
                      OperationName(op)));
  }
}

void RunNoiseBenchmark(benchmark::State& state, cpu::Target target, NoiseLaw law) {
  Validate(target, law);
  const Operation op = Noise(law, 1 << 16);
  AlignedTensor noise(formats::SignatureOf(op).outputs[0].type, op.shape.count());
  Best best;
  for (auto _ : state) {
    state.SetIterationTime(best.Time([&] { cpu::RunNoise(target, op, noise.view()); }));
  }
  const double count = static_cast<double>(op.shape.count());
  state.counters["best_ns_per_element"] = best.seconds() / count * 1e9;
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(op.shape.count()));
}

void RegisterAll() {
  for (const cpu::Target target : cpu::RunnableTargets()) {
    for (const NoiseLaw law : formats::kNoiseLaws) {
      const std::string name = fmt::format("{}/{}", cpu::TargetName(target), NoiseLawName(law));
      benchmark::RegisterBenchmark(name.c_str(), RunNoiseBenchmark, target, law)
          ->UseManualTime()
          ->Unit(benchmark::kMicrosecond);
    }
  }
}

}  // namespace
}  // namespace ulproof::bench

int main(int argc, char** argv) {
  return ulproof::bench::Main(argc, argv, ulproof::bench::RegisterAll);
}
