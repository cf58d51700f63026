// SPDX-License-Identifier: Apache-2.0
// One operation, thoroughly: what a kernel has built in (formats, modes, law, block) stays, and all
// that its caller may vary varies. Every source code or rounding edge, every small size and those
// around the tiles that kernels are cut into, ragged matrices, keys at the ends of their ranges,
// random calls, and one call that is larger than the others.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "formats/codec.h"
#include "reference/compare/exhaustive.h"
#include "reference/compare/rare_words.h"
#include "reference/compare/suites/suite.h"

namespace ulproof::reference {
namespace {

using formats::Case;
using formats::Code;
using formats::FormatSpec;
using formats::Operation;
using formats::OpKind;

constexpr std::uint64_t kParts = 4;  // Of the random calls, so that they spread over threads.

// The suite of one kernel at work: every operation goes through the kernel's own `fit` first.
class KernelSuite {
 public:
  KernelSuite(CheckRun& run, const KernelUnderTest& kernel)
      : run_(run), op_(kernel.op), kernel_(kernel) {}

  void Sizes() {
    std::vector<std::uint64_t> sizes(40);
    std::iota(sizes.begin(), sizes.end(), 1);
    for (std::uint64_t tile = 64; tile <= 8192; tile *= 2) {
      for (const std::uint64_t near : {tile - 1, tile, tile + 1}) sizes.push_back(near);
    }
    for (const std::uint64_t size : sizes) {
      Operation op = Call();
      op.shape = {.rows = 1, .cols = size};
      JudgeRandom(op);
    }
  }

  void Matrices() {
    constexpr auto kSides = std::to_array<std::uint64_t>({1, 2, 7, 31, 32, 33, 64, 72, 100});
    for (const std::uint64_t rows : kSides) {
      for (const std::uint64_t cols : kSides) {
        Operation op = Call();
        op.shape = {.rows = rows, .cols = cols};
        JudgeRandom(op);
        op.shape.index_stride = cols + 1 + rng_.Below(40);
        if (UsesKey()) JudgeRandom(op);
      }
    }
  }

  // Keys and offsets where 32-bit arithmetic wraps, and the last elements there are.
  void Keys() {
    constexpr std::uint64_t kLast = ~std::uint64_t{0};
    constexpr std::uint64_t k32 = std::uint64_t{1} << 32;
    for (const std::uint64_t seed : {std::uint64_t{0}, k32 - 1, k32, kLast}) {
      for (const std::uint64_t stream : {std::uint64_t{0}, std::uint64_t{1}, k32, kLast}) {
        for (const std::uint64_t offset :
             {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{5}, std::uint64_t{8},
              std::uint64_t{32}, k32 - 33, 4 * k32 - 33, 8 * k32 - 33, k32 * 32 / 3 - 40,
              kLast - 66}) {
          Operation op = op_;
          op.shape = {.rows = 1, .cols = 67};
          op.key = {seed, stream, offset};
          JudgeRandom(op);
        }
      }
    }
  }

  // Every code of a source of 16 bits or less, else the edges: neighbours together, then shuffled,
  // so that a code meets every lane and every company.
  void Codes() {
    const std::vector<Code> codes = SourceCodes();
    constexpr auto kCols = std::to_array<std::uint64_t>({256, 100});
    for (const std::uint64_t cols : kCols) {
      std::vector<Code> order = codes;
      JudgeCodes(order, cols);
      for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng_.Below(i)]);
      JudgeCodes(order, cols);
    }
    // One NaN or infinity reaches every element of its block, and NVFP4's whole tensor.
    std::vector<Code> finite = codes;
    std::erase_if(finite, [&](Code code) { return !SourceFormat().IsFinite(code); });
    if (finite.size() != codes.size() && op_.kind != OpKind::kCast) JudgeCodes(finite, 256);
  }

  // Codes near the values and midpoints of the target.
  void NearEdges() {
    std::vector<Code> codes(run_.Pick(1 << 16, 1 << 22));
    for (Code& code : codes) code = WeightedCodeNear(op_.from, op_.to, rng_);
    JudgeCodes(codes, 256);
  }

