// SPDX-License-Identifier: Apache-2.0
// CUDA's own conversion functions, compiled for sm_80 (software) and for sm_100a (one hardware
// instruction), run side by side: two independent definitions by the vendor that must agree on
// every input. Would catch a wrong semantics of the packed cvt forms, and of the integer, shift,
// compare and binary64 forms that the software paths are made of. With ULPROOF_ALL_CODES, all 2^32
// sources.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/parallel.h"
#include "tests/gpu/ptx/form_runner.h"

namespace ulproof::gpu::ptx {
namespace {

Module ReadVector(const std::string& name) {
  const std::string path = ULPROOF_SOURCE_DIR "/tests/vectors/ptx/" + name;
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  base::Result<Module> module = ParseModule(text.str(), name);
  EXPECT_TRUE(module.ok()) << (module.ok() ? "" : module.error().ToString());
  return module.ok() ? std::move(*module) : Module{};
}

struct Conversion {
  std::string_view kernel;
  int source_bytes;
  int result_bytes;
};
constexpr Conversion kConversions[] = {
    {"e4m3_from_float", 4, 1},    {"e5m2_from_float", 4, 1},  {"e4m3_from_half", 2, 1},
    {"e5m2_from_half", 2, 1},     {"e4m3_from_bfloat", 2, 1}, {"e8m0_zero_from_float", 4, 1},
    {"e8m0_up_from_float", 4, 1}, {"e3m2_from_float", 4, 1},  {"e2m3_from_float", 4, 1},
    {"e2m1_from_float", 4, 1},    {"half_from_e4m3", 1, 2},   {"half_from_e5m2", 1, 2},
    {"half_from_e3m2", 1, 2},     {"half_from_e2m3", 1, 2},   {"half_from_e2m1", 1, 2},
    {"bfloat_from_e8m0", 1, 2},
};

std::vector<std::uint8_t> Run(const Kernel& kernel, const Conversion& conversion,
                              const std::vector<std::uint8_t>& in) {
  Memory memory;
  const std::size_t count = in.size() / static_cast<std::size_t>(conversion.source_bytes);
  const DeviceAddress source = memory.Upload("in", in);
  const DeviceAddress out =
      memory.Allocate("out", count * static_cast<std::size_t>(conversion.result_bytes));
  const base::Result<RunReport> report =
      kernel.Launch({.grid = {static_cast<std::uint32_t>(count / 256)}, .block = {256}},
                    Arguments().Add(out).Add(source), memory);
  EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.error().ToString());
  if (!report.ok()) return {};
  const auto bytes = memory.Bytes(out);
  return {bytes.begin(), bytes.end()};
}

void Compare(const Kernel& software, const Kernel& hardware, const Conversion& conversion,
             const std::vector<std::uint8_t>& in) {
  const std::vector<std::uint8_t> expected = Run(software, conversion, in);
  const std::vector<std::uint8_t> got = Run(hardware, conversion, in);
  ASSERT_EQ(expected.size(), got.size());
  const auto bytes = static_cast<std::size_t>(conversion.result_bytes);
  for (std::size_t i = 0; i < expected.size(); i += bytes) {
    std::uint32_t a = 0;
    std::uint32_t b = 0;
    std::memcpy(&a, expected.data() + i, bytes);
    std::memcpy(&b, got.data() + i, bytes);
    if (a == b) continue;
    std::uint32_t source = 0;
    const auto size = static_cast<std::size_t>(conversion.source_bytes);
    std::memcpy(&source, in.data() + i / bytes * size, size);
    FAIL() << conversion.kernel << " of " << std::hex << source << ": software " << a
           << ", hardware " << b;
  }
}

std::vector<std::uint8_t> Sources(const Conversion& conversion) {
  std::vector<std::uint64_t> codes;
  if (conversion.source_bytes == 4) {
    codes = RoundingInputsOf(Type::kF32);
    for (std::uint64_t code = 0; code < (1ULL << 32); code += 4099) codes.push_back(code);
  } else {
    for (std::uint64_t code = 0; code < (1ULL << 8 * conversion.source_bytes); ++code) {
      codes.push_back(code);
    }
  }
  while (codes.size() % 256 != 0) codes.push_back(0);
  std::vector<std::uint8_t> bytes;
  for (const std::uint64_t code : codes) {
    for (int i = 0; i < conversion.source_bytes; ++i) {
      bytes.push_back(static_cast<std::uint8_t>(code >> (8 * i)));
    }
  }
  return bytes;
}

TEST(SmallFormats, SoftwareEqualsHardware) {
  const Module software_module = ReadVector("small_formats_sm_80.ptx");
  const Module hardware_module = ReadVector("small_formats_sm_100a.ptx");
  for (const Conversion& conversion : kConversions) {
    const base::Result<Kernel> software = Kernel::Prepare(software_module, conversion.kernel);
    const base::Result<Kernel> hardware = Kernel::Prepare(hardware_module, conversion.kernel);
    ASSERT_TRUE(software.ok()) << software.error().ToString();
    ASSERT_TRUE(hardware.ok()) << hardware.error().ToString();
    Compare(*software, *hardware, conversion, Sources(conversion));
    if (HasFatalFailure()) return;
#ifdef ULPROOF_ALL_CODES
    if (conversion.source_bytes != 4) continue;
    constexpr std::uint64_t kChunk = 1 << 22;
    std::vector<std::uint8_t> in(4 * kChunk);
    for (std::uint64_t first = 0; first < (1ULL << 32); first += kChunk) {
      for (std::uint64_t i = 0; i < kChunk; ++i) {
        const auto code = static_cast<std::uint32_t>(first + i);
        std::memcpy(in.data() + 4 * i, &code, 4);
      }
      Compare(*software, *hardware, conversion, in);
      if (HasFatalFailure()) return;
    }
#endif
  }
}

}  // namespace
}  // namespace ulproof::gpu::ptx
