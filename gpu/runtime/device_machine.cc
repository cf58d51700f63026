// SPDX-License-Identifier: Apache-2.0
#include "gpu/runtime/device_machine.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <utility>

#include "base/check.h"
#include "gpu/runtime/cuda_driver.h"

namespace ulproof::gpu {
namespace {

constexpr std::uint8_t kPoison = 0xDB;
constexpr std::uint8_t kOtherPoison = 0x24;
constexpr std::uint32_t kSharedWithoutAsking = 48 * 1024;  // More has to be requested.
constexpr std::size_t kMaxParameterBytes = 4096;           // More is passed by no driver.
constexpr std::size_t kErrorLogBytes = 16 * 1024;

// An opened device. Its context lives as long as this does.
class Device {
 public:
  static base::Result<std::shared_ptr<Device>> Open(const DeviceOptions& options) {
    const base::Result<CudaDevice> device = CudaDevice::Open(options.driver, options.device);
    if (!device) return device.error();
    return std::make_shared<Device>(*device, options.guard_bytes);
  }

  Device(const CudaDevice& device, std::uint64_t guard_bytes)
      : device_(device), guard_bytes_(guard_bytes) {}
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device() { driver().context_release(device_.id); }

  const CudaDriver& driver() const { return device_.driver; }
  std::uint64_t guard_bytes() const { return guard_bytes_; }

  // The calling thread's until the guard goes: one thread works on the device at a time.
  std::unique_lock<std::mutex> Enter() {
    std::unique_lock lock(mutex_);
    driver().context_set(device_.context);
    return lock;
  }

  std::string Description() const { return device_.Description(); }

 private:
  const CudaDevice device_;
  const std::uint64_t guard_bytes_;
  std::mutex mutex_;
};

// One buffer on the device, between its guard zones; freed with the object.
class DeviceBuffer {
 public:
  DeviceBuffer(Device& device, const KernelBuffer& buffer)
      : device_(device),
        buffer_(buffer),
        bytes_(!buffer.output.empty()      ? buffer.output.size()
               : buffer.scratch_bytes != 0 ? buffer.scratch_bytes
                                           : buffer.input.size()) {}
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;
  ~DeviceBuffer() {
    if (whole_ != 0) device_.driver().memory_free(whole_);
  }

  CuAddress address() const { return whole_ + first_byte(); }
  bool is_output() const { return !buffer_.output.empty(); }
  const KernelBuffer& buffer() const { return buffer_; }

  base::Status Allocate() {
    return Check("cuMemAlloc of " + std::to_string(whole_bytes()) + " bytes",
                 device_.driver().memory_allocate(&whole_, whole_bytes()));
  }

  // All that a run sees: guard zones and outputs of `poison`, inputs as given, scratch zero.
  base::Status Prepare(std::uint8_t poison) {
    const CudaDriver& driver = device_.driver();
    if (base::Status ok = Check("cuMemsetD8", driver.fill(whole_, poison, whole_bytes()));
        !ok.ok()) {
      return ok;
    }
    if (bytes_ == 0 || is_output()) return base::Done{};
    if (buffer_.scratch_bytes != 0) {
      return Check("cuMemsetD8", driver.fill(address(), 0, bytes_));
    }
    return Check("cuMemcpyHtoD", driver.copy_to_device(address(), buffer_.input.data(), bytes_));
  }

  // What the run left in the buffer. Errors: a guard zone or an input was written.
  base::Result<std::vector<std::uint8_t>> Collect(std::uint8_t poison) {
    std::vector<std::uint8_t> all(whole_bytes());
    if (base::Status ok =
            Check("cuMemcpyDtoH", device_.driver().copy_to_host(all.data(), whole_, all.size()));
        !ok.ok()) {
      return ok.error();
    }
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(first_byte());
    const auto end = begin + static_cast<std::ptrdiff_t>(bytes_);
    const auto is_written = [poison](std::uint8_t byte) { return byte != poison; };
    const auto before = std::find_if(std::make_reverse_iterator(begin), all.rend(), is_written);
    if (before != all.rend()) {
      return base::UsageError("a store to byte -" +
                              std::to_string(before - std::make_reverse_iterator(begin) + 1) +
                              " of " + buffer_.name + ", before its begin");
    }
    if (const auto after = std::find_if(end, all.end(), is_written); after != all.end()) {
      return base::UsageError("a store to byte " + std::to_string(after - begin) + " of " +
                              buffer_.name + ", which has " + std::to_string(bytes_));
    }
    if (!is_output() && buffer_.scratch_bytes == 0) {
      const auto changed = std::mismatch(begin, end, buffer_.input.begin()).first;
      if (changed != end) {
        return base::UsageError("a store to byte " + std::to_string(changed - begin) + " of " +
                                buffer_.name + ", an input");
      }
    }
    return std::vector<std::uint8_t>(begin, end);
  }

