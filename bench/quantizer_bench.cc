// SPDX-License-Identifier: Apache-2.0
// Speed of the quantizers with a fitted scale and of the best of neighbouring scales (contract
// section 14), one core, for each instruction set of this machine. Each operation is checked
// against the exact reference on a ragged matrix before it is timed.
//
//   of_cast = seconds of a cast of the same elements to float8_e4m3fn / seconds of the operation,
//             best of each, taken in turn
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <bit>
#include <random>

#include "base/parallel.h"
#include "bench/support.h"
#include "cpu/backend_cpu.h"
#include "formats/case.h"
#include "reference/backend_reference.h"

namespace ulproof::bench {
namespace {

using formats::Backend;
using formats::Case;
using formats::Operation;

// N(0, 0.02), scales that put them on all levels of int4, zero points 0, a clip of 2.5.
Case Inputs(const Operation& op) {
  Case c = formats::EmptyCase(op);
  const formats::Signature signature = formats::SignatureOf(op);
  std::mt19937_64 engine(1);
  std::normal_distribution<float> normal(0, 0.02f);
  for (std::size_t p = 0; p < c.inputs.size(); ++p) {
    const std::string_view name = signature.inputs[p].name;
    for (std::uint64_t i = 0; i < c.inputs[p].count(); ++i) {
      const float value = name == "scale"  ? 0.007f
                          : name == "zero" ? 0.0f
                          : name == "clip" ? 2.5f
                                           : normal(engine);
      const auto code = std::bit_cast<std::uint32_t>(value);
      const bool is_short = signature.inputs[p].type.format == formats::kBfloat16;
      c.inputs[p].Set(i, is_short ? code >> 16 : code);
    }
  }
  return c;
}

struct Prepared {
  explicit Prepared(const Operation& operation) : op(operation), c(Inputs(operation)) {
    for (const formats::Tensor& tensor : c.inputs) inputs.push_back(tensor.view());
    for (const formats::Port& port : formats::SignatureOf(op).outputs)
      results.emplace_back(port.type, port.count);
    for (formats::Tensor& tensor : results) outputs.push_back(tensor.view());
  }
  void Run(Backend& backend) {
    if (!backend.Run(op, inputs, outputs).ok()) Wrong("the backend failed");
  }

  Operation op;
  Case c;
  std::vector<formats::ConstBuffer> inputs;
  std::vector<formats::Tensor> results;
  std::vector<formats::Buffer> outputs;
};

void RunQuantizerBenchmark(benchmark::State& state, Backend& backend, std::string_view text) {
  const Case small = Inputs(Parse(text, 19, 170));
  const auto reference = reference::MakeReferenceBackend();
  if (formats::RunCase(backend, small).value() != formats::RunCase(*reference, small).value())
    Wrong(fmt::format("{} differs from the reference: {}", backend.name(), text));
  Prepared work(Parse(text, 256, 512));
  Prepared cast(Parse("cast from=bfloat16 to=float8_e4m3fn overflow=sat", 256, 512));
  Best cast_best, best;
  for (auto _ : state) {
    cast_best.Time([&] { cast.Run(backend); });
    state.SetIterationTime(best.Time([&] { work.Run(backend); }));
  }
  state.counters["best_ns_per_element"] =
      best.seconds() / static_cast<double>(work.op.shape.count()) * 1e9;
  state.counters["of_cast"] = cast_best.seconds() / best.seconds();
}

constexpr std::string_view kOperations[] = {
    "quantize from=bfloat16 format=mxfp4 rule=floor",
    "quantize from=bfloat16 format=mxfp4 rule=best",
    "quantize from=bfloat16 format=nvfp4",
    "quantize from=bfloat16 format=nvfp4 rule=best",
    "fit from=bfloat16 levels=int4 fit=minmax block=1x128",
    "fit from=bfloat16 levels=int4 fit=sigma block=1x128",
    "fit from=bfloat16 levels=int4 fit=lsq block=1x128",
    "fit from=bfloat16 levels=int4 fit=octav block=1x128",
    "refit from=bfloat16 levels=int4 block=1x128",
    "refit from=bfloat16 levels=float4_e2m1fn block=1x128",
    "fake_quantize from=bfloat16 levels=int4 block=1x128",
    "fake_quantize from=bfloat16 levels=float4_e2m1fn block=1x128",
    "fake_backward from=bfloat16 levels=int4 gradient=lsq block=1x128",
    "fake_backward from=bfloat16 levels=integers gradient=gdnsq block=1x128",
    "fake_backward from=bfloat16 levels=integers gradient=aewgs block=1x128",
};

}  // namespace
}  // namespace ulproof::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  ulproof::base::SetThreadCount(1);
  const auto backends = ulproof::cpu::MakeCpuBackends();
  for (const auto& backend : backends) {
    for (const std::string_view text : ulproof::bench::kOperations) {
      benchmark::RegisterBenchmark(fmt::format("{}/{}", backend->name(), text).c_str(),
                                   [&backend, text](benchmark::State& state) {
                                     ulproof::bench::RunQuantizerBenchmark(state, *backend, text);
                                   })
          ->UseManualTime()
          ->Iterations(100);
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
