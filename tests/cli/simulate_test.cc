// SPDX-License-Identifier: Apache-2.0
// ulproof simulate on kernels of a few lines. Catches arguments that arrive wrong, reports that
// lose a finding (a race, a hole, contraction), exit codes, and outputs that appear although the
// run failed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/cli/run_ulproof.h"
#include "tests/cli/tensor_files.h"

namespace ulproof::cli {
namespace {

using testing::HasSubstr;

class SimulateTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/" +
              testing::UnitTest::GetInstance()->current_test_info()->name() + "/";
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
    WriteNpy<float>(Path("x.npy"), io::kNpyFloat32, {4}, {1, 2, 3, 4});
  }

  std::string Path(const std::string& name) const { return folder_ + name; }

  // A kernel on x, y and a 32-bit number n; %r1 is the thread, %rd5 and %rd6 its places in x and y.
  void WriteKernel(const std::string& body) {
    std::ofstream(Path("k.ptx"))
        << ".version 8.0\n.target sm_80\n.address_size 64\n"
           ".visible .entry k(.param .u64 x, .param .u64 y, .param .b32 n)\n{\n"
           ".reg .f32 %f<9>;\n.reg .b32 %r<9>;\n.reg .b64 %rd<9>;\n.reg .pred %p<3>;\n"
           ".shared .align 4 .b8 tile[64];\n"
           "ld.param.u64 %rd1, [x];\nld.param.u64 %rd2, [y];\nld.param.f32 %f1, [n];\n"
           "mov.u32 %r1, %tid.x;\nmul.wide.u32 %rd4, %r1, 4;\n"
           "add.u64 %rd5, %rd1, %rd4;\nadd.u64 %rd6, %rd2, %rd4;\nld.global.f32 %f2, [%rd5];\n"
        << body << "\nret;\n}\n";
  }

