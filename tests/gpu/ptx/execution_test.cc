// SPDX-License-Identifier: Apache-2.0
// Control flow, barriers, shuffles and the other warp-wide forms, atomics, calls, schedules. Would
// catch: lanes lost or doubled when paths part and meet, a barrier that lets a warp through,
// results that depend on the number of threads or the order of blocks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "base/parallel.h"
#include "tests/gpu/ptx/form_runner.h"

namespace ulproof::gpu::ptx {
namespace {

using ::testing::HasSubstr;

// Kernel k writes one word a thread: the body computes %r0 from %r1 = thread in block, %r2 = block.
std::string OneWord(std::string_view body) {
  return R"(.visible .entry k(.param .u64 out)
{
  .reg .b32 %r<40>; .reg .b64 %rd<10>; .reg .pred %p<20>; .reg .f32 %f<10>;
  .shared .align 16 .b8 tile[4096];
  mov.u32 %r1, %tid.x;
  mov.u32 %r2, %ctaid.x;
)" + std::string(body) +
         R"(
  ld.param.u64 %rd1, [out];
  mov.u32 %r3, %ntid.x;
  mad.lo.s32 %r4, %r2, %r3, %r1;
  mul.wide.u32 %rd2, %r4, 4;
  add.s64 %rd1, %rd1, %rd2;
  st.global.u32 [%rd1], %r0;
  ret;
}
)";
}

struct Outcome {
  std::vector<std::uint32_t> words;
  RunReport report;
  std::string error;
};

Outcome RunWords(const std::string& text, std::uint32_t blocks, std::uint32_t threads,
                 const LaunchOptions& options = {}) {
  const Module module = ParseText(text);
  Memory memory;
  const DeviceAddress out = memory.Allocate("out", 4ULL * blocks * threads);
  base::Result<RunReport> report = Launch(module, "k", {.grid = {blocks}, .block = {threads}},
                                          Arguments().Add(out), memory, options);
  Outcome outcome;
  if (!report) {
    outcome.error = report.error().ToString();
    return outcome;
  }
  outcome.report = std::move(*report);
  outcome.words.resize(std::size_t{blocks} * threads);
  std::memcpy(outcome.words.data(), memory.Bytes(out).data(), outcome.words.size() * 4);
  return outcome;
}

// Each lane takes its own number of turns, through two nested branches.
TEST(Execution, DivergentLoopsReconverge) {
  const Outcome run = RunWords(OneWord(R"(
    mov.u32 %r0, 0;  mov.u32 %r5, %r1;
  LOOP:
    setp.eq.u32 %p1, %r5, 0;
    @%p1 bra DONE;
    and.b32 %r6, %r5, 1;  setp.eq.u32 %p2, %r6, 1;
    @%p2 bra ODD;
    shr.u32 %r5, %r5, 1;
    bra.uni NEXT;
  ODD:
    mad.lo.u32 %r5, %r5, 3, 1;
  NEXT:
    setp.eq.u32 %p3, %r5, 1;
    add.u32 %r0, %r0, 1;
    @!%p3 bra LOOP;
  DONE:
    activemask.b32 %r7;
    shl.b32 %r7, %r7, 16;
    shr.u32 %r7, %r7, 31;
    shl.b32 %r7, %r7, 20;
    or.b32 %r0, %r0, %r7;
  )"),
                               3, 100);
  ASSERT_EQ(run.error, "");
  for (std::uint32_t i = 0; i < 300; ++i) {
    std::uint32_t x = i % 100;
    std::uint32_t steps = 0;
    while (x != 0) {
      x = x % 2 == 1 ? 3 * x + 1 : x / 2;
      ++steps;
      if (x == 1) break;
    }
    // All lanes are together again at DONE: lane 15 is active there, where the warp has one.
    const std::uint32_t together = i % 100 < 96 ? 1U << 20 : 0;
    EXPECT_EQ(run.words[i], steps | together) << i;
  }
  EXPECT_GT(run.report.divergent_branches, 0U);
}

