// SPDX-License-Identifier: Apache-2.0
#include "gpu/ptx/memory.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "gpu/ptx/layout.h"

namespace ulproof::gpu::ptx {
namespace {

constexpr std::uint8_t kPoison = 0xDB;

DeviceAddress AddressOf(std::size_t index) {
  return kGlobalBase + (static_cast<std::uint64_t>(index) << kBufferStrideBits) + kBufferMiddle;
}

}  // namespace

DeviceAddress Memory::Add(Buffer buffer) {
  ULPROOF_CHECK(buffer.bytes.size() < kBufferMiddle, "buffer is too large");
  buffers_.push_back(std::move(buffer));
  return AddressOf(buffers_.size() - 1);
}

DeviceAddress Memory::Upload(std::string name, std::span<const std::uint8_t> content) {
  return Add({.name = std::move(name), .bytes = {content.begin(), content.end()}, .written = {}});
}

DeviceAddress Memory::Allocate(std::string name, std::uint64_t bytes) {
  return Add({.name = std::move(name),
              .bytes = std::vector<std::uint8_t>(bytes, kPoison),
              .written = std::vector<std::uint8_t>(bytes, 0)});
}

DeviceAddress Memory::UploadConstant(std::string name, std::span<const std::uint8_t> content) {
  return Add({.name = std::move(name),
              .bytes = {content.begin(), content.end()},
              .written = {},
              .is_constant = true});
}

Buffer* Memory::Find(DeviceAddress address) {
  const std::uint64_t index = (address - kGlobalBase) >> kBufferStrideBits;
  return address >= kGlobalBase && index < buffers_.size() ? &buffers_[index] : nullptr;
}

DeviceAddress Memory::BaseOf(DeviceAddress address) {
  return AddressOf((address - kGlobalBase) >> kBufferStrideBits);
}

std::size_t Memory::IndexOf(DeviceAddress address) const {
  const std::uint64_t index = (address - kGlobalBase) >> kBufferStrideBits;
  ULPROOF_CHECK(address >= kGlobalBase && index < buffers_.size(), "no buffer at this address");
  return index;
}

std::span<std::uint8_t> Memory::Bytes(DeviceAddress address) {
  return buffers_[IndexOf(address)].bytes;
}

std::span<const std::uint8_t> Memory::Bytes(DeviceAddress address) const {
  return buffers_[IndexOf(address)].bytes;
}

std::optional<std::uint64_t> Memory::FirstUnwritten(DeviceAddress address) const {
  const std::vector<std::uint8_t>& written = buffers_[IndexOf(address)].written;
  const auto found = std::find(written.begin(), written.end(), 0);
  if (found == written.end()) return std::nullopt;
  return static_cast<std::uint64_t>(found - written.begin());
}

DeviceAddress Memory::Symbol(std::string_view name) const {
  const auto found = symbols_.find(name);
  return found == symbols_.end() ? 0 : found->second;
}

void Memory::SetSymbol(std::string name, DeviceAddress address) {
  symbols_.insert_or_assign(std::move(name), address);
}

}  // namespace ulproof::gpu::ptx
