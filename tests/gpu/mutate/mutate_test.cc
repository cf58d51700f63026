// SPDX-License-Identifier: Apache-2.0
// Mutation of PTX: that changes are real and few, that proofs of equivalence are right where they
// are given and not given where bits change, and that a campaign counts what its suite says.
// Catches an unsound proof, which would flatter every suite.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "gpu/mutate/campaign.h"
#include "gpu/mutate/equivalence.h"
#include "gpu/mutate/mutation.h"
#include "gpu/mutate/slice_trial.h"
#include "gpu/mutate/solver.h"
#include "gpu/ptx/decode.h"
#include "gpu/ptx/launch.h"
#include "gpu/ptx/parser.h"

namespace ulproof::gpu {
namespace {

constexpr int kFirstLine = 9;  // Of the body below.

// y[tid] = the result of `body` on the words %r1 = x[tid] and %r2 = tid, left in %r9.
std::string Kernel(const std::string& body, const std::string& more = "") {
  return ".version 8.0\n.target sm_80\n.address_size 64\n"
         ".visible .entry k(.param .u64 x, .param .u64 y)\n"
         "{ .reg .b32 %r<24>; .reg .b64 %rd<12>; .reg .pred %p<5>; .reg .f32 %f<8>; "
         ".reg .f64 %fd<2>;\n"
         "ld.param.u64 %rd1, [x]; ld.param.u64 %rd2, [y]; mov.u32 %r2, %tid.x;\n"
         "mul.wide.u32 %rd3, %r2, 4; add.s64 %rd4, %rd1, %rd3; add.s64 %rd5, %rd2, %rd3;\n"
         "ld.global.u32 %r1, [%rd4]; or.b32 %r15, %r1, %r2; shl.b32 %r17, %r1, 3; "
         "add.u32 %r18, %r2, %r2;" +
         more + "\n" + body + "\nst.global.u32 [%rd5], %r9;\nret;\n}\n";
}

std::vector<std::uint8_t> Outputs(const std::string& text) {
  const auto module = ptx::ParseModule(text, "k.ptx");
  EXPECT_TRUE(module.ok()) << module.error().ToString();
  std::vector<std::uint32_t> x(1024);
  MutationRng rng(1);
  for (std::uint32_t& word : x) word = static_cast<std::uint32_t>(rng.Next());
  ptx::Memory memory;
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(x.data());
  const auto in = memory.Upload("x", {bytes, 4 * x.size()});
  const auto out = memory.Allocate("y", 4 * x.size());
  const auto report =
      ptx::Launch(*module, "k", {.block = {1024}}, ptx::Arguments().Add(in).Add(out), memory,
                  {.instruction_budget = 100'000});
  if (!report.ok()) return {};
  const auto content = memory.Bytes(out);
  return {content.begin(), content.end()};
}

// Registers made in ways that are easily taken for others.
constexpr const char* kMore =
    "mul.wide.s32 %rd9, %r1, 4; ld.global.s16 %r16, [%rd4]; redux.sync.add.s32 %r14, %r2, -1; "
    "cvt.rn.f64.u32 %fd1, %r1; mov.b64 %rd10, %fd1; and.b32 %r13, %r2, 7; shl.b32 %r13, %r13, 2; "
    "and.b32 %r11, %r1, 2147483647; mov.b32 %f1, %r1; "
    "or.b32 %r6, %r2, 2139095040; mov.b32 %f2, %r6; "  // NaN
    "and.b32 %r12, %r1, 858993459; shfl.sync.bfly.b32 %r12|%p3, %r12, 1, 31, -1; "
    "shl.b32 %r19, %r2, 23; sub.u32 %r19, 2130706432, %r19; "
    "mov.b32 %f5, %r11; mov.f32 %f6, 0f40400000; mul.rn.f32 %f6, %f5, %f6; mov.b32 %r20, %f6; "
    "mul.rn.f32 %f7, %f5, %f1; mov.b32 %r21, %f7; "
    "shr.u32 %r10, %r12, %r13; shr.u32 %r8, %r12, %r2; shr.u32 %r7, %r1, %r13;";

// The proof for the mutant whose first line of the body is `after`.
std::string ProofOf(const std::string& before, const std::string& after,
                    const std::string& rest = "") {
  const auto original = ptx::ParseModule(Kernel(before + "\n" + rest, kMore), "k");
  const auto mutant = ptx::ParseModule(Kernel(after + "\n" + rest, kMore), "k");
  EXPECT_TRUE(original.ok() && mutant.ok());
  const auto program = ptx::DecodeEntry(*original, "k");
  EXPECT_TRUE(program.ok()) << program.error().ToString();
  const Mutation mutation = {.kind = MutationKind::kOpcode,
                             .line = kFirstLine,
                             .before = before,
                             .after = after,
                             .text = {}};
  return Equivalence(*program).Proof(mutation, *mutant);
}

// Each pair gives the same bits, and is proved to.
TEST(EquivalenceTest, ProvesWhatHolds) {
  const struct {
    const char *before, *after, *rest;
  } pairs[] = {
      {"add.u32 %r5, %r1, 1;", "add.u32 %r5, %r1, 2;", "mov.u32 %r9, %r1;"},
      {"or.b32 %r9, %r2, 2048;", "xor.b32 %r9, %r2, 2048;", ""},
      {"or.b32 %r9, %r17, 7;", "add.u32 %r9, %r17, 7;", ""},
      {"or.b32 %r9, %r18, 2048;", "xor.b32 %r9, %r18, 2048;", ""},
      {"or.b32 %r9, %r2, 2048;", "add.u32 %r9, %r2, 2048;", ""},
      {"shr.u32 %r9, %r2, 3;", "shr.s32 %r9, %r2, 3;", ""},
      {"shr.u32 %r9, %r20, 3;", "shr.s32 %r9, %r20, 3;", ""},
      {"or.b32 %r9, %r19, 4194304;", "xor.b32 %r9, %r19, 4194304;", ""},
      {"setp.lt.u32 %p1, %r2, 7;", "setp.lt.s32 %p1, %r2, 7;", "selp.b32 %r9, 1, 0, %p1;"},
      {"max.u32 %r9, %r2, 7;", "max.s32 %r9, %r2, 7;", ""},
      {"and.b32 %r9, %r2, 2047;", "and.b32 %r9, %r2, 1023;", ""},
      {"shr.u32 %r3, %r1, 28;", "shr.s32 %r3, %r1, 28;", "and.b32 %r9, %r3, 8;"},
      {"and.b32 %r3, %r1, 12;", "and.b32 %r3, %r1, 28;", "and.b32 %r9, %r3, 8;"},
      {"or.b32 %r3, %r1, %r2;", "xor.b32 %r3, %r1, %r2;", "shr.u32 %r9, %r3, 10;"},
      {"ld.global.u16 %r3, [%rd4];", "ld.global.s16 %r3, [%rd4];", "shl.b32 %r9, %r3, 16;"},
      {"cvt.u32.u64 %r9, %rd3;", "cvt.u32.s64 %r9, %rd3;", ""},
      {"setp.gt.u32 %p1, %r17, 15;", "setp.ge.u32 %p1, %r17, 15;", "selp.b32 %r9, 1, 0, %p1;"},
      {"setp.lt.u32 %p1, %r17, 17;", "setp.le.u32 %p1, %r17, 20;", "selp.b32 %r9, 1, 0, %p1;"},
      // A word shifted by a multiple of four whose nibbles have two bits; what another lane had.
      {"and.b32 %r9, %r10, 7;", "and.b32 %r9, %r10, 3;", ""},
      {"or.b32 %r9, %r12, 12;", "xor.b32 %r9, %r12, 12;", ""},
      // All that a register holds of a load, and what a shift leaves of it.
      {"ld.global.u32 %r9, [%rd4];", "ld.global.s32 %r9, [%rd4];", ""},
      {"ld.global.u16 %r3, [%rd4];", "ld.global.s16 %r3, [%rd4];",
       "shl.b32 %r4, %r3, 16;\npopc.b32 %r9, %r4;"},
      // The smaller of two is no longer than either, and a sum of short numbers is short.
      {"setp.lt.s32 %p1, %r3, %r2;", "setp.lt.u32 %p1, %r3, %r2;",
       "selp.b32 %r9, 1, 0, %p1;\nmin.u32 %r3, %r1, 7;"},
  };
  for (const auto& [before, after, rest] : pairs) {
    EXPECT_NE(ProofOf(before, after, rest), "") << before << " -> " << after;
    EXPECT_EQ(Outputs(Kernel(std::string(before) + "\n" + rest, kMore)),
              Outputs(Kernel(std::string(after) + "\n" + rest, kMore)))
        << before;
  }
  // A comparison of multiples of 2^17.
  EXPECT_NE(ProofOf("setp.gt.u32 %p1, %r3, 1362886655;", "setp.gt.u32 %p1, %r3, 1362886639;",
                    "selp.b32 %r9, 1, 0, %p1;\nshl.b32 %r3, %r1, 17;"),
            "");
}

// Near misses of those: bits do change, and nothing may be proved.
TEST(EquivalenceTest, DoesNotProveWhatDoesNotHold) {
  const struct {
    const char *before, *after, *rest;
  } pairs[] = {
      {"or.b32 %r9, %r2, 512;", "xor.b32 %r9, %r2, 512;", ""},
      {"shr.u32 %r9, %r15, 3;", "shr.s32 %r9, %r15, 3;", ""},
      {"shr.u32 %r9, %r21, 3;", "shr.s32 %r9, %r21, 3;", ""},
      {"or.b32 %r9, %r19, 8388608;", "xor.b32 %r9, %r19, 8388608;", ""},
      {"or.b32 %r9, %r17, 15;", "xor.b32 %r9, %r17, 15;", ""},
      {"or.b32 %r9, %r18, 1024;", "xor.b32 %r9, %r18, 1024;", ""},
      {"shr.u32 %r9, %r1, 3;", "shr.s32 %r9, %r1, 3;", ""},
      {"setp.lt.u32 %p1, %r1, 7;", "setp.lt.s32 %p1, %r1, 7;", "selp.b32 %r9, 1, 0, %p1;"},
      {"max.u32 %r9, %r1, 7;", "max.s32 %r9, %r1, 7;", ""},
      {"and.b32 %r9, %r2, 1023;", "and.b32 %r9, %r2, 511;", ""},
      {"shr.u32 %r3, %r1, 28;", "shr.s32 %r3, %r1, 28;", "and.b32 %r9, %r3, 24;"},
      {"and.b32 %r3, %r1, 12;", "and.b32 %r3, %r1, 28;", "and.b32 %r9, %r3, 24;"},
      {"or.b32 %r3, %r1, %r2;", "xor.b32 %r3, %r1, %r2;", "shr.u32 %r9, %r3, 9;"},
      {"or.b32 %r3, %r1, %r2;", "add.u32 %r3, %r1, %r2;", "shr.u32 %r9, %r3, 10;"},
      {"ld.global.u16 %r3, [%rd4];", "ld.global.s16 %r3, [%rd4];", "shl.b32 %r9, %r3, 15;"},
      {"setp.gt.u32 %p1, %r1, 1362886655;", "setp.gt.u32 %p1, %r1, 1230000000;",
       "selp.b32 %r9, 1, 0, %p1;"},
      {"ld.global.u32 %r9, [%rd4];", "ld.global.u32 %r9, [%rd1];", ""},
      {"and.b32 %r9, %r1, 12;", "and.b32 %r9, %r2, 12;", ""},
      {"setp.gt.u32 %p1, %r18, 16;", "setp.ge.u32 %p1, %r18, 16;", "selp.b32 %r9, 1, 0, %p1;"},
      {"setp.lt.u32 %p1, %r2, 16;", "setp.ge.u32 %p1, %r2, 16;", "selp.b32 %r9, 1, 0, %p1;"},
      // What a product, a load or a conversion fills its result with; sums over the warp.
      {"setp.lt.u64 %p1, %rd9, 7;", "setp.lt.s64 %p1, %rd9, 7;", "selp.b32 %r9, 1, 0, %p1;"},
      {"setp.lt.u32 %p1, %r16, 7;", "setp.lt.s32 %p1, %r16, 7;", "selp.b32 %r9, 1, 0, %p1;"},
      {"or.b64 %rd6, %rd10, 1099511627776;", "xor.b64 %rd6, %rd10, 1099511627776;",
       "shr.u64 %rd7, %rd6, 40;\ncvt.u32.u64 %r9, %rd7;"},
      {"or.b32 %r9, %r14, 2048;", "xor.b32 %r9, %r14, 2048;", ""},
      {"or.b32 %r3, %r1, 128;", "xor.b32 %r3, %r1, 128;",
       "cvt.s8.s32 %r4, %r3;\nshr.u32 %r9, %r4, 20;"},
      {"and.b32 %r9, %r8, 7;", "and.b32 %r9, %r8, 3;", ""},
      {"and.b32 %r9, %r7, 7;", "and.b32 %r9, %r7, 3;", ""},
      {"or.b32 %r9, %r12, 6;", "xor.b32 %r9, %r12, 6;", ""},
      {"ld.global.u16 %r3, [%rd4];", "ld.global.s16 %r3, [%rd4];",
       "shl.b32 %r4, %r3, 12;\npopc.b32 %r9, %r4;"},
      // The sign of a field; what a sum of floating point or a carry needs.
      {"bfe.u32 %r9, %r2, 0, 2;", "bfe.s32 %r9, %r2, 0, 2;", ""},
      {"or.b32 %r3, %r1, 3840;", "xor.b32 %r3, %r1, 3840;",
       "mov.b32 %f1, %r3;\nadd.f32 %f2, %f1, 0f4B400000;\nmov.b32 %r4, %f2;\nand.b32 %r9, %r4, "
       "15;"},
      {"add.cc.u32 %r3, %r1, %r2;", "add.cc.u32 %r3, %r1, %r1;", "addc.u32 %r9, %r2, 0;"},
  };
  for (const auto& [before, after, rest] : pairs) {
    EXPECT_EQ(ProofOf(before, after, rest), "") << before << " -> " << after;
    EXPECT_NE(Outputs(Kernel(std::string(before) + "\n" + rest, kMore)),
              Outputs(Kernel(std::string(after) + "\n" + rest, kMore)))
        << before;
  }
}

// Of the magnitude %r11, by an addition where %p1, else by adding to the bits.
constexpr const char* kToFloat8 =
    "shr.u32 %r3, %r11, 20;\nand.b32 %r3, %r3, 1;\nadd.s32 %r3, %r11, %r3;\n"
    "add.s32 %r3, %r3, 524287;\nshr.u32 %r3, %r3, 20;\nadd.s32 %r3, %r3, -960;\n"
    "mov.b32 %f1, %r11;\nadd.rn.f32 %f2, %f1, 0f46800000;\nmov.b32 %r4, %f2;\n"
    "add.s32 %r4, %r4, -1182793728;\nselp.b32 %r9, %r4, %r3, %p1;";

// What the solver says of the mutant whose first line of the body is `after`; empty: no proof.
std::string SolverProofOf(const std::string& before, const std::string& after,
                          const std::string& rest, const IsUnsatisfiable& solver) {
  const auto original = ptx::ParseModule(Kernel(before + "\n" + rest, kMore), "k");
  const auto mutant = ptx::ParseModule(Kernel(after + "\n" + rest, kMore), "k");
  EXPECT_TRUE(original.ok() && mutant.ok());
  const auto program = ptx::DecodeEntry(*original, "k");
  const auto changed = ptx::DecodeEntry(*mutant, "k");
  EXPECT_TRUE(program.ok() && changed.ok());
  const Mutation mutation = {.kind = MutationKind::kOpcode,
                             .line = kFirstLine,
                             .before = before,
                             .after = after,
                             .text = {}};
  return Equivalence(*program).SolverProof(mutation, *changed, solver);
}

// Would catch a solver that is asked the wrong question, with the machine as the judge: a step that
// is written down otherwise than it runs, a guard, store or later read that is forgotten.
TEST(SolverProofTest, ProvesWhatHoldsAndNothingElse) {
  const IsUnsatisfiable solver = FindSolver();
  if (!solver) GTEST_SKIP() << "no z3 here";
  const struct {
    bool holds;
    const char *before, *after, *rest;
  } pairs[] = {
      {true, "setp.gt.u32 %p1, %r1, 126;", "setp.ge.u32 %p1, %r1, 126;",
       "selp.b32 %r9, 126, %r1, %p1;"},
      {false, "setp.gt.u32 %p1, %r2, 126;", "setp.ge.u32 %p1, %r2, 126;",
       "selp.b32 %r9, 125, %r1, %p1;"},
      {true, "mul.lo.u32 %r9, %r1, 8;", "shl.b32 %r9, %r1, 3;", ""},
      {false, "mul.lo.u32 %r9, %r1, 8;", "shl.b32 %r9, %r1, 35;", ""},
      {true, "sub.u32 %r3, %r1, %r2;", "sub.u32 %r3, %r2, %r1;",
       "sub.u32 %r4, %r1, %r2;\nsub.u32 %r5, %r2, %r1;\nadd.u32 %r9, %r4, %r5;"},
      {true, "setp.lt.u32 %p1, %r2, 100;", "setp.le.u32 %p1, %r2, 99;",
       "@%p1 mov.u32 %r9, %r1;\n@!%p1 mov.u32 %r9, 7;"},
      {false, "setp.lt.u32 %p1, %r2, 100;", "setp.lt.u32 %p1, %r2, 101;",
       "@%p1 mov.u32 %r9, %r1;\n@!%p1 mov.u32 %r9, 7;"},
      {true, "max.s32 %r9, %r2, 5;", "max.u32 %r9, %r2, 5;", ""},
      {false, "max.s32 %r9, %r1, 5;", "max.u32 %r9, %r1, 5;", ""},
      {true, "lop3.b32 %r9, %r1, %r2, 0, 0xC0;", "lop3.b32 %r9, %r1, %r2, 1, 0xC0;", ""},
      {false, "lop3.b32 %r9, %r1, %r2, 0, 0xC0;", "lop3.b32 %r9, %r1, %r2, 0, 0xFC;", ""},
      {true, "popc.b32 %r3, %r1;", "popc.b32 %r3, %r2;", "popc.b32 %r9, %r1;"},
      {false, "popc.b32 %r9, %r1;", "clz.b32 %r9, %r1;", ""},
      {true, "shr.s32 %r3, %r1, 31;", "shr.s32 %r3, %r1, 40;", "and.b32 %r9, %r3, 255;"},
      {false, "cvt.u64.u32 %rd6, %r1;", "cvt.u64.s32 %rd6, %r1;",
       "shr.u64 %rd7, %rd6, 32;\ncvt.u32.u64 %r9, %rd7;"},
      {true, "cvt.u64.u32 %rd6, %r1;", "cvt.u64.s32 %rd6, %r1;", "cvt.u32.u64 %r9, %rd6;"},
      {false, "add.u32 %r9, %r2, 1;", "add.u32 %r9, %r2, 2;", ""},
      {true, "clz.b32 %r3, %r2;", "clz.b32 %r3, %r18;",
       "setp.lt.u32 %p1, %r3, 21;\nselp.b32 %r9, 1, 0, %p1;"},
      {false, "clz.b32 %r3, %r2;", "clz.b32 %r3, %r18;",
       "setp.lt.u32 %p1, %r3, 22;\nselp.b32 %r9, 1, 0, %p1;"},
      // Paths that part and meet again, or go back.
      {true, "mov.u32 %r3, 5;", "mov.u32 %r3, 6;",
       "setp.lt.u32 %p1, %r2, 100;\n@%p1 bra $A;\nmov.u32 %r3, 7;\n$A:\n"
       "@%p1 mov.u32 %r3, 9;\nmov.u32 %r9, %r3;"},
      {false, "mov.u32 %r3, 5;", "mov.u32 %r3, 6;",
       "setp.lt.u32 %p1, %r2, 100;\n@%p1 bra $A;\nmov.u32 %r3, 7;\n$A:\n"
       "@!%p1 mov.u32 %r3, 9;\nmov.u32 %r9, %r3;"},
      {false, "mov.u32 %r3, 5;", "mov.u32 %r3, 6;",
       "$A:\nadd.u32 %r3, %r3, 2;\nsetp.lt.u32 %p1, %r3, 20;\n@%p1 bra $A;\n"
       "mov.u32 %r9, %r3;"},
      {true, "@%p3 bra $A;", "@!%p3 bra $A;",
       "add.u32 %r9, %r1, 1;\nbra $B;\n$A:\nsub.u32 %r9, %r1, -1;\n$B:\n"},
      {false, "@%p3 bra $A;", "@!%p3 bra $A;",
       "add.u32 %r9, %r1, 1;\nbra $B;\n$A:\nsub.u32 %r9, %r1, 1;\n$B:\n"},
      {false, "@%p3 bra $A;", "@!%p3 bra $A;",
       "st.global.u32 [%rd5], %r1;\nret;\n$A:\nadd.u32 %r9, %r1, 1;"},
      // Where the subnormals of float8_e4m3fn end, two ways of rounding meet.
      {true, "setp.lt.u32 %p1, %r11, 1015021568;", "setp.lt.u32 %p1, %r11, 1015021567;", kToFloat8},
      {false, "setp.lt.u32 %p1, %r11, 1015021568;", "setp.lt.u32 %p1, %r11, 1006632960;",
       kToFloat8},
      {true, "setp.eq.f32 %p1, %f1, 0f00000000;", "setp.eq.f32 %p1, %f1, 0f80000000;",
       "selp.b32 %r9, 1, 0, %p1;"},
      {true, "setp.lt.f32 %p1, %f1, 0f3F800000;", "setp.ltu.f32 %p1, %f1, 0f3F800000;",
       "setp.nan.f32 %p2, %f1, %f1;\nor.pred %p1, %p1, %p2;\nselp.b32 %r9, 1, 0, %p1;"},
      {false, "setp.lt.f32 %p1, %f2, 0f3F800000;", "setp.ltu.f32 %p1, %f2, 0f3F800000;",
       "selp.b32 %r9, 1, 0, %p1;"},
  };
  for (const auto& [holds, before, after, rest] : pairs) {
    const std::string what = std::string(before) + " -> " + after;
    EXPECT_EQ(!SolverProofOf(before, after, rest, solver).empty(), holds) << what;
    const auto outputs = Outputs(Kernel(std::string(before) + "\n" + rest, kMore));
    EXPECT_FALSE(outputs.empty()) << what;
    EXPECT_EQ(outputs == Outputs(Kernel(std::string(after) + "\n" + rest, kMore)), holds) << what;
  }
}

// A module with a run from one binary32 number to another on lines 9 to 14, and a branch before it.
std::string Slice(const std::string& step, const std::string& later = "") {
  return ".version 8.0\n.target sm_80\n.address_size 64\n.visible .entry k(.param .u64 y)\n{\n"
         ".reg .f32 %f<9>; .reg .f64 %fd<9>; .reg .pred %p<3>; .reg .b64 %rd<3>;\n"
         "setp.gt.f32 %p1, %f1, 0f00000000;\n@%p1 bra $L1;\n"
         "cvt.f64.f32 %fd1, %f1;\nmov.f64 %fd2, 0d3FE0000000000000;\n"
         "mul.rn.f64 %fd3, %fd1, %fd1;\n" +
         step +
         "\nadd.rn.f64 %fd5, %fd4, %fd1;\ncvt.rn.f32.f64 %f2, %fd5;\n"
         "$L1:\nld.param.u64 %rd1, [y];\n" +
         later + "st.global.f32 [%rd1], %f2;\nret;\n}\n";
}

// Would catch a run that is cut out with a part missing, numbers that are left out, and results of
// the run that something else reads too.
TEST(SliceTrialTest, TellsWhatIsTheSameOnAllNumbers) {
  constexpr int kStepLine = 12;
  const std::string step = "fma.rn.f64 %fd4, %fd3, %fd2, %fd2;";
  const auto same = [&](const std::string& after, int exponent, const std::string& later = "") {
    const SliceTrial trial(Slice(step, later),
                           {{-(1 << 20), 1 << 20, exponent}, {1 << 23, 1 << 20, exponent}});
    const Mutation mutation = {.kind = MutationKind::kOpcode,
                               .line = kStepLine,
                               .before = step,
                               .after = after,
                               .text = Slice(after, later)};
    return trial.SameOnAll(mutation);
  };
  EXPECT_TRUE(same(step, -23));
  // x^2 / 2 + 1 / 2 is exact for 24 bits, so that nothing is left to round up.
  EXPECT_TRUE(same("fma.rp.f64 %fd4, %fd3, %fd2, %fd2;", -23));
  EXPECT_TRUE(same("fma.rn.f64 %fd4, %fd2, %fd3, %fd2;", -23));
  EXPECT_FALSE(same("fma.rn.f64 %fd4, %fd3, %fd2, %fd1;", -23));
  EXPECT_FALSE(same("fma.rn.f64 %fd4, %fd3, %fd2, %fd6;", -23)) << "comes from elsewhere";
  EXPECT_FALSE(same(step, -23, "add.rn.f64 %fd7, %fd3, %fd3;\n")) << "is read elsewhere";
}

// A kernel with a bit of everything that is mutated.
const std::string& Mixed() {
  static const std::string text = Kernel(
      "and.b32 %r3, %r1, 255;\nshl.b32 %r4, %r2, 8;\nor.b32 %r5, %r3, %r4;\n"
      "setp.lt.u32 %p1, %r3, 100;\n@%p1 add.u32 %r5, %r5, 7;\nmul.hi.u32 %r6, %r5, -766435501;\n"
      "selp.b32 %r7, %r6, %r5, %p1;\nshr.u32 %r8, %r7, 3;\nmin.u32 %r9, %r8, %r1;\n"
      "add.u32 %r10, %r9, 1;");
  return text;
}

TEST(MutatorTest, EveryMutantDiffersInOneLineAndDecodes) {
  const auto mutator = Mutator::Make(Mixed(), "k", "k");
  ASSERT_TRUE(mutator.ok()) << mutator.error().ToString();
  MutationRng rng(1);
  std::set<MutationKind> kinds;
  std::set<std::string> different;
  for (int i = 0; i < 200; ++i) {
    const std::optional<Mutation> mutation = mutator->Draw(rng);
    ASSERT_TRUE(mutation.has_value());
    kinds.insert(mutation->kind);
    different.insert(mutation->text);
    const auto module = ptx::ParseModule(mutation->text, "k");
    ASSERT_TRUE(module.ok());
    int changed = 0;
    for (int line = 1; line < 25; ++line) {
      const bool same = module->LineText(line) == mutator->module().LineText(line);
      changed += same ? 0 : 1;
      EXPECT_TRUE(same || line == mutation->line);
    }
    EXPECT_EQ(changed, 1) << mutation->before << " -> " << mutation->after;
  }
  EXPECT_EQ(kinds.size(), kMutationKindNames.size());
  EXPECT_GT(different.size(), 60u);
}

TEST(MutatorTest, ErrorsOfTheKernelAreReported) {
  EXPECT_FALSE(Mutator::Make("nonsense", "k", "k").ok());
  EXPECT_FALSE(Mutator::Make(Mixed(), "k", "other").ok());
}

// Proofs against the machine: no mutant that counts as equivalent may change an output.
TEST(CampaignTest, ProofsAreSoundAndCountsAddUp) {
  const std::vector<std::uint8_t> expected = Outputs(Mixed());
  ASSERT_FALSE(expected.empty());
  const auto judge = [&](const Mutation& mutation) -> Discovery {
    const std::vector<std::uint8_t> got = Outputs(mutation.text);
    if (got.empty()) return {.fate = Fate::kFault, .note = "fault"};
    if (got != expected) return {.fate = Fate::kWrongBits, .note = "bits"};
    return {};
  };
  const CampaignOptions options = {
      .file = "k", .entry = "k", .count = 150, .seed = 3, .progress = {}};
  const auto campaign = RunCampaign(Mixed(), options, judge);
  ASSERT_TRUE(campaign.ok());
  EXPECT_GT(campaign->Count(Fate::kEquivalent), 3u);
  EXPECT_GT(campaign->KillRate(), 0.7);
  EXPECT_EQ(campaign->Count(Fate::kEquivalent) + campaign->Count(Fate::kSurvived) +
                campaign->Count(Fate::kFault) + campaign->Count(Fate::kSlower) +
                campaign->Count(Fate::kWrongBits),
            campaign->mutants.size());
  // The same seed, the same mutants.
  const auto again = RunCampaign(Mixed(), options, judge);
  ASSERT_EQ(again->mutants.size(), campaign->mutants.size());
  std::istringstream source(Mixed());
  std::vector<std::string> lines;
  for (std::string line; std::getline(source, line);) lines.push_back(line);
  for (std::size_t i = 0; i < campaign->mutants.size(); ++i) {
    const Mutant& mutant = campaign->mutants[i];
    EXPECT_EQ(again->mutants[i].mutation.after, mutant.mutation.after);
    EXPECT_EQ(again->mutants[i].fate, mutant.fate);
    if (mutant.fate != Fate::kEquivalent) continue;
    std::string text;
    for (std::size_t line = 0; line < lines.size(); ++line) {
      const bool here = static_cast<int>(line) + 1 == mutant.mutation.line;
      text += (here ? mutant.mutation.after : lines[line]) + "\n";
    }
    EXPECT_EQ(Outputs(text), expected) << mutant.mutation.after << ": " << mutant.note;
  }
}

}  // namespace
}  // namespace ulproof::gpu