TEST(Execution, IndexedBranchAndEarlyExit) {
  const Outcome run = RunWords(OneWord(R"(
    rem.u32 %r5, %r1, 4;  mov.u32 %r0, 9;
    TABLE: .branchtargets A, B, C, A;
    brx.idx %r5, TABLE;
  C: mov.u32 %r0, 30;  bra END;
  B: mov.u32 %r0, 20;  bra END;
  A: mov.u32 %r0, 10;
  END:
  )"),
                               1, 64);
  ASSERT_EQ(run.error, "");
  constexpr std::uint32_t kWanted[] = {10, 20, 30, 10};
  for (std::uint32_t i = 0; i < 64; ++i) EXPECT_EQ(run.words[i], kWanted[i % 4]);
}

// A block-wide reversal through shared memory, with a barrier in a loop, and ragged warps.
TEST(Execution, BarriersOrderSharedMemory) {
  const std::string text = OneWord(R"(
    mov.u32 %r0, %r1;  mov.u32 %r10, 0;
    mov.u32 %r11, tile;
    mov.u32 %r12, %ntid.x;
  LOOP:
    shl.b32 %r5, %r1, 2;  add.u32 %r5, %r5, %r11;
    st.shared.u32 [%r5], %r0;
    bar.sync 0;
    sub.u32 %r6, %r12, %r1;  sub.u32 %r6, %r6, 1;
    shl.b32 %r6, %r6, 2;  add.u32 %r6, %r6, %r11;
    ld.shared.u32 %r7, [%r6];
    bar.sync 0;
    add.u32 %r0, %r7, 1;
    add.u32 %r10, %r10, 1;
    setp.lt.u32 %p1, %r10, 3;
    @%p1 bra LOOP;
  )");
  // With 33 threads one warp is a single thread: a barrier that opens one thread early shows.
  for (const std::uint32_t threads : {33U, 77U}) {
    for (const Order order : {Order::kForward, Order::kReverse, Order::kRandom}) {
      const Outcome run = RunWords(
          text, 5, threads,
          {.block_order = order, .warp_order = order, .order_seed = 5, .check_races = true});
      ASSERT_EQ(run.error, "");
      EXPECT_EQ(run.report.races, 0U);
      for (std::uint32_t i = 0; i < run.words.size(); ++i) {
        EXPECT_EQ(run.words[i], threads - 1 - i % threads + 3);
      }
    }
  }
}

TEST(Execution, BarrierReductionsAndNamedBarriers) {
  const Outcome run = RunWords(OneWord(R"(
    rem.u32 %r5, %r1, 3;  setp.eq.u32 %p1, %r5, 0;
    bar.red.popc.u32 %r0, 0, %p1;
    bar.red.and.pred %p2, 0, !%p1;
    bar.red.or.pred %p3, 1, %p1;
    selp.u32 %r6, 1000, 0, %p2;
    selp.u32 %r7, 10000, 0, %p3;
    add.u32 %r0, %r0, %r6;  add.u32 %r0, %r0, %r7;
    // Warps 0 and 1 meet alone at barrier 2; the others only arrive at barrier 3.
    setp.lt.u32 %p4, %r1, 64;
    @%p4 bar.sync 2, 64;
    @!%p4 bar.arrive 3, 96;
    @%p4 bar.sync 3, 96;
  )"),
                               2, 96);
  ASSERT_EQ(run.error, "");
  for (const std::uint32_t word : run.words) EXPECT_EQ(word, 32U + 10000U);
}

TEST(Execution, ShufflesFollowThePtxPseudocode) {
  constexpr std::string_view kNames[] = {"up", "down", "bfly", "idx"};
  for (int mode = 0; mode < 4; ++mode) {
    for (const std::uint32_t c : {0x1FU, 0x101FU, 0x181FU, 0x1C07U, 0x0U, 0x1800U, 0x1000U}) {
      for (const std::uint32_t b : {0U, 1U, 3U, 8U, 31U}) {
        const std::string text =
            OneWord("mul.lo.u32 %r5, %r1, 7;\n  shfl.sync." + std::string(kNames[mode]) +
                    ".b32 %r0|%p1, %r5, " + std::to_string(b) + ", " + std::to_string(c) +
                    ", -1;\n  selp.u32 %r6, 1000, 0, %p1; add.u32 %r0, %r0, %r6;");
        const Outcome run = RunWords(text, 1, 32);
        ASSERT_EQ(run.error, "");
        for (int lane = 0; lane < 32; ++lane) {
          const int segment = static_cast<int>(c >> 8 & 31);
          const int clamp = static_cast<int>(c & 31);
          const int most = (lane & segment) | (clamp & ~segment);
          const int offset = static_cast<int>(b);
          int j = 0;
          bool p = false;
          if (mode == 0) j = lane - offset, p = j >= most;
          if (mode == 1) j = lane + offset, p = j <= most;
          if (mode == 2) j = lane ^ offset, p = j <= most;
          if (mode == 3) j = (lane & segment) | (offset & ~segment), p = j <= most;
          if (!p) j = lane;
          ASSERT_EQ(run.words[static_cast<std::size_t>(lane)],
                    static_cast<std::uint32_t>(j * 7 + (p ? 1000 : 0)))
              << text << lane;
        }
      }
    }
  }
}