  CommandResult Simulate(std::vector<std::string> more = {},
                         const std::string& number = "f32:0.5") {
    std::vector<std::string> arguments = {"simulate", Path("k.ptx"), "--block", "4"};
    for (const std::string& argument :
         {"in:" + Path("x.npy"), "out:" + Path("y.npy") + ":f32:4", number}) {
      arguments.insert(arguments.end(), {"--arg", argument});
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunUlproof(arguments);
  }

  bool HasOutput() const { return std::filesystem::exists(Path("y.npy")); }

  std::string folder_;
};

const std::string kScale = "mul.rn.f32 %f3, %f2, %f1;\nst.global.f32 [%rd6], %f3;";

TEST_F(SimulateTest, RunsAndReports) {
  WriteKernel(kScale);
  const CommandResult result =
      Simulate({"--contract", "both", "--schedules", "2", "--json", Path("s.json")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(ReadNpy<float>(Path("y.npy")), (std::vector<float>{0.5, 1, 1.5, 2}));
  EXPECT_THAT(result.out, HasSubstr("mul.rn.f32"));
  EXPECT_THAT(result.out, HasSubstr("16 bytes loaded, 16 stored"));
  EXPECT_THAT(result.out, HasSubstr("2 more: all outputs stay the same"));
  std::ifstream file(Path("s.json"));
  const nlohmann::json json = nlohmann::json::parse(file);
  EXPECT_EQ(json["schema"], "ulproof.simulate/1");
  EXPECT_EQ(json["ok"], true);
  EXPECT_EQ(json["memory"]["global_sectors"], 2);
  EXPECT_EQ(json["thread_instructions"], 4 * 11);
}

TEST_F(SimulateTest, CompiledRunsGiveTheSame) {
  WriteKernel(kScale);
  const CommandResult result = Simulate({"--compiled", "--contract", "both", "--schedules", "1"});
  if (result.exit_code == 3) GTEST_SKIP() << result.err;
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(ReadNpy<float>(Path("y.npy")), (std::vector<float>{0.5, 1, 1.5, 2}));
  EXPECT_EQ(Simulate({"--compiled", "--contract", "yes"}).exit_code, 2);
}

TEST_F(SimulateTest, FindsWhatContractionWouldChange) {
  // 0.1f * 3 - 0.3f: the product rounds to 0.3f + 1 ulp or stays exact inside an fma.
  WriteKernel("mul.f32 %f3, %f2, %f1;\nsub.f32 %f4, %f3, 0f3E99999A;\nst.global.f32 [%rd6], %f4;");
  const CommandResult apart = Simulate({"--contract", "both"}, "b32:3dcccccd");
  EXPECT_EQ(apart.exit_code, 1);
  EXPECT_THAT(apart.out, HasSubstr("1 additions fused: OTHER BITS"));
  EXPECT_EQ(Simulate({"--contract", "no"}, "b32:3dcccccd").exit_code, 0);
  EXPECT_EQ(Simulate({"--contract", "both"}, "f32:0.5").exit_code, 0) << "exact products";
}

TEST_F(SimulateTest, FindsRacesHolesAndSchedules) {
  WriteKernel(
      "mov.u32 %r2, tile;\nst.shared.u32 [%r2], %r1;\nld.shared.u32 %r3, [%r2];\n"
      "st.global.u32 [%rd6], %r3;");
  const CommandResult race = Simulate();
  EXPECT_EQ(race.exit_code, 1);
  EXPECT_THAT(race.out, HasSubstr("races with a store by thread"));
  WriteKernel("setp.ne.u32 %p1, %r1, 2;\n@%p1 st.global.f32 [%rd6], %f2;");
  const CommandResult hole = Simulate();
  EXPECT_EQ(hole.exit_code, 1);
  EXPECT_THAT(hole.out, HasSubstr("byte 8 of"));
}

TEST_F(SimulateTest, InOutAndZeroedMemory) {
  WriteKernel("ld.global.f32 %f3, [%rd6];\nadd.rn.f32 %f4, %f2, %f3;\nst.global.f32 [%rd6], %f4;");
  const std::vector<std::string> start = {"simulate", Path("k.ptx"), "--block", "4", "--arg"};
  std::vector<std::string> arguments = start;
  arguments.insert(arguments.end(),
                   {"in:" + Path("x.npy"), "--arg", "inout:" + Path("x.npy") + ":" + Path("z.npy"),
                    "--arg", "i32:-1"});
  const CommandResult result = RunUlproof(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(ReadNpy<float>(Path("z.npy")), (std::vector<float>{2, 4, 6, 8}));
  arguments = start;
  arguments.insert(arguments.end(), {"in:" + Path("x.npy"), "--arg", "zero:16", "--arg", "u32:0"});
  EXPECT_EQ(RunUlproof(arguments).exit_code, 0);
}

TEST_F(SimulateTest, FaultsAndBadArgumentsLeaveNothingBehind) {
  WriteKernel(kScale + "\nst.global.f32 [%rd6+64], %f3;");
  const CommandResult fault = Simulate();
  EXPECT_EQ(fault.exit_code, 2);
  EXPECT_THAT(fault.err, HasSubstr("k.ptx:21:"));
  WriteKernel("mma.sync;");
  const CommandResult unknown = Simulate();
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("unknown instruction 'mma'"));
  WriteKernel(kScale);
  for (const std::string number : {"f33:1", "u32:x", "f32", "i32:3000000000", "u64:1"}) {
    const CommandResult result = Simulate({}, number);
    EXPECT_EQ(result.exit_code, 2) << number;
    EXPECT_FALSE(result.err.empty());
  }
  EXPECT_EQ(Simulate({"--entry", "other"}).exit_code, 2);
  EXPECT_EQ(Simulate({"--grid", "1,0"}).exit_code, 2);
  EXPECT_EQ(RunUlproof({"simulate", Path("none.ptx")}).exit_code, 3);
  EXPECT_FALSE(HasOutput());
}

TEST_F(SimulateTest, Lints) {
  WriteKernel("mul.f32 %f3, %f2, %f1;\nadd.f32 %f4, %f3, %f1;\nst.global.f32 [%rd6], %f4;");
  const CommandResult found = Simulate({"--lint", "--json", Path("l.json")});
  EXPECT_EQ(found.exit_code, 1);
  EXPECT_THAT(found.out, HasSubstr("k.ptx:20:1: contractable: may become one fma with the product "
                                   "of line 19"));
  EXPECT_THAT(found.out, HasSubstr("k: 2 findings"));
  std::ifstream file(Path("l.json"));
  EXPECT_EQ(nlohmann::json::parse(file)["findings"].size(), 2u);
  WriteKernel(kScale);
  EXPECT_EQ(Simulate({"--lint"}).exit_code, 0);
  EXPECT_FALSE(HasOutput());
}

}  // namespace
}  // namespace ulproof::cli
