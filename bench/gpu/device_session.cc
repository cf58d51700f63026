// SPDX-License-Identifier: Apache-2.0
#include "bench/gpu/device_session.h"

#include <algorithm>
#include <utility>

#include "gpu/kernel_backend.h"

namespace ulproof::bench {
namespace {

using base::Result;
using base::Status;

constexpr unsigned char kUnwritten = 0xDB;

}  // namespace

DeviceArray::~DeviceArray() {
  if (address_ != 0) session_.driver().memory_free(address_);
}

Status DeviceArray::Allocate() {
  // The driver has no allocation of nothing.
  return session_.driver().Check(
      "cuMemAlloc of " + std::to_string(bytes_) + " bytes",
      session_.driver().memory_allocate(&address_, std::max<std::uint64_t>(bytes_, 1)));
}

Result<std::unique_ptr<PlacedCall>> PlacedCall::Make(const DeviceSession& session,
                                                     gpu::CuModule module,
                                                     const gpu::Kernel& kernel,
                                                     const formats::Case& c) {
  std::unique_ptr<PlacedCall> call(new PlacedCall(session, c.op));
  if (Status ok = call->Place(module, kernel, c); !ok.ok()) return ok.error();
  return call;
}

Status PlacedCall::Place(gpu::CuModule module, const gpu::Kernel& kernel, const formats::Case& c) {
  const gpu::CudaDriver& driver = session_.driver();
  const auto add = [&](std::uint64_t bytes) {
    arrays_.push_back(std::make_unique<DeviceArray>(session_, bytes));
    return arrays_.back()->Allocate();
  };
  for (const formats::Tensor& input : c.inputs) {
    const formats::ConstBuffer view = input.view();
    const std::uint64_t bytes = view.count * static_cast<std::uint64_t>(view.type.bytes());
    if (Status ok = add(bytes); !ok.ok()) return ok;
    const gpu::CuAddress to = arrays_.back()->address();
    if (Status ok = driver.Check("cuMemcpyHtoD", driver.copy_to_device(to, view.data, bytes));
        !ok.ok()) {
      return ok;
    }
    bytes_ += bytes;
  }
  for (const formats::Port& port : signature_.outputs) {
    const std::uint64_t bytes = port.count * static_cast<std::uint64_t>(port.type.bytes());
    if (Status ok = add(bytes); !ok.ok()) return ok;
    const gpu::CuAddress to = arrays_.back()->address();
    if (Status ok = driver.Check("cuMemsetD8", driver.fill(to, kUnwritten, bytes)); !ok.ok()) {
      return ok;
    }
    bytes_ += bytes;
  }
  if (Status ok = add(sizeof(std::uint32_t)); !ok.ok()) return ok;
  if (Status ok = driver.Check("cuMemsetD8",
                               driver.fill(arrays_.back()->address(), 0, sizeof(std::uint32_t)));
      !ok.ok()) {
    return ok;
  }
  for (const gpu::KernelLaunch& launch : gpu::ResolveLaunches(kernel, c.op)) {
    PlacedLaunch& placed = launches_.emplace_back();
    placed.grid = launch.grid[0];
    placed.threads = launch.block[0];
    for (const gpu::LaunchArgument& argument : launch.arguments) {
      const bool is_address = argument.buffer >= 0;
      placed.words.push_back(is_address
                                 ? arrays_[static_cast<std::size_t>(argument.buffer)]->address()
                                 : argument.bits);
    }
    if (Status ok =
            driver.Check("cuModuleGetFunction " + launch.entry,
                         driver.module_function(&placed.function, module, launch.entry.c_str()));
        !ok.ok()) {
      return ok;
    }
  }
  return base::Done{};
}

Status PlacedCall::Enqueue() const {
  const gpu::CudaDriver& driver = session_.driver();
  for (const PlacedLaunch& launch : launches_) {
    // The driver reads each parameter's own size from its pointer.
    std::vector<void*> pointers;
    for (const std::uint64_t& word : launch.words) {
      pointers.push_back(const_cast<std::uint64_t*>(&word));
    }
    const gpu::CuResult launched = driver.launch(launch.function, launch.grid, 1, 1, launch.threads,
                                                 1, 1, 0, nullptr, pointers.data(), nullptr);
    if (launched != gpu::kCuSuccess) return driver.Check("cuLaunchKernel", launched);
  }
  return base::Done{};
}

Result<std::vector<formats::Tensor>> PlacedCall::Outputs() const {
  const gpu::CudaDriver& driver = session_.driver();
  if (Status ok = driver.Check("cuCtxSynchronize", driver.context_synchronize()); !ok.ok()) {
    return ok.error();
  }
  std::vector<formats::Tensor> outputs;
  const std::size_t first = arrays_.size() - 1 - signature_.outputs.size();
  for (std::size_t p = 0; p < signature_.outputs.size(); ++p) {
    const formats::Port& port = signature_.outputs[p];
    const DeviceArray& array = *arrays_[first + p];
    formats::Tensor& output = outputs.emplace_back(port.type, port.count);
    const gpu::CuResult copied =
        driver.copy_to_host(output.view().data, array.address(), array.bytes());
    if (copied != gpu::kCuSuccess) return driver.Check("cuMemcpyDtoH", copied).error();
  }
  return outputs;
}

Result<std::unique_ptr<DeviceSession>> DeviceSession::Open(const std::string& driver, int device) {
  const Result<gpu::CudaDevice> opened = gpu::CudaDevice::Open(driver, device);
  if (!opened.ok()) return opened.error();
  std::unique_ptr<DeviceSession> session(new DeviceSession(*opened));
  if (Status ok = session->MakeEvents(); !ok.ok()) return ok.error();
  return session;
}

Status DeviceSession::MakeEvents() {
  Status ok = driver().Check("cuCtxSetCurrent", driver().context_set(device_.context));
  if (ok.ok()) ok = driver().Check("cuEventCreate", driver().event_create(&begin_, 0));
  if (ok.ok()) ok = driver().Check("cuEventCreate", driver().event_create(&end_, 0));
  return ok;
}

DeviceSession::~DeviceSession() {
  for (const gpu::CuModule module : modules_) driver().module_unload(module);
  if (begin_ != nullptr) driver().event_destroy(begin_);
  if (end_ != nullptr) driver().event_destroy(end_);
  driver().context_release(device_.id);
}

Result<gpu::CuModule> DeviceSession::Load(std::string_view ptx, const std::string& name) {
  const std::string image(ptx);  // The driver wants a zero after the text.
  gpu::CuModule module = nullptr;
  const gpu::CuResult loaded = driver().module_load(&module, image.c_str(), 0, nullptr, nullptr);
  if (loaded != gpu::kCuSuccess) {
    return driver().Check("cuModuleLoadDataEx of " + name, loaded).error();
  }
  modules_.push_back(module);
  return module;
}

Status DeviceSession::Begin() const {
  return driver().Check("cuEventRecord", driver().event_record(begin_, nullptr));
}

Result<double> DeviceSession::End() const {
  float milliseconds = 0;
  Status ok = driver().Check("cuEventRecord", driver().event_record(end_, nullptr));
  if (ok.ok()) ok = driver().Check("cuEventSynchronize", driver().event_synchronize(end_));
  if (ok.ok()) {
    ok = driver().Check("cuEventElapsedTime", driver().event_elapsed(&milliseconds, begin_, end_));
  }
  if (!ok.ok()) return ok.error();
  return static_cast<double>(milliseconds);
}

void DeviceSession::Sort(std::vector<double>& times) { std::ranges::sort(times); }

}  // namespace ulproof::bench
