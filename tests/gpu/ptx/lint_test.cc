// SPDX-License-Identifier: Apache-2.0
// One planted fault a rule, found at its line, and its cure, not found. Catches a rule that sees
// nothing, one that cries at everything, and a place that is wrong.
#include "gpu/ptx/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gpu/ptx/parser.h"

namespace ulproof::gpu::ptx {
namespace {

constexpr int kFirstLine = 12;  // Of the body below.

// "approximate@12 flush@12": the findings of a kernel with that body.
std::string FindingsOf(const std::string& body) {
  const std::string text =
      ".version 8.0\n.target sm_90\n.address_size 64\n"
      ".visible .entry k(.param .u64 x, .param .u64 count)\n{\n"
      ".reg .f32 %f<9>;\n.reg .b32 %r<9>;\n.reg .b64 %rd<9>;\n.reg .pred %p<3>;\n"
      ".shared .align 4 .b8 tile[128];\nld.param.u64 %rd1, [x];\n" +
      body + "\nret;\n}\n";
  const auto module = ParseModule(text, "k.ptx");
  EXPECT_TRUE(module.ok()) << module.error().ToString();
  const auto findings = Lint(*module, "k");
  EXPECT_TRUE(findings.ok()) << findings.error().ToString();
  std::string all;
  for (const LintFinding& finding : *findings) {
    if (!all.empty()) all += ' ';
    all += std::string(InfoOf(finding.rule).name) + "@" + std::to_string(finding.line);
    EXPECT_EQ(finding.instruction, module->LineText(finding.line));
    EXPECT_FALSE(finding.what.empty());
  }
  return all;
}

std::string At(const std::string& rule, int offset) {
  return rule + "@" + std::to_string(kFirstLine + offset);
}

const std::string kLoad = "ld.global.f32 %f1, [%rd1];\n";

TEST(LintTest, RulesAreInOrder) {
  for (std::size_t i = 0; i < kLintRules.size(); ++i) {
    EXPECT_EQ(kLintRules[i].rule, static_cast<LintRule>(i));
  }
}

TEST(LintTest, ApproximateAndFlushing) {
  EXPECT_EQ(FindingsOf(kLoad + "ex2.approx.ftz.f32 %f2, %f1;"),
            At("approximate", 1) + " " + At("flush", 1));
  EXPECT_EQ(FindingsOf(kLoad + "div.full.f32 %f2, %f1, %f1;"), At("approximate", 1));
  EXPECT_EQ(FindingsOf(kLoad + "div.rn.f32 %f2, %f1, %f1;\nsqrt.rn.f32 %f3, %f2;"), "");
}

TEST(LintTest, ContractablePairs) {
  EXPECT_EQ(FindingsOf(kLoad + "mul.f32 %f2, %f1, %f1;\nadd.f32 %f3, %f2, %f1;"),
            At("unqualified", 1) + " " + At("contractable", 2));
  EXPECT_EQ(FindingsOf(kLoad + "mul.rn.f32 %f2, %f1, %f1;\nadd.f32 %f3, %f2, %f1;"),
            At("unqualified", 2));
  EXPECT_EQ(FindingsOf(kLoad + "mul.rn.f32 %f2, %f1, %f1;\nadd.rn.f32 %f3, %f2, %f1;"), "");
}

TEST(LintTest, AtomicsOnFloats) {
  EXPECT_EQ(FindingsOf(kLoad + "red.global.add.f32 [%rd1], %f1;"), At("float-atomic", 1));
  EXPECT_EQ(FindingsOf("mov.u32 %r1, 1;\nred.global.add.u32 [%rd1], %r1;"), "");
}

TEST(LintTest, SharedMemoryWithoutABarrier) {
  const std::string store = "mov.u32 %r1, tile;\nst.shared.u32 [%r1], %r1;\n";
  EXPECT_EQ(FindingsOf(store + "ld.shared.u32 %r2, [%r1+4];"), At("no-barrier", 2));
  EXPECT_EQ(FindingsOf(store + "bar.sync 0;\nld.shared.u32 %r2, [%r1+4];"), "");
  // Around a loop: the load of one turn and the store of the next.
  EXPECT_EQ(FindingsOf("mov.u32 %r1, tile;\n$again:\nst.shared.u32 [%r1], %r1;\nbar.sync 0;\n"
                       "ld.shared.u32 %r2, [%r1+4];\nsetp.ne.u32 %p1, %r2, 0;\n@%p1 bra $again;"),
            At("no-barrier", 2));
  // On one side of a branch only.
  EXPECT_EQ(FindingsOf(store + "setp.ne.u32 %p1, %r1, 0;\n@%p1 bra $past;\nbar.sync 0;\n$past:\n"
                               "ld.shared.u32 %r2, [%r1+4];"),
            At("no-barrier", 6));
}

TEST(LintTest, RegistersThatNothingWrote) {
  EXPECT_EQ(FindingsOf("add.u32 %r2, %r1, 1;"), At("uninitialised", 0));
  EXPECT_EQ(FindingsOf("setp.ne.u64 %p1, %rd1, 0;\n@%p1 mov.u32 %r1, 1;\nadd.u32 %r2, %r1, 1;"),
            At("uninitialised", 2));
  EXPECT_EQ(FindingsOf("mov.u32 %r1, 1;\nadd.u32 %r2, %r1, 1;"), "");
}

TEST(LintTest, IndicesThatWrap) {
  const std::string index = "mov.u32 %r1, %ctaid.x;\nmov.u32 %r2, %ntid.x;\n";
  EXPECT_EQ(FindingsOf(index + "mul.lo.s32 %r3, %r1, %r2;\nmul.wide.s32 %rd2, %r3, 4;\n"
                               "add.s64 %rd3, %rd1, %rd2;\nld.global.f32 %f1, [%rd3];"),
            At("narrow-index", 2));
  EXPECT_EQ(FindingsOf(index + "mul.wide.u32 %rd4, %r1, %r2;\nshl.b64 %rd2, %rd4, 2;\n"
                               "add.s64 %rd3, %rd1, %rd2;\nld.global.f32 %f1, [%rd3];"),
            "");
  EXPECT_EQ(FindingsOf("ld.param.u64 %rd4, [count];\ncvt.u32.u64 %r1, %rd4;\n"
                       "mul.wide.u32 %rd2, %r1, 4;\nadd.s64 %rd3, %rd1, %rd2;\n"
                       "st.global.u32 [%rd3], %r1;"),
            At("narrow-index", 1));
  // Halves of a seed are no index.
  EXPECT_EQ(FindingsOf("ld.param.u64 %rd4, [count];\ncvt.u32.u64 %r1, %rd4;\n"
                       "xor.b32 %r2, %r1, 5;\nst.global.u32 [%rd1], %r2;"),
            "");
}

TEST(LintTest, AnUnknownInstructionIsAnError) {
  const auto module = ParseModule(
      ".version 8.0\n.target sm_90\n.address_size 64\n.visible .entry k()\n{\nmma.sync;\n}\n", "k");
  ASSERT_TRUE(module.ok());
  const auto findings = Lint(*module, "k");
  ASSERT_FALSE(findings.ok());
  EXPECT_EQ(findings.error().line, 6);
}

}  // namespace
}  // namespace ulproof::gpu::ptx