 private:
  // Where the buffer begins: after a guard zone.
  std::uint64_t first_byte() const { return device_.guard_bytes() + buffer_.misalignment; }
  std::uint64_t whole_bytes() const { return first_byte() + bytes_ + device_.guard_bytes(); }
  base::Status Check(const std::string& what, CuResult result) const {
    if (result == kCuSuccess) return base::Done{};
    return base::EnvironmentError(device_.driver().Describe(what, result) + ", for " +
                                  buffer_.name);
  }

  Device& device_;
  const KernelBuffer& buffer_;
  const std::uint64_t bytes_;
  CuAddress whole_ = 0;
};

class DeviceModule : public LoadedModule {
 public:
  DeviceModule(std::shared_ptr<Device> device, CuModule module)
      : device_(std::move(device)), module_(module) {}
  ~DeviceModule() override {
    const auto entered = device_->Enter();
    driver().module_unload(module_);
  }

  base::Status Run(std::span<const KernelLaunch> launches,
                   std::span<const KernelBuffer> buffers) override {
    const auto entered = device_->Enter();
    std::vector<std::unique_ptr<DeviceBuffer>> placed;
    for (const KernelBuffer& buffer : buffers) {
      placed.push_back(std::make_unique<DeviceBuffer>(*device_, buffer));
      if (base::Status ok = placed.back()->Allocate(); !ok.ok()) return ok;
    }
    base::Result<Contents> first = RunOnce(launches, placed, kPoison);
    if (!first) return first.error();
    if (base::Status ok = CheckWritten(launches, placed, *first); !ok.ok()) return ok;
    for (std::size_t i = 0; i < placed.size(); ++i) {
      if (placed[i]->is_output()) std::ranges::copy((*first)[i], buffers[i].output.begin());
    }
    return base::Done{};
  }

 private:
  using Contents = std::vector<std::vector<std::uint8_t>>;  // Of the buffers, in order.
  using Buffers = std::vector<std::unique_ptr<DeviceBuffer>>;

  const CudaDriver& driver() const { return device_->driver(); }

  base::Result<Contents> RunOnce(std::span<const KernelLaunch> launches, const Buffers& buffers,
                                 std::uint8_t poison) {
    for (const auto& buffer : buffers) {
      if (base::Status ok = buffer->Prepare(poison); !ok.ok()) return ok.error();
    }
    for (const KernelLaunch& launch : launches) {
      if (base::Status ok = RunLaunch(launch, buffers); !ok.ok()) return ok.error();
    }
    Contents contents;
    for (const auto& buffer : buffers) {
      base::Result<std::vector<std::uint8_t>> content = buffer->Collect(poison);
      if (!content) return content.error();
      contents.push_back(std::move(*content));
    }
    return contents;
  }

  // Whether every byte of every output was written, by a second run where the first leaves doubt.
  base::Status CheckWritten(std::span<const KernelLaunch> launches, const Buffers& buffers,
                            const Contents& first) {
    const auto in_doubt = [&](std::size_t i) {
      return buffers[i]->is_output() && std::ranges::find(first[i], kPoison) != first[i].end();
    };
    bool any = false;
    for (std::size_t i = 0; i < buffers.size(); ++i) any = any || in_doubt(i);
    if (!any) return base::Done{};
    base::Result<Contents> second = RunOnce(launches, buffers, kOtherPoison);
    if (!second) return second.error();
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      if (!buffers[i]->is_output()) continue;
      for (std::size_t byte = 0; byte < first[i].size(); ++byte) {
        const std::uint8_t a = first[i][byte];
        const std::uint8_t b = (*second)[i][byte];
        if (a == b) continue;
        const std::string place = "byte " + std::to_string(byte) + " of " +
                                  buffers[i]->buffer().name + " (" +
                                  std::to_string(first[i].size()) + " bytes)";
        return base::UsageError(a == kPoison && b == kOtherPoison
                                    ? "nothing wrote " + place
                                    : "two runs on the same inputs differ in " + place);
      }
    }
    return base::Done{};
  }