  // The bitwidths, where exp2 is hard or special. Only for operations with input `bits`.
  void Bits() {
    std::uint64_t number = 0;
    for (const Code bits : Bitwidths()) {
      if (run_.level() == Level::kQuick && ++number % 4 != 0) continue;
      Operation op = Call();
      op.shape = {.rows = 1, .cols = 33};
      if (!formats::ValidateOperation(op).ok()) op.key = {};
      Case c = RandomCase(kernel_.fit(op), rng_);
      for (std::uint64_t i = 0; i < c.inputs[1].count(); ++i) c.inputs[1].Set(i, bits);
      run_.Judge(c);
    }
  }

  void Random(std::uint64_t part) {
    rng_ = Rng(part + 1);
    for (std::uint64_t i = 0; i < run_.Pick(100, 2000); ++i) JudgeRandom(Call());
  }

  // What random calls seldom meet. The elements 3502, 51739, 67203 and 106907 of this key have an
  // rg16 number at a threshold, element 1644500 has |R| = 3 under rg32.
  void RareNoise() {
    for (const std::uint64_t offset : {3502, 51739, 67203, 106'907, 1'644'500}) {
      Operation op = op_;
      op.shape = {.rows = 1, .cols = 1};
      op.key = {.seed = 1, .stream = 2, .offset = offset};
      JudgeRandom(op);
    }
    for (const formats::RandomKey& key : KeysOfRareWords(op_.law, rng_)) {
      if (op_.kind == OpKind::kCast) break;  // Its words are no noise.
      Operation op = op_;
      op.shape = {.rows = 1, .cols = 32};
      op.key = key;
      JudgeRandom(op);
    }
  }

  // The largest weights under the widest noise, where 2 s overflows and 2 s - |w| does not, and
  // under one that rounds just beyond them; then one NaN or infinity in a whole block. Only for
  // operations with inputs w and bits.
  void Extremes() {
    Operation op = op_;
    op.shape = {.rows = 64, .cols = 64};
    op.key = {.seed = 1, .stream = 2};
    Case c = RandomCase(kernel_.fit(op), rng_);
    const FormatSpec& from = SourceFormat();
    for (std::uint64_t i = 0; i < c.inputs[0].count(); ++i) {
      c.inputs[0].Set(i, from.max_finite_code() | (rng_.OneIn(2) ? from.sign_mask() : 0));
    }
    for (const std::uint64_t bits : {9, 1}) {
      for (std::uint64_t i = 0; i < c.inputs[1].count(); ++i) {
        c.inputs[1].Set(i, *formats::EncodeExact(formats::kFloat32, false, bits, 0));
      }
      run_.Judge(c);
    }
    c.inputs[0].Set(c.inputs[0].count() / 2, from.canonical_nan_code());
    if (from.has_infinity()) c.inputs[0].Set(0, from.infinity_code());
    run_.Judge(c);
  }

  // More than a grid of modest size covers in one step, with tails.
  void Long() {
    Operation op = op_;
    op.shape = {.rows = run_.Pick(257, 1025), .cols = run_.Pick(1031, 4099)};
    if (UsesKey()) op.key = {0x0123456789ABCDEF, 42, 1};
    JudgeRandom(op);
  }

  void Sweep() {
    const auto oracle = IntervalOracle::Make(op_);
    ULPROOF_CHECK(oracle.ok(), oracle.error().ToString());
    run_.ForEachBackend(op_, false, [&](formats::Backend& backend, CheckRecord& record) {
      ++record.cases;
      const auto swept = reference::Sweep(backend, run_.truth(), op_, &*oracle);
      if (!swept.ok()) {
        run_.AddFailure(record, {OperationName(op_), swept.error().ToString(), std::nullopt});
        return;
      }
      record.elements += swept->inputs();
      record.mismatches += swept->mismatches;
      if (swept->first_mismatches.empty()) return;
      const Case c = RowCase(op_, std::to_array({swept->first_mismatches.front().input}));
      const auto judged = Judge(run_.truth(), backend, c);
      if (!judged.ok() || judged->ok()) return;
      run_.AddMismatch(backend, record, c, *judged);
      record.mismatches -= judged->mismatches;  // Counted by the sweep.
    });
  }

  bool UsesKey() const { return OperationName(op_).find(" seed=") != std::string::npos; }

 private:
  // One of the calls of the kernel; r, where it is one for all elements, is an argument too.
  Operation Call() {
    Operation op = RandomCall(op_, rng_);
    if (op.random) {
      op.random = static_cast<std::uint32_t>(rng_.Next()) >> (32 - op.rounding.random_bits);
    }
    return op;
  }

  void JudgeRandom(const Operation& op) {
    if (!formats::ValidateOperation(op).ok()) return;
    run_.Judge(RandomCase(kernel_.fit(op), rng_));
  }

  // The format of the first input.
  const FormatSpec& SourceFormat() const { return signature_.inputs.front().type.format; }

  std::vector<Code> SourceCodes() const {
    const formats::ElementType& type = signature_.inputs.front().type;
    const int bits = type.kind == formats::ElementKind::kCode ? type.format.storage_bits() : 8;
    if (bits > 16) {
      if (op_.kind == OpKind::kCast || op_.kind == OpKind::kSample) {
        return RoundingEdges(op_.from, op_.to);
      }
      return EdgeCodes(type.format);
    }
    std::vector<Code> codes(std::size_t{1} << bits);
    std::iota(codes.begin(), codes.end(), Code{0});
    return codes;
  }

  // The codes as first input of as many calls as they fill; the other inputs are random.
  void JudgeCodes(const std::vector<Code>& codes, std::uint64_t cols) {
    for (std::size_t done = 0; done < codes.size();) {
      Operation op = Call();
      op.shape = {.rows = (codes.size() - done + cols - 1) / cols, .cols = cols};
      if (op_.kind == OpKind::kCast) op.shape = {.rows = 1, .cols = codes.size() - done};
      if (!formats::ValidateOperation(op).ok()) op.key = {};
      Case c = RandomCase(kernel_.fit(op), rng_);
      formats::Tensor& input = c.inputs.front();
      for (std::uint64_t i = 0; i < input.count(); ++i) {
        input.Set(i, codes[(done + i) % codes.size()]);
      }
      done += input.count();
      run_.Judge(c);
    }
  }

  CheckRun& run_;
  const Operation& op_;
  const KernelUnderTest& kernel_;
  const formats::Signature signature_ = formats::SignatureOf(op_);
  Rng rng_{0};
};

}  // namespace

