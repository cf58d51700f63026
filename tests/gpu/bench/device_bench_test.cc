// SPDX-License-Identifier: Apache-2.0
// The GPU benchmark on the fake driver, whose device is the simulator and whose clock is known.
// Catches: kernels launched with other arguments than theirs, wrong bits that are timed all the
// same, pieces of an output that are cut in the wrong place, a mean taken for a median, bytes
// counted twice, and device memory that is not given back.
#include "bench/gpu/device_bench.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/gpu/runtime/simulated_device.h"

namespace ulproof::bench {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

// Turns a bit in the last byte of every copy to the host of a certain size, when told to.
class FaultyDevice : public gpu::SimulatedDevice {
 public:
  std::size_t spoils_copies_of = 0;

  int CopyToHost(void* to, std::uint64_t from, std::size_t bytes) override {
    const int result = SimulatedDevice::CopyToHost(to, from, bytes);
    if (spoils_copies_of == bytes) static_cast<std::uint8_t*>(to)[bytes - 1] ^= 1;
    return result;
  }
};

class DeviceBenchTest : public testing::Test {
 protected:
  void SetUp() override {
    void* const library = dlopen(ULPROOF_FAKE_CUDA_DRIVER, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library, nullptr) << dlerror();
    const auto use = reinterpret_cast<gpu::UseFakeDevice>(dlsym(library, gpu::kUseFakeDevice));
    ASSERT_NE(use, nullptr);
    use(&device_);
  }

  static base::Result<DeviceBenchReport> Run(int repeats = 15) {
    return RunDeviceBench(
        {.driver = ULPROOF_FAKE_CUDA_DRIVER, .device = 0, .elements = 8000, .repeats = repeats});
  }

  FaultyDevice device_;
};

TEST_F(DeviceBenchTest, TimesEveryKernelAfterItsBits) {
  const auto report = Run();
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_EQ(report->device, "Simulated GPU, sm_80, driver 13.0");
  EXPECT_EQ(report->rows, 32u);
  EXPECT_EQ(report->cols, 256u);
  EXPECT_GT(report->validated_elements, 100'000u);
  ASSERT_GE(report->timings.size(), 15u);
  const DeviceTiming& copy = report->timings.front();
  EXPECT_EQ(copy.name, "copy on the device");
  EXPECT_EQ(copy.bytes, 2u * 2 * 8192);
  EXPECT_EQ(copy.median_ms, 1);
  for (const DeviceTiming& t : report->timings) {
    if (&t == &copy) continue;
    // One run in eight takes 50 ms.
    EXPECT_EQ(t.median_ms, 2) << t.name;
    EXPECT_EQ(t.fast_ms, 2) << t.name;
    EXPECT_EQ(t.repeats, t.version == "plain" ? 3 : 15) << t.name;
  }
  const auto bytes = [&](const std::string& name) {
    return std::ranges::find(report->timings, name, &DeviceTiming::name)->bytes;
  };
  EXPECT_EQ(bytes("sample bfloat16 rg16"), 2 * 2 * 8192u + 4);
  EXPECT_EQ(bytes("noise rg16 nibbles"), 8192u / 2);
  EXPECT_EQ(bytes("grad_b bfloat16 rg16"), 2 * 8192u + 2 * 8 * 4);
  EXPECT_EQ(device_.live_allocations, 0);
  EXPECT_EQ(device_.live_modules, 0);
}

// Would catch a rate of other bytes or of another time, and a share of something else than the
// copy.
TEST(DeviceBenchReportTest, SaysWhatWasMeasured) {
  DeviceBenchReport report = {.device = "Some GPU", .l2_bytes = 3 << 20, .rows = 64, .cols = 96};
  report.timings = {
      {.name = "copy on the device", .bytes = 4'000'000, .repeats = 9, .median_ms = 2},
      {.name = "grad_b bfloat16 rg16", .version = "plain", .bytes = 1'000'000, .median_ms = 1}};
  const std::string text = DeviceBenchText(report);
  EXPECT_THAT(text, HasSubstr("Some GPU\n64 x 96 elements, second-level cache 3.0 MiB"));
  EXPECT_THAT(text, ContainsRegex("copy on the device +2.0000 .* 2.0 +1.000\n"));
  EXPECT_THAT(text, ContainsRegex("grad_b bfloat16 rg16 +plain +1.0000 .* 1.0 +0.500\n"));
  const std::string json = DeviceBenchJson(report);
  EXPECT_THAT(json, HasSubstr("\"schema\": \"ulproof.device_bench/1\""));
  EXPECT_THAT(json, HasSubstr("\"version\": \"plain\", \"bytes\": 1000000"));
  EXPECT_THAT(json, HasSubstr("\"of_copy\": 0.5}"));
  EXPECT_EQ(std::ranges::count(json, '{'), std::ranges::count(json, '}'));
}

TEST_F(DeviceBenchTest, WrongBitsAreNotTimed) {
  device_.spoils_copies_of = 2 * 8192;  // The large matrix in bfloat16, its last element.
  const auto report = Run();
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().exit_code, base::ExitCode::kMismatch);
  EXPECT_THAT(report.error().ToString(),
              HasSubstr("sample_bfloat16_bfloat16_rne_ovf_rg16 is wrong and not timed"));
  device_.spoils_copies_of = 2 * 67 * 170;  // The ragged one.
  EXPECT_THAT(Run().error().ToString(), HasSubstr("shape=67x170"));
}

TEST_F(DeviceBenchTest, SaysWhyItDoesNotRun) {
  EXPECT_EQ(Run(0).error().exit_code, base::ExitCode::kUsage);
  device_.devices = 0;
  const auto none = Run();
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().exit_code, base::ExitCode::kEnvironment);
  EXPECT_EQ(none.error().message, "no CUDA device here");
  device_.devices = 1;
  device_.memory_bytes = 1000;
  EXPECT_THAT(Run().error().ToString(), HasSubstr("CUDA_ERROR_OUT_OF_MEMORY"));
}

}  // namespace
}  // namespace ulproof::bench
