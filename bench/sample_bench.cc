// SPDX-License-Identifier: Apache-2.0
// Speed of the fused sample (contract sections 5 to 7), one core, for each instruction set of this
// machine. Every backend is checked against the exact reference before it is timed; a wrong bit
// ends the program. Each iteration times the sample and a memcpy of the same tensor in turn, and
// the best of each makes the ratio:
//
//   of_memcpy     = memcpy seconds / sample seconds: a bfloat16 sample and a copy both move 4 bytes
//                   an element, 2 read and 2 written
//   of_boxmuller  = seconds an element of a plain scalar Box-Muller sample / those of this one
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>
#include <random>

#include "bench/support.h"
#include "cpu/backend_cpu.h"
#include "formats/case.h"
#include "reference/backend_reference.h"
#include "reference/random/philox.h"

namespace ulproof::bench {
namespace {

using formats::Backend;
using formats::Buffer;
using formats::ConstBuffer;
using formats::Operation;

constexpr float kBits = 4;

Operation Sample(std::string_view formats_and_law, std::uint64_t rows, std::uint64_t cols) {
  return formats::ParseOperation(
             fmt::format("sample {} shape={}x{} seed=1 stream=2", formats_and_law, rows, cols))
      .value();
}

// Weights of a network: N(0, 0.02), as codes of bfloat16 or float32.
void FillWeights(const Buffer& w) {
  std::mt19937_64 engine(1);
  std::normal_distribution<float> normal(0, 0.02f);
  const int shift = w.type.format == formats::kBfloat16 ? 16 : 0;
  for (std::uint64_t i = 0; i < w.count; ++i) {
    w.Set(i, std::bit_cast<std::uint32_t>(normal(engine)) >> shift);
  }
}

ConstBuffer BitsBuffer() { return {formats::ElementType::CodeOf(formats::kFloat32), &kBits, 1}; }

void Run(Backend& backend, const Operation& op, const AlignedTensor& w, AlignedTensor& sampled) {
  const ConstBuffer inputs[] = {w.view(), BitsBuffer()};
  const Buffer outputs[] = {sampled.view()};
  if (!backend.Run(op, inputs, outputs).ok()) Wrong("the backend failed");
}

// Same bits as the reference on a small matrix with ragged edges.
void Validate(Backend& backend, const Operation& op) {
  formats::Case c = formats::EmptyCase(op);
  FillWeights(c.inputs[0].view());
  c.inputs[1].Set(0, std::bit_cast<std::uint32_t>(kBits));
  const auto reference = reference::MakeReferenceBackend();
  if (formats::RunCase(backend, c).value() != formats::RunCase(*reference, c).value()) {
    Wrong(fmt::format("{} differs from the reference: {}", backend.name(), OperationName(op)));
  }
}

// A straightforward scalar version: random words one group at a time, logarithm, root, cosine and
// sine of the C library, rounding, FMA, cast. bfloat16 to bfloat16, one row of blocks after the
// other.
class ScalarBoxMuller final : public Backend {
 public:
  std::string_view name() const override { return "scalar_boxmuller"; }
  std::string why_unsupported(const Operation&) const override { return {}; }

  base::Status Run(const Operation& op, std::span<const ConstBuffer> inputs,
                   std::span<const Buffer> outputs) override {
    const auto* w = inputs[0].As<std::uint16_t>();
    auto* sampled = outputs[0].As<std::uint16_t>();
    const float factor = std::exp2(1 - *inputs[1].As<float>());
    const formats::BlockGrid grid = op.grid();
    for (std::uint64_t block = 0; block < grid.count(); ++block) {
      const formats::BlockGrid::Extent extent = grid.ExtentOf(block);
      float maximum = 0;
      for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
        for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
          maximum = std::max(maximum, std::fabs(ToFloat(w[row * op.shape.cols + col])));
        }
      }
      for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
        for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
          const std::uint64_t i = row * op.shape.cols + col;
          sampled[i] = ToBfloat16(std::fma(Noise(op.key, i), maximum * factor, ToFloat(w[i])));
        }
      }
    }
    return base::Done{};
  }

 private:
  static float ToFloat(std::uint16_t code) {
    return std::bit_cast<float>(std::uint32_t{code} << 16);
  }
  static std::uint16_t ToBfloat16(float x) {
    const std::uint32_t code = std::bit_cast<std::uint32_t>(x);
    if (std::isnan(x)) return 0x7FC0;
    return static_cast<std::uint16_t>((code + 0x7FFF + (code >> 16 & 1)) >> 16);
  }
  // Both of a pair are made when the first is asked for.
  float Noise(const formats::RandomKey& key, std::uint64_t i) {
    if (i % 2 == 1) return second_;
    const auto words = reference::Words(key.seed, key.stream, (key.offset + i) / 2);
    const double radius = std::sqrt(-2 * std::log((words[0] + 0.5) * 0x1p-32));
    const double angle = 2 * std::numbers::pi * ((words[1] + 0.5) * 0x1p-32);
    second_ = static_cast<float>(std::nearbyint(radius * std::sin(angle) / 2));
    return static_cast<float>(std::nearbyint(radius * std::cos(angle) / 2));
  }
  float second_ = 0;
};

