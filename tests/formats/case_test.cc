// SPDX-License-Identifier: Apache-2.0
// Case lines: what a failure prints must be what replay reads.
#include "formats/case.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tests/support/operation_generator.h"

namespace ulproof::formats {
namespace {

using testing::HasSubstr;

// An operation with any inputs that fit it; runs of equal elements are common.
Case AnyCase() {
  Case c = EmptyCase(*tests::AnyOperation());
  for (Tensor& input : c.inputs) {
    Code code = 0;
    for (std::uint64_t i = 0; i < input.count(); ++i) {
      if (*rc::gen::inRange(0, 3) == 0) {
        code = input.type().kind == ElementKind::kCode ? *tests::AnyCode(input.type().format)
                                                       : *rc::gen::inRange<Code>(0, 256);
      }
      input.Set(i, code);
    }
  }
  return c;
}

RC_GTEST_PROP(CaseProperty, LinesParseBack, ()) {
  const Case c = AnyCase();
  const auto parsed = ParseCase(CaseLine(c));
  RC_ASSERT(parsed.ok());
  RC_ASSERT(*parsed == c);
}

TEST(CaseTest, HasItsLine) {
  const char* line =
      "cast from=float32 to=bfloat16 round=rne overflow=ovf shape=1x3 | x=3f808000,0*2";
  const auto c = ParseCase(line);
  ASSERT_TRUE(c.ok()) << c.error().ToString();
  EXPECT_EQ(c->inputs.at(0).Get(0), 0x3F808000u);
  EXPECT_EQ(c->inputs.at(0).Get(2), 0u);
  EXPECT_EQ(CaseLine(*c), line);
  // An operation without inputs has no bar.
  const char* noise = "noise law=rg16 pack=int8 shape=1x4 seed=1 stream=2 offset=5";
  EXPECT_EQ(CaseLine(*ParseCase(noise)), noise);
}

TEST(CaseTest, TakesInputsInAnyOrderAndRepeatsInAnyCut) {
  const auto c = ParseCase("scale shape=1x4 | bits=40800000  max=1*2,1,2*1");
  ASSERT_TRUE(c.ok()) << c.error().ToString();
  EXPECT_EQ(c->inputs.at(0).Get(2), 1u);
  EXPECT_EQ(c->inputs.at(0).Get(3), 2u);
  EXPECT_EQ(c->inputs.at(1).Get(0), 0x40800000u);
}

struct BadCase {
  const char* text;
  int column;
  const char* message;
};

TEST(CaseTest, ErrorsNameTheirPlace) {
  for (const BadCase& bad : {
           BadCase{"cast shape=1x2", 15, "input 'x' is missing"},
           {"cast shape=1x2 |", 17, "input 'x' is missing"},
           {"cast shape=1x2 | x=1", 20, "x has 1 elements, the shape has 2"},
           {"cast shape=1x2 | x=1,2,3", 20, "more than the 2 elements"},
           {"cast shape=1x2 | x=1*3", 20, "larger than 2"},
           {"cast shape=1x2 | x=1,2*2", 20, "more than the 2 elements"},
           {"cast shape=1x2 | y=1,2", 18, "unknown input 'y'"},
           {"cast shape=1x2 | 1,2", 18, "is not input=elements"},
           {"cast shape=1x2 | x=1,2 x=1,2", 24, "given twice"},
           {"cast shape=1x2 | x=1,g", 20, "element 1 of x"},
           {"cast shape=1x2 | x=1,", 20, "element 1 of x"},
           {"cast shape=1x2 from=float16 | x=10000,0", 33, "larger than 0xffff"},
           {"cast shape=1x2 from=float4_e2m1fn | x=10,0", 39, "larger than 0xf"},
           {"cast shape=1x2 from=float17 | x=0,0", 21, "unknown format"},
           {"cast shape=1048576x1048576 | x=0", 1, "a case line takes at most"},
       }) {
    SCOPED_TRACE(bad.text);
    const auto parsed = ParseCase(bad.text);
    ASSERT_FALSE(parsed.ok());
    EXPECT_THAT(parsed.error().message, HasSubstr(bad.message));
    EXPECT_EQ(parsed.error().line, 1);
    EXPECT_EQ(parsed.error().column, bad.column) << parsed.error().message;
  }
}

RC_GTEST_PROP(CaseProperty, NoTextCrashesTheParser, (const std::string& text)) {
  (void)ParseCase(text);
  (void)ParseCase("cast shape=1x2 | x=" + text);
}

RC_GTEST_PROP(CaseProperty, NearLinesParseOrAreRefused, ()) {
  std::string text = CaseLine(AnyCase());
  text[*rc::gen::inRange<std::size_t>(0, text.size())] = *rc::gen::inRange<char>(32, 127);
  const auto parsed = ParseCase(text);
  if (parsed.ok()) RC_ASSERT(*ParseCase(CaseLine(*parsed)) == *parsed);
}

// A backend that copies its input: RunCase hands over the signature's buffers and nothing else.
class CopyBackend : public Backend {
 public:
  std::string_view name() const override { return "copy"; }
  std::string why_unsupported(const Operation&) const override { return {}; }
  base::Status Run(const Operation& op, std::span<const ConstBuffer> inputs,
                   std::span<const Buffer> outputs) override {
    if (fails) return base::EnvironmentError("no such device");
    EXPECT_EQ(inputs.size(), SignatureOf(op).inputs.size());
    EXPECT_EQ(outputs.size(), SignatureOf(op).outputs.size());
    for (std::uint64_t i = 0; i < outputs[0].count; ++i) outputs[0].Set(i, inputs[0].Get(i));
    return base::Done{};
  }
  bool fails = false;
};

TEST(RunCaseTest, PassesBuffersAndErrorsOn) {
  const auto c = ParseCase("cast from=bfloat16 to=bfloat16 shape=1x3 | x=1,2,ffff");
  ASSERT_TRUE(c.ok());
  CopyBackend backend;
  const auto outputs = RunCase(backend, *c);
  ASSERT_TRUE(outputs.ok());
  ASSERT_EQ(outputs->size(), 1u);
  EXPECT_EQ(outputs->at(0), c->inputs.at(0));
  backend.fails = true;
  EXPECT_EQ(RunCase(backend, *c).error().message, "no such device");
}

}  // namespace
}  // namespace ulproof::formats
