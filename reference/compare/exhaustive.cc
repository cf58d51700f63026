// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/exhaustive.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>

#include "base/parallel.h"
#include "base/text.h"

namespace ulproof::reference {
namespace {

using formats::Backend;
using formats::Code;
using formats::ElementType;
using formats::Operation;
using formats::Tensor;

// Codes per call of a backend: input and output stay in the cache of one core.
constexpr std::uint64_t kChunkCodes = std::uint64_t{1} << 15;
// Chunks that a thread takes at a time, on one set of buffers.
constexpr std::uint64_t kChunksPerTurn = 128;

template <typename T>
void FillConsecutive(const formats::Buffer& codes, std::uint64_t first) {
  T* out = codes.As<T>();
  for (std::uint64_t i = 0; i < codes.count; ++i) out[i] = static_cast<T>(first + i);
}

void FillConsecutive(const formats::Buffer& codes, std::uint64_t first) {
  switch (codes.type.bytes()) {
    case 1:
      return FillConsecutive<std::uint8_t>(codes, first);
    case 2:
      return FillConsecutive<std::uint16_t>(codes, first);
    default:
      return FillConsecutive<std::uint32_t>(codes, first);
  }
}

// Whether got[0, count) all equal `expected`. One OR an element, so that compilers vectorise it.
template <typename T>
bool AllEqual(const T* got, std::uint64_t count, Code expected) {
  T different = 0;
  for (std::uint64_t i = 0; i < count; ++i) different |= got[i] ^ static_cast<T>(expected);
  return different == 0;
}

bool AllEqual(const formats::ConstBuffer& got, std::uint64_t begin, std::uint64_t count,
              Code expected) {
  switch (got.type.bytes()) {
    case 1:
      return AllEqual(got.As<std::uint8_t>() + begin, count, expected);
    case 2:
      return AllEqual(got.As<std::uint16_t>() + begin, count, expected);
    case 4:
      return AllEqual(got.As<std::uint32_t>() + begin, count, expected);
    default:
      return AllEqual(got.As<std::uint64_t>() + begin, count, expected);
  }
}

// What one chunk, or all of them, came to.
struct Tally {
  std::uint64_t nan_inputs = 0;
  std::uint64_t mismatches = 0;
  std::vector<SweepMismatch> first_mismatches;
  AffineHash hash;

