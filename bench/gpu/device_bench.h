// SPDX-License-Identifier: Apache-2.0
// How fast our kernels are on a real GPU, against a device-to-device copy of the same bytes: the
// fused sample, the noise beside Box-Muller, grad_b, plain versions beside optimised ones. Nothing
// is timed before its bits have been compared with the exact reference, on a ragged matrix as a
// whole and on pieces of the very matrix that is timed.
#ifndef ULPROOF_BENCH_GPU_DEVICE_BENCH_H_
#define ULPROOF_BENCH_GPU_DEVICE_BENCH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace ulproof::bench {

struct DeviceBenchOptions {
  std::string driver = "libcuda.so.1";  // The library that is loaded: a soname or a path.
  int device = 0;                       // Its ordinal.
  // Elements of the matrix, rounded up to whole rows of blocks. 0: so many that the weights alone
  // (bfloat16) are four times the second-level cache, and 64 MiB at least.
  std::uint64_t elements = 0;
  int repeats = 101;  // Timed runs of each; of plain versions a fifth.
};

struct DeviceTiming {
  std::string name = {};     // "sample bfloat16 rg16"
  std::string version = {};  // "optimised", "plain"; empty for the copy.
  std::uint64_t bytes = 0;
  int repeats = 0;
  double median_ms = 0, fast_ms = 0, slow_ms = 0;  // 50th, 10th and 90th percentile.

  double BytesPerSecond() const { return static_cast<double>(bytes) / (median_ms * 1e-3); }
};

struct DeviceBenchReport {
  std::string device = {};  // "NVIDIA H200, sm_90, driver 13.0"
  std::uint64_t l2_bytes = 0;
  std::uint64_t rows = 0, cols = 0;
  std::uint64_t validated_elements = 0;    // Output elements compared with the reference.
  std::vector<DeviceTiming> timings = {};  // The copy first.
};

// Errors: no device (3); options out of range (2); what the driver says (3); a kernel that does not
// give the reference's bits (1).
base::Result<DeviceBenchReport> RunDeviceBench(const DeviceBenchOptions& options);

// A table for people, with each rate as a share of the copy's.
std::string DeviceBenchText(const DeviceBenchReport& report);
// {"schema": "ulproof.device_bench/1", ...}, ended.
std::string DeviceBenchJson(const DeviceBenchReport& report);

}  // namespace ulproof::bench

#endif  // ULPROOF_BENCH_GPU_DEVICE_BENCH_H_
