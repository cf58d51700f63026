// SPDX-License-Identifier: Apache-2.0
// ulproof quantizer: what is printed and recorded, for laws and for files, and bad input. The
// figures themselves are tested in tests/reference/quantizers/analysis.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/cli/run_ulproof.h"
#include "tests/cli/tensor_files.h"
#include "tests/io/temporary_directory.h"

namespace ulproof::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class QuantizerTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_ / name; }
  json ReadJson(const std::string& name) const { return json::parse(io::ReadFile(Path(name))); }

  void WriteFloats(const std::string& name, const std::vector<float>& values) const {
    WriteNpy<float>(Path(name), {'f', 4}, {values.size()}, values);
  }

  io::TemporaryDirectory directory_;
};

// Digits asked for are digits given; all local minima are listed; the picture has its curves.
TEST_F(QuantizerTest, SnrOfLaws) {
  const CommandResult result =
      RunUlproof({"quantizer", "snr", "--format", "float4_e3m0,int4,nvfp4", "--digits", "30",
                  "--json", Path("s.json"), "--svg", Path("s.svg")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("4 local minima of the error over all scales"));
  EXPECT_THAT(result.out, HasSubstr("nvfp4: groups of 16"));
  const json record = ReadJson("s.json");
  EXPECT_EQ(record["schema"], "ulproof.quantizer-snr/1");
  EXPECT_EQ(record["dist"]["law"], "normal");
  const json& e3m0 = record["rows"][0];
  EXPECT_EQ(e3m0["minima"].size(), 4u);
  EXPECT_EQ(e3m0["best"], 1);
  const std::string scale = record["rows"][1]["scale"].get<std::string>();
  EXPECT_THAT(scale, testing::StartsWith("0.338607935715"));
  EXPECT_GT(scale.size(), 28u);  // Trailing zeros are left out.
  EXPECT_THAT(io::ReadFile(Path("s.svg")), HasSubstr("float4_e3m0"));
}

TEST_F(QuantizerTest, SnrAtAScaleAndInARange) {
  // Levels -1 and 1: E x^2 - 2 E|x| + 1 with E|x| = sqrt 3 / 2.
  const CommandResult fixed = RunUlproof({"quantizer", "snr", "--format", "uniform2", "--dist",
                                          "uniform", "--scale", "2", "--json", Path("f.json")});
  ASSERT_EQ(fixed.exit_code, 0) << fixed.err;
  EXPECT_EQ(ReadJson("f.json")["rows"][0]["mse"], "0.267949192431");  // 2 - sqrt 3.
  const CommandResult range = RunUlproof({"quantizer", "snr", "--format", "float4_e3m0", "--range",
                                          "0.4..0.7", "--json", Path("r.json")});
  ASSERT_EQ(range.exit_code, 0) << range.err;
  EXPECT_THAT(ReadJson("r.json")["rows"][0]["scale"].get<std::string>(),
              testing::StartsWith("0.5198317"));
}

// Four weights on a grid of two levels, worked out by hand.
TEST_F(QuantizerTest, SnrOfAFile) {
  // |x| = 1, 2, 2, 1: A = 3, B = 1, so s = 3 and the levels are +-1.5; the error of each is 1/4.
  WriteFloats("w.npy", {1, -2, 2, -1});
  const CommandResult result = RunUlproof({"quantizer", "snr", "--format", "uniform2", "--dist",
                                           Path("w.npy"), "--json", Path("w.json")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json record = ReadJson("w.json");
  EXPECT_EQ(record["dist"]["weights"], 4);
  const json& row = record["rows"][0];
  EXPECT_EQ(row["scale"], "3");
  EXPECT_EQ(row["mse"], "0.1");        // 1 of a signal of 10.
  EXPECT_EQ(row["clipping"], "0.05");  // Of the two weights beyond 1.5.
  EXPECT_EQ(row["minima_count"], 1);
}

// One weight is a value of any grid at a scale that is no dyadic number: no error at all.
TEST_F(QuantizerTest, SnrOfOneWeight) {
  WriteFloats("one.npy", {0.3f});
  const CommandResult result = RunUlproof({"quantizer", "snr", "--format", "int4", "--dist",
                                           Path("one.npy"), "--json", Path("one.json")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json record = ReadJson("one.json");
  EXPECT_EQ(record["rows"][0]["mse"], "0");
  EXPECT_EQ(record["rows"][0]["snr_db"], "inf");
}

TEST_F(QuantizerTest, Crossover) {
  const CommandResult result = RunUlproof({"quantizer", "crossover", "--format", "int2,int3",
                                           "--json", Path("c.json"), "--svg", Path("c.svg")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json record = ReadJson("c.json");
  EXPECT_EQ(record["rows"][0]["absmax_wins_up_to"], 6);
  EXPECT_EQ(record["rows"][1]["absmax_wins_up_to"], 30);
  EXPECT_EQ(record["rows"][0]["absmax"].size(), 20u);
  // The page of `report` shows it as the command did.
  const CommandResult page = RunUlproof({"report", Path("c.json"), "--out", Path("report.html")});
  ASSERT_EQ(page.exit_code, 0) << page.err;
  EXPECT_THAT(io::ReadFile(Path("report.html")), HasSubstr("absmax wins in groups of"));
}

TEST_F(QuantizerTest, BadInput) {
  const float infinity = std::numeric_limits<float>::infinity();
  WriteFloats("bad.npy", {1, infinity});
  WriteFloats("zero.npy", {0, 0});
  WriteFloats("empty.npy", {});
  const struct {
    std::vector<std::string> arguments;
    int exit_code;
    const char* message;
  } cases[] = {
      {{}, 2, "--format or --table"},
      {{"--format", "bogus"}, 2, "unknown format 'bogus'"},
      {{"--format", "bfloat16"}, 2, "65279 values"},
      {{"--format", "int4", "--scale", "-1"}, 2, "not positive"},
      {{"--format", "int4", "--scale", "x"}, 2, "not a number"},
      {{"--format", "int4", "--range", "2..1"}, 2, "not the smaller one"},
      {{"--format", "int4", "--digits", "0"}, 2, "--digits"},
      {{"--format", "int4", "--dist", "gauss"}, 2, "unknown law of weights"},
      {{"--format", "nvfp4", "--scale", "1"}, 2, "makes its own scale"},
      {{"--format", "int4", "--dist", Path("none.npy")}, 3, "none.npy"},
      {{"--format", "int4", "--dist", Path("bad.npy")}, 2, "element 1 is infinite"},
      {{"--format", "int4", "--dist", Path("zero.npy")}, 2, "no weight but zeros"},
      {{"--format", "int4", "--dist", Path("empty.npy")}, 2, "has no elements"},
  };
  for (const auto& bad : cases) {
    std::vector<std::string> arguments = {"quantizer", "snr", "--json", Path("no.json")};
    arguments.insert(arguments.end(), bad.arguments.begin(), bad.arguments.end());
    const CommandResult result = RunUlproof(arguments);
    EXPECT_EQ(result.exit_code, bad.exit_code) << bad.message << ": " << result.err;
    EXPECT_THAT(result.err, HasSubstr(bad.message));
    EXPECT_FALSE(std::filesystem::exists(Path("no.json")));
  }
  EXPECT_EQ(RunUlproof({"quantizer"}).exit_code, 2);
  EXPECT_EQ(RunUlproof({"quantizer", "crossover", "--format", "float8_e8m0fnu"}).exit_code, 2);
}

// fit: a hand-made tensor on which the methods are known. Two groups, {-8 .. 7} / 4 each way, so
// that int4 holds them exactly at the scale 1/4 (range), and the other scales do not.
TEST_F(QuantizerTest, FitOfAKnownTensor) {
  std::vector<float> values;
  for (int i = -8; i < 8; ++i) values.push_back(static_cast<float>(i) / 4);
  for (int i = -8; i < 8; ++i) values.push_back(static_cast<float>(i));
  WriteNpy<float>(Path("w.npy"), {'f', 4}, {2, 16}, values);
  const CommandResult result =
      RunUlproof({"quantizer", "fit", Path("w.npy"), "--format", "int4", "--group", "16",
                  "--method", "minmax", "--json", Path("f.json"), "--csv", Path("f.csv")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("best range"));
  const json row = ReadJson("f.json")["rows"][0];
  EXPECT_EQ(row["groups"], 2);
  EXPECT_EQ(row["best"], "range");
  for (const json& method : row["methods"]) {
    // Least squares finds its way from 2 / 7.5 to 1/4.
    const bool finds = method["method"] == "range" || method["method"] == "iterative-minmax";
    EXPECT_EQ(method["is_exact"], finds) << method;
    if (finds) {
      EXPECT_EQ(method["first_scale"], 0.25);
    }
    if (method["method"] == "minmax") {
      EXPECT_NEAR(method["first_scale"], 2 / 7.5, 1e-7);  // M / h
    }
  }
  EXPECT_THAT(io::ReadFile(Path("f.csv")), HasSubstr(",range,null,0.25,"));
}

// The baselines on weights of one magnitude, worked out by hand: mean 0, all deviations 3.
TEST_F(QuantizerTest, FitKnowsTheBaselines) {
  WriteFloats("w.npy", {3, -3, -3, 3});
  const auto fit = [&](const std::vector<std::string>& words) {
    std::vector<std::string> command = {"quantizer", "fit", Path("w.npy"), "--json",
                                        Path("f.json")};
    command.insert(command.end(), words.begin(), words.end());
    const CommandResult result = RunUlproof(command);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    std::map<std::string, double> scales;
    const json record = ReadJson("f.json");
    for (const json& method : record["rows"][0]["methods"])
      scales[method["method"]] = method["first_scale"];
    return scales;
  };
  const auto scales = fit({"--format", "int4"});
  EXPECT_EQ(scales.size(), 10u);
  EXPECT_NEAR(scales.at("aciq"), 2.55913646 * 3 / 7.5, 1e-6);
  EXPECT_NEAR(scales.at("aciq-laplace"), 5.02864014 * 3 / 7.5, 1e-6);
  EXPECT_NEAR(scales.at("octav"), 3 / 7.5, 1e-6);
  EXPECT_EQ(scales.at("sawb"), 0);
  EXPECT_NEAR(scales.at("lsq"), 2 * 3 / std::sqrt(7.0), 1e-6);
  EXPECT_FALSE(fit({"--format", "int3"}).contains("sawb"));
  const auto two = fit({"--method", "lsq,octav"});
  EXPECT_EQ(two.size(), 2u);
  EXPECT_TRUE(two.contains("lsq") && two.contains("octav"));
}

// A file's names reach the terminal without its control characters; the record keeps them.
TEST_F(QuantizerTest, FitPrintsNamesWithoutControlCharacters) {
  const std::string name = "w\x1b[31m\n";
  WriteSafetensors(Path("w.safetensors"), {{name, "F32", {1, 1}, {0, 0, 128, 63}}});
  const CommandResult result =
      RunUlproof({"quantizer", "fit", Path("w.safetensors"), "--json", Path("f.json")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("w?[31m?: best"));
  EXPECT_EQ(result.out.find('\x1b'), std::string::npos);
  EXPECT_EQ(ReadJson("f.json")["rows"][0]["tensor"], name);
}

TEST_F(QuantizerTest, FitRefusesBadInput) {
  WriteFloats("w.npy", {1, 2, 3});
  EXPECT_EQ(RunUlproof({"quantizer", "fit", Path("none.npy")}).exit_code, 3);
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--method", "zzz"},
                                                {"--method", "lsq,"},
                                                {"--method", "sawb", "--format", "int3"},
                                                {"--format", "int1"},
                                                {"--format", "float32"},
                                                {"--group", "-1"}}) {
    std::vector<std::string> command = {"quantizer", "fit", Path("w.npy")};
    command.insert(command.end(), words.begin(), words.end());
    EXPECT_EQ(RunUlproof(command).exit_code, 2) << words[0] << " " << words[1];
  }
  // Not a number anywhere in a group: no figure, and no crash.
  WriteFloats("nan.npy", {1, std::numeric_limits<float>::quiet_NaN(), 3});
  const CommandResult result = RunUlproof({"quantizer", "fit", Path("nan.npy")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("best none"));
}

}  // namespace
}  // namespace ulproof::cli
