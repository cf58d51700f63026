// SPDX-License-Identifier: Apache-2.0
// The simulated device's global memory: named buffers at made-up addresses, each with unmapped
// space around it, so that every access outside a buffer is caught. A buffer that was allocated and
// not uploaded remembers which bytes have been written.
#ifndef ULPROOF_GPU_PTX_MEMORY_H_
#define ULPROOF_GPU_PTX_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ulproof::gpu::ptx {

using DeviceAddress = std::uint64_t;

struct Buffer {
  std::string name;
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint8_t> written;  // One flag a byte; empty: all bytes hold values.
  bool is_constant = false;           // A store is an error.
};

// Launches may run at the same time only on different Memory objects. Addresses stay valid as long
// as the object; buffers are never freed one by one.
class Memory {
 public:
  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // A buffer with the given content. Its address is a multiple of 256.
  DeviceAddress Upload(std::string name, std::span<const std::uint8_t> content);
  // A buffer without content: filled with 0xDB, loads before a store are errors.
  DeviceAddress Allocate(std::string name, std::uint64_t bytes);
  // Read only for kernels.
  DeviceAddress UploadConstant(std::string name, std::span<const std::uint8_t> content);

  // Precondition of the following: `address` came from this object.
  std::span<const std::uint8_t> Bytes(DeviceAddress address) const;
  std::span<std::uint8_t> Bytes(DeviceAddress address);
  // The first byte of the buffer that nothing has written, if there is one.
  std::optional<std::uint64_t> FirstUnwritten(DeviceAddress address) const;

  // The .global or .const variable of a module under that name, once a launch has made it; 0
  // before. Modules that run on one Memory share variables of the same name.
  DeviceAddress Symbol(std::string_view name) const;

  // For the interpreter: the buffer whose 64 GiB of addresses hold `address`, or null; and where
  // that buffer begins.
  Buffer* Find(DeviceAddress address);
  static DeviceAddress BaseOf(DeviceAddress address);
  void SetSymbol(std::string name, DeviceAddress address);

 private:
  DeviceAddress Add(Buffer buffer);
  // Precondition: the address came from this object.
  std::size_t IndexOf(DeviceAddress address) const;

  std::deque<Buffer> buffers_;
  std::map<std::string, DeviceAddress, std::less<>> symbols_;
};

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_MEMORY_H_
