// SPDX-License-Identifier: Apache-2.0
// ulproof verify as a user runs it: right kernels pass, planted bugs fail with the right
// explanation and a line that replays them, and every kind of bad input is an error with its place
// and its exit code. Catches a verify that believes a wrong kernel, or blames a right one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "gpu/golden/golden.h"
#include "gpu/runtime/nvrtc.h"
#include "tests/cli/run_ulproof.h"

namespace ulproof::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kExamples = ULPROOF_SOURCE_DIR "/examples/verify/";
const std::string kCast = "cast from=bfloat16 to=float8_e4m3fn round=rne overflow=sat";

std::string ReadAll(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// A folder of its own for each test, removed afterwards.
class VerifyCommandTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  std::string Write(const std::string& name, std::string_view text) const {
    std::ofstream(Path(name)) << text;
    return Path(name);
  }
  static CommandResult Verify(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "verify");
    return RunUlproof(arguments);
  }

  const std::string folder_ = testing::TempDir() + "/ulproof_verify_" + std::to_string(getpid());
};

TEST_F(VerifyCommandTest, OurOwnKernelsPassWithoutAManifest) {
  const std::string cast = Write("cast.ptx", gpu::GoldenPtx("sm_80", "cast"));
  CommandResult result = Verify({cast, "--op", kCast, "--machine", "simulator"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("PASS  not one bit differs"));
  EXPECT_THAT(result.out, HasSubstr("entry cast_bfloat16_float8_e4m3fn_rne_sat"));
  EXPECT_EQ(result.err, "");
}

TEST_F(VerifyCommandTest, AForeignSamplePasses) {
  const std::string json = Path("report.json");
  const std::string junit = Path("report.xml");
  const CommandResult result =
      Verify({kExamples + "perturb.ptx", "--manifest", kExamples + "perturb.json", "--json", json,
              "--junit", junit});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("offset=0 always: no argument carries it"));
  EXPECT_THAT(result.out, HasSubstr("device"));
  const auto report = nlohmann::json::parse(ReadAll(json));
  EXPECT_EQ(report["verdict"], "pass");
  EXPECT_EQ(report["mismatches"], 0);
  EXPECT_EQ(report["smallest"], nullptr);
  EXPECT_GT(report["records"].size(), 5u);
  EXPECT_GT(report["simulated"]["thread_instructions"], 1000000);
  EXPECT_THAT(ReadAll(junit), HasSubstr("<testsuite name=\"simulator\""));
}

// The replay line is taken from the report and run: it must fail too.
TEST_F(VerifyCommandTest, APlantedBugIsShrunkExplainedAndReplayed) {
  const std::string kernel = kExamples + "cast_bf16_e4m3_truncated.ptx";
  const std::string manifest = kExamples + "cast_bf16_e4m3.json";
  const std::string json = Path("report.json");
  const std::string junit = Path("report.xml");
  const CommandResult result = Verify(
      {kernel, "--manifest", manifest, "--machine", "simulator", "--json", json, "--junit", junit});
  EXPECT_EQ(result.exit_code, 1) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("FAIL"));
  EXPECT_THAT(result.out, HasSubstr("rtz"));
  const auto report = nlohmann::json::parse(ReadAll(json));
  EXPECT_EQ(report["verdict"], "fail");
  EXPECT_THAT(report["explanation"]["explanations"][0]["text"].get<std::string>(),
              HasSubstr("rtz"));
  EXPECT_THAT(ReadAll(junit), HasSubstr("<failure"));
  const std::string line = report["smallest"]["line"];
  EXPECT_THAT(line, HasSubstr("shape=1x1"));
  EXPECT_THAT(result.out, HasSubstr("ulproof verify " + kernel + " --manifest " + manifest +
                                    " --machine simulator --case '" + line + "'"));
  const CommandResult again = Verify({kernel, "--manifest", manifest, "--case", line});
  EXPECT_EQ(again.exit_code, 1) << again.out << again.err;
  EXPECT_THAT(again.out, HasSubstr("simulator"));
  const CommandResult right =
      Verify({kExamples + "cast_bf16_e4m3.ptx", "--manifest", manifest, "--case", line});
  EXPECT_EQ(right.exit_code, 0) << right.out << right.err;
}

// A store one element beyond the end: a fault with its place, shrunk, and replayed as a failure.
TEST_F(VerifyCommandTest, AFaultIsAFailureWithItsPlace) {
  std::string text = ReadAll(kExamples + "cast_bf16_e4m3.json");
  text.replace(text.find("\"count\"]"), 8, "{\"role\": \"constant\", \"value\": \"count + 1\"}]");
  const std::string manifest = Write("beyond.json", text);
  const std::string json = Path("report.json");
  const std::string kernel = kExamples + "cast_bf16_e4m3.ptx";
  const CommandResult result =
      Verify({kernel, "--manifest", manifest, "--machine", "simulator", "--json", json});
  EXPECT_EQ(result.exit_code, 1) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("out of bounds"));
  const std::string line = nlohmann::json::parse(ReadAll(json))["smallest"]["line"];
  EXPECT_THAT(line, HasSubstr("shape=1x1"));
  const CommandResult again = Verify({kernel, "--manifest", manifest, "--case", line});
  EXPECT_EQ(again.exit_code, 1) << again.out << again.err;
  EXPECT_THAT(again.out, HasSubstr("out of bounds"));
}

