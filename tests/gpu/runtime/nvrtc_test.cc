// SPDX-License-Identifier: Apache-2.0
// NVRTC as it is installed here, else skipped with the reason. Catches: flags that contract or
// flush, headers that are not found, messages without a place; and kernels of ours that give other
// bits when NVRTC compiles them.
#include "gpu/runtime/nvrtc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "formats/case.h"
#include "gpu/kernel_backend.h"
#include "gpu/simulator_machine.h"
#include "reference/compare/inputs.h"

namespace ulproof::gpu {
namespace {

using testing::HasSubstr;
using testing::Not;

class Nvrtc : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = NvrtcWhyUnavailable(); !why.empty()) GTEST_SKIP() << why;
  }
};

TEST_F(Nvrtc, NeitherContractsNorFlushesNorApproximates) {
  const auto ptx = CompileToPtx(
      "extern \"C\" __global__ void f(float* x) { x[0] = x[1] * x[2] + x[3] / sqrtf(x[4]); }",
      "f.cu", "sm_80");
  ASSERT_TRUE(ptx.ok()) << ptx.error().ToString();
  EXPECT_THAT(*ptx, HasSubstr(".target sm_80"));
  EXPECT_THAT(*ptx, HasSubstr("mul.rn.f32"));
  EXPECT_THAT(*ptx, HasSubstr("div.rn.f32"));
  EXPECT_THAT(*ptx, HasSubstr("sqrt.rn.f32"));
  EXPECT_THAT(*ptx, Not(HasSubstr("fma")));
  EXPECT_THAT(*ptx, Not(HasSubstr("ftz")));
}

TEST_F(Nvrtc, AFlagOfTheCallerReplacesOurs) {
  const std::vector<std::string> options = {"--fmad=true", "-DSIZE=7"};
  const auto ptx =
      CompileToPtx("extern \"C\" __global__ void f(float* x) { x[0] = x[1] * x[2] + x[SIZE]; }",
                   "f.cu", "sm_90", options);
  ASSERT_TRUE(ptx.ok()) << ptx.error().ToString();
  EXPECT_THAT(*ptx, HasSubstr("fma.rn.f32"));
  EXPECT_THAT(*ptx, HasSubstr("+28]"));
}

TEST_F(Nvrtc, FindsTheHeadersOfCudaAndSuppliesIntegers) {
  if (CudaIncludeDirectory().empty()) GTEST_SKIP() << "no cuda_bf16.h here";
  const auto ptx = CompileToPtx(
      "#include <cstdint>\n#include <stddef.h>\n#include <cuda_fp8.h>\n#include <cuda_bf16.h>\n"
      "static_assert(sizeof(std::uint64_t) == 8 && sizeof(uint16_t) == 2 && sizeof(size_t) == 8);\n"
      "extern \"C\" __global__ void f(float* x, __nv_bfloat16* y, std::uint8_t* z) {\n"
      "  *y = __float2bfloat16_rn(*x);\n"
      "  *z = __nv_cvt_float_to_fp8(*x, __NV_SATFINITE, __NV_E4M3);\n}\n",
      "f.cu", "sm_89");
  ASSERT_TRUE(ptx.ok()) << ptx.error().ToString();
  EXPECT_THAT(*ptx, HasSubstr("cvt.rn.bf16.f32"));
  EXPECT_THAT(*ptx, HasSubstr("e4m3x2"));
}

TEST_F(Nvrtc, AnErrorHasTheLineAndTheCompilersWords) {
  const auto ptx = CompileToPtx("__global__ void f() {}\n__global__ void g() { return wrong; }\n",
                                "folder/mine.cu", "sm_80");
  ASSERT_FALSE(ptx.ok());
  EXPECT_EQ(ptx.error().exit_code, base::ExitCode::kUsage);
  EXPECT_EQ(ptx.error().file, "folder/mine.cu");
  EXPECT_EQ(ptx.error().line, 2);
  EXPECT_THAT(ptx.error().message, HasSubstr("\"wrong\" is undefined"));
}

TEST_F(Nvrtc, BadArgumentsAreUsageErrors) {
  const std::vector<std::string> unknown = {"--no-such-option"};
  for (const auto& ptx : {CompileToPtx("", "f.cu", "A100"), CompileToPtx("", "f.cu", "sm_7777"),
                          CompileToPtx("", "f.cu", "sm_80", unknown)}) {
    ASSERT_FALSE(ptx.ok());
    EXPECT_EQ(ptx.error().exit_code, base::ExitCode::kUsage) << ptx.error().ToString();
    EXPECT_FALSE(ptx.error().message.empty());
  }
}

// The order of functions and labels is each compiler's own, so the bits are compared.
TEST_F(Nvrtc, OurKernelsGiveTheBitsOfTheKeptPtx) {
  if (CudaIncludeDirectory().empty()) GTEST_SKIP() << "no libcu++ here";
  const std::shared_ptr<Machine> simulator = MakeSimulatorMachine();
  for (const std::string module : {"block_max", "noise"}) {
    const std::string path = ULPROOF_SOURCE_DIR "/gpu/kernels/" + module + ".cu";
    std::ifstream file(path);
    std::stringstream source;
    source << file.rdbuf();
    const auto ptx = CompileToPtx(source.str(), path, "sm_80");
    ASSERT_TRUE(ptx.ok()) << ptx.error().ToString();
    const auto kept = MakeKernelBackend({.name = "kept", .machine = simulator});
    const auto compiled =
        MakeKernelBackend({.name = "nvrtc", .machine = simulator, .module_text = [&](auto) {
                             return std::string_view(*ptx);
                           }});
    reference::Rng rng(1);
    for (const Kernel& kernel : Kernels()) {
      if (kernel.module != module || kernel.plain) continue;
      formats::Operation op = kernel.prototype;
      op.shape = {.rows = 37, .cols = 70};
      op.key = {.seed = 1, .stream = 2, .offset = 3};
      const formats::Case c = reference::RandomCase(op, rng);
      const auto expected = formats::RunCase(*kept, c);
      const auto got = formats::RunCase(*compiled, c);
      ASSERT_TRUE(expected.ok()) << expected.error().ToString();
      ASSERT_TRUE(got.ok()) << got.error().ToString();
      EXPECT_TRUE(*got == *expected) << kernel.name;
    }
  }
}

}  // namespace
}  // namespace ulproof::gpu
