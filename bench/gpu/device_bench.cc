// SPDX-License-Identifier: Apache-2.0
#include "bench/gpu/device_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <string_view>

#include "base/check.h"
#include "base/parallel.h"
#include "bench/gpu/device_session.h"
#include "gpu/golden/golden.h"
#include "reference/backend_reference.h"
#include "reference/compare/inputs.h"
#include "reference/compare/judge.h"
#include "reference/compare/shrink.h"

namespace ulproof::bench {
namespace {

using base::Result;
using base::Status;
using formats::Case;
using formats::Operation;
using formats::OpKind;
using formats::Tensor;

constexpr std::uint64_t kBlockSide = 32;
constexpr std::uint64_t kCols = 8192;
constexpr std::uint64_t kSmallCols = 256;  // Of a matrix that would have but a row of blocks.
constexpr std::uint64_t kLeastElements = std::uint64_t{1} << 25;
constexpr std::uint64_t kPieceCols = 4 * kBlockSide;
constexpr int kPieces = 6;
constexpr char kArch[] = "sm_80";

struct Subject {
  std::string_view name;
  std::string_view operation;
  bool has_plain;
};
constexpr Subject kSubjects[] = {
    {"sample bfloat16 rg16", "sample from=bfloat16 to=bfloat16 law=rg16", true},
    {"sample bfloat16 rgbits", "sample from=bfloat16 to=bfloat16 law=rgbits", false},
    {"sample to float8_e4m3fn", "sample from=bfloat16 to=float8_e4m3fn overflow=sat law=rg16",
     false},
    {"noise rg16 int8", "noise law=rg16 pack=int8", true},
    {"noise rg16 nibbles", "noise law=rg16 pack=nibbles", true},
    {"noise rgbits nibbles", "noise law=rgbits pack=nibbles", false},
    {"noise boxmuller int8", "noise law=boxmuller", false},
    {"noise uniform float32", "noise law=uniform", false},
    {"block_max bfloat16", "block_max from=bfloat16", true},
    {"grad_b bfloat16 rg16", "backward from=bfloat16 law=rg16", true},
    {"cast float32 float8_e4m3fn", "cast from=float32 to=float8_e4m3fn round=rne overflow=sat",
     true},
};

Operation Shaped(std::string_view text, std::uint64_t rows, std::uint64_t cols) {
  Operation op = formats::ParseOperation(text).value();
  op.shape = {.rows = rows, .cols = cols};
  const bool has_key =
      op.kind == OpKind::kNoise || op.kind == OpKind::kSample || op.kind == OpKind::kBackward;
  if (has_key) op.key = {.seed = 0x0123456789ABCDEF, .stream = 42, .offset = 0};
  ULPROOF_CHECK(formats::ValidateOperation(op).ok(), OperationName(op));
  return op;
}

// About N(0, 0.02) for element i: the sum of four even numbers.
std::uint32_t WeightBits(std::uint64_t i) {
  std::uint64_t z = (i + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  const auto sum = static_cast<std::int32_t>((z & 0xFFFF) + (z >> 16 & 0xFFFF) +
                                             (z >> 32 & 0xFFFF) + (z >> 48)) -
                   2 * 0xFFFF;
  return std::bit_cast<std::uint32_t>(static_cast<float>(sum) * 5.3e-7F);
}

Case LargeCase(const Operation& op) {
  Case c = formats::EmptyCase(op);
  const formats::Signature signature = formats::SignatureOf(op);
  for (std::size_t p = 0; p < c.inputs.size(); ++p) {
    const formats::Port& port = signature.inputs[p];
    const std::uint32_t constant = port.name == "bits"    ? 0x40800000u  // 4
                                   : port.name == "scale" ? 0x3C000000u
                                                          : 0u;  // 2^-7
    const int shift = 32 - 8 * port.type.bytes();
    base::ParallelFor(port.count, 1 << 16, [&](std::uint64_t begin, std::uint64_t end) {
      for (std::uint64_t i = begin; i < end; ++i) {
        c.inputs[p].Set(i, (constant != 0 ? constant : WeightBits(i)) >> shift);
      }
    });
  }
  return c;
}

// The part of output `port` that belongs to a piece of the matrix: elements, words of eight, or one
// value a block. Precondition: the piece begins and ends on block borders.
Tensor CutOutput(const Case& whole, const Tensor& output, const Case& piece,
                 const formats::Port& port, std::uint64_t row, std::uint64_t col) {
  const bool is_word = port.type.kind == formats::ElementKind::kNibbleWord;
  const bool is_value = !is_word && port.count != piece.op.shape.count();
  const std::uint64_t height = is_value ? kBlockSide : 1;
  const std::uint64_t width = is_value ? kBlockSide : is_word ? 8 : 1;
  const std::uint64_t piece_cols = piece.op.shape.cols / width;
  const std::uint64_t whole_cols = whole.op.shape.cols / width;
  Tensor part(port.type, port.count);
  for (std::uint64_t i = 0; i < port.count; ++i) {
    const std::uint64_t r = row / height + i / piece_cols;
    const std::uint64_t c = col / width + i % piece_cols;
    part.Set(i, output.Get(r * whole_cols + c));
  }
  return part;
}

double Quantile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5)];
}

