// SPDX-License-Identifier: Apache-2.0
// Speed of the trainer: tokens a second of whole steps for each preset and method, one thread, and
// the matrix product beside the plain loop that it must equal bit for bit. The product is checked
// before it is timed; a wrong bit ends the program.
//
//   tokens/s    = batch * context * steps / processor seconds
//   flop/s      = 2 * rows * cols * depth / processor seconds
//   of_bf16     = processor seconds a step / those of method bf16, measured in turn
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cmath>
#include <map>
#include <string>

#include "base/parallel.h"
#include "bench/support.h"
#include "cpu/backend_cpu.h"
#include "trainer/random.h"
#include "trainer/trainer.h"

namespace ulproof::bench {
namespace {

constexpr std::size_t kSide = 384;

std::vector<float> RandomValues(std::size_t count, std::uint64_t what) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i)
    values[i] = static_cast<float>(trainer::RandomNormal(1, what, i));
  return values;
}

void PlainProduct(const std::vector<float>& a, const std::vector<float>& b, std::vector<float>& c) {
  for (std::size_t i = 0; i < kSide; ++i) {
    for (std::size_t j = 0; j < kSide; ++j) {
      float sum = 0;
      for (std::size_t k = 0; k < kSide; ++k)
        sum = std::fma(a[i * kSide + k], b[k * kSide + j], sum);
      c[i * kSide + j] = sum;
    }
  }
}

void Product(benchmark::State& state, bool plain) {
  const auto a = RandomValues(kSide * kSide, 1), b = RandomValues(kSide * kSide, 2);
  std::vector<float> c(kSide * kSide), expected(kSide * kSide);
  const auto fast = [&] {
    trainer::Gemm(kSide, kSide, kSide, trainer::RowMajor(a.data(), kSide),
                  trainer::RowMajor(b.data(), kSide), c.data(), kSide, false,
                  trainer::OperandRounding::kNone);
  };
  PlainProduct(a, b, expected);
  fast();
  if (c != expected) Wrong("the product differs from the plain loop");
  for (auto _ : state) {
    if (plain) {
      PlainProduct(a, b, c);
    } else {
      fast();
    }
    benchmark::DoNotOptimize(c.data());
  }
  state.counters["flop/s"] =
      benchmark::Counter(2.0 * kSide * kSide * kSide * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}

trainer::Trainer MakeTrainer(const std::string& preset, const std::string& method,
                             const trainer::Corpus& corpus, formats::Backend& backend) {
  trainer::TrainerOptions options = {.method = trainer::ParseMethod(method).value()};
  trainer::ApplyPreset(trainer::FindPreset(preset).value(), 1000, options);
  return std::move(trainer::Trainer::Create(options, corpus, backend)).value();
}

// Steps of the method and of bf16 in turn: what else runs on the machine meets both.
void Steps(benchmark::State& state, const std::string& preset, const std::string& method) {
  base::SetThreadCount(1);
  const trainer::Corpus corpus = trainer::GeneratedCorpus();
  const auto backend = cpu::MakeCpuBackend();
  trainer::Trainer subject = MakeTrainer(preset, method, corpus, *backend);
  trainer::Trainer baseline = MakeTrainer(preset, "bf16", corpus, *backend);
  Best subject_best, baseline_best;
  for (auto _ : state) {
    subject_best.Time([&] { benchmark::DoNotOptimize(subject.Step().ok()); });
    state.PauseTiming();
    baseline_best.Time([&] { benchmark::DoNotOptimize(baseline.Step().ok()); });
    state.ResumeTiming();
  }
  base::SetThreadCount(0);
  state.counters["tokens/s"] =
      static_cast<double>(subject.tokens_per_step()) / subject_best.seconds();
  state.counters["of_bf16"] = subject_best.seconds() / baseline_best.seconds();
  if (subject.SampledParameters() != 0) {
    state.counters["extra_bytes"] = static_cast<double>(subject.ExtraBytes()) /
                                    static_cast<double>(subject.SampledParameters());
  }
}

void RegisterAll() {
  benchmark::RegisterBenchmark("product/tiles", Product, false);
  benchmark::RegisterBenchmark("product/plain", Product, true);
  for (const char* preset : {"nano", "micro"}) {
    for (const char* method : {"bf16", "gaussws", "diffq", "rtn:float8_e4m3fn", "rtn:mxfp4"}) {
      benchmark::RegisterBenchmark(fmt::format("steps/{}/{}", preset, method).c_str(), Steps,
                                   std::string(preset), std::string(method))
          ->Unit(benchmark::kMillisecond);
    }
  }
}

}  // namespace
}  // namespace ulproof::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  ulproof::bench::RegisterAll();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
