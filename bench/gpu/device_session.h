// SPDX-License-Identifier: Apache-2.0
// One device, and our kernels on it with their buffers in place: run once for the results, or many
// times between two events. Plainer than gpu/runtime/device_machine.h, which copies and checks
// around every run; what is timed here has been checked there and by the caller.
#ifndef ULPROOF_BENCH_GPU_DEVICE_SESSION_H_
#define ULPROOF_BENCH_GPU_DEVICE_SESSION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/case.h"
#include "gpu/kernels/registry.h"
#include "gpu/runtime/cuda_driver.h"

namespace ulproof::bench {

class DeviceSession;

// Device memory; freed with the object.
class DeviceArray {
 public:
  DeviceArray(const DeviceSession& session, std::uint64_t bytes)
      : session_(session), bytes_(bytes) {}
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray();

  base::Status Allocate();
  gpu::CuAddress address() const { return address_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  const DeviceSession& session_;
  const std::uint64_t bytes_;
  gpu::CuAddress address_ = 0;
};

// One call of a kernel: inputs copied in, outputs filled with a byte, arguments resolved. The
// session, the kernel and the case's operation must outlive it.
class PlacedCall {
 public:
  static base::Result<std::unique_ptr<PlacedCall>> Make(const DeviceSession& session,
                                                        gpu::CuModule module,
                                                        const gpu::Kernel& kernel,
                                                        const formats::Case& c);
  // Puts its launches on the default stream.
  base::Status Enqueue() const;
  // Waits, then copies the outputs out.
  base::Result<std::vector<formats::Tensor>> Outputs() const;
  // Of inputs and outputs, each once: what has to be read and written at least.
  std::uint64_t bytes() const { return bytes_; }

 private:
  struct PlacedLaunch {
    gpu::CuFunction function = nullptr;
    unsigned grid = 1, threads = 1;
    std::vector<std::uint64_t> words;  // The arguments.
  };

  PlacedCall(const DeviceSession& session, const formats::Operation& op)
      : session_(session), signature_(formats::SignatureOf(op)) {}
  base::Status Place(gpu::CuModule module, const gpu::Kernel& kernel, const formats::Case& c);

  const DeviceSession& session_;
  const formats::Signature signature_;
  std::vector<std::unique_ptr<DeviceArray>> arrays_;  // Inputs, outputs, one scratch word.
  std::vector<PlacedLaunch> launches_;
  std::uint64_t bytes_ = 0;
};

class DeviceSession {
 public:
  // Errors (3): why there is no device.
  static base::Result<std::unique_ptr<DeviceSession>> Open(const std::string& driver, int device);
  DeviceSession(const DeviceSession&) = delete;
  DeviceSession& operator=(const DeviceSession&) = delete;
  ~DeviceSession();

  const gpu::CudaDriver& driver() const { return device_.driver; }
  std::string description() const { return device_.Description(); }
  std::uint64_t l2_bytes() const {
    return static_cast<std::uint64_t>(device_.Attribute(gpu::kCuL2Bytes));
  }

  // Loads PTX; unloaded with the session. `name` stands in errors.
  base::Result<gpu::CuModule> Load(std::string_view ptx, const std::string& name);

  // Milliseconds between two events around each of `repeats` runs of `enqueue`, after some runs
  // that are not timed. Sorted.
  template <typename Enqueue>
  base::Result<std::vector<double>> Time(int repeats, const Enqueue& enqueue) const {
    for (int i = 0; i < kWarmUps; ++i) {
      if (base::Status ok = enqueue(); !ok.ok()) return ok.error();
    }
    std::vector<double> times;
    for (int i = 0; i < repeats; ++i) {
      if (base::Status ok = Begin(); !ok.ok()) return ok.error();
      if (base::Status ok = enqueue(); !ok.ok()) return ok.error();
      const base::Result<double> elapsed = End();
      if (!elapsed.ok()) return elapsed.error();
      times.push_back(*elapsed);
    }
    Sort(times);
    return times;
  }

 private:
  static constexpr int kWarmUps = 3;

  explicit DeviceSession(const gpu::CudaDevice& device) : device_(device) {}
  base::Status MakeEvents();
  base::Status Begin() const;
  base::Result<double> End() const;
  static void Sort(std::vector<double>& times);

  const gpu::CudaDevice device_;
  gpu::CuEvent begin_ = nullptr, end_ = nullptr;
  std::vector<gpu::CuModule> modules_;
};

}  // namespace ulproof::bench

#endif  // ULPROOF_BENCH_GPU_DEVICE_SESSION_H_