TEST(Execution, VotesMatchesAndReductions) {
  const auto run = [](std::string_view body) { return RunWords(OneWord(body), 1, 32).words; };
  // %r5 = lane & 7, %p1 = lane divisible by 3.
  const std::string start = "and.b32 %r5, %r1, 7; rem.u32 %r6, %r1, 3; setp.eq.u32 %p1, %r6, 0;\n";
  std::uint32_t thirds = 0;
  for (std::uint32_t lane = 0; lane < 32; lane += 3) thirds |= 1U << lane;
  EXPECT_EQ(run(start + "vote.sync.ballot.b32 %r0, %p1, -1;"),
            std::vector<std::uint32_t>(32, thirds));
  EXPECT_EQ(run(start + "vote.sync.ballot.b32 %r0, !%p1, -1;"),
            std::vector<std::uint32_t>(32, ~thirds));
  EXPECT_EQ(
      run(start + "vote.sync.any.pred %p2, %p1, -1; vote.sync.all.pred %p3, %p1, -1; "
                  "vote.sync.uni.pred %p4, %p1, -1;"
                  "selp.u32 %r0, 1, 0, %p2; @%p3 add.u32 %r0, %r0, 2; @%p4 add.u32 %r0, %r0, 4;"),
      std::vector<std::uint32_t>(32, 1));
  const std::vector<std::uint32_t> any = run(start + "match.any.sync.b32 %r0, %r5, -1;");
  for (std::uint32_t lane = 0; lane < 32; ++lane) EXPECT_EQ(any[lane], 0x01010101U << (lane & 7));
  EXPECT_EQ(run(start + "match.all.sync.b32 %r0|%p2, %r5, -1; @%p2 mov.u32 %r0, 5;"),
            std::vector<std::uint32_t>(32, 0));
  EXPECT_EQ(
      run(start + "mov.u64 %rd3, 7; match.all.sync.b64 %r0|%p2, %rd3, -1; @!%p2 mov.u32 %r0, 5;"),
      std::vector<std::uint32_t>(32, ~0U));
  EXPECT_EQ(run("redux.sync.add.u32 %r0, %r1, -1;"), std::vector<std::uint32_t>(32, 496));
  EXPECT_EQ(run("sub.s32 %r5, %r1, 9; redux.sync.min.s32 %r0, %r5, -1;"),
            std::vector<std::uint32_t>(32, static_cast<std::uint32_t>(-9)));
  EXPECT_EQ(run("sub.s32 %r5, %r1, 9; redux.sync.max.u32 %r0, %r5, -1;"),
            std::vector<std::uint32_t>(32, ~0U));
  EXPECT_EQ(run("redux.sync.or.b32 %r0, %r1, -1;"), std::vector<std::uint32_t>(32, 31));
  EXPECT_EQ(run("or.b32 %r5, %r1, 64; redux.sync.and.b32 %r0, %r5, -1;"),
            std::vector<std::uint32_t>(32, 64));
  EXPECT_EQ(run("redux.sync.xor.b32 %r0, %r1, -1;"), std::vector<std::uint32_t>(32, 0));
  EXPECT_EQ(run("cvt.rn.f32.u32 %f1, %r1; neg.f32 %f1, %f1; redux.sync.min.f32 %f2, %f1, -1; "
                "mov.b32 %r0, %f2;"),
            std::vector<std::uint32_t>(32, std::bit_cast<std::uint32_t>(-31.0F)));
  EXPECT_EQ(run("elect.sync %r0|%p1, 0xFFFFFFFF; @%p1 add.u32 %r0, %r0, 100;"), [] {
    std::vector<std::uint32_t> v(32, 0);
    v[0] = 100;
    return v;
  }());
  // Halves of the warp with member masks of their own, one instruction for both.
  const std::vector<std::uint32_t> halves =
      run("setp.lt.u32 %p1, %r1, 16; selp.u32 %r5, 0xFFFF, 0xFFFF0000, %p1; redux.sync.add.u32 "
          "%r0, %r1, %r5;");
  for (std::uint32_t lane = 0; lane < 32; ++lane) EXPECT_EQ(halves[lane], lane < 16 ? 120U : 376U);
}

