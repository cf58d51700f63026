// SPDX-License-Identifier: Apache-2.0
// ParallelFor covers its range exactly once whatever the number of threads and the grain. Would
// catch a lost or repeated last range, a grain of 0, nested calls that multiply threads, and helper
// threads that miss a call, serve one twice, or are gone after a fork.
#include "base/parallel.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

namespace ulproof::base {
namespace {

class ParallelTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { SetThreadCount(GetParam()); }
  void TearDown() override { SetThreadCount(0); }
};

TEST_P(ParallelTest, CoversTheRangeExactlyOnce) {
  for (const std::uint64_t count : {0, 1, 2, 7, 64, 1000, 1001}) {
    for (const std::uint64_t grain : {0, 1, 3, 64, 1000, 5000}) {
      const auto visits = std::make_unique<std::atomic<int>[]>(count + 1);
      std::atomic<bool> ranges_are_sound = true;
      ParallelFor(count, grain, [&](std::uint64_t begin, std::uint64_t end) {
        if (begin >= end || end > count || end - begin > std::max<std::uint64_t>(grain, 1)) {
          ranges_are_sound = false;
          return;
        }
        for (std::uint64_t i = begin; i < end; ++i) ++visits[i];
      });
      EXPECT_TRUE(ranges_are_sound) << count << " by " << grain;
      for (std::uint64_t i = 0; i < count; ++i) ASSERT_EQ(visits[i], 1) << i << " of " << count;
    }
  }
}

TEST_P(ParallelTest, HandlesRangesNearTheLargestCount) {
  // Two ranges, the second one short: begin + grain must not wrap around.
  std::atomic<std::uint64_t> covered = 0;
  ParallelFor(UINT64_MAX, std::uint64_t{1} << 63,
              [&](std::uint64_t begin, std::uint64_t end) { covered += end - begin; });
  EXPECT_EQ(covered, UINT64_MAX);
}

// An inner call stays on its outer thread. The pause lets other threads take a range, if any can.
TEST_P(ParallelTest, NestedCallsStartNoThreads) {
  std::atomic<int> calls = 0, strays = 0;
  ParallelFor(8, 1, [&](std::uint64_t, std::uint64_t) {
    const std::thread::id outer = std::this_thread::get_id();
    ParallelFor(4, 1, [&](std::uint64_t, std::uint64_t) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      ++calls;
      strays += std::this_thread::get_id() != outer;
    });
  });
  EXPECT_EQ(calls, 32);
  EXPECT_EQ(strays, 0);
}

// Calls in quick succession and after pauses, in which the helpers fall asleep, with more and fewer
// threads in turn: each runs on as many threads as it may, and nothing of one leaks into the next.
TEST_P(ParallelTest, ManyCallsEachCoverTheirOwnRange) {
  for (std::uint64_t call = 0; call < 3000; ++call) {
    SetThreadCount(static_cast<int>(1 + call % static_cast<std::uint64_t>(GetParam())));
    if (call % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::atomic<std::uint64_t> sum = 0;
    ParallelFor(call % 40, 1, [&](std::uint64_t begin, std::uint64_t) { sum += begin + 1; });
    ASSERT_EQ(sum, call % 40 * (call % 40 + 1) / 2) << call;
  }
}

// Several callers at once: each gets its range covered, by whomever.
TEST_P(ParallelTest, CallersDoNotDisturbEachOther) {
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> callers;
  for (int caller = 0; caller < 3; ++caller) {
    callers.emplace_back([&] {
      for (int call = 0; call < 300; ++call) {
        std::atomic<std::uint64_t> sum = 0;
        ParallelFor(17, 2, [&](std::uint64_t begin, std::uint64_t end) { sum += end - begin; });
        wrong += sum != 17;
      }
    });
  }
  callers.clear();
  EXPECT_EQ(wrong, 0);
}

// A range for each thread, all of which must be there at once for any to go on.
TEST_P(ParallelTest, AllThreadsWorkAtTheSameTime) {
  const auto threads = static_cast<std::uint64_t>(GetParam());
  for (int call = 0; call < 20; ++call) {
    std::atomic<std::uint64_t> there = 0;
    ParallelFor(threads, 1, [&](std::uint64_t, std::uint64_t) {
      ++there;
      while (there < threads) std::this_thread::yield();
    });
    EXPECT_EQ(there, threads);
  }
}

// A child of fork() has none of the helpers.
TEST_P(ParallelTest, WorksInAChildProcess) {
  ParallelFor(100, 1, [](std::uint64_t, std::uint64_t) {});
  const pid_t child = fork();
  if (child == 0) {
    std::atomic<int> visits = 0;
    ParallelFor(100, 1, [&](std::uint64_t, std::uint64_t) { ++visits; });
    _exit(visits == 100 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

INSTANTIATE_TEST_SUITE_P(Threads, ParallelTest, testing::Values(1, 2, 3, 16),
                         testing::PrintToStringParamName());

TEST(ThreadCountTest, IsPositiveAndCanBeSetAndRestored) {
  const int by_default = ThreadCount();
  EXPECT_GE(by_default, 1);
  SetThreadCount(5);
  EXPECT_EQ(ThreadCount(), 5);
  SetThreadCount(0);
  EXPECT_EQ(ThreadCount(), by_default);
}

// One range needs no thread: it runs where it was called.
TEST(ThreadCountTest, OneRangeRunsOnTheCallingThread) {
  SetThreadCount(4);
  std::thread::id thread;
  ParallelFor(10, 10, [&](std::uint64_t, std::uint64_t) { thread = std::this_thread::get_id(); });
  EXPECT_EQ(thread, std::this_thread::get_id());
  SetThreadCount(0);
}

}  // namespace
}  // namespace ulproof::base
