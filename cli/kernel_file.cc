// SPDX-License-Identifier: Apache-2.0
#include "cli/kernel_file.h"

#include <fmt/format.h>

#include "gpu/runtime/nvrtc.h"
#include "io/input_file.h"

namespace ulproof::cli {
namespace {

using base::Result;

constexpr std::uint64_t kMaxTextBytes = std::uint64_t{1} << 28;

}  // namespace

Result<KernelFileKind> KindOfKernelFile(std::string_view path) {
  if (path.ends_with(".ptx")) return KernelFileKind::kPtx;
  if (path.ends_with(".cu")) return KernelFileKind::kCuda;
  if (path.ends_with(".so")) return KernelFileKind::kPlugin;
  return base::UsageError(
      fmt::format("{}: a kernel is a .ptx file, a .cu file or a plugin (.so)", path));
}

Result<std::string> ReadTextFile(const std::string& path) {
  const auto file = io::InputFile::Open(path);
  if (!file.ok()) return file.error();
  if (file->size() > kMaxTextBytes) return file->Malformed("larger than 2^28 bytes");
  std::string text(file->size(), '\0');
  if (const base::Status read = file->ReadAt(0, text.data(), text.size()); !read.ok()) {
    return read.error();
  }
  return text;
}

Result<std::string> ReadPtx(const std::string& path, std::string_view arch,
                            std::span<const std::string> nvrtc_options) {
  const auto kind = KindOfKernelFile(path);
  if (!kind.ok()) return kind.error();
  auto text = ReadTextFile(path);
  if (!text.ok() || *kind == KernelFileKind::kPtx) return text;
  if (const std::string why = gpu::NvrtcWhyUnavailable(); !why.empty()) {
    return base::EnvironmentError(fmt::format(
        "{0}: compiling CUDA needs NVRTC, and {1}. Make the PTX where there is a CUDA toolkit and "
        "verify that: nvcc -ptx -arch={2} -fmad=false -o kernel.ptx {0}",
        path, why, arch));
  }
  return gpu::CompileToPtx(*text, path, arch, nvrtc_options);
}

}  // namespace ulproof::cli