// A warp whose lanes come to a shuffle by two paths waits for all its members. Two different
// shuffles are never taken for one: that is reported. Two bar.warp.sync do meet.
TEST(Execution, MembersWaitForEachOther) {
  const std::string apart = R"(
    setp.lt.u32 %p1, %r1, 16;
    mov.u32 %r5, %r1;
    mov.u32 %r11, tile;  shl.b32 %r12, %r1, 2;  add.u32 %r12, %r12, %r11;
    @%p1 bra LOW;
    st.shared.u32 [%r12], 100;
    bar.warp.sync -1;
    ld.shared.u32 %r0, [%r12+-64];
    bra END;
  LOW:
    st.shared.u32 [%r12], 200;
    bar.warp.sync -1;
    ld.shared.u32 %r0, [%r12+64];
  END:
  )";
  const Outcome run = RunWords(OneWord(apart), 1, 32, {.check_races = true});
  ASSERT_EQ(run.error, "");
  EXPECT_EQ(run.report.races, 0U);
  for (std::uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(run.words[lane], lane < 16 ? 100U : 200U);
  std::string shuffles = apart;
  for (int i = 0; i < 2; ++i) {
    shuffles.replace(shuffles.find("bar.warp.sync -1;"), 17,
                     "shfl.sync.bfly.b32 %r0, %r5, 16, 31, -1;");
  }
  EXPECT_THAT(RunWords(OneWord(shuffles), 1, 32).error, HasSubstr("deadlock"));
  const Outcome merged = RunWords(OneWord(R"(
    setp.lt.u32 %p1, %r1, 16;
    mov.u32 %r5, %r1;
    @%p1 bra JOIN;
    add.u32 %r5, %r5, 100;
  JOIN:
    shfl.sync.bfly.b32 %r0, %r5, 16, 31, -1;
  )"),
                                  1, 32);
  ASSERT_EQ(merged.error, "");
  for (std::uint32_t lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(merged.words[lane], lane < 16 ? lane + 116 : lane - 16);
  }
}

