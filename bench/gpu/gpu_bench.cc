// SPDX-License-Identifier: Apache-2.0
// The command line of the GPU benchmark. Exit codes: 0 timed, 1 a kernel gave wrong bits, 2 usage,
// 3 no device or no file.
#include <cstdio>
#include <cstring>
#include <string>

#include "base/text.h"
#include "bench/gpu/device_bench.h"
#include "io/atomic_file.h"

namespace ulproof::bench {
namespace {

constexpr char kUsage[] =
    "gpu_bench [--device N] [--mib N] [--repeats N] [--driver LIBRARY] [--json FILE]\n"
    "\n"
    "Times our CUDA kernels on a GPU against a device-to-device copy of the same bytes, after "
    "their\n"
    "bits have been compared with the exact reference.\n"
    "\n"
    "  --device N        ordinal of the device (0)\n"
    "  --mib N           MiB of bfloat16 weights (four times the second-level cache, 64 at least)\n"
    "  --repeats N       timed runs of each kernel (101)\n"
    "  --driver LIBRARY  the CUDA driver (libcuda.so.1)\n"
    "  --json FILE       write the report there too\n";

struct CommandLine {
  DeviceBenchOptions options;
  std::string json;
};

base::Result<CommandLine> Parse(int argc, char** argv) {
  CommandLine line;
  for (int i = 1; i < argc; i += 2) {
    const std::string option = argv[i];
    if (i + 1 == argc) return base::UsageError(option + " needs a value");
    const std::string value = argv[i + 1];
    if (option == "--driver") {
      line.options.driver = value;
    } else if (option == "--json") {
      line.json = value;
    } else if (option == "--device" || option == "--mib" || option == "--repeats") {
      const auto number = base::ParseUnsigned(value, option, 1 << 20);
      if (!number.ok()) return number.error();
      if (option == "--device") line.options.device = static_cast<int>(*number);
      if (option == "--mib") line.options.elements = *number << 19;
      if (option == "--repeats") line.options.repeats = static_cast<int>(*number);
    } else {
      return base::UsageError("unknown option " + option + " (--help shows them)");
    }
  }
  return line;
}

int Fail(const base::Error& error) {
  std::fprintf(stderr, "gpu_bench: %s\n", error.ToString().c_str());
  return static_cast<int>(error.exit_code);
}

int Main(int argc, char** argv) {
  if (argc == 2 && (std::strcmp(argv[1], "--help") == 0 || std::strcmp(argv[1], "-h") == 0)) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  const base::Result<CommandLine> line = Parse(argc, argv);
  if (!line.ok()) return Fail(line.error());
  const base::Result<DeviceBenchReport> report = RunDeviceBench(line->options);
  if (!report.ok()) return Fail(report.error());
  std::fputs(DeviceBenchText(*report).c_str(), stdout);
  if (line->json.empty()) return 0;
  const std::string json = DeviceBenchJson(*report);
  base::Result<io::AtomicFile> file = io::AtomicFile::Create(line->json);
  if (!file.ok()) return Fail(file.error());
  if (base::Status ok = file->WriteAt(0, json.data(), json.size()); !ok.ok())
    return Fail(ok.error());
  if (base::Status ok = file->Commit(); !ok.ok()) return Fail(ok.error());
  return 0;
}

}  // namespace
}  // namespace ulproof::bench

int main(int argc, char** argv) { return ulproof::bench::Main(argc, argv); }