  void AddMismatch(const SweepMismatch& mismatch) {
    ++mismatches;
    if (first_mismatches.size() < SweepResult::kMaxKeptMismatches) {
      first_mismatches.push_back(mismatch);
    }
  }
  // One code in order.
  void AddCode(Code input, bool input_is_nan, Code expected, Code got) {
    if (got != expected) AddMismatch({input, expected, got});
    if (input_is_nan) {
      ++nan_inputs;
    } else {
      hash.Append(got);
    }
  }
  void Add(const Tally& next) {
    nan_inputs += next.nan_inputs;
    mismatches += next.mismatches;
    const std::size_t room = SweepResult::kMaxKeptMismatches - first_mismatches.size();
    const auto begin = next.first_mismatches.begin();
    first_mismatches.insert(first_mismatches.end(), begin,
                            begin + std::min(room, next.first_mismatches.size()));
    hash = hash.Then(next.hash);
  }
};

// Compares the outputs of codes [first, first + got.count) with the runs of the oracle. A run that
// agrees is hashed as a power of one step.
Tally CompareWithOracle(const IntervalOracle& oracle, std::uint64_t first,
                        const formats::ConstBuffer& got) {
  Tally tally;
  const std::uint64_t end = first + got.count;
  std::size_t run_index = oracle.RunOf(first);
  for (std::uint64_t begin = first; begin < end; ++run_index) {
    const IntervalOracle::Run& run = oracle.runs()[run_index];
    const std::uint64_t run_end = std::min(oracle.EndOf(run_index), end);
    if (AllEqual(got, begin - first, run_end - begin, run.output)) {
      if (run.input_is_nan) {
        tally.nan_inputs += run_end - begin;
      } else {
        const AffineHash step = {AffineHash::kMultiplier, run.output};
        tally.hash = tally.hash.Then(step.Times(run_end - begin));
      }
    } else {
      for (std::uint64_t x = begin; x < run_end; ++x) {
        tally.AddCode(x, run.input_is_nan, run.output, got.Get(x - first));
      }
    }
    begin = run_end;
  }
  return tally;
}

Tally CompareWithCodes(const Operation& op, std::uint64_t first,
                       const formats::ConstBuffer& expected, const formats::ConstBuffer& got) {
  Tally tally;
  for (std::uint64_t i = 0; i < got.count; ++i) {
    tally.AddCode(first + i, op.from.IsNan(first + i), expected.Get(i), got.Get(i));
  }
  return tally;
}

}  // namespace

base::Result<Shard> ParseShard(std::string_view text) {
  const auto parts = base::Split(text, '/');
  if (parts.size() != 2) {
    return base::UsageError(fmt::format("shard '{}' is not k/n, as in 2/8", text));
  }
  const auto count = base::ParseUnsigned(parts[1], "shard count", std::uint64_t{1} << 20);
  if (!count.ok()) return count.error();
  const auto index = base::ParseUnsigned(parts[0], "shard", *count);
  if (!index.ok()) return index.error();
  if (*index == 0) {
    return base::UsageError(fmt::format("shard '{}': shards are numbered 1 to n", text));
  }
  return Shard{*index, *count};
}

CodeRange RangeOf(const Shard& shard, const formats::FormatSpec& from) {
  const std::uint64_t total = from.code_mask() + 1;
  return {.begin = shard.Begin(total), .end = shard.End(total)};
}

base::Result<SweepResult> Sweep(Backend& subject, Backend& truth, const Operation& op,
                                const IntervalOracle* oracle, const SweepOptions& options) {
  ULPROOF_CHECK(op.kind == formats::OpKind::kCast);
  if (op.from.storage_bits() > 32) {
    return base::UsageError(
        fmt::format("{} has too many codes to sweep", formats::FormatName(op.from)));
  }
  if (op.rounding.is_stochastic() && !op.random) {
    return base::UsageError("a stochastic cast needs one r for all inputs to be swept");
  }
  const auto start = std::chrono::steady_clock::now();
  const CodeRange range = options.range.value_or(RangeOf(options.shard, op.from));
  ULPROOF_CHECK(range.begin <= range.end && range.end <= op.from.code_mask() + 1);
  SweepResult result;
  result.begin = range.begin;
  result.end = range.end;
  const std::uint64_t chunks = (result.inputs() + kChunkCodes - 1) / kChunkCodes;
  std::vector<Tally> tallies((chunks + kChunksPerTurn - 1) / kChunksPerTurn);
  std::mutex mutex;
  std::optional<base::Error> error;

  base::ParallelFor(tallies.size(), 1, [&](std::uint64_t turn, std::uint64_t) {
    Tensor input(ElementType::CodeOf(op.from), kChunkCodes);
    Tensor output(ElementType::CodeOf(op.to), kChunkCodes);
    Tensor expected(ElementType::CodeOf(op.to), oracle == nullptr ? kChunkCodes : 0);
    const std::uint64_t begin = result.begin + turn * kChunksPerTurn * kChunkCodes;
    const std::uint64_t end = std::min(begin + kChunksPerTurn * kChunkCodes, result.end);
    for (std::uint64_t first = begin; first < end; first += kChunkCodes) {
      Operation chunk = op;
      chunk.shape = {.rows = 1, .cols = std::min(kChunkCodes, end - first)};
      const auto part = [&](Tensor& tensor) {
        formats::Buffer buffer = tensor.view();
        buffer.count = chunk.shape.cols;
        return buffer;
      };
      const formats::Buffer codes = part(input);
      const formats::Buffer got = part(output);
      FillConsecutive(codes, first);
      const auto inputs = std::to_array<formats::ConstBuffer>({codes});
      base::Status status = subject.Run(chunk, inputs, std::to_array({got}));
      if (status.ok() && oracle == nullptr) {
        status = truth.Run(chunk, inputs, std::to_array({part(expected)}));
      }
      if (!status.ok()) {
        const std::lock_guard lock(mutex);
        if (!error) error = status.error();
        return;
      }
      tallies[turn].Add(oracle != nullptr ? CompareWithOracle(*oracle, first, got)
                                          : CompareWithCodes(op, first, part(expected), got));
    }
    if (options.progress) options.progress(end - begin);
  });
  if (error) return *error;

  Tally all;
  for (const Tally& tally : tallies) all.Add(tally);
  result.nan_inputs = all.nan_inputs;
  result.mismatches = all.mismatches;
  result.first_mismatches = std::move(all.first_mismatches);
  result.hash = all.hash;
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  result.seconds = elapsed.count();
  return result;
}

}  // namespace ulproof::reference