class Bench {
 public:
  Bench(const DeviceBenchOptions& options, DeviceSession& session)
      : options_(options), session_(session) {
    report_.device = session.description();
    report_.l2_bytes = session.l2_bytes();
    const std::uint64_t elements =
        options.elements != 0 ? options.elements : std::max(kLeastElements, 2 * session.l2_bytes());
    report_.cols = elements >= kBlockSide * kCols ? kCols : kSmallCols;
    const std::uint64_t across = kBlockSide * report_.cols;
    report_.rows = (elements + across - 1) / across * kBlockSide;
  }

  Status Run() {
    if (Status ok = TimeCopy(); !ok.ok()) return ok;
    for (const Subject& subject : kSubjects) {
      if (Status ok = RunSubject(subject, false); !ok.ok()) return ok;
      if (!subject.has_plain) continue;
      if (Status ok = RunSubject(subject, true); !ok.ok()) return ok;
    }
    return base::Done{};
  }

  const DeviceBenchReport& report() const { return report_; }

 private:
  // The bytes of the fused sample from bfloat16 to bfloat16: as many read as written.
  Status TimeCopy() {
    const std::uint64_t bytes = 2 * report_.rows * report_.cols;
    DeviceArray from(session_, bytes), to(session_, bytes);
    if (Status ok = from.Allocate(); !ok.ok()) return ok;
    if (Status ok = to.Allocate(); !ok.ok()) return ok;
    const gpu::CudaDriver& driver = session_.driver();
    if (Status ok = driver.Check("cuMemsetD8", driver.fill(from.address(), 1, bytes)); !ok.ok()) {
      return ok;
    }
    const auto times = session_.Time(options_.repeats, [&] {
      return driver.Check("cuMemcpyDtoD",
                          driver.copy_on_device(to.address(), from.address(), bytes));
    });
    if (!times.ok()) return times.error();
    Add("copy on the device", "", 2 * bytes, *times);
    return base::Done{};
  }

  Status RunSubject(const Subject& subject, bool plain) {
    const Operation op = Shaped(subject.operation, report_.rows, report_.cols);
    const gpu::Kernel* const kernel = gpu::FindKernel(op, plain);
    ULPROOF_CHECK(kernel != nullptr, OperationName(op));
    const Result<gpu::CuModule> module = Module(kernel->module);
    if (!module.ok()) return module.error();
    if (Status ok = ValidateRagged(subject, *kernel, *module); !ok.ok()) return ok;
    const Case c = LargeCase(op);
    const auto call = PlacedCall::Make(session_, *module, *kernel, c);
    if (!call.ok()) return call.error();
    if (Status ok = ValidatePieces(*kernel, **call, c); !ok.ok()) return ok;
    const int repeats = plain ? std::max(1, options_.repeats / 5) : options_.repeats;
    const auto times = session_.Time(repeats, [&] { return (*call)->Enqueue(); });
    if (!times.ok()) return times.error();
    Add(std::string(subject.name), plain ? "plain" : "optimised", (*call)->bytes(), *times);
    return base::Done{};
  }

  Result<gpu::CuModule> Module(const std::string& name) {
    const auto known = modules_.find(name);
    if (known != modules_.end()) return known->second;
    const Result<gpu::CuModule> loaded = session_.Load(gpu::GoldenPtx(kArch, name), name + ".ptx");
    if (loaded.ok()) modules_.emplace(name, *loaded);
    return loaded;
  }

  Status Compare(const gpu::Kernel& kernel, const Case& c, const std::vector<Tensor>& got) {
    const auto expected = formats::RunCase(*truth_, c);
    if (!expected.ok()) return expected.error();
    const reference::Comparison comparison = reference::CompareOutputs(c, *expected, got);
    report_.validated_elements += comparison.elements;
    if (comparison.ok()) return base::Done{};
    return base::Error{.exit_code = base::ExitCode::kMismatch,
                       .message = kernel.name + " is wrong and not timed: " +
                                  MismatchText(*comparison.first) + " in " + OperationName(c.op)};
  }

  // Random inputs of every style on a matrix with edges.
  Status ValidateRagged(const Subject& subject, const gpu::Kernel& kernel, gpu::CuModule module) {
    reference::Rng rng(1);
    const Case c = reference::RandomCase(Shaped(subject.operation, 67, 170), rng);
    const auto call = PlacedCall::Make(session_, module, kernel, c);
    if (!call.ok()) return call.error();
    if (Status ok = (*call)->Enqueue(); !ok.ok()) return ok;
    const auto got = (*call)->Outputs();
    if (!got.ok()) return got.error();
    return Compare(kernel, c, *got);
  }

