// SPDX-License-Identifier: Apache-2.0
// Speed of the SIMD casts, one core, for each instruction set of this machine: time an element, and
// the ratio of a memcpy of the source to the cast (1 = as fast as copying the input). Every case is
// checked against the reference before it is timed; a wrong bit ends the program.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <bit>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "cpu/cast_kernels.h"
#include "reference/ops/cast.h"
#include "reference/random/noise.h"

namespace ulproof {
namespace {

using formats::kFloat32;
using formats::Operation;

// Input and output fit in the second-level cache.
constexpr std::uint64_t kCount = std::uint64_t{1} << 15;

struct Input {
  std::string_view name;
  std::vector<float> values;
};

// Magnitudes 2^-12 .. 2^10, log-uniform: for 8-bit formats many subnormals and overflows.
Input WideInput() {
  std::mt19937_64 engine(1);
  std::uniform_real_distribution<double> exponent(-12, 10);
  Input input = {"wide", std::vector<float>(kCount)};
  for (float& value : input.values) {
    value = static_cast<float>(std::exp2(exponent(engine)) * (engine() % 2 == 0 ? 1 : -1));
  }
  return input;
}

Input NormalInput() {
  std::mt19937_64 engine(2);
  std::normal_distribution<float> normal;
  Input input = {"normal", std::vector<float>(kCount)};
  for (float& value : input.values) value = normal(engine);
  return input;
}

Operation CastOperation(std::string_view text) {
  Operation op = formats::ParseOperation(std::string(text) + " shape=1x1").value();
  op.shape.cols = kCount;
  return op;
}

formats::ConstBuffer View(const Input& input) {
  return {formats::ElementType::CodeOf(kFloat32), input.values.data(), kCount};
}

void CheckAgainstReference(cpu::Target target, const Operation& op, const Input& input) {
  formats::Tensor y(formats::ElementType::CodeOf(op.to), kCount);
  cpu::CastRange(target, op, View(input), y.view(), 0, kCount);
  for (std::uint64_t i = 0; i < kCount; ++i) {
    const std::uint32_t r =
        op.rounding.is_stochastic()
            ? reference::RoundingRandom(op.rounding.random_bits, op.key, op.key.offset + i)
            : 0;
    const formats::Code x = View(input).Get(i);
    const formats::Code expected = reference::Cast(kFloat32, x, op.to, op.rounding, op.overflow, r);
    if (y.Get(i) == expected) continue;
    fmt::print(stderr, "{}: {}: element {}: {:08x} gives {:x}, not {:x}\n", cpu::TargetName(target),
               OperationName(op), i, x, y.Get(i), expected);
    std::exit(1);
  }
}

// The best time of a copy of the source, in seconds.
double MemcpySeconds(const Input& input) {
  static const double seconds = [&] {
    using Clock = std::chrono::steady_clock;
    std::vector<float> copy(kCount);
    double best = std::numeric_limits<double>::infinity();
    for (int repetition = 0; repetition < 2000; ++repetition) {
      const Clock::time_point start = Clock::now();
      std::memcpy(copy.data(), input.values.data(), kCount * sizeof(float));
      benchmark::DoNotOptimize(copy.data());
      benchmark::ClobberMemory();
      best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
    }
    return best;
  }();
  return seconds;
}

void RunCastBenchmark(benchmark::State& state, cpu::Target target, const Operation& op,
                      const Input& input) {
  using Clock = std::chrono::steady_clock;
  CheckAgainstReference(target, op, input);
  formats::Tensor y(formats::ElementType::CodeOf(op.to), kCount);
  double best = std::numeric_limits<double>::infinity();
  for (auto _ : state) {
    const Clock::time_point start = Clock::now();
    cpu::CastRange(target, op, View(input), y.view(), 0, kCount);
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
    benchmark::ClobberMemory();
  }
  // The best iteration is what the code takes; the mean also counts who else uses the machine.
  state.counters["best_ns_per_element"] = best / kCount * 1e9;
  state.counters["of_memcpy"] = MemcpySeconds(input) / best;
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kCount) *
                          (op.from.storage_bytes() + op.to.storage_bytes()));
}

void RegisterAll() {
  static const std::vector<Input> inputs = {WideInput(), NormalInput()};
  static constexpr std::string_view kCasts[] = {
      "cast from=float32 to=float8_e4m3fn round=rne overflow=sat",
      "cast from=float32 to=float8_e4m3fn round=rne overflow=ovf",
      "cast from=float32 to=float8_e5m2 round=rne overflow=sat",
      "cast from=float32 to=float8_e5m2 round=rne overflow=ovf",
      "cast from=float32 to=float6_e3m2fn round=rne overflow=sat",
      "cast from=float32 to=float4_e2m1fn round=rne overflow=sat",
      "cast from=float32 to=bfloat16 round=rne overflow=ovf",
      "cast from=float32 to=float16 round=rne overflow=ovf",
      "cast from=float32 to=float8_e4m3fn round=rtz overflow=ovf",
      "cast from=float32 to=float8_e4m3fnuz round=rne overflow=sat",
      "cast from=float32 to=float8_e4m3fn round=sra16 overflow=sat seed=1 stream=2 offset=3",
      "cast from=float32 to=bfloat16 round=src16 overflow=ovf seed=1 stream=2 offset=3",
  };
  for (const cpu::Target target : cpu::RunnableTargets()) {
    for (const std::string_view text : kCasts) {
      const Operation op = CastOperation(text);
      for (const Input& input : inputs) {
        const std::string name =
            fmt::format("{}/{}/{}/{}/{}", cpu::TargetName(target), FormatName(op.to),
                        RoundingName(op.rounding), OverflowName(op.overflow), input.name);
        benchmark::RegisterBenchmark(name.c_str(), RunCastBenchmark, target, op, std::cref(input));
      }
    }
  }
}

}  // namespace
}  // namespace ulproof

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  ulproof::RegisterAll();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