TEST_F(VerifyCommandTest, APluginPasses) {
  const CommandResult result =
      Verify({ULPROOF_EXAMPLE_PLUGIN, "--op", "cast from=float32 to=bfloat16"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("PASS"));
}

TEST_F(VerifyCommandTest, CompilesCudaWhereNvrtcIs) {
  const CommandResult result =
      Verify({kExamples + "cast_bf16_e4m3.cu", "--manifest", kExamples + "cast_bf16_e4m3.json",
              "--machine", "simulator"});
  if (gpu::NvrtcWhyUnavailable().empty()) {
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  } else {
    EXPECT_EQ(result.exit_code, 3);
    EXPECT_THAT(result.err, HasSubstr("nvcc -ptx"));
  }
}

TEST_F(VerifyCommandTest, RefusesBadInput) {
  struct Row {
    std::vector<std::string> arguments;
    int exit_code;
    std::string message;
  };
  const std::string good = kExamples + "cast_bf16_e4m3.ptx";
  const std::string manifest = kExamples + "cast_bf16_e4m3.json";
  const std::string ptx = ReadAll(good);
  const std::string truncated = Write("truncated.ptx", ptx.substr(0, ptx.size() / 2));
  std::string unknown = ptx;
  unknown.insert(unknown.find("ret;"), "frobnicate.f32 %f1, %f1;\n");
  const auto changed = [&](const std::string& name, const std::string& from,
                           const std::string& to) {
    std::string text = ReadAll(manifest);
    text.replace(text.find(from), from.size(), to);
    return Write(name, text);
  };
  const std::vector<Row> rows = {
      {{"/nonexistent/k.ptx", "--op", kCast}, 3, "/nonexistent/k.ptx"},
      {{Write("kernel.txt", ptx), "--op", kCast}, 2, "a .ptx file, a .cu file or a plugin"},
      {{good}, 2, "which operation?"},
      {{good, "--op", "cats"}, 2, "did you mean 'cast'?"},
      {{good, "--op", "cast from=bfloat16 to=float8_e4m3"},
       2,
       "takes 3 parameters (8, 8, 4 bytes)"},
      {{truncated, "--manifest", manifest}, 2, "truncated.ptx:"},
      {{Write("unknown.ptx", unknown), "--manifest", manifest}, 2, "frobnicate.f32"},
      {{good, "--manifest", "/nonexistent/m.json"}, 3, "/nonexistent/m.json"},
      {{good, "--manifest", manifest, "--op", "cast from=float32 to=bfloat16"},
       2,
       "is not the operation of the command line"},
      {{good, "--manifest", changed("typo.json", "\"grid\"", "\"gird\"")},
       2,
       "did you mean 'grid'?"},
      {{good, "--manifest", changed("syntax.json", "\"grid\"", "grid")}, 2, "syntax.json:7:"},
      {{good, "--manifest", changed("entry.json", "cast_to_fp8", "cast_to_fp9")},
       2,
       "unknown entry 'cast_to_fp9' (did you mean 'cast_to_fp8'?)"},
      {{good, "--manifest", changed("four.json", "\"count\"]", "\"count\", \"rows\"]")},
       2,
       "takes 3 parameters"},
      {{good, "--manifest", changed("zero.json", "ceil_div(count, 256)", "count / (cols - cols)")},
       2,
       "division by zero"},
      {{good, "--manifest", manifest, "--machine", "simulater"}, 2, "did you mean 'simulator'?"},
      {{good, "--manifest", manifest, "--level", "medium"}, 2, "--level"},
      {{good, "--manifest", manifest, "--case", "cast shape=1x1"}, 2, "x"},
      {{good, "--manifest", manifest, "--case",
        "cast from=float32 to=bfloat16 round=rne overflow=ovf shape=1x1 | x=0"},
       2,
       "the kernel computes cast from=bfloat16"},
      {{ULPROOF_EXAMPLE_PLUGIN, "--op", kCast}, 2, "the plugin does not compute this"},
      {{ULPROOF_EXAMPLE_PLUGIN}, 2, "--op"},
      {{Write("not.so", "text"), "--op", kCast}, 3, "cannot load the plugin"},
  };
  for (const Row& row : rows) {
    const CommandResult result = Verify(row.arguments);
    EXPECT_EQ(result.exit_code, row.exit_code) << row.message << '\n' << result.err;
    EXPECT_THAT(result.err, HasSubstr(row.message));
    EXPECT_THAT(result.out, Not(HasSubstr("PASS"))) << row.message;
  }
}

}  // namespace
}  // namespace ulproof::cli
