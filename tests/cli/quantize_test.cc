// SPDX-License-Identifier: Apache-2.0
// ulproof quantize and dequantize: what one writes, the other reads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "formats/block_spec.h"
#include "tests/cli/run_ulproof.h"
#include "tests/cli/tensor_files.h"
#include "tests/io/temporary_directory.h"

namespace ulproof::cli {
namespace {

using io::TemporaryDirectory;
using ::testing::HasSubstr;
using Bytes = std::vector<std::uint8_t>;

// The contract's worked example of section 9.
const std::vector<std::uint16_t> kWeights = {
    0xbfca, 0xbf2d, 0xbecb, 0xbf3b, 0xbf42, 0xbdaa, 0xbed1, 0x3e71, 0x3ef7, 0xbf61, 0xbeba,
    0xbfc1, 0x3fd2, 0x3f0b, 0x3e76, 0x3fb5, 0x3f76, 0x3ef2, 0x3f87, 0x3f28, 0x3f69, 0xbef8,
    0x3f64, 0xbf3e, 0xbf5e, 0x3fa5, 0x3f34, 0xbe0c, 0x3f32, 0x3f09, 0xbee5, 0x3ea3};
const Bytes kFloorCodes = {0xfd, 0xf3, 0xed, 0xf4, 0xf4, 0xdb, 0xed, 0x67, 0x6f, 0xf6, 0xec,
                           0xfc, 0x7d, 0x71, 0x67, 0x7b, 0x77, 0x6f, 0x78, 0x72, 0x77, 0xf0,
                           0x76, 0xf4, 0xf6, 0x7a, 0x73, 0xe1, 0x73, 0x71, 0xee, 0x6a};

std::vector<std::string> Quantize(const std::string& in, const std::string& out,
                                  const std::string& format, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"quantize", in, "--out", out, "--format", format};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

// Catches wrong codes or scales, the wrong rule, and wrong names, dtypes or shapes of the result.
TEST(QuantizeCommandTest, KnownAnswers) {
  const TemporaryDirectory directory;
  const std::string in = directory / "w.npy", out = directory / "q.safetensors";
  WriteNpy(in, {'u', 2}, {32}, kWeights);
  CommandResult result = RunUlproof(Quantize(in, out, "mxfp8_e4m3", {"--dtype", "bfloat16"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(ReadSafetensors(out, "w").bytes, kFloorCodes);
  EXPECT_EQ(ReadSafetensors(out, "w").dtype, "F8_E4M3");
  EXPECT_EQ(ReadSafetensors(out, "w").shape, std::vector<std::uint64_t>{32});
  EXPECT_EQ(ReadSafetensors(out, "w.scale").bytes, Bytes{0x77});
  EXPECT_EQ(ReadSafetensors(out, "w.scale").dtype, "U8");
  EXPECT_EQ(ReadMetadata(out).at("ulproof.quantize.w"),
            "quantize from=bfloat16 format=mxfp8_e4m3 rule=floor square=0 shape=1x32");
  RunUlproof(Quantize(in, out, "mxfp8_e4m3", {"--dtype", "bfloat16", "--scale-rule", "ceil"}));
  EXPECT_EQ(ReadSafetensors(out, "w.scale").bytes, Bytes{0x78});
  EXPECT_EQ(ReadSafetensors(out, "w").bytes[0], 0xf5);
}

// Catches a packing that is not low nibble first, or that the metadata does not say.
TEST(QuantizeCommandTest, PacksTwoElementsAByte) {
  const TemporaryDirectory directory;
  const std::string in = directory / "w.npy", out = directory / "q.safetensors";
  WriteNpy<float>(in, io::kNpyFloat32, {5}, {6, -0.5f, 1, 1.5f, -3});
  ASSERT_EQ(RunUlproof(Quantize(in, out, "mxfp4")).exit_code, 0);
  EXPECT_EQ(ReadSafetensors(out, "w").bytes, (Bytes{7, 9, 2, 3, 0xd}));
  ASSERT_EQ(RunUlproof(Quantize(in, out, "mxfp4", {"--pack"})).exit_code, 0);
  EXPECT_EQ(ReadSafetensors(out, "w").bytes, (Bytes{0x97, 0x32, 0x0d}));
  EXPECT_EQ(ReadSafetensors(out, "w").shape, std::vector<std::uint64_t>{3});
  EXPECT_EQ(ReadMetadata(out).at("ulproof.packed.w"), "1");
  EXPECT_EQ(ReadMetadata(out).at("ulproof.shape.w"), "5");
}

// Catches anything that is lost on the way there and back: for every format, square or not, packed
// or not, by every backend, values that the format has come back exactly.
TEST(QuantizeCommandTest, RoundTripsValuesOfTheFormat) {
  const TemporaryDirectory directory;
  const std::string in = directory / "w.npy", q = directory / "q.safetensors",
                    back = directory / "b.npy";
  // 0, +-1, +-2, +-4 with a maximum of 4 are values of every MX element format under every scale
  // here.
  std::vector<float> weights(3 * 37);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const float values[] = {4, -1, 2, 0, -4, 1, -2};
    weights[i] = values[i % 7];
  }
  WriteNpy(in, io::kNpyFloat32, {3, 37}, weights);
  for (const formats::BlockFormat& format : formats::kBlockFormats) {
    if (format.has_tensor_scale) continue;
    for (const std::vector<std::string>& how : {std::vector<std::string>{},
                                                {"--square"},
                                                {"--pack"},
                                                {"--square", "--pack"},
                                                {"--backend", "reference"},
                                                {"--scale-rule", "rceil"}}) {
      CommandResult result = RunUlproof(Quantize(in, q, std::string(format.name), how));
      ASSERT_EQ(result.exit_code, 0) << result.err;
      EXPECT_EQ(ReadSafetensors(q, "w.scale").shape,
                (how.empty() || how[0] != "--square" ? std::vector<std::uint64_t>{3, 2}
                                                     : std::vector<std::uint64_t>{1, 2}));
      result = RunUlproof({"dequantize", q, "--out", back});
      ASSERT_EQ(result.exit_code, 0) << result.err;
      EXPECT_EQ(ReadNpy<float>(back), weights) << format.name << testing::PrintToString(how);
    }
  }
}

// Catches a lost tensor scale: NVFP4 values come back within half a step of its coarsest elements.
TEST(QuantizeCommandTest, Nvfp4ThereAndBack) {
  const TemporaryDirectory directory;
  const std::string in = directory / "w.npy", q = directory / "q.safetensors",
                    back = directory / "b.npy";
  std::vector<float> weights(4 * 40);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] = std::sin(static_cast<float>(i)) * 0.01f;
  }
  WriteNpy(in, io::kNpyFloat32, {4, 40}, weights);
  std::vector<float> first;
  for (const std::vector<std::string>& how :
       {std::vector<std::string>{}, {"--pack"}, {"--backend", "reference"}}) {
    ASSERT_EQ(RunUlproof(Quantize(in, q, "nvfp4", how)).exit_code, 0);
    EXPECT_EQ(ReadSafetensors(q, "w.scale").dtype, "F8_E4M3");
    EXPECT_EQ(ReadSafetensors(q, "w.scale").shape, (std::vector<std::uint64_t>{4, 3}));
    EXPECT_EQ(ReadSafetensors(q, "w.tensor_scale").dtype, "F32");
    ASSERT_EQ(RunUlproof({"dequantize", q, "--out", back}).exit_code, 0);
    const std::vector<float> values = ReadNpy<float>(back);
    if (first.empty()) first = values;
    EXPECT_EQ(values, first);
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    EXPECT_NEAR(first[i], weights[i], 0.01f * 1.1f / 6) << i;
  }
}

// Catches tensors that are mixed up, dropped, or keep the description of what they were.
TEST(QuantizeCommandTest, WholeFiles) {
  const TemporaryDirectory directory;
  const std::string in = directory / "m.safetensors", q = directory / "q.safetensors",
                    back = directory / "b.safetensors";
  const std::vector<float> ones(33, 1), twos(2, 2);
  WriteSafetensors(in,
                   {{"ones", "F32", {33}, BytesOf(ones)},
                    {"ids", "I32", {1}, {1, 2, 3, 4}},
                    {"two s", "F32", {2, 1}, BytesOf(twos)}},
                   {{"kept", "yes"}});
  CommandResult result = RunUlproof(Quantize(in, q, "mxint8", {"--pack"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(io::SafetensorsReader::Open(q)->tensors().size(), 5u);
  EXPECT_EQ(ReadSafetensors(q, "ids").bytes, (Bytes{1, 2, 3, 4}));
  result = RunUlproof({"dequantize", q, "--out", back});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(io::SafetensorsReader::Open(back)->tensors().size(), 3u);
  EXPECT_EQ(ReadSafetensors(back, "ones").bytes, BytesOf(ones));
  EXPECT_EQ(ReadSafetensors(back, "two s").bytes, BytesOf(twos));
  EXPECT_EQ(ReadSafetensors(back, "two s").shape, (std::vector<std::uint64_t>{2, 1}));
  EXPECT_EQ(ReadSafetensors(back, "ids").bytes, (Bytes{1, 2, 3, 4}));
  const auto metadata = ReadMetadata(back);
  EXPECT_EQ(metadata.at("kept"), "yes");
  EXPECT_FALSE(metadata.contains("ulproof.quantize.ones"));
  // Two tensors do not fit in an .npy file; one does, in another format too.
  EXPECT_EQ(RunUlproof({"dequantize", q, "--out", directory / "b.npy"}).exit_code, 2);
  EXPECT_EQ(RunUlproof({"dequantize", q, "--tensor", "two s", "--to", "float8_e4m3fn", "--out",
                        directory / "b.npy"})
                .exit_code,
            0);
  EXPECT_EQ(ReadNpy<std::uint8_t>(directory / "b.npy"), (Bytes{0x40, 0x40}));
}

// Catches trust in metadata: a file that lies about itself is an error with its name, and nothing
// is left.
TEST(QuantizeCommandTest, RefusesBadInput) {
  const TemporaryDirectory directory;
  const std::string in = directory / "w.npy", out = directory / "q.safetensors";
  WriteNpy<float>(in, io::kNpyFloat32, {2}, {1, 2});
  for (const auto& [arguments, word] :
       std::vector<std::pair<std::vector<std::string>, std::string>>{
           {Quantize(in, directory / "q.npy", "mxfp4"), "must end in .safetensors"},
           {Quantize(in, out, "nvfp4", {"--scale-rule", "ceil"}), "--scale-rule"},
           {Quantize(in, out, "mxfp4", {"--tensor", "x"}), "--tensor"},
           {{"quantize", in, "--out", out}, "--format"}}) {
    const CommandResult result = RunUlproof(arguments);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr(word));
  }
  const std::string lying = directory / "lie.safetensors";
  const std::string op = "quantize from=float32 format=mxfp4 rule=floor square=0 shape=1x2";
  const auto error_of = [&](const std::string& operation, const std::string& shape,
                            const std::string& packed, const Bytes& codes) {
    WriteSafetensors(lying, {{"w", "U8", {codes.size()}, codes}, {"w.scale", "U8", {1}, {127}}},
                     {{"ulproof.quantize.w", operation},
                      {"ulproof.shape.w", shape},
                      {"ulproof.packed.w", packed}});
    const CommandResult result = RunUlproof({"dequantize", lying, "--out", directory / "b.npy"});
    EXPECT_EQ(result.exit_code, result.err.empty() ? 0 : 2) << result.err;
    if (!result.err.empty()) {
      EXPECT_THAT(result.err, HasSubstr(lying));
    }
    return result.err;
  };
  EXPECT_EQ(error_of(op, "2", "0", {1, 2}), "");
  std::filesystem::remove(directory / "b.npy");
  EXPECT_THAT(error_of(op, "2", "0", {1, 0x10}), HasSubstr("element 1 is 0x10, not a code"));
  EXPECT_THAT(error_of(op, "2", "0", {1, 2, 3}), HasSubstr("type and shape"));
  EXPECT_THAT(error_of(op, "2", "1", {1, 2}), HasSubstr("type and shape"));
  EXPECT_EQ(error_of(op, "2", "1", {0x21}), "");
  std::filesystem::remove(directory / "b.npy");
  EXPECT_THAT(error_of(op, "3", "0", {1, 2}), HasSubstr("not that of the operation"));
  EXPECT_THAT(error_of(op, "4294967296,4294967296,2", "0", {1, 2}), HasSubstr("not that of"));
  EXPECT_THAT(error_of(op, "2", "yes", {1, 2}), HasSubstr("packing"));
  EXPECT_THAT(error_of(op, "-2", "0", {1, 2}), HasSubstr("side '-2'"));
  EXPECT_THAT(error_of("cast", "2", "0", {1, 2}), HasSubstr("not a quantize"));
  EXPECT_THAT(error_of("quantize format=mxfp5", "2", "0", {1, 2}), HasSubstr("mxfp5"));
  WriteSafetensors(lying, {{"w", "U8", {1}, {1}}});
  const CommandResult plain = RunUlproof({"dequantize", lying, "--out", directory / "b.npy"});
  EXPECT_EQ(plain.exit_code, 2);
  EXPECT_THAT(plain.err, HasSubstr("made by ulproof quantize"));
  EXPECT_EQ(directory.Names(), (std::set<std::string>{"w.npy", "lie.safetensors"}));
}

}  // namespace
}  // namespace ulproof::cli
