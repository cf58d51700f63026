// SPDX-License-Identifier: Apache-2.0
// What the benchmarks share: a clock, the best of many interleaved runs, aligned memory.
#ifndef ULPROOF_BENCH_SUPPORT_H_
#define ULPROOF_BENCH_SUPPORT_H_

#include <hwy/aligned_allocator.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "formats/operation.h"
#include "formats/tensor.h"

namespace ulproof::bench {

// Processor time of the calling thread, in seconds: what others do on the machine counts only as
// far as it takes caches and memory bandwidth away.
double ThreadSeconds();

// The best time of `body` so far, in seconds. What the code can do; a mean would also count who
// else uses the machine.
class Best {
 public:
  // Runs the body once; returns its seconds.
  double Time(const std::function<void()>& body);
  double seconds() const { return seconds_; }

 private:
  double seconds_ = 1e30;
};

// Elements at an address that is a multiple of 64, as tensor libraries allocate them; written once,
// so that its pages are there.
class AlignedTensor {
 public:
  AlignedTensor(const formats::ElementType& type, std::uint64_t count);

  formats::Buffer view() { return {type_, bytes_.get(), count_}; }
  formats::ConstBuffer view() const { return {type_, bytes_.get(), count_}; }
  std::size_t size_bytes() const { return count_ * type_.bytes(); }

 private:
  formats::ElementType type_;
  std::uint64_t count_;
  hwy::AlignedFreeUniquePtr<std::uint8_t[]> bytes_;
};

// The operation `text` for a matrix. Precondition: it parses.
formats::Operation Parse(std::string_view text, std::uint64_t rows, std::uint64_t cols);

// What main does: reads the words of Google Benchmark, runs what `register_all` registers on one
// thread. Exit code 2: a word that nobody knows.
int Main(int argc, char** argv, void (*register_all)());

// Ends the program with status 1 and this message: what is wrong is not timed.
[[noreturn]] void Wrong(std::string_view message);

}  // namespace ulproof::bench

#endif  // ULPROOF_BENCH_SUPPORT_H_