  base::Status RunLaunch(const KernelLaunch& launch, const Buffers& buffers) {
    CuFunction function = nullptr;
    const CuResult found = driver().module_function(&function, module_, launch.entry.c_str());
    if (found == kCuNotFound) {
      return base::UsageError("the module has no entry '" + launch.entry + "'");
    }
    if (base::Status ok = driver().Check("cuModuleGetFunction " + launch.entry, found); !ok.ok()) {
      return ok;
    }
    if (base::Status ok = CheckParameters(launch, function); !ok.ok()) return ok;
    ULPROOF_CHECK(launch.first_block == 0 && launch.end_block == UINT64_MAX,
                  "a device runs all thread blocks");
    // The driver copies each parameter's own size from its pointer. The zeros past the last one are
    // for drivers that cannot be asked for the sizes.
    std::vector<std::uint64_t> words(launch.arguments.size() +
                                     kMaxParameterBytes / sizeof(std::uint64_t));
    std::vector<void*> pointers;
    for (std::size_t i = 0; i < launch.arguments.size(); ++i) {
      const LaunchArgument& argument = launch.arguments[i];
      words[i] = argument.bits;
      if (argument.buffer >= 0) {
        words[i] += buffers[static_cast<std::size_t>(argument.buffer)]->address();
      }
      pointers.push_back(&words[i]);
    }
    if (launch.dynamic_shared_bytes > kSharedWithoutAsking) {
      if (base::Status ok =
              driver().Check("cuFuncSetAttribute " + launch.entry,
                             driver().function_set(function, kCuFunctionMaxDynamicShared,
                                                   static_cast<int>(launch.dynamic_shared_bytes)));
          !ok.ok()) {
        return ok;
      }
    }
    const CuResult launched = driver().launch(
        function, launch.grid[0], launch.grid[1], launch.grid[2], launch.block[0], launch.block[1],
        launch.block[2], launch.dynamic_shared_bytes, nullptr, pointers.data(), nullptr);
    if (launched != kCuSuccess) {
      return base::UsageError(driver().Describe("cuLaunchKernel " + launch.entry, launched));
    }
    const CuResult ended = driver().context_synchronize();
    if (ended != kCuSuccess) {
      return base::UsageError(driver().Describe("kernel " + launch.entry, ended) +
                              "; the device takes no more work from this process");
    }
    return base::Done{};
  }

  base::Status CheckParameters(const KernelLaunch& launch, CuFunction function) const {
    if (driver().parameter_info == nullptr) return base::Done{};
    std::size_t count = 0;
    std::size_t offset = 0;
    std::size_t bytes = 0;
    for (; driver().parameter_info(function, count, &offset, &bytes) == kCuSuccess; ++count) {
      if (count >= launch.arguments.size()) continue;
      const auto given = static_cast<std::size_t>(launch.arguments[count].bytes);
      if (given != bytes) {
        return base::UsageError("argument " + std::to_string(count) + " of " + launch.entry +
                                " has " + std::to_string(given) + " bytes, the parameter " +
                                std::to_string(bytes));
      }
    }
    if (count != launch.arguments.size()) {
      return base::UsageError(launch.entry + " takes " + std::to_string(count) +
                              " arguments, not " + std::to_string(launch.arguments.size()));
    }
    return base::Done{};
  }

  const std::shared_ptr<Device> device_;
  const CuModule module_;
};

class CudaMachine : public DeviceMachine {
 public:
  explicit CudaMachine(DeviceOptions options) : options_(std::move(options)) {
    ULPROOF_CHECK(options_.guard_bytes % 256 == 0);
  }

  std::string_view name() const override { return "device"; }
  std::string why_unavailable() const override {
    return Opened().ok() ? "" : Opened().error().message;
  }
  std::string description() const override { return (*Opened())->Description(); }

  base::Result<std::unique_ptr<LoadedModule>> Load(std::string_view code,
                                                   std::string_view file) override {
    if (!Opened().ok()) return Opened().error();
    const std::shared_ptr<Device>& device = *Opened();
    const auto entered = device->Enter();
    const std::string image(code);  // The driver wants a zero after the text.
    std::vector<char> log(kErrorLogBytes);
    std::array<int, 2> options = {kCuJitErrorLog, kCuJitErrorLogBytes};
    std::array<void*, 2> values = {log.data(), reinterpret_cast<void*>(kErrorLogBytes - 1)};
    CuModule module = nullptr;
    const CuResult loaded =
        device->driver().module_load(&module, image.data(), static_cast<unsigned>(options.size()),
                                     options.data(), values.data());
    if (loaded != kCuSuccess) {
      base::Error error =
          loaded == kCuInvalidPtx ? base::UsageError({}) : base::EnvironmentError({});
      error.file = std::string(file);
      error.message = device->driver().Describe("cuModuleLoadDataEx", loaded);
      if (log.front() != '\0') error.message += "\n" + std::string(log.data());
      return error;
    }
    return std::unique_ptr<LoadedModule>(std::make_unique<DeviceModule>(device, module));
  }

 private:
  const base::Result<std::shared_ptr<Device>>& Opened() const {
    std::call_once(once_, [this] { opened_ = Device::Open(options_); });
    return *opened_;
  }

  const DeviceOptions options_;
  mutable std::once_flag once_;
  mutable std::optional<base::Result<std::shared_ptr<Device>>> opened_;
};

}  // namespace

std::unique_ptr<DeviceMachine> MakeDeviceMachine(DeviceOptions options) {
  return std::make_unique<CudaMachine>(std::move(options));
}

}  // namespace ulproof::gpu
