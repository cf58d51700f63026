// SPDX-License-Identifier: Apache-2.0
// The device runtime without a device: a fake CUDA driver, a real shared library with the driver's
// symbols, runs kernels on the simulator. Catches: arguments packed wrongly, buffers in the wrong
// place, guard zones and poison that miss a stray store or a hole, errors of the driver that get
// lost, and kernels of ours that do not give through it the bits that the simulator gives.
#include "gpu/runtime/device_machine.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <list>
#include <map>
#include <memory>
#include <thread>

#include "formats/case.h"
#include "gpu/kernel_backend.h"
#include "gpu/ptx/launch.h"
#include "gpu/simulator_machine.h"
#include "reference/compare/inputs.h"
#include "tests/gpu/runtime/fake_cuda_driver.h"

namespace ulproof::gpu {
namespace {

using testing::HasSubstr;

constexpr int kInvalidValue = 1;
constexpr int kOutOfMemory = 2;
constexpr int kInvalidPtx = 218;
constexpr int kNotFound = 500;
constexpr int kIllegalAddress = 700;

// A device of the simulator. Memory is plain, as a GPU's is: every byte holds something, and only
// what lies outside all allocations faults.
class SimulatedDevice : public FakeDevice {
 public:
  int devices = 1;
  int init_result = 0;
  std::size_t memory_bytes = 1 << 26;
  int live_allocations = 0;
  int live_modules = 0;
  int launches = 0;

  int Init() override { return init_result; }
  int DeviceCount(int* count) override {
    *count = devices;
    return 0;
  }
  int ModuleLoad(void** module, const char* image, char* log, std::size_t log_bytes) override {
    base::Result<ptx::Module> parsed = ptx::ParseModule(image, "image");
    if (!parsed.ok()) {
      std::strncpy(log, parsed.error().ToString().c_str(), log_bytes);
      return kInvalidPtx;
    }
    ++live_modules;
    *module = &modules_.emplace_back(std::move(*parsed));
    return 0;
  }
  int ModuleUnload(void*) override {
    --live_modules;
    return 0;
  }
  int ModuleFunction(void** function, void* module, const char* name) override {
    base::Result<ptx::Kernel> kernel =
        ptx::Kernel::Prepare(*static_cast<const ptx::Module*>(module), name);
    if (!kernel.ok()) return kNotFound;
    *function = &kernels_.emplace_back(std::move(*kernel));
    return 0;
  }
  int ParameterInfo(void* function, std::size_t index, std::size_t* offset,
                    std::size_t* bytes) override {
    const auto& parameters = static_cast<const ptx::Kernel*>(function)->program().parameters;
    if (index >= parameters.size()) return kInvalidValue;
    *offset = parameters[index].offset;
    *bytes = parameters[index].size;
    return 0;
  }
  int Allocate(std::uint64_t* address, std::size_t bytes) override {
    if (bytes > memory_bytes) return kOutOfMemory;
    ++live_allocations;
    *address = memory_.Upload("device memory", std::vector<std::uint8_t>(bytes));
    return 0;
  }
  int Free(std::uint64_t) override {
    --live_allocations;
    return 0;
  }
  int CopyToDevice(std::uint64_t to, const void* from, std::size_t bytes) override {
    std::memcpy(At(to, bytes), from, bytes);
    return 0;
  }
  int CopyToHost(void* to, std::uint64_t from, std::size_t bytes) override {
    std::memcpy(to, At(from, bytes), bytes);
    return 0;
  }
  int Fill(std::uint64_t to, std::uint8_t value, std::size_t bytes) override {
    std::memset(At(to, bytes), value, bytes);
    return 0;
  }
  int Launch(void* function, const unsigned (&grid)[3], const unsigned (&block)[3],
             unsigned dynamic_shared_bytes, void** parameters) override {
    ++launches;
    const auto& kernel = *static_cast<const ptx::Kernel*>(function);
    ptx::Arguments arguments;
    for (std::size_t i = 0; i < kernel.program().parameters.size(); ++i) {
      const auto* const bytes = static_cast<const std::uint8_t*>(parameters[i]);
      arguments.AddBytes({bytes, bytes + kernel.program().parameters[i].size});
    }
    const auto report = kernel.Launch({.grid = {grid[0], grid[1], grid[2]},
                                       .block = {block[0], block[1], block[2]},
                                       .dynamic_shared_bytes = dynamic_shared_bytes},
                                      arguments, memory_);
    if (!report.ok()) fault_ = kIllegalAddress;
    return 0;
  }
  int Synchronize() override { return fault_; }

 private:
  std::uint8_t* At(std::uint64_t address, std::size_t bytes) {
    ptx::Buffer* const buffer = memory_.Find(address);
    const std::uint64_t offset = address - ptx::Memory::BaseOf(address);
    EXPECT_NE(buffer, nullptr);
    EXPECT_LE(offset + bytes, buffer->bytes.size());
    return buffer->bytes.data() + offset;
  }

  ptx::Memory memory_;
  std::list<ptx::Module> modules_;
  std::list<ptx::Kernel> kernels_;
  int fault_ = 0;
};

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
