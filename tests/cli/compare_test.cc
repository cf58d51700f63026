// SPDX-License-Identifier: Apache-2.0
// ulproof compare on files whose differences are known.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/run_ulproof.h"
#include "tests/cli/tensor_files.h"
#include "tests/io/temporary_directory.h"

namespace ulproof::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class CompareTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_ / name; }
  json ReadJson(const std::string& name) const { return json::parse(io::ReadFile(Path(name))); }

  io::TemporaryDirectory directory_;
};

// One difference of each class, by hand, in a 40 x 40 matrix of bfloat16.
TEST_F(CompareTest, FindsAndSortsDifferences) {
  std::vector<std::uint16_t> a(40 * 40, 0x3F80);
  std::vector<std::uint16_t> b = a;
  b[3 * 40 + 5] = 0x3F81;   // 1 code apart
  b[3 * 40 + 39] = 0x3F85;  // 5
  a[35 * 40 + 1] = 0x0001;  // across zero: 1 + 2
  b[35 * 40 + 1] = 0x8002;
  a[35 * 40 + 2] = 0x0000;  // the sign of zero
  b[35 * 40 + 2] = 0x8000;
  b[35 * 40 + 3] = 0x7FC0;  // a NaN
  a[35 * 40 + 4] = 0x7FC0;  // two NaNs
  b[35 * 40 + 4] = 0x7FC1;
  WriteSafetensors(Path("a.safetensors"), {{"w", "BF16", {40, 40}, BytesOf(a)},
                                           {"same", "I32", {1}, {1, 2, 3, 4}},
                                           {"only", "I32", {1}, {1, 2, 3, 4}}});
  WriteSafetensors(Path("b.safetensors"),
                   {{"w", "BF16", {40, 40}, BytesOf(b)}, {"same", "I32", {1}, {1, 2, 3, 4}}});
  const CommandResult result = RunUlproof(
      {"compare", Path("a.safetensors"), Path("b.safetensors"), "--json", Path("c.json")});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.out, HasSubstr("first at row 3, column 5: 3f80 and 3f81 (1)"));
  EXPECT_THAT(result.out, HasSubstr("\"only\": only in"));
  const json record = ReadJson("c.json");
  EXPECT_EQ(record["schema"], "ulproof.compare/1");
  EXPECT_EQ(record["different"], 6);
  EXPECT_EQ(record["equal_tensors"], 1);
  const json expected = json::parse(R"([
      {"apart": "sign of zero", "count": 1}, {"apart": "1", "count": 1},
      {"apart": "2-3", "count": 1}, {"apart": "4-7", "count": 1},
      {"apart": "a NaN", "count": 1}, {"apart": "NaN codes", "count": 1}])");
  EXPECT_EQ(record["histogram"], expected);
  const json& where = record["differences"][1]["where"];
  EXPECT_EQ(where["rows"], 2);
  EXPECT_EQ(where["cols"], 6);
  EXPECT_EQ(where["blocks"], 3);
  EXPECT_EQ(where["last_row"], 35);
  EXPECT_EQ(where["last_col"], 39);
}

TEST_F(CompareTest, EqualFilesAndOtherShapes) {
  WriteNpy(Path("a.npy"), io::kNpyFloat32, {2, 3}, std::vector<float>(6, 1));
  WriteNpy(Path("b.npy"), io::kNpyFloat32, {2, 3}, std::vector<float>(6, 1));
  WriteNpy(Path("c.npy"), io::kNpyFloat32, {3, 2}, std::vector<float>(6, 1));
  EXPECT_EQ(RunUlproof({"compare", Path("a.npy"), Path("b.npy")}).exit_code, 0);
  const CommandResult other = RunUlproof({"compare", Path("a.npy"), Path("c.npy")});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_THAT(other.out, HasSubstr("is F32[2,3] and F32[3,2]"));
  EXPECT_EQ(RunUlproof({"compare", Path("a.npy"), Path("x.npy")}).exit_code, 3);
}

}  // namespace
}  // namespace ulproof::cli