void AddKernelChecks(const ConformOptions& options, CheckList& checks) {
  const KernelUnderTest& kernel = *options.kernel;
  const OpKind kind = kernel.op.kind;
  const auto add = [&](const std::string& name, std::uint64_t cost, auto body) {
    checks.push_back({kind, fmt::format("{}/{}", OpKindName(kind), name), cost, false,
                      [&kernel, body](CheckRun& run) {
                        KernelSuite suite(run, kernel);
                        body(suite);
                      }});
  };
  add("sizes", 100, [](KernelSuite& suite) { suite.Sizes(); });
  add("matrices", 200, [](KernelSuite& suite) { suite.Matrices(); });
  for (std::uint64_t part = 0; part < kParts; ++part) {
    add(fmt::format("random/{}", part), 200, [=](KernelSuite& suite) { suite.Random(part); });
  }
  add("long", 300, [](KernelSuite& suite) { suite.Long(); });
  if (OperationName(kernel.op).find(" seed=") != std::string::npos) {
    add("keys", 100, [](KernelSuite& suite) { suite.Keys(); });
    add("rare", 10, [](KernelSuite& suite) { suite.RareNoise(); });
  }
  if (kind == OpKind::kNoise) return;
  if (kind == OpKind::kSample) {
    add("extremes", 10, [](KernelSuite& suite) { suite.Extremes(); });
  }
  add("codes", 400, [](KernelSuite& suite) { suite.Codes(); });
  if (kind == OpKind::kScale || kind == OpKind::kSample) {
    add("bitwidths", 100, [](KernelSuite& suite) { suite.Bits(); });
  }
  if (kind != OpKind::kCast || kernel.op.from.storage_bits() <= 16) return;
  add("near-edges", 200, [](KernelSuite& suite) { suite.NearEdges(); });
  const bool is_swept = kernel.op.from == formats::kFloat32 &&
                        kernel.op.rounding.random_bits == 0 &&
                        kernel.op.to.storage_bits() <= IntervalOracle::kMaxTargetBits;
  if (options.level == Level::kFull && is_swept) {
    add("all-2^32", 40'000, [](KernelSuite& suite) { suite.Sweep(); });
    checks.back().is_exclusive = true;
  }
}

}  // namespace ulproof::reference
