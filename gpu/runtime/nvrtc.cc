// SPDX-License-Identifier: Apache-2.0
#include "gpu/runtime/nvrtc.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "gpu/runtime/dynamic_library.h"

namespace ulproof::gpu {
namespace {

namespace fs = std::filesystem;

// NVRTC's interface, which has been the same since CUDA 7. A result of 0 is success.
using Program = struct NvrtcProgramTag*;
constexpr int kCompilationFailed = 6;

struct Functions {
  int (*version)(int* major, int* minor);
  const char* (*error_string)(int result);
  int (*create)(Program* program, const char* source, const char* name, int header_count,
                const char* const* headers, const char* const* include_names);
  int (*destroy)(Program* program);
  int (*compile)(Program program, int option_count, const char* const* options);
  int (*ptx_size)(Program program, std::size_t* size);
  int (*ptx)(Program program, char* ptx);
  int (*log_size)(Program program, std::size_t* size);
  int (*log)(Program program, char* log);

  bool complete() const {
    return version != nullptr && error_string != nullptr && create != nullptr &&
           destroy != nullptr && compile != nullptr && ptx_size != nullptr && ptx != nullptr &&
           log_size != nullptr && log != nullptr;
  }
};

// The folders that may hold a CUDA toolkit, in the order in which they are asked.
std::vector<std::string> ToolkitFolders() {
  std::vector<std::string> folders;
  for (const char* const variable : {"CUDA_HOME", "CUDA_PATH"}) {
    const char* const value = std::getenv(variable);
    if (value != nullptr && *value != '\0') folders.emplace_back(value);
  }
  folders.emplace_back("/usr/local/cuda");
  return folders;
}

base::Result<Functions> LoadNvrtc() {
  const std::array<std::string, 3> sonames = {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"};
  std::vector<std::string> names(sonames.begin(), sonames.end());
  for (const std::string& folder : ToolkitFolders()) {
    for (const char* const part : {"/lib64/", "/lib/"}) {
      for (const std::string& soname : sonames) names.push_back(folder + part + soname);
    }
  }
  base::Result<DynamicLibrary> library = DynamicLibrary::Open(names);
  if (!library) return base::EnvironmentError("no NVRTC here: " + library.error().message);
  Functions functions{};
  library->Find("nvrtcVersion", functions.version);
  library->Find("nvrtcGetErrorString", functions.error_string);
  library->Find("nvrtcCreateProgram", functions.create);
  library->Find("nvrtcDestroyProgram", functions.destroy);
  library->Find("nvrtcCompileProgram", functions.compile);
  library->Find("nvrtcGetPTXSize", functions.ptx_size);
  library->Find("nvrtcGetPTX", functions.ptx);
  library->Find("nvrtcGetProgramLogSize", functions.log_size);
  library->Find("nvrtcGetProgramLog", functions.log);
  if (!functions.complete()) {
    return base::EnvironmentError(library->name() + " lacks a function of NVRTC");
  }
  return functions;
}

const base::Result<Functions>& Nvrtc() {
  static const base::Result<Functions> functions = LoadNvrtc();
  return functions;
}

// NVRTC has no host headers: these are what kernels want of them. They are libcu++'s, which comes
// with CUDA; integers and sizes are also to be had without it.
#define ULPROOF_LIBCUXX(name) \
  "#include <cuda/std/" name ">\nnamespace std { using namespace ::cuda::std; }\n"
#define ULPROOF_LIBCUXX_OR(name, text)                                                          \
  "#pragma once\n#if __has_include(<cuda/std/" name ">)\n" ULPROOF_LIBCUXX(name) "#else\n" text \
                                                                                 "#endif\n"
constexpr const char* kIntegers = ULPROOF_LIBCUXX_OR("cstdint", R"(
using int8_t = signed char; using uint8_t = unsigned char;
using int16_t = short; using uint16_t = unsigned short;
using int32_t = int; using uint32_t = unsigned int;
using int64_t = long long; using uint64_t = unsigned long long;
using intptr_t = int64_t; using uintptr_t = uint64_t;
namespace std {
using ::int8_t; using ::int16_t; using ::int32_t; using ::int64_t; using ::intptr_t;
using ::uint8_t; using ::uint16_t; using ::uint32_t; using ::uint64_t; using ::uintptr_t;
}
)");
constexpr const char* kSizes = ULPROOF_LIBCUXX_OR("cstddef", R"(
using size_t = decltype(sizeof(0)); using ptrdiff_t = long;
namespace std { using ::size_t; using ::ptrdiff_t; }
)");
struct SuppliedHeader {
  const char* name;
  const char* text;
};
constexpr std::array<SuppliedHeader, 10> kSuppliedHeaders = {{
    {"cstdint", kIntegers},
    {"stdint.h", kIntegers},
    {"cstddef", kSizes},
    {"stddef.h", kSizes},
    {"array", "#pragma once\n" ULPROOF_LIBCUXX("array")},
    {"bit", "#pragma once\n" ULPROOF_LIBCUXX("bit")},
    {"cmath", "#pragma once\n" ULPROOF_LIBCUXX("cmath")},
    {"limits", "#pragma once\n" ULPROOF_LIBCUXX("limits")},
    {"type_traits", "#pragma once\n" ULPROOF_LIBCUXX("type_traits")},
    {"utility", "#pragma once\n" ULPROOF_LIBCUXX("utility")},
}};
#undef ULPROOF_LIBCUXX_OR
#undef ULPROOF_LIBCUXX

// As NVRTC wants them: names and texts apart.
struct SuppliedHeaders {
  std::vector<const char*> names, texts;
  SuppliedHeaders() {
    for (const SuppliedHeader& header : kSuppliedHeaders) {
      names.push_back(header.name);
      texts.push_back(header.text);
    }
  }
};

// "compute_80" for "sm_80": only virtual architectures give PTX alone.
base::Result<std::string> VirtualArchitecture(std::string_view arch) {
  constexpr std::string_view kReal = "sm_";
  constexpr std::string_view kVirtual = "compute_";
  const std::string_view number = arch.starts_with(kReal)      ? arch.substr(kReal.size())
                                  : arch.starts_with(kVirtual) ? arch.substr(kVirtual.size())
                                                               : std::string_view();
  if (number.empty() || number.find_first_not_of("0123456789af") != number.npos) {
    return base::UsageError("no architecture '" + std::string(arch) + "' (one is sm_80)");
  }
  return std::string(kVirtual) + std::string(number);
}

// Without leading dashes and value: "fmad" for "--fmad=true".
std::string_view OptionName(std::string_view option) {
  option.remove_prefix(std::min(option.find_first_not_of('-'), option.size()));
  return option.substr(0, option.find('='));
}

base::Result<std::vector<std::string>> AllOptions(std::string_view file, std::string_view arch,
                                                  std::span<const std::string> options) {
  const base::Result<std::string> architecture = VirtualArchitecture(arch);
  if (!architecture) return architecture.error();
  std::vector<std::string> all = {"--gpu-architecture=" + *architecture,
                                  "--std=c++20",
                                  "--fmad=false",
                                  "--ftz=false",
                                  "--prec-div=true",
                                  "--prec-sqrt=true"};
  for (const std::string& option : options) {
    // A choice of the caller's replaces ours; NVRTC refuses the same option twice.
    std::erase_if(all, [&](const std::string& ours) {
      return OptionName(ours) == OptionName(option) ||
             (OptionName(option) == "arch" && OptionName(ours) == "gpu-architecture");
    });
    all.push_back(option);
  }
  const std::string folder = fs::path(file).parent_path().string();
  all.push_back("-I" + (folder.empty() ? std::string(".") : folder));
  if (const std::string cuda = CudaIncludeDirectory(); !cuda.empty()) {
    all.push_back("-I" + cuda);
    all.push_back("-I" + cuda + "/cccl");
  }
  return all;
}

// The compiler's messages as an error at the line of the first "name(line): error".
base::Error CompileError(std::string_view file, std::string log) {
  base::Error error = base::UsageError({});
  error.file = std::string(file);
  const std::string mark = std::string(file) + "(";
  for (std::size_t at = log.find(mark); at != log.npos; at = log.find(mark, at + 1)) {
    const std::size_t number = at + mark.size();
    const std::size_t end = log.find(')', number);
    if (end == log.npos || !std::string_view(log).substr(end).starts_with("): error")) continue;
    const auto line = base::ParseUnsigned(log.substr(number, end - number), "line", INT32_MAX);
    if (line.ok()) error.line = static_cast<int>(*line);
    break;
  }
  while (!log.empty() && (log.back() == '\0' || log.back() == '\n')) log.pop_back();
  error.message = "does not compile\n" + log;
  return error;
}

// Owns a program while it is compiled.
class Compilation {
 public:
  explicit Compilation(const Functions& nvrtc) : nvrtc_(nvrtc) {}
  Compilation(const Compilation&) = delete;
  Compilation& operator=(const Compilation&) = delete;
  ~Compilation() {
    if (program_ != nullptr) nvrtc_.destroy(&program_);
  }

  base::Result<std::string> Run(const std::string& source, const std::string& file,
                                const std::vector<std::string>& options) {
    const SuppliedHeaders headers;
    if (const int result = nvrtc_.create(&program_, source.c_str(), file.c_str(),
                                         static_cast<int>(headers.names.size()),
                                         headers.texts.data(), headers.names.data())) {
      return Failure("cannot take in the source", result);
    }
    std::vector<const char*> pointers;
    for (const std::string& option : options) pointers.push_back(option.c_str());
    const int result = nvrtc_.compile(program_, static_cast<int>(pointers.size()), pointers.data());
    if (result == kCompilationFailed) return CompileError(file, Log());
    if (result != 0) return Failure("cannot compile " + file, result);
    return Text(nvrtc_.ptx_size, nvrtc_.ptx);
  }

 private:
  base::Error Failure(const std::string& what, int result) {
    std::string message = "NVRTC " + what + ": " + nvrtc_.error_string(result);
    if (const std::string log = Log(); !log.empty()) message += "\n" + log;
    return base::UsageError(message);
  }
  std::string Log() { return Text(nvrtc_.log_size, nvrtc_.log); }
  // NVRTC's sizes count the terminating zero.
  std::string Text(int (*size_of)(Program, std::size_t*), int (*copy)(Program, char*)) {
    std::size_t size = 0;
    if (program_ == nullptr || size_of(program_, &size) != 0 || size <= 1) return {};
    std::string text(size, '\0');
    if (copy(program_, text.data()) != 0) return {};
    text.pop_back();
    return text;
  }

  const Functions& nvrtc_;
  Program program_ = nullptr;
};

}  // namespace

std::string NvrtcWhyUnavailable() { return Nvrtc().ok() ? "" : Nvrtc().error().message; }

std::string NvrtcVersion() {
  int major = 0;
  int minor = 0;
  Nvrtc()->version(&major, &minor);
  return std::to_string(major) + "." + std::to_string(minor);
}

std::string CudaIncludeDirectory() {
  std::vector<std::string> folders = ToolkitFolders();
  folders.emplace_back("/usr");
  for (const std::string& folder : folders) {
    std::error_code ignored;
    const std::string include = folder + "/include";
    if (fs::exists(include + "/cuda_bf16.h", ignored)) return include;
  }
  return {};
}

base::Result<std::string> CompileToPtx(std::string_view source, std::string_view file,
                                       std::string_view arch,
                                       std::span<const std::string> options) {
  if (!Nvrtc().ok()) return Nvrtc().error();
  base::Result<std::vector<std::string>> all = AllOptions(file, arch, options);
  if (!all) return all.error();
  return Compilation(*Nvrtc()).Run(std::string(source), std::string(file), *all);
}

}  // namespace ulproof::gpu
