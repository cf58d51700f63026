// SPDX-License-Identifier: Apache-2.0
#include "bench/support.h"

#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/parallel.h"

namespace ulproof::bench {

double ThreadSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double Best::Time(const std::function<void()>& body) {
  const double start = ThreadSeconds();
  body();
  benchmark::ClobberMemory();
  const double seconds = ThreadSeconds() - start;
  seconds_ = std::min(seconds_, seconds);
  return seconds;
}

AlignedTensor::AlignedTensor(const formats::ElementType& type, std::uint64_t count)
    : type_(type), count_(count), bytes_(hwy::AllocateAligned<std::uint8_t>(count * type.bytes())) {
  std::memset(bytes_.get(), 0, size_bytes());
}

formats::Operation Parse(std::string_view text, std::uint64_t rows, std::uint64_t cols) {
  const std::string shape = " shape=" + std::to_string(rows) + "x" + std::to_string(cols);
  return formats::ParseOperation(std::string(text) + shape).value();
}

int Main(int argc, char** argv, void (*register_all)()) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  base::SetThreadCount(1);
  register_all();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

void Wrong(std::string_view message) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(message.size()), message.data());
  std::exit(1);
}

}  // namespace ulproof::bench
