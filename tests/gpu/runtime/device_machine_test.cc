// SPDX-License-Identifier: Apache-2.0
// The device runtime without a device: a fake CUDA driver, a real shared library with the driver's
// symbols, runs kernels on the simulator. Catches: arguments packed wrongly, buffers in the wrong
// place, guard zones and poison that miss a stray store or a hole, errors of the driver that get
// lost, and kernels of ours that do not give through it the bits that the simulator gives.
#include "gpu/runtime/device_machine.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "formats/case.h"
#include "gpu/kernel_backend.h"
#include "gpu/simulator_machine.h"
#include "reference/compare/inputs.h"
#include "tests/gpu/runtime/simulated_device.h"

namespace ulproof::gpu {
namespace {

using testing::HasSubstr;

class DeviceMachineTest : public testing::Test {
 protected:
  void SetUp() override {
    void* const library = dlopen(ULPROOF_FAKE_CUDA_DRIVER, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library, nullptr) << dlerror();
    use_ = reinterpret_cast<UseFakeDevice>(dlsym(library, kUseFakeDevice));
    ASSERT_NE(use_, nullptr);
    use_(&device_);
  }

  static std::unique_ptr<DeviceMachine> Machine() {
    return MakeDeviceMachine({.driver = ULPROOF_FAKE_CUDA_DRIVER});
  }

  // Runs `body` as a kernel of an input of four words, an output of four words, scratch of one word
  // and a 32-bit scalar; one block of four threads, %r1 the thread.
  base::Status RunBody(const std::string& body) {
    const std::string code =
        ".version 7.0\n.target sm_80\n.address_size 64\n"
        ".visible .entry k(.param .u64 in, .param .u64 out, .param .u64 scratch, .param .u32 n)\n"
        "{\n.reg .b32 %r<9>;\n.reg .b64 %rd<9>;\n.reg .pred %p<3>;\n"
        "ld.param.u64 %rd1, [in];\nld.param.u64 %rd2, [out];\nld.param.u64 %rd3, [scratch];\n"
        "ld.param.u32 %r3, [n];\nmov.u32 %r1, %tid.x;\nmul.wide.u32 %rd4, %r1, 4;\n"
        "add.u64 %rd5, %rd1, %rd4;\nadd.u64 %rd6, %rd2, %rd4;\n" +
        body + "\nret;\n}\n";
    const auto module = machine_->Load(code, "k.ptx");
    if (!module.ok()) return module.error();
    const KernelLaunch launch = {
        .entry = "k",
        .block = {4, 1, 1},
        .arguments = {LaunchArgument::Address(0), LaunchArgument::Address(1),
                      LaunchArgument::Address(2), LaunchArgument::Scalar(10, 4)}};
    const std::array<KernelBuffer, 3> buffers = {{
        {.name = "in", .input = {reinterpret_cast<const std::uint8_t*>(in_.data()), 16}},
        {.name = "out", .output = {reinterpret_cast<std::uint8_t*>(out_.data()), 16}},
        {.name = "scratch", .scratch_bytes = 4},
    }};
    return (*module)->Run({&launch, 1}, buffers);
  }
  std::string ErrorOf(const std::string& body) {
    const base::Status status = RunBody(body);
    return status.ok() ? "" : status.error().ToString();
  }

  static constexpr char kCopy[] = "ld.global.u32 %r2, [%rd5];\nst.global.u32 [%rd6], %r2;\n";

