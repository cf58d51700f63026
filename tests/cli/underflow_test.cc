// SPDX-License-Identifier: Apache-2.0
// The commands that measure checkpoints: underflow and formats-for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "reference/ops/statistics.h"
#include "tests/cli/run_ulproof.h"
#include "tests/cli/tensor_files.h"
#include "tests/io/temporary_directory.h"

namespace ulproof::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::vector<float> NormalWeights(std::size_t count, float deviation, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> w(count);
  for (float& x : w) x = normal(engine);
  return w;
}

class UnderflowTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_ / name; }
  json ReadJson(const std::string& name) const { return json::parse(io::ReadFile(Path(name))); }

  io::TemporaryDirectory directory_;
};

// Every counter against the exact reference, on the second weight of a file, whose noise is of the
// second stream. Would catch: another stream or index than `sample` uses, a matrix cut wrongly.
TEST_F(UnderflowTest, CountsAreThoseOfTheReference) {
  const std::vector<float> w = NormalWeights(3 * 20 * 70, 0.02f, 1);
  WriteSafetensors(Path("m.safetensors"), {{"a", "F32", {4}, BytesOf(NormalWeights(4, 1, 2))},
                                           {"ids", "I64", {2}, std::vector<std::uint8_t>(16)},
                                           {"w\n\"x", "F32", {3, 20, 70}, BytesOf(w)}});
  const CommandResult result =
      RunUlproof({"underflow", Path("m.safetensors"), "--bits", "4,7", "--out-format",
                  "bfloat16,float8_e4m3fn", "--law", "rg32", "--seed", "5", "--stream", "8",
                  "--block", "16x32", "--json", Path("u.json")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json record = ReadJson("u.json");
  EXPECT_EQ(record["schema"], "ulproof.underflow/1");
  ASSERT_EQ(record["tensors"].size(), 2u);
  EXPECT_EQ(record["skipped"][0]["name"], "ids");
  const json& tensor = record["tensors"][1];
  EXPECT_EQ(tensor["name"], "w\n\"x");
  EXPECT_EQ(tensor["stream"], 9);
  for (std::size_t i = 0; i < 4; ++i) {
    const json& setting = record["settings"][i];
    const float bits = setting["bits"];
    const formats::Operation op = {
        .kind = formats::OpKind::kSample,
        .to = formats::ParseFormat(setting["to"].get<std::string>()).value(),
        .law = formats::NoiseLaw::kRg32,
        .block = {.rows = 16, .cols = 32},
        .shape = {.rows = 60, .cols = 70},
        .key = {.seed = 5, .stream = 9}};
    const formats::ElementType type = formats::ElementType::CodeOf(formats::kFloat32);
    const auto expected =
        reference::MeasureSample(op, {type, w.data(), w.size()}, {type, &bits, 1}).total;
    const json& counts = tensor["results"][i];
    EXPECT_EQ(counts["elements"], expected.elements);
    EXPECT_EQ(counts["noisy"], expected.noisy);
    EXPECT_EQ(counts["absorbed"], expected.absorbed);
    EXPECT_EQ(counts["swamped"], expected.swamped);
    EXPECT_EQ(counts["flushed"], expected.flushed);
    EXPECT_EQ(counts["subnormal"], expected.subnormal);
    EXPECT_EQ(counts["saturated"], expected.saturated);
    EXPECT_EQ(counts["exact"], expected.exact);
    EXPECT_NEAR(counts["snr_db"], std::stod(reference::SnrDecibels(expected, 9)), 1e-8);
    // The expectation is near, and the record says that it agrees.
    const double n = 4200;
    const double rate = counts["expected"]["absorbed"].get<double>() / n;
    EXPECT_NEAR(counts["absorbed"], rate * n, 6 * std::sqrt(n * rate * (1 - rate)) + 1e-9);
    EXPECT_EQ(counts["agrees"], true);
  }
}

// Would catch: -0 taken for a weight, a NaN that ends the run or spoils its neighbours' blocks.
TEST_F(UnderflowTest, ZerosAndNansAreCountedApart) {
  std::vector<float> w = NormalWeights(64 * 64, 1, 3);
  w[0] = -0.0f;
  w[1] = 0.0f;
  w[64 * 40 + 40] = NAN;
  w[64 * 41 + 41] = -INFINITY;
  WriteNpy(Path("w.npy"), io::kNpyFloat32, {64, 64}, w);
  const CommandResult result =
      RunUlproof({"underflow", Path("w.npy"), "--bits", "4", "--json", Path("u.json")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("\"w\": 2 NaNs and infinities"));
  const json record = ReadJson("u.json");
  const json& counts = record["tensors"][0]["results"][0];
  EXPECT_EQ(counts["zero_weights"], 2);
  EXPECT_EQ(counts["non_finite"], 32 * 32);
  EXPECT_EQ(record["tensors"][0]["non_finite_weights"], 2);
}

// Laws whose R is real have an expectation where nothing overflows, and it meets the counts. Would
// catch: an unknown counter compared as if it were 0, a tensor that has none making the total's.
TEST_F(UnderflowTest, RealLawsHaveAnExpectation) {
  std::vector<float> large = NormalWeights(40, 1, 3);
  large[5] = 440;
  WriteSafetensors(Path("m.safetensors"),
                   {{"large", "F32", {40}, BytesOf(large)},
                    {"w", "F32", {64, 100}, BytesOf(NormalWeights(6400, 0.02f, 1))}});
  for (const std::string law : {"uniform", "normal2"}) {
    const CommandResult result = RunUlproof(
        {"underflow", Path("m.safetensors"), "--bits", "5", "--out-format", "float8_e4m3fn",
         "--law", law, "--json", Path("u.json"), "--csv", Path("u.csv"), "--svg", Path("u.svg")});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const json record = ReadJson("u.json");
    EXPECT_TRUE(record["tensors"][0]["results"][0]["expected"].is_null());
    EXPECT_TRUE(record["total"][0]["expected"].is_null());
    const json& counts = record["tensors"][1]["results"][0];
    const json& expected = counts["expected"];
    EXPECT_GT(expected["absorbed"].get<double>(), 500);
    EXPECT_NEAR(expected["absorbed"].get<double>(), counts["absorbed"].get<double>(), 200);
    EXPECT_NEAR(expected["flushed"].get<double>(), counts["flushed"].get<double>(), 200);
    EXPECT_EQ(expected["saturated"], 0);
    EXPECT_TRUE(expected["swamped"].is_null());
    EXPECT_TRUE(counts["agrees"].get<bool>());
    double binades = 0;
    for (const json& binade : counts["below_max"]) {
      binades += binade["expected_absorbed"].get<double>();
    }
    EXPECT_NEAR(binades, expected["absorbed"].get<double>(), 1e-6);
  }
}

// CSV, SVG, sorting and cutting, patterns; real laws have no expectation.
TEST_F(UnderflowTest, Views) {
  std::vector<NamedBytes> tensors;
  for (int i = 0; i < 6; ++i) {
    tensors.push_back({"t" + std::to_string(i),
                       "F32",
                       {32, 32},
                       BytesOf(NormalWeights(1024, 0.002f * static_cast<float>(1 << i), 9))});
  }
  tensors.push_back({"empty", "F32", {0, 5}, {}});
  WriteSafetensors(Path("m.safetensors"), tensors);
  const CommandResult result =
      RunUlproof({"underflow", Path("m.safetensors"), "--bits", "4", "--out-format",
                  "float8_e4m3fn", "--law", "uniform", "--sort", "flushed", "--top", "2", "--csv",
                  Path("u.csv"), "--svg", Path("u.svg"), "--tensor", "[te]*"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("and 4 more"));
  EXPECT_THAT(result.out, HasSubstr("skipped 1 tensor: it is empty"));
  EXPECT_LT(result.out.find("t0"), result.out.find("t1"));  // The smallest weights flush most.
  const std::string csv = io::ReadFile(Path("u.csv"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 7);
  EXPECT_THAT(io::ReadFile(Path("u.svg")), testing::StartsWith("<svg xmlns="));
}

TEST_F(UnderflowTest, BadInput) {
  EXPECT_EQ(RunUlproof({"underflow", Path("none.npy"), "--bits", "4"}).exit_code, 3);
  EXPECT_EQ(RunUlproof({"underflow", Path("none.txt"), "--bits", "4"}).exit_code, 2);
  WriteNpy(Path("w.npy"), io::kNpyFloat32, {4}, std::vector<float>{1, 2, 3, 4});
  for (const std::vector<std::string>& more : {std::vector<std::string>{"--bits", "nan"},
                                               {"--bits", "4,"},
                                               {"--bits", "4..x"},
                                               {"--bits", "4", "--out-format", "float9"},
                                               {"--bits", "4", "--sort", "size"},
                                               {"--bits", "4", "--tensor", "q*"},
                                               {"--bits", "4", "--out-format", "float8_e8m0fnu"}}) {
    std::vector<std::string> arguments = {"underflow", Path("w.npy")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const CommandResult result = RunUlproof(arguments);
    EXPECT_EQ(result.exit_code, 2) << testing::PrintToString(more);
    EXPECT_THAT(result.err, HasSubstr("ulproof: "));
  }
  // A record that cannot be written leaves nothing behind.
  EXPECT_EQ(RunUlproof({"underflow", Path("w.npy"), "--bits", "4", "--json", Path("no/u.json")})
                .exit_code,
            3);
  EXPECT_EQ(directory_.Names(), std::set<std::string>{"w.npy"});
}

// bfloat16 keeps everything within the budget; 4 bits of weights around 0.02 do not. Would catch: a
// Pareto set with a dominated member, a budget read the wrong way round.
TEST_F(UnderflowTest, FormatsFor) {
  WriteNpy(Path("w.npy"), io::kNpyFloat32, {64, 64}, NormalWeights(4096, 0.02f, 5));
  const CommandResult result =
      RunUlproof({"formats-for", Path("w.npy"), "--max-absorbed", "0.02", "--min-snr", "10",
                  "--bits", "4,6,8", "--json", Path("f.json"), "--svg", Path("f.svg")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json record = ReadJson("f.json");
  EXPECT_EQ(record["schema"], "ulproof.formats-for/1");
  for (const json& a : record["model"]) {
    if (a["to"] == "float4_e2m1fn") {
      EXPECT_EQ(a["meets"], false);
    }
    if (a["to"] == "bfloat16" && a["bits"] == 6) {
      EXPECT_EQ(a["meets"], true);
    }
    if (a["snr_db"].is_null()) continue;
    bool dominated = false;
    for (const json& b : record["model"]) {
      if (b["snr_db"].is_null()) continue;
      const double more = b["snr_db"].get<double>() - a["snr_db"].get<double>();
      const int wider = b["width"].get<int>() - a["width"].get<int>();
      dominated = dominated || (more >= 0 && wider <= 0 && (more > 0 || wider < 0));
    }
    EXPECT_EQ(a["pareto"], !dominated);
    if (a["meets"]) {
      EXPECT_GE(a["width"], record["best"]["width"]);
    }
  }
  EXPECT_EQ(record["best"]["meets"], true);
  EXPECT_EQ(RunUlproof({"formats-for", Path("w.npy"), "--min-snr", "200"}).exit_code, 1);
}

}  // namespace
}  // namespace ulproof::cli
