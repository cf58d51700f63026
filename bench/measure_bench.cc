// SPDX-License-Identifier: Apache-2.0
// Speed of the statistics behind `ulproof underflow`: bytes of weights a second for one format and
// bitwidth, for each instruction set of this machine. Every counter is checked against the exact
// reference on a ragged matrix before it is timed; a wrong count ends the program.
//
//   of_memcpy = seconds of a memcpy of the weights / seconds of the statistics, best of each, taken
//               in turn; with two threads wall time, and the memcpy is still that of one core
//   expect    = also under every R of the law, for the expectation
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <bit>
#include <chrono>
#include <cstring>
#include <random>

#include "base/parallel.h"
#include "bench/support.h"
#include "cpu/weight_statistics.h"
#include "formats/case.h"
#include "reference/ops/statistics.h"

namespace ulproof::bench {
namespace {

using formats::Operation;

struct Setting {
  cpu::Target target;
  std::string text;
  bool expect;
  int threads;
};

// N(0, 0.02).
void Fill(formats::Buffer w) {
  std::mt19937_64 engine(1);
  std::normal_distribution<float> normal(0, 0.02f);
  for (std::uint64_t i = 0; i < w.count; ++i) {
    const auto code = std::bit_cast<std::uint32_t>(normal(engine));
    w.Set(i, w.type.bytes() == 4 ? code : code >> 16);
  }
}

Operation Parse(const std::string& text, std::uint64_t rows, std::uint64_t cols) {
  return formats::ParseOperation(fmt::format("sample {} seed=1 shape={}x{}", text, rows, cols))
      .value();
}

formats::ConstBuffer Bits() {
  static constexpr float kBits = 4;
  return {formats::ElementType::CodeOf(formats::kFloat32), &kBits, 1};
}

void Validate(const Setting& setting) {
  const Operation op = Parse(setting.text, 67, 170);
  AlignedTensor w(formats::ElementType::CodeOf(op.from), op.shape.count());
  Fill(w.view());
  const formats::ConstBuffer weights = std::as_const(w).view();
  const cpu::WeightCounts got = cpu::MeasureWeights(setting.target, op, weights, Bits()).total;
  const auto expected = reference::MeasureSample(op, weights, Bits()).total;
  if (got.noisy != expected.noisy || got.absorbed != expected.absorbed ||
      got.swamped != expected.swamped || got.flushed != expected.flushed ||
      got.subnormal != expected.subnormal || got.exact != expected.exact ||
      got.saturated != expected.saturated || got.overflowed != expected.overflowed) {
    Wrong(fmt::format("{} differs from the reference: {}", cpu::TargetName(setting.target),
                      setting.text));
  }
}

void RunMeasureBenchmark(benchmark::State& state, const Setting& setting) {
  Validate(setting);
  const Operation op = Parse(setting.text, 4096, 4096);  // Beyond the second-level cache.
  AlignedTensor w(formats::ElementType::CodeOf(op.from), op.shape.count());
  Fill(w.view());
  AlignedTensor copy(formats::ElementType::CodeOf(op.from), op.shape.count());
  std::vector<cpu::Noise> noises(1);
  if (setting.expect) noises.insert(noises.end(), {-2, -1, 0, 1, 2});
  base::SetThreadCount(setting.threads);
  Best memcpy_best, best;
  double seconds = 1e30;
  for (auto _ : state) {
    memcpy_best.Time([&] { std::memcpy(copy.view().data, w.view().data, w.size_bytes()); });
    const auto start = std::chrono::steady_clock::now();
    best.Time([&] {
      benchmark::DoNotOptimize(cpu::MeasureWeights(setting.target, op, std::as_const(w).view(),
                                                   Bits(), noises,
                                                   {.fixed = cpu::FixedDetail::kAbsorbed}));
    });
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
    seconds = setting.threads == 1 ? best.seconds() : std::min(seconds, wall.count());
    state.SetIterationTime(seconds);
  }
  base::SetThreadCount(1);
  state.counters["best_ns_per_element"] = seconds / static_cast<double>(op.shape.count()) * 1e9;
  state.counters["GB_per_s"] = static_cast<double>(w.size_bytes()) / seconds * 1e-9;
  state.counters["of_memcpy"] = memcpy_best.seconds() / seconds;
}

void Add(const Setting& setting) {
  std::string label = setting.text;
  for (char& c : label) c = c == ' ' ? ',' : c;
  benchmark::RegisterBenchmark(
      fmt::format("{}/{}{}{}", cpu::TargetName(setting.target), label,
                  setting.expect ? "/expect" : "", setting.threads > 1 ? "/two_threads" : "")
          .c_str(),
      RunMeasureBenchmark, setting)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

void RegisterAll() {
  const std::vector<cpu::Target> targets = cpu::RunnableTargets();
  for (const cpu::Target target : targets) {
    for (const bool expect : {false, true}) {
      Add({target, "from=float32 to=float8_e4m3fn", expect, 1});
      Add({target, "from=bfloat16 to=float8_e4m3fn", expect, 1});
      Add({target, "from=bfloat16 to=bfloat16", expect, 1});
    }
  }
  Add({targets[0], "from=float32 to=float8_e4m3fn", false, 2});
  Add({targets[0], "from=float32 to=float8_e4m3fn", true, 2});
  Add({targets[0], "from=float32 to=float8_e4m3fn law=rg32", false, 1});
  Add({targets[0], "from=float32 to=float8_e4m3fn law=uniform", false, 1});
}

}  // namespace
}  // namespace ulproof::bench

int main(int argc, char** argv) {
  return ulproof::bench::Main(argc, argv, ulproof::bench::RegisterAll);
}
