// SPDX-License-Identifier: Apache-2.0
#include "gpu/user_kernel/plugin_backend.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "gpu/plugin/ulproof_plugin.h"

namespace ulproof::gpu {
namespace {

using base::Result;
using base::Status;
using formats::Buffer;
using formats::ConstBuffer;
using formats::Operation;

// On either side of a buffer; a multiple of any element's alignment.
constexpr std::size_t kGuardBytes = 256;

std::size_t ByteCount(const ConstBuffer& buffer) {
  return buffer.count * static_cast<std::size_t>(buffer.type.bytes());
}

// A copy of a buffer with guard zones of one value around it.
class Guarded {
 public:
  Guarded(std::size_t bytes, std::uint8_t fill)
      : fill_(fill), bytes_(bytes), memory_(bytes + 2 * kGuardBytes, fill) {}

  std::uint8_t* data() { return memory_.data() + kGuardBytes; }
  const std::uint8_t* data() const { return memory_.data() + kGuardBytes; }
  std::size_t bytes() const { return bytes_; }
  bool IsIntact() const {
    const auto is_fill = [&](std::uint8_t byte) { return byte == fill_; };
    return std::all_of(memory_.begin(), memory_.begin() + kGuardBytes, is_fill) &&
           std::all_of(memory_.end() - kGuardBytes, memory_.end(), is_fill);
  }

 private:
  const std::uint8_t fill_;
  const std::size_t bytes_;
  std::vector<std::uint8_t> memory_;
};

struct Functions {
  decltype(&ulproof_plugin_run) run = nullptr;
  decltype(&ulproof_plugin_why_unsupported) why_unsupported = nullptr;
};

class PluginBackend : public formats::Backend {
 public:
  explicit PluginBackend(const Functions& functions) : functions_(functions) {}

  std::string_view name() const override { return "plugin"; }

  std::string why_unsupported(const Operation& op) const override {
    if (functions_.why_unsupported == nullptr) return {};
    const char* const why = functions_.why_unsupported(OperationName(op).c_str());
    return why == nullptr ? std::string() : std::string(why);
  }

  Status Run(const Operation& op, std::span<const ConstBuffer> inputs,
             std::span<const Buffer> outputs) override {
    const formats::Signature signature = formats::SignatureOf(op);
    std::array<std::vector<Guarded>, 2> tries;
    constexpr std::array<std::uint8_t, 2> kFills = {0xDB, 0x24};
    for (std::size_t t = 0; t < tries.size(); ++t) {
      for (const Buffer& output : outputs) tries[t].emplace_back(ByteCount(output), kFills[t]);
      if (Status status = Call(op, signature, inputs, tries[t]); !status.ok()) return status;
    }
    for (std::size_t p = 0; p < outputs.size(); ++p) {
      const std::uint8_t* const first = tries[0][p].data();
      const std::uint8_t* const end = first + tries[0][p].bytes();
      const std::uint8_t* const differs = std::mismatch(first, end, tries[1][p].data()).first;
      if (differs != end) {
        const std::size_t at = static_cast<std::size_t>(differs - first);
        const bool unwritten = *differs == kFills[0] && tries[1][p].data()[at] == kFills[1];
        return base::UsageError(fmt::format(
            "{}[{}] {}", signature.outputs[p].name,
            at / static_cast<std::size_t>(outputs[p].type.bytes()),
            unwritten ? "was not written" : "is not the same when the call is made again"));
      }
      std::memcpy(outputs[p].data, first, tries[0][p].bytes());
    }
    return base::Done{};
  }

 private:
  Status Call(const Operation& op, const formats::Signature& signature,
              std::span<const ConstBuffer> inputs, std::vector<Guarded>& outputs) const {
    std::vector<std::string> types;
    types.reserve(inputs.size() + outputs.size());
    std::vector<Guarded> copies;
    std::vector<ulproof_buffer> in, out;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      types.push_back(formats::ElementTypeName(signature.inputs[i].type));
      copies.emplace_back(ByteCount(inputs[i]), 0xDB);
      std::memcpy(copies.back().data(), inputs[i].data, copies.back().bytes());
      in.push_back({signature.inputs[i].name.data(), types.back().c_str(), inputs[i].count,
                    copies.back().data()});
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const formats::Port& port = signature.outputs[i];
      types.push_back(formats::ElementTypeName(port.type));
      out.push_back({port.name.data(), types.back().c_str(), port.count, outputs[i].data()});
    }
    const std::string operation = OperationName(op);
    const ulproof_call call = {operation.c_str(), op.shape.rows, op.shape.cols, op.shape.stride(),
                               op.key.seed,       op.key.stream, op.key.offset, in.data(),
                               in.size(),         out.data(),    out.size()};
    if (const char* const why = functions_.run(&call); why != nullptr) {
      return base::UsageError(why);
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!copies[i].IsIntact() ||
          std::memcmp(copies[i].data(), inputs[i].data, copies[i].bytes()) != 0) {
        return base::UsageError(
            fmt::format("input {} or the memory beside it was written", signature.inputs[i].name));
      }
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i].IsIntact()) continue;
      return base::UsageError(
          fmt::format("memory beside output {} was written", signature.outputs[i].name));
    }
    return base::Done{};
  }

  const Functions functions_;
};

}  // namespace

Result<std::unique_ptr<formats::Backend>> LoadPlugin(const std::string& path) {
  // A name without a slash would be looked for in the system's folders.
  const std::string file = path.find('/') == path.npos ? "./" + path : path;
  void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return base::EnvironmentError(fmt::format("cannot load the plugin: {}", dlerror()));
  }
  const auto find = [&]<typename T>(const char* symbol, T& function) {
    function = reinterpret_cast<T>(dlsym(library, symbol));
    return function != nullptr;
  };
  decltype(&ulproof_plugin_version) version = nullptr;
  Functions functions;
  find("ulproof_plugin_why_unsupported", functions.why_unsupported);
  const bool is_plugin =
      find("ulproof_plugin_version", version) && find("ulproof_plugin_run", functions.run);
  base::Error error = base::UsageError("");
  error.file = path;
  if (!is_plugin) {
    error.message =
        "not a plugin: it must export ulproof_plugin_version and ulproof_plugin_run "
        "(gpu/plugin/ulproof_plugin.h)";
    return error;
  }
  if (version() != ULPROOF_PLUGIN_VERSION) {
    error.message = fmt::format("built for plugin version {}; this is version {}", version(),
                                ULPROOF_PLUGIN_VERSION);
    return error;
  }
  return std::unique_ptr<formats::Backend>(std::make_unique<PluginBackend>(functions));
}

}  // namespace ulproof::gpu