  // The first, the last and some other pieces of the matrix that will be timed.
  Status ValidatePieces(const gpu::Kernel& kernel, const PlacedCall& call, const Case& c) {
    if (Status ok = call.Enqueue(); !ok.ok()) return ok;
    const auto got = call.Outputs();
    if (!got.ok()) return got.error();
    reference::Rng rng(2);
    const std::uint64_t down = c.op.shape.rows / kBlockSide;
    const std::uint64_t across = c.op.shape.cols / kPieceCols;
    for (int i = 0; i < kPieces; ++i) {
      const bool first = i == 0, last = i == 1;
      const std::uint64_t row = (first ? 0 : last ? down - 1 : rng.Below(down)) * kBlockSide;
      const std::uint64_t col = (first ? 0 : last ? across - 1 : rng.Below(across)) * kPieceCols;
      const auto piece = reference::SubMatrix(c, row, row + kBlockSide, col, col + kPieceCols);
      ULPROOF_CHECK(piece.has_value(), "no piece of " + OperationName(c.op));
      const formats::Signature signature = formats::SignatureOf(piece->op);
      std::vector<Tensor> cut;
      for (std::size_t p = 0; p < signature.outputs.size(); ++p) {
        cut.push_back(CutOutput(c, (*got)[p], *piece, signature.outputs[p], row, col));
      }
      if (Status ok = Compare(kernel, *piece, cut); !ok.ok()) return ok;
    }
    return base::Done{};
  }

  void Add(std::string name, std::string version, std::uint64_t bytes,
           const std::vector<double>& sorted) {
    report_.timings.push_back({.name = std::move(name),
                               .version = std::move(version),
                               .bytes = bytes,
                               .repeats = static_cast<int>(sorted.size()),
                               .median_ms = Quantile(sorted, 0.5),
                               .fast_ms = Quantile(sorted, 0.1),
                               .slow_ms = Quantile(sorted, 0.9)});
  }

  const DeviceBenchOptions& options_;
  DeviceSession& session_;
  const std::unique_ptr<formats::Backend> truth_ = reference::MakeReferenceBackend();
  std::map<std::string, gpu::CuModule> modules_;
  DeviceBenchReport report_;
};

}  // namespace

Result<DeviceBenchReport> RunDeviceBench(const DeviceBenchOptions& options) {
  if (options.repeats < 1) return base::UsageError("repeats must be at least 1");
  const auto session = DeviceSession::Open(options.driver, options.device);
  if (!session.ok()) return session.error();
  Bench bench(options, **session);
  if (Status ok = bench.Run(); !ok.ok()) return ok.error();
  return bench.report();
}

std::string DeviceBenchText(const DeviceBenchReport& report) {
  std::string text = fmt::format(
      "{}\n{} x {} elements, second-level cache {:.1f} MiB; {} output elements compared with the "
      "reference\n\n{:<28} {:<10} {:>10} {:>10} {:>10} {:>10} {:>8}\n",
      report.device, report.rows, report.cols, static_cast<double>(report.l2_bytes) / (1 << 20),
      report.validated_elements, "", "", "median ms", "10 %", "90 %", "GB/s", "of copy");
  for (const DeviceTiming& t : report.timings) {
    text += fmt::format("{:<28} {:<10} {:>10.4f} {:>10.4f} {:>10.4f} {:>10.1f} {:>8.3f}\n", t.name,
                        t.version, t.median_ms, t.fast_ms, t.slow_ms, t.BytesPerSecond() * 1e-9,
                        t.BytesPerSecond() / report.timings.front().BytesPerSecond());
  }
  return text;
}

std::string DeviceBenchJson(const DeviceBenchReport& report) {
  std::string json = fmt::format(
      "{{\n  \"schema\": \"ulproof.device_bench/1\",\n  \"device\": \"{}\",\n"
      "  \"l2_bytes\": {},\n  \"rows\": {},\n  \"cols\": {},\n  \"validated_elements\": {},\n"
      "  \"timings\": [",
      report.device, report.l2_bytes, report.rows, report.cols, report.validated_elements);
  for (std::size_t i = 0; i < report.timings.size(); ++i) {
    const DeviceTiming& t = report.timings[i];
    json += fmt::format(
        "{}\n    {{\"name\": \"{}\", \"version\": \"{}\", \"bytes\": {}, \"repeats\": {}, "
        "\"median_ms\": {}, \"fast_ms\": {}, \"slow_ms\": {}, \"of_copy\": {}}}",
        i == 0 ? "" : ",", t.name, t.version, t.bytes, t.repeats, t.median_ms, t.fast_ms, t.slow_ms,
        t.BytesPerSecond() / report.timings.front().BytesPerSecond());
  }
  return json + "\n  ]\n}\n";
}

}  // namespace ulproof::bench
