// SPDX-License-Identifier: Apache-2.0
// Work split over threads. Nothing here may change a result: callers hand out disjoint ranges whose
// outputs do not depend on who computes them.
#ifndef ULPROOF_BASE_PARALLEL_H_
#define ULPROOF_BASE_PARALLEL_H_

#include <cstdint>
#include <functional>

namespace ulproof::base {

// Threads that ParallelFor uses: ULPROOF_THREADS or SetThreadCount if given, else the CPUs this
// process may run on. At least 1.
int ThreadCount();

// Overrides ThreadCount for the process; 0 restores the default.
void SetThreadCount(int threads);

// Calls body(begin, end) over disjoint ranges that cover [0, count), each at most `grain` long
// except that grain < 1 counts as 1. Ranges are handed out in increasing order; calls run
// concurrently. Runs on the calling thread alone when one range or one thread is enough, and when
// the caller is itself one of several threads of an outer ParallelFor. body must not throw.
void ParallelFor(std::uint64_t count, std::uint64_t grain,
                 const std::function<void(std::uint64_t begin, std::uint64_t end)>& body);

}  // namespace ulproof::base

#endif  // ULPROOF_BASE_PARALLEL_H_
