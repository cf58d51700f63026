// SPDX-License-Identifier: Apache-2.0
#include "base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>
#include <vector>

namespace ulproof::base {
namespace {

std::atomic<int> thread_count_override{0};

// Whether this thread is one of several inside a ParallelFor: the processors are busy already.
thread_local bool is_worker = false;

int DefaultThreadCount() {
  if (const char* text = std::getenv("ULPROOF_THREADS")) {
    const int threads = std::atoi(text);
    if (threads > 0) return std::min(threads, 1024);
  }
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) return std::max(1, CPU_COUNT(&allowed));
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

int ThreadCount() {
  static const int default_count = DefaultThreadCount();
  const int override_count = thread_count_override.load(std::memory_order_relaxed);
  return override_count > 0 ? override_count : default_count;
}

void SetThreadCount(int threads) {
  thread_count_override.store(threads, std::memory_order_relaxed);
}

void ParallelFor(std::uint64_t count, std::uint64_t grain,
                 const std::function<void(std::uint64_t, std::uint64_t)>& body) {
  if (count == 0) return;
  grain = std::max<std::uint64_t>(grain, 1);
  const std::uint64_t ranges = count / grain + (count % grain != 0);
  const std::uint64_t threads = is_worker ? 1 : std::min<std::uint64_t>(ThreadCount(), ranges);
  std::atomic<std::uint64_t> next_range{0};
  const auto work = [&] {
    for (std::uint64_t range = next_range++; range < ranges; range = next_range++) {
      const std::uint64_t begin = range * grain;
      body(begin, begin + std::min(grain, count - begin));
    }
  };
  if (threads == 1) return work();
  const auto work_as_one_of_many = [&] {
    is_worker = true;
    work();
    is_worker = false;
  };
  std::vector<std::jthread> helpers;
  for (std::uint64_t i = 1; i < threads; ++i) helpers.emplace_back(work_as_one_of_many);
  work_as_one_of_many();
}

}  // namespace ulproof::base
