// SPDX-License-Identifier: Apache-2.0
// Operations as text and as signatures. Would catch a key that prints but does not parse, an error
// without its place, and an invalid operation let through.
#include "formats/operation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <sstream>

#include "tests/support/operation_generator.h"

namespace ulproof::formats {
namespace {

using testing::HasSubstr;

RC_GTEST_PROP(OperationProperty, NamesParseBack, ()) {
  const Operation op = *tests::AnyOperation();
  const std::string name = OperationName(op);
  const auto parsed = ParseOperation(name);
  RC_ASSERT(parsed.ok());
  RC_ASSERT(*parsed == op);
  RC_ASSERT(OperationName(*parsed) == name);
}

// Keys may come in any order, with any blanks between.
RC_GTEST_PROP(OperationProperty, OrderOfKeysHasNoMeaning, ()) {
  const Operation op = *tests::AnyOperation();
  std::istringstream stream(OperationName(op));
  std::string kind, word;
  stream >> kind;
  std::vector<std::string> words;
  while (stream >> word) words.push_back(word);
  const auto seed = *rc::gen::arbitrary<std::uint32_t>();
  for (std::size_t i = words.size(); i > 1; --i) std::swap(words[i - 1], words[seed % i]);
  std::string shuffled = "  " + kind;
  for (const std::string& w : words) shuffled += "   " + w;
  const auto parsed = ParseOperation(shuffled + " ");
  RC_ASSERT(parsed.ok());
  RC_ASSERT(*parsed == op);
}

TEST(OperationTest, HasItsCanonicalSpelling) {
  const auto same = [](std::string_view text) {
    const auto op = ParseOperation(text);
    ASSERT_TRUE(op.ok()) << op.error().ToString();
    EXPECT_EQ(OperationName(*op), text);
  };
  same("cast from=float32 to=float8_e4m3fn round=rne overflow=sat shape=1x3");
  same("cast from=float32 to=bfloat16 round=sra8 overflow=ovf shape=1x3 random=255");
  same("cast from=float32 to=bfloat16 round=srb16 overflow=ovf shape=1x3 seed=1 stream=2 offset=3");
  same("noise law=rg16 pack=int8 shape=1x64 seed=1 stream=2 offset=5");
  same("noise law=uniform shape=1x64 seed=1 stream=2 offset=5");
  same("block_max from=bfloat16 block=32x32 shape=64x64");
  same("scale pow2=1 bits=block shape=1x4");
  same("quantize from=float32 format=nvfp4 square=0 shape=16x16");
  same("quantize from=float32 format=mxfp4 rule=even square=1 shape=32x32");
  same("dequantize to=float32 round=rne overflow=ovf format=mxint8 square=0 shape=1x32");
  same("quantize from=float32 format=nvfp4 rule=best square=0 shape=16x16");
  same("fit from=float32 levels=int4 fit=minmax block=32x32 shape=64x64");
  same("fit from=float32 levels=float4_e2m1fn fit=sigma zero=mean block=1x128 shape=64x128");
  same("fit from=float32 fit=bits block=32x32 bits=block shape=64x64");
  same("refit from=bfloat16 levels=sym8 zero=0 block=32x32 shape=64x64");
  same("fake_quantize from=float32 levels=integers block=32x32 shape=64x64");
  same("fake_backward from=float32 levels=uint4 gradient=lsq block=32x32 shape=64x64");
  same(
      "fake_backward from=float32 levels=integers gradient=aewgs block=32x32 shape=64x64 seed=1 "
      "stream=2 offset=3");
  same("perturb from=float32 law=uniform block=32x32 shape=64x64 seed=1 stream=2 offset=3");
}

TEST(OperationTest, MissingKeysHaveDefaults) {
  EXPECT_EQ(OperationName(*ParseOperation("cast")),
            "cast from=float32 to=bfloat16 round=rne overflow=ovf shape=1x1");
}

struct BadCase {
  const char* text;
  int column;
  const char* message;
};

// What a user gets for a mistake, with its column.
TEST(OperationTest, ErrorsNameTheirPlace) {
  for (const BadCase& bad : {
           BadCase{"", 1, "empty"},
           {"   ", 1, "empty"},
           {"cats from=float32", 1, "did you mean 'cast'?"},
           {"cast from=float33", 11, "unknown format 'float33'"},
           {"cast   round=rne  overflow=never", 28, "unknown overflow policy 'never'"},
           {"cast form=float32", 6, "did you mean 'from'?"},
           {"cast from", 6, "is not key=value"},
           {"cast from=float32 from=float32", 19, "given twice"},
           {"cast law=rg16", 6, "has no meaning for this cast"},
           {"cast seed=1", 6, "has no meaning for this cast"},
           {"noise law=uniform pack=nibbles", 19, "has no meaning for this noise"},
           {"cast shape=3", 12, "is not ROWSxCOLS"},
           {"cast shape=0x3", 1, "has no elements"},
           {"cast shape=1048577x1048576", 1, "more than 2^40 elements"},
           {"noise shape=2x8 stride=7", 1, "stride 7 is less than the 8 columns"},
           {"noise shape=1x2 offset=18446744073709551615", 1, "passes element 2^64"},
           {"noise shape=3x2 stride=9223372036854775808", 1, "pass"},
           {"noise seed=18446744073709551616", 12, "larger than"},
           {"noise seed=-1", 12, "not an unsigned decimal number"},
           {"cast round=sra4 random=16", 1, "does not fit in the 4 bits"},
           {"cast random=1", 1, "stochastic casts only"},
           {"block_max from=float64", 1, "exact in float32"},
           {"dequantize round=sra4", 1, "deterministically"},
           {"scale pow2=2", 12, "neither '0' nor '1'"},
       }) {
    SCOPED_TRACE(bad.text);
    const auto parsed = ParseOperation(bad.text);
    ASSERT_FALSE(parsed.ok());
    EXPECT_EQ(parsed.error().line, 1);
    EXPECT_EQ(parsed.error().column, bad.column) << parsed.error().message;
    EXPECT_THAT(parsed.error().message, HasSubstr(bad.message));
    EXPECT_EQ(parsed.error().exit_code, base::ExitCode::kUsage);
  }
}

RC_GTEST_PROP(OperationProperty, NoTextCrashesTheParser, (const std::string& text)) {
  (void)ParseOperation(text);
  (void)ParseOperation("cast " + text);
}

// A spelling with one character changed parses or is refused; what parses is valid and has a name.
RC_GTEST_PROP(OperationProperty, NearSpellingsParseToValidOperations, ()) {
  std::string text = OperationName(*tests::AnyOperation());
  text[*rc::gen::inRange<std::size_t>(0, text.size())] = *rc::gen::inRange<char>(32, 127);
  const auto parsed = ParseOperation(text);
  if (!parsed.ok()) {
    RC_ASSERT(parsed.error().column >= 1);
    RC_ASSERT(parsed.error().column <= static_cast<int>(text.size()) + 1);
    return;
  }
  RC_ASSERT(ValidateOperation(*parsed).ok());
  RC_ASSERT(*ParseOperation(OperationName(*parsed)) == *parsed);
}

// Every operation has an output, and its ports have elements.
RC_GTEST_PROP(OperationProperty, SignaturesHaveElements, ()) {
  const Operation op = *tests::AnyOperation();
  const Signature signature = SignatureOf(op);
  RC_ASSERT(!signature.outputs.empty());
  for (const auto* ports : {&signature.inputs, &signature.outputs}) {
    for (const Port& port : *ports) RC_ASSERT(port.count >= 1);
  }
}

TEST(SignatureTest, HasThePortsOfTheContract) {
  const auto ports = [](std::string_view text) {
    const Signature signature = SignatureOf(*ParseOperation(text));
    std::string line;
    for (const Port& port : signature.inputs) {
      line += std::string(port.name) + ":" + ElementTypeName(port.type) + "*" +
              std::to_string(port.count) + " ";
    }
    line += "->";
    for (const Port& port : signature.outputs) {
      line += " " + std::string(port.name) + ":" + ElementTypeName(port.type) + "*" +
              std::to_string(port.count) + (port.canonical_nan ? "!" : "");
    }
    return line;
  };
  EXPECT_EQ(ports("noise shape=1x17"), "-> noise:int8*17");
  EXPECT_EQ(ports("noise pack=nibbles shape=1x17"), "-> noise:nibbles*3");
  EXPECT_EQ(ports("noise law=normal2 shape=1x17"), "-> noise:float32*17");
  EXPECT_EQ(ports("cast shape=2x3"), "x:float32*6 -> y:bfloat16*6!");
  EXPECT_EQ(ports("block_max block=2x2 shape=3x3"), "w:float32*9 -> max:float32*4");
  EXPECT_EQ(ports("scale bits=block shape=1x3"), "max:float32*3 bits:float32*3 -> scale:float32*3");
  EXPECT_EQ(ports("sample block=2x2 shape=3x3"),
            "w:float32*9 bits:float32*1 -> sampled:bfloat16*9!");
  EXPECT_EQ(ports("backward block=2x2 shape=3x3"),
            "grad:float32*9 scale:float32*4 -> grad_bits:float32*4");
  EXPECT_EQ(ports("quantize format=nvfp4 shape=1x17"),
            "w:float32*17 -> elements:float4_e2m1fn*17! scales:float8_e4m3fn*2! "
            "tensor_scale:float32*1");
  EXPECT_EQ(ports("dequantize format=mxint8 shape=1x33"),
            "elements:int8*33 scales:float8_e8m0fnu*2 -> y:bfloat16*33!");
}

TEST(IsExactInFloat32Test, KnowsTheCatalogue) {
  for (const CatalogueEntry& entry : kCatalogue) {
    EXPECT_EQ(IsExactInFloat32(entry.spec), entry.name != "float64") << entry.name;
  }
  EXPECT_FALSE(IsExactInFloat32(*ParseFormat("e9m2")));
  EXPECT_FALSE(IsExactInFloat32(*ParseFormat("e5m24")));
  EXPECT_FALSE(IsExactInFloat32(*ParseFormat("e8m7b150")));
}

}  // namespace
}  // namespace ulproof::formats