constexpr std::string_view kBoxMuller = "from=bfloat16 to=bfloat16 law=boxmuller";

// Seconds an element of the scalar version.
double ScalarBoxMullerSeconds() {
  static const double seconds = [] {
    ScalarBoxMuller scalar;
    Validate(scalar, Sample(kBoxMuller, 65, 70));
    const Operation op = Sample(kBoxMuller, 128, 128);
    AlignedTensor w(formats::ElementType::CodeOf(op.from), op.shape.count());
    AlignedTensor sampled(formats::ElementType::CodeOf(op.to), op.shape.count());
    FillWeights(w.view());
    Best best;
    for (int i = 0; i < 200; ++i) best.Time([&] { Run(scalar, op, w, sampled); });
    return best.seconds() / static_cast<double>(op.shape.count());
  }();
  return seconds;
}

void RunSampleBenchmark(benchmark::State& state, cpu::Target target, std::string_view text,
                        std::uint64_t rows, std::uint64_t cols) {
  const auto backend = cpu::MakeCpuBackend(target);
  Validate(*backend, Sample(text, 65, 170));
  const Operation op = Sample(text, rows, cols);
  AlignedTensor w(formats::ElementType::CodeOf(op.from), op.shape.count());
  AlignedTensor sampled(formats::ElementType::CodeOf(op.to), op.shape.count());
  AlignedTensor copy(formats::ElementType::CodeOf(op.from), op.shape.count());
  FillWeights(w.view());
  Best memcpy_best, sample_best;
  for (auto _ : state) {
    memcpy_best.Time([&] { std::memcpy(copy.view().data, w.view().data, w.size_bytes()); });
    state.SetIterationTime(sample_best.Time([&] { Run(*backend, op, w, sampled); }));
  }
  const double count = static_cast<double>(op.shape.count());
  state.counters["best_ns_per_element"] = sample_best.seconds() / count * 1e9;
  state.counters["of_memcpy"] = memcpy_best.seconds() / sample_best.seconds();
  state.counters["of_boxmuller"] = ScalarBoxMullerSeconds() * count / sample_best.seconds();
  state.SetBytesProcessed(state.iterations() *
                          static_cast<std::int64_t>(w.size_bytes() + sampled.size_bytes()));
}

void RunScalarBenchmark(benchmark::State& state) {
  for (auto _ : state) state.SetIterationTime(ScalarBoxMullerSeconds());
  state.counters["best_ns_per_element"] = ScalarBoxMullerSeconds() * 1e9;
}

void RegisterAll() {
  struct Size {
    std::string_view name;
    std::uint64_t rows, cols;
  };
  // 64 MiB of bfloat16, and 256 KiB, which with the output stays in the second-level cache.
  constexpr Size kLarge = {"64MiB", 4096, 8192};
  constexpr Size kCached = {"256KiB", 256, 512};
  constexpr std::string_view kMain = "from=bfloat16 to=bfloat16 law=rg16";
  const auto add = [](cpu::Target target, std::string_view text, const Size& size) {
    std::string label(text);
    for (char& c : label) c = c == ' ' ? ',' : c;
    const std::string name = fmt::format("{}/{}/{}", cpu::TargetName(target), label, size.name);
    benchmark::RegisterBenchmark(name.c_str(), RunSampleBenchmark, target, text, size.rows,
                                 size.cols)
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
  };
  for (const cpu::Target target : cpu::RunnableTargets()) {
    add(target, kMain, kLarge);
    add(target, kMain, kCached);
  }
  for (const std::string_view text :
       {"from=bfloat16 to=bfloat16 law=rg32", "from=bfloat16 to=bfloat16 law=rgbits",
        "from=bfloat16 to=bfloat16 law=uniform", "from=float32 to=bfloat16 law=rg16",
        "from=bfloat16 to=float8_e4m3fn law=rg16",
        "from=bfloat16 to=bfloat16 round=sra16 law=rg16"}) {
    add(cpu::RunnableTargets().front(), text, kCached);
  }
  benchmark::RegisterBenchmark("scalar_boxmuller", RunScalarBenchmark)
      ->UseManualTime()
      ->Iterations(1);
}

}  // namespace
}  // namespace ulproof::bench

int main(int argc, char** argv) {
  return ulproof::bench::Main(argc, argv, ulproof::bench::RegisterAll);
}