TEST(Execution, AtomicsAcrossBlocksAreExact) {
  const Module module = ParseText(R"(.visible .entry k(.param .u64 cells)
{
  .reg .b32 %r<20>; .reg .b64 %rd<9>; .reg .pred %p<3>;
  .shared .align 4 .u32 total;
  mov.u32 %r1, %tid.x;  mov.u32 %r2, %ctaid.x;
  ld.param.u64 %rd1, [cells];
  setp.eq.u32 %p1, %r1, 0;
  mov.u32 %r9, 0;
  @%p1 st.shared.u32 [total], %r9;
  bar.sync 0;
  atom.shared.add.u32 %r3, [total], 1;
  bar.sync 0;
  atom.global.add.u32 %r4, [%rd1], 1;
  red.global.max.s32 [%rd1+4], %r2;
  atom.global.or.b32 %r5, [%rd1+8], %r2;
  atom.global.xor.b32 %r5, [%rd1+12], %r1;
  atom.inc.u32 %r5, [%rd1+16], 9;
  atom.global.min.u32 %r5, [%rd1+20], %r1;
  mov.u64 %rd3, 3;
  atom.global.add.u64 %rd4, [%rd1+24], %rd3;
LOOP:  // A sum by compare and swap.
  ld.relaxed.gpu.global.u32 %r6, [%rd1+32];
  add.u32 %r7, %r6, 2;
  atom.global.cas.b32 %r8, [%rd1+32], %r6, %r7;
  setp.ne.u32 %p2, %r8, %r6;
  @%p2 bra LOOP;
  atom.global.dec.u32 %r5, [%rd1+36], 6;
  atom.global.and.b32 %r5, [%rd1+40], -2;
  red.global.add.f32 [%rd1+44], 0f3F800000;
  @!%p1 bra END;
  ld.shared.u32 %r10, [total];
  atom.global.add.u32 %r5, [%rd1+48], %r10;
END:
  ret;
}
)");
  for (const Order order : {Order::kForward, Order::kRandom}) {
    Memory memory;
    std::vector<std::uint8_t> cells(64, 0);
    cells[20] = cells[21] = cells[40] = 0xFF;
    const DeviceAddress address = memory.Upload("cells", cells);
    const base::Result<RunReport> report =
        Launch(module, "k", {.grid = {37}, .block = {96}}, Arguments().Add(address), memory,
               {.block_order = order});
    ASSERT_TRUE(report.ok()) << report.error().ToString();
    constexpr std::uint32_t kThreads = 37 * 96;
    std::uint32_t words[16];
    std::memcpy(words, memory.Bytes(address).data(), sizeof(words));
    EXPECT_EQ(words[0], kThreads);
    EXPECT_EQ(words[1], 36U);
    EXPECT_EQ(words[2], 63U);
    std::uint32_t parity = 0;
    for (std::uint32_t i = 0; i < 96; ++i) parity ^= i;
    EXPECT_EQ(words[3], parity);
    EXPECT_EQ(words[4], kThreads % 10);
    EXPECT_EQ(words[5], 0U);
    EXPECT_EQ(words[6], kThreads * 3);
    EXPECT_EQ(words[8], kThreads * 2);
    EXPECT_EQ(words[9], (7 - kThreads % 7) % 7);
    EXPECT_EQ(words[10], 0xFEU);
    EXPECT_EQ(words[11], std::bit_cast<std::uint32_t>(static_cast<float>(kThreads)));
    EXPECT_EQ(words[12], kThreads);
    EXPECT_TRUE((report->tags & kApproximate) != 0);
  }
}

TEST(Execution, CallsWithParametersAndLocals) {
  const std::string text = R"(
.func (.param .b32 result) twice(.param .b32 x)
{
  .reg .b32 %r<3>; .reg .pred %p<2>;
  ld.param.u32 %r1, [x];
  setp.gt.u32 %p1, %r1, 10;
  @%p1 bra BIG;
  add.u32 %r1, %r1, %r1;
  st.param.b32 [result], %r1;
  ret;
BIG:
  st.param.b32 [result], %r1;
  ret;
}
.func (.reg .b32 %out) plus(.reg .b32 %a, .reg .b32 %b) { add.u32 %out, %a, %b; ret; }
)" + OneWord(R"(
  {
    .param .b32 p0;  .param .b32 r0;
    st.param.b32 [p0], %r1;
    call.uni (r0), twice, (p0);
    ld.param.b32 %r0, [r0];
  }
  setp.ge.u32 %p1, %r1, 8;
  @%p1 call (%r0), plus, (%r0, 1000);
)");
  const Outcome run = RunWords(text, 1, 40);
  ASSERT_EQ(run.error, "");
  for (std::uint32_t i = 0; i < 40; ++i)
    EXPECT_EQ(run.words[i], (i > 10 ? i : 2 * i) + (i >= 8 ? 1000 : 0));
}

TEST(Execution, ReportsCountsAndTags) {
  const Outcome run = RunWords(OneWord(R"(
    cvt.rn.f32.u32 %f1, %r1;
    mul.f32 %f2, %f1, %f1;
    ex2.approx.f32 %f3, %f1;
    mov.b32 %r0, %f2;
  )"),
                               2, 64, {.count_sectors = true});
  ASSERT_EQ(run.error, "");
  EXPECT_EQ(run.report.tags, kNanBits | kContractable | kApproximate);
  EXPECT_EQ(TagNames(run.report.tags), "nan_bits contractable approximate");
  EXPECT_EQ(run.report.thread_instructions, 128 * (2 + 4 + 7));
  EXPECT_EQ(run.report.warp_instructions, 4 * (2 + 4 + 7));
  EXPECT_EQ(run.report.memory.global_stored_bytes, 128U * 4);
  EXPECT_EQ(run.report.memory.global_accesses, 4U);
  EXPECT_EQ(run.report.memory.global_sectors, 16U);
  for (const FormCount& form : run.report.forms) {
    if (form.form == "mul.f32") {
      EXPECT_EQ(form.tags, kNanBits | kContractable);
    }
  }
}