  SimulatedDevice device_;
  UseFakeDevice use_ = nullptr;
  std::unique_ptr<DeviceMachine> machine_ = Machine();
  std::array<std::uint32_t, 4> in_ = {1, 2, 3, 4};
  std::array<std::uint32_t, 4> out_ = {};
};

TEST_F(DeviceMachineTest, RunsAKernelOnItsArguments) {
  ASSERT_EQ(machine_->why_unavailable(), "");
  EXPECT_EQ(machine_->name(), "device");
  EXPECT_EQ(machine_->description(), "Simulated GPU, sm_80, driver 13.0");
  // out = in + n + scratch, where scratch has to be zero.
  EXPECT_EQ(ErrorOf("ld.global.u32 %r2, [%rd5];\nadd.u32 %r2, %r2, %r3;\n"
                    "ld.global.u32 %r4, [%rd3];\nadd.u32 %r2, %r2, %r4;\n"
                    "st.global.u32 [%rd6], %r2;\n"),
            "");
  EXPECT_EQ(out_, (std::array<std::uint32_t, 4>{11, 12, 13, 14}));
  EXPECT_EQ(device_.live_allocations, 0);
  EXPECT_EQ(device_.live_modules, 0);
  EXPECT_EQ(device_.launches, 1) << "nothing in doubt, so no second run";
}

// Would catch a buffer that is placed elsewhere than asked for, and stores before it that go
// unnoticed; the same on the simulator itself.
TEST_F(DeviceMachineTest, PlacesBuffersInTheMiddleOfVectors) {
  const std::string head =
      ".version 7.0\n.target sm_80\n.address_size 64\n"
      ".visible .entry k(.param .u64 in, .param .u64 out)\n{\n.reg .b32 %r<4>;\n"
      ".reg .b64 %rd<4>;\nld.param.u64 %rd1, [in];\nld.param.u64 %rd2, [out];\n"
      "ld.global.u32 %r1, [%rd1];\ncvt.u32.u64 %r2, %rd1;\ncvt.u32.u64 %r3, %rd2;\n"
      "and.b32 %r2, %r2, 255;\nand.b32 %r3, %r3, 255;\nst.global.u32 [%rd2], %r1;\n"
      "st.global.u32 [%rd2+4], %r2;\nst.global.u32 [%rd2+8], %r3;\nst.global.u32 [%rd2+12], 5;\n";
  const auto simulator = MakeSimulatorMachine();
  for (gpu::Machine* const machine :
       {static_cast<gpu::Machine*>(machine_.get()), simulator.get()}) {
    for (const bool strays : {false, true}) {
      const auto module =
          machine->Load(head + (strays ? "st.global.u8 [%rd2+-1], 1;\n" : "") + "ret;\n}\n", "k");
      ASSERT_TRUE(module.ok()) << module.error().ToString();
      const KernelLaunch launch = {
          .entry = "k", .arguments = {LaunchArgument::Address(0), LaunchArgument::Address(1)}};
      const std::array<KernelBuffer, 2> buffers = {
          {{.name = "in",
            .input = {reinterpret_cast<const std::uint8_t*>(in_.data()), 16},
            .misalignment = 4},
           {.name = "out",
            .output = {reinterpret_cast<std::uint8_t*>(out_.data()), 16},
            .misalignment = 12}}};
      const base::Status ran = (*module)->Run({&launch, 1}, buffers);
      EXPECT_EQ(ran.ok(), !strays) << machine->name();
      if (strays) continue;
      EXPECT_EQ(out_, (std::array<std::uint32_t, 4>{1, 4, 12, 5})) << machine->name();
    }
  }
}

TEST_F(DeviceMachineTest, FindsHolesAndKeepsDataThatLooksLikePoison) {
  in_ = {0xDBDBDBDB, 0x24242424, 0xDB, 0};
  EXPECT_EQ(ErrorOf(kCopy), "");
  EXPECT_EQ(out_, in_);
  EXPECT_EQ(device_.launches, 2);
  const std::array<std::uint32_t, 4> before = out_;
  EXPECT_EQ(ErrorOf("setp.ne.u32 %p1, %r1, 2;\n@%p1 st.global.u32 [%rd6], %r1;\n"),
            "nothing wrote byte 8 of out (16 bytes)");
  EXPECT_EQ(out_, before) << "a failed run leaves the outputs alone";
}

TEST_F(DeviceMachineTest, FindsStraysOnEitherSideAndIntoInputs) {
  const std::string copy = kCopy;
  EXPECT_EQ(ErrorOf(copy + "st.global.u8 [%rd2+16], %r1;\n"),
            "a store to byte 16 of out, which has 16");
  EXPECT_EQ(ErrorOf(copy + "st.global.u32 [%rd2+-8], %r1;\n"),
            "a store to byte -5 of out, before its begin");
  EXPECT_EQ(ErrorOf(copy + "st.global.u32 [%rd1+8], 7;\n"), "a store to byte 8 of in, an input");
  EXPECT_EQ(ErrorOf(copy + "st.global.u32 [%rd3+4], 7;\n"),
            "a store to byte 4 of scratch, which has 4");
}

TEST_F(DeviceMachineTest, FindsResultsThatDependOnWhatMemoryHeld) {
  EXPECT_THAT(ErrorOf("ld.global.u8 %r2, [%rd6];\nadd.u32 %r2, %r2, 0xDBDBDB01;\n"
                      "st.global.u32 [%rd6], %r2;\n"),
              HasSubstr("two runs on the same inputs differ in byte 0 of out"));
}

TEST_F(DeviceMachineTest, ReportsWhatTheDriverSays) {
  EXPECT_THAT(ErrorOf("add.nonsense;\n"), HasSubstr("has no entry 'k'"))
      << "the simulator decodes when the function is asked for";
  EXPECT_THAT(ErrorOf("} {"), testing::AllOf(HasSubstr("k.ptx: cuModuleLoadDataEx: "
                                                       "CUDA_ERROR_INVALID_PTX"),
                                             HasSubstr("image:")));
  device_.memory_bytes = 100;
  EXPECT_THAT(ErrorOf(kCopy), HasSubstr("CUDA_ERROR_OUT_OF_MEMORY (out of memory), for in"));
  device_.memory_bytes = 1 << 20;
  EXPECT_THAT(ErrorOf("st.global.u32 [%rd2+1000000], 1;\n"),
              HasSubstr("kernel k: CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access was "
                        "encountered); the device takes no more work"));
}

TEST_F(DeviceMachineTest, ChecksArgumentsAgainstTheParameters) {
  const auto module = machine_->Load(
      ".version 7.0\n.target sm_80\n.address_size 64\n"
      ".visible .entry k(.param .u64 a, .param .u32 b)\n{\nret;\n}\n",
      "k.ptx");
  ASSERT_TRUE(module.ok());
  const auto error = [&](std::vector<LaunchArgument> arguments, const std::string& entry = "k") {
    const KernelLaunch launch = {.entry = entry, .arguments = std::move(arguments)};
    const base::Status status = (*module)->Run({&launch, 1}, {});
    return status.ok() ? "" : status.error().ToString();
  };
  EXPECT_EQ(error({LaunchArgument::Scalar(0, 8), LaunchArgument::Scalar(0, 4)}), "");
  EXPECT_EQ(error({LaunchArgument::Scalar(0, 8)}), "k takes 2 arguments, not 1");
  EXPECT_EQ(error({LaunchArgument::Scalar(0, 8), LaunchArgument::Scalar(0, 8)}),
            "argument 1 of k has 8 bytes, the parameter 4");
  EXPECT_EQ(error({}, "other"), "the module has no entry 'other'");
}

TEST_F(DeviceMachineTest, SaysWhyThereIsNoDevice) {
  EXPECT_THAT(MakeDeviceMachine({.driver = "libno-such-driver.so"})->why_unavailable(),
              testing::AllOf(HasSubstr("no CUDA driver here"), HasSubstr("libno-such-driver.so")));
  EXPECT_THAT(
      MakeDeviceMachine({.driver = ULPROOF_FAKE_CUDA_DRIVER, .device = 3})->why_unavailable(),
      HasSubstr("no CUDA device 3; of 1"));
  device_.devices = 0;
  EXPECT_EQ(Machine()->why_unavailable(), "no CUDA device here");
  device_.init_result = 100;
  EXPECT_EQ(Machine()->why_unavailable(), "no CUDA device here");
  device_.init_result = 999;
  const auto broken = Machine();
  EXPECT_EQ(broken->why_unavailable(), "cuInit: error 999");
  const auto module = broken->Load("", "x.ptx");
  ASSERT_FALSE(module.ok());
  EXPECT_EQ(module.error().exit_code, base::ExitCode::kEnvironment);
}

// The whole path of the backend "device": every optimised kernel that is quick to simulate, with
// ragged shapes, against the same kernel on the simulator.
TEST_F(DeviceMachineTest, OurKernelsGiveTheBitsOfTheSimulator) {
  const auto device = MakeKernelBackend({.name = "device", .machine = Machine()});
  const auto simulator =
      MakeKernelBackend({.name = "simulator", .machine = MakeSimulatorMachine()});
  reference::Rng rng(1);
  for (const Kernel& kernel : Kernels()) {
    if (kernel.plain) continue;
    formats::Operation op = kernel.prototype;
    op.shape = {.rows = 3, .cols = 70};
    op.key = {.seed = 1, .stream = 2, .offset = 3};
    const formats::Case c = reference::RandomCase(op, rng);
    const auto expected = formats::RunCase(*simulator, c);
    const auto got = formats::RunCase(*device, c);
    ASSERT_TRUE(expected.ok()) << expected.error().ToString();
    ASSERT_TRUE(got.ok()) << kernel.name << ": " << got.error().ToString();
    EXPECT_TRUE(*got == *expected) << kernel.name;
  }
  EXPECT_EQ(device_.live_allocations, 0);
}

TEST_F(DeviceMachineTest, ThreadsTakeTurns) {
  const auto backend =
      MakeKernelBackend({.name = "device", .machine = std::shared_ptr<gpu::Machine>(Machine())});
  const formats::Operation op = formats::ParseOperation("noise law=rg16 shape=5x33 seed=1").value();
  const auto expected = formats::RunCase(*backend, {.op = op, .inputs = {}});
  ASSERT_TRUE(expected.ok()) << expected.error().ToString();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        const auto got = formats::RunCase(*backend, {.op = op, .inputs = {}});
        EXPECT_TRUE(got.ok() && *got == *expected);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace ulproof::gpu
