// SPDX-License-Identifier: Apache-2.0
#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

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

// Whether `condition` comes true within some microseconds: the next loop of a training step, or of
// a launch of a small kernel, is there sooner than the system wakes a thread.
template <typename Condition>
bool ComesSoon(const Condition& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(30);
  do {
    for (int i = 0; i < 64; ++i) {
      if (condition()) return true;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

// Threads that stay from one ParallelFor to the next: starting one takes tens of microseconds. They
// end with the process.
class Helpers {
 public:
  // Calls work() on this thread and on `count` others, and returns when all have returned. Returns
  // false, and calls nothing, if the helpers are at work for somebody else.
  template <typename Work>
  bool Run(std::uint32_t count, const Work& work) {
    const std::unique_lock turn(in_use_, std::try_to_lock);
    if (!turn.owns_lock()) return false;
    for (; started_ < count; ++started_) {
      std::thread([this, i = started_] { Serve(i); }).detach();
    }
    call_ = [](const void* w) { (*static_cast<const Work*>(w))(); };
    work_ = &work;
    at_work_ = count;
    {
      const std::lock_guard lock(sleep_);
      order_ = ((order_ >> kCountBits) + 1) << kCountBits | count;
    }
    wake_.notify_all();
    work();
    const auto are_done = [&] { return at_work_ == 0; };
    if (!ComesSoon(are_done)) {
      std::unique_lock lock(sleep_);
      done_.wait(lock, are_done);
    }
    return true;
  }

 private:
  static constexpr int kCountBits = 16;

  // Helper i serves the orders for more than i helpers. Such an order does not end without it, so
  // it misses none of them; others it may miss.
  [[noreturn]] void Serve(std::uint32_t i) {
    for (std::uint64_t last = 0;;) {
      const auto is_new = [&] { return order_ != last; };
      if (!ComesSoon(is_new)) {
        std::unique_lock lock(sleep_);
        wake_.wait(lock, is_new);
      }
      last = order_;
      if (i >= (last & ((1u << kCountBits) - 1))) continue;
      call_(work_);
      if (--at_work_ != 0) continue;
      { const std::lock_guard lock(sleep_); }
      done_.notify_one();
    }
  }

  std::mutex in_use_;
  std::uint32_t started_ = 0;
  void (*call_)(const void* work) = nullptr;
  const void* work_ = nullptr;
  std::atomic<std::uint32_t> at_work_{0};
  std::atomic<std::uint64_t> order_{0};  // A number that rises, and how many helpers are wanted.
  std::mutex sleep_;
  std::condition_variable wake_, done_;
};

// A child of fork() has none of its parent's threads, so it gets helpers of its own.
std::atomic<Helpers*> the_helpers{nullptr};

Helpers& TheHelpers() {
  static std::once_flag watched_for_forks;
  std::call_once(watched_for_forks,
                 [] { pthread_atfork(nullptr, nullptr, [] { the_helpers = nullptr; }); });
  static std::mutex making;
  Helpers* helpers = the_helpers.load(std::memory_order_acquire);
  if (helpers == nullptr) {
    const std::lock_guard lock(making);
    helpers = the_helpers.load(std::memory_order_acquire);
    if (helpers == nullptr) the_helpers = helpers = new Helpers;
  }
  return *helpers;
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
  const auto work_as_one_of_many = [&] {
    is_worker = true;
    work();
    is_worker = false;
  };
  const auto helpers = static_cast<std::uint32_t>(threads - 1);
  if (helpers == 0 || !TheHelpers().Run(helpers, work_as_one_of_many)) work();
}

}  // namespace ulproof::base