// x * x - x with the product rounded or not: contraction changes it exactly where it can.
TEST(Execution, ContractionBracketing) {
  const std::string text = OneWord(R"(
    cvt.rn.f32.u32 %f1, %r1;
    add.rn.f32 %f1, %f1, 0f3F800001;
    mul.f32 %f2, %f1, %f1;
    sub.f32 %f3, %f2, %f1;
    mov.b32 %r0, %f3;
  )");
  const Outcome plain = RunWords(text, 1, 32);
  const Outcome fused = RunWords(text, 1, 32, {.contract = true});
  ASSERT_EQ(fused.error, "");
  EXPECT_EQ(plain.report.contracted, 0);
  EXPECT_EQ(fused.report.contracted, 1);
  EXPECT_NE(plain.words, fused.words);
  for (std::uint32_t i = 0; i < 32; ++i) {
    const float x = static_cast<float>(i) + 0x1.000002p0F;
    EXPECT_EQ(plain.words[i], std::bit_cast<std::uint32_t>(x * x - x));
    EXPECT_EQ(fused.words[i], std::bit_cast<std::uint32_t>(std::fma(x, x, -x)));
  }
  // A factor that was overwritten since must not be used again.
  std::string stale = text;
  stale.replace(stale.find("sub.f32"), 7, "mov.f32 %f1, 0f40A00000; sub.f32");
  const Outcome overwritten = RunWords(stale, 1, 32, {.contract = true});
  EXPECT_EQ(overwritten.report.contracted, 0);
  EXPECT_EQ(overwritten.words, RunWords(stale, 1, 32).words);
  std::string exact = text;
  exact.replace(exact.find("mul.f32"), 7, "mul.rn.f32");
  EXPECT_EQ(RunWords(exact, 1, 32, {.contract = true}).words, plain.words);
}

TEST(Execution, RacesAreReported) {
  const std::string racy = OneWord(R"(
    mov.u32 %r11, tile;
    shl.b32 %r5, %r1, 2;  add.u32 %r5, %r5, %r11;
    st.shared.u32 [%r5], %r1;
    xor.b32 %r6, %r1, 32;
    shl.b32 %r6, %r6, 2;  add.u32 %r6, %r6, %r11;
    ld.shared.u32 %r0, [%r6];
  )");
  const Outcome run = RunWords(racy, 1, 64, {.check_races = true});
  ASSERT_EQ(run.error, "");
  EXPECT_GT(run.report.races, 0U);
  ASSERT_FALSE(run.report.first_races.empty());
  EXPECT_THAT(run.report.first_races[0], HasSubstr("races with"));
  // The same exchange inside one warp is ordered by bar.warp.sync, and not without it.
  for (const bool synchronised : {false, true}) {
    const Outcome warp = RunWords(OneWord(std::string(R"(
      mov.u32 %r11, tile;
      shl.b32 %r5, %r1, 2;  add.u32 %r5, %r5, %r11;
      st.shared.u32 [%r5], %r1;
    )") + (synchronised ? "bar.warp.sync -1;" : "") +
                                          R"(
      xor.b32 %r6, %r5, 4;
      ld.shared.u32 %r0, [%r6];
    )"),
                                  1, 64, {.check_races = true});
    ASSERT_EQ(warp.error, "");
    EXPECT_EQ(warp.report.races != 0, !synchronised);
  }
}

TEST(Execution, SameResultsOnAnyNumberOfThreads) {
  const std::string text = OneWord("mad.lo.u32 %r0, %r2, 1000, %r1;");
  base::SetThreadCount(1);
  const Outcome one = RunWords(text, 300, 64);
  base::SetThreadCount(4);
  const Outcome four = RunWords(text, 300, 64);
  base::SetThreadCount(0);
  EXPECT_EQ(one.words, four.words);
  EXPECT_EQ(one.report.thread_instructions, four.report.thread_instructions);
}

}  // namespace
}  // namespace ulproof::gpu::ptx
