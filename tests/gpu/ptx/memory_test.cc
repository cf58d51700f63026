// SPDX-License-Identifier: Apache-2.0
// Memory: every space and width, and every fault with its place in the message. Would catch: an
// access one element past a buffer that goes unseen, a vector access in the wrong order, a wrong
// line or thread in a report.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gpu/ptx/form_runner.h"

namespace ulproof::gpu::ptx {
namespace {

using ::testing::HasSubstr;

// k(in, out) for one warp; %rd1 = in + 64 * lane, %rd2 = out + 64 * lane.
std::string Body(std::string_view body, std::string_view globals = "") {
  return std::string(globals) + R"(
.visible .entry k(.param .u64 in, .param .u64 out)
{
  .reg .b16 %rs<9>; .reg .b32 %r<40>; .reg .b64 %rd<20>; .reg .pred %p<9>; .reg .f32 %f<9>; .reg .f64 %fd<9>;
  .local .align 16 .b8 frame[64];
  .shared .align 16 .b8 tile[4096];
  mov.u32 %r1, %tid.x;
  ld.param.u64 %rd1, [in];
  ld.param.u64 %rd2, [out];
  mad.wide.u32 %rd1, %r1, 64, %rd1;
  mad.wide.u32 %rd2, %r1, 64, %rd2;
)" + std::string(body) +
         "\n  ret;\n}\n";
}

std::vector<std::uint8_t> Input() {
  std::vector<std::uint8_t> in(2048);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<std::uint8_t>(i * 37 + i / 256);
  return in;
}

struct Outcome {
  std::vector<std::uint8_t> out;
  base::Error error;
};
Outcome RunBody(const std::string& text, std::uint32_t threads = 32) {
  const Module module = ParseText(text);
  Memory memory;
  const DeviceAddress in = memory.Upload("in", Input());
  const DeviceAddress out = memory.Allocate("out", 2048);
  const base::Result<RunReport> report =
      Launch(module, "k", {.grid = {1}, .block = {threads}}, Arguments().Add(in).Add(out), memory,
             {.instruction_budget = 100000});
  Outcome outcome;
  if (!report) {
    outcome.error = report.error();
  } else {
    const auto bytes = memory.Bytes(out);
    outcome.out.assign(bytes.begin(), bytes.end());
  }
  return outcome;
}

// The first `bytes` of each lane's 64 arrive unchanged.
void ExpectCopied(const Outcome& outcome, std::size_t bytes) {
  ASSERT_EQ(outcome.error.message, "");
  const std::vector<std::uint8_t> in = Input();
  for (std::size_t lane = 0; lane < 32; ++lane) {
    for (std::size_t i = 0; i < bytes; ++i)
      ASSERT_EQ(outcome.out[64 * lane + i], in[64 * lane + i]) << lane << " " << i;
  }
}

TEST(Memory, WidthsAndVectors) {
  ExpectCopied(RunBody(Body("ld.global.u8 %r2, [%rd1]; st.global.u8 [%rd2], %r2;")), 1);
  ExpectCopied(
      RunBody(Body("ld.global.nc.L1::no_allocate.L2::128B.u16 %rs1, [%rd1]; st.global.cg.u16 "
                   "[%rd2], %rs1;")),
      2);
  ExpectCopied(
      RunBody(Body("ld.volatile.global.f32 %f1, [%rd1]; st.volatile.global.f32 [%rd2], %f1;")), 4);
  ExpectCopied(RunBody(Body("ld.acquire.gpu.b64 %rd3, [%rd1]; st.release.gpu.b64 [%rd2], %rd3;")),
               8);
  ExpectCopied(RunBody(Body("ld.global.v4.u8 {%r2, %r3, %r4, %r5}, [%rd1]; st.global.v4.u8 [%rd2], "
                            "{%r2, %r3, %r4, %r5};")),
               4);
  ExpectCopied(
      RunBody(
          Body("ld.global.v2.f64 {%fd1, %fd2}, [%rd1]; st.global.v2.f64 [%rd2], {%fd1, %fd2};")),
      16);
  ExpectCopied(
      RunBody(Body("ld.global.v4.u32 {%r2, %r3, %r4, %r5}, [%rd1+16]; ld.global.v4.u32 {%r6, "
                   "%r7, %r8, %r9}, [%rd1];"
                   "st.global.v4.u32 [%rd2+16], {%r2, %r3, %r4, %r5}; st.global.v4.u32 "
                   "[%rd2], {%r6, %r7, %r8, %r9};")),
      32);
  ExpectCopied(RunBody(Body("ld.global.v8.f32 {%r2, %r3, %r4, %r5, %r6, %r7, %r8, %r9}, [%rd1]; "
                            "st.global.v8.f32 [%rd2], {%r2, %r3, %r4, %r5, %r6, %r7, %r8, %r9};")),
               32);
}

// Narrow loads extend to the register by the type's sign.
TEST(Memory, NarrowLoadsExtend) {
  const Outcome run = RunBody(
      Body("ld.global.s8 %r2, [%rd1+7]; ld.global.u8 %r3, [%rd1+7]; ld.global.s8 %rs1, [%rd1+7];"
           "ld.global.s16 %rd3, [%rd1+6]; cvt.u32.u16 %r4, %rs1;"
           "st.global.u32 [%rd2], %r2; st.global.u32 [%rd2+4], %r3; st.global.u32 [%rd2+8], %r4; "
           "st.global.u64 [%rd2+16], %rd3;"));
  ASSERT_EQ(run.error.message, "");
  const std::vector<std::uint8_t> in = Input();
  for (std::size_t lane = 0; lane < 32; ++lane) {
    std::uint32_t words[4];
    std::int64_t wide = 0;
    std::memcpy(words, run.out.data() + 64 * lane, 16);
    std::memcpy(&wide, run.out.data() + 64 * lane + 16, 8);
    const std::uint8_t byte = in[64 * lane + 7];
    EXPECT_EQ(words[0], static_cast<std::uint32_t>(
                            static_cast<std::int32_t>(static_cast<std::int8_t>(byte))));
    EXPECT_EQ(words[1], byte);
    EXPECT_EQ(words[2], static_cast<std::uint16_t>(static_cast<std::int8_t>(byte)));
    EXPECT_EQ(wide, static_cast<std::int16_t>(byte << 8 | in[64 * lane + 6]));
  }
}

// The same word through local, shared and generic addresses, and consecutive lanes.
TEST(Memory, SpacesAndGenericAddresses) {
  ExpectCopied(RunBody(Body(R"(
    ld.u32 %r2, [%rd1];
    mov.u64 %rd5, frame;  cvta.local.u64 %rd6, %rd5;
    st.local.u32 [frame+4], %r2;
    ld.u32 %r3, [%rd6+4];
    st.local.u32 [%rd5+8], %r3;
    ld.local.u32 %r4, [frame+8];
    mov.u32 %r10, tile;  shl.b32 %r11, %r1, 2;  add.u32 %r10, %r10, %r11;
    st.shared.u32 [%r10], %r4;
    cvt.u64.u32 %rd7, %r10;  cvta.shared.u64 %rd7, %rd7;
    ld.u32 %r5, [%rd7];
    cvta.to.shared.u64 %rd8, %rd7;
    ld.shared.u32 %r6, [%rd8];
    isspacep.shared %p1, %rd7;  isspacep.global %p2, %rd2;  isspacep.local %p3, %rd7;
    @!%p1 mov.u32 %r6, 0;  @!%p2 mov.u32 %r6, 0;  @%p3 mov.u32 %r6, 0;
    st.u32 [%rd2], %r6;
  )")),
               4);
  ExpectCopied(RunBody(Body(R"(
    mov.u32 %r10, tile;  shl.b32 %r11, %r1, 4;  add.u32 %r10, %r10, %r11;
    cp.async.cg.shared.global [%r10], [%rd1], 16;
    cp.async.commit_group;  cp.async.wait_group 0;
    ld.shared.v4.u32 {%r2, %r3, %r4, %r5}, [%r10];
    st.global.v4.u32 [%rd2], {%r2, %r3, %r4, %r5};
  )")),
               16);
  const Outcome partial = RunBody(Body(R"(
    mov.u32 %r10, tile;  shl.b32 %r11, %r1, 4;  add.u32 %r10, %r10, %r11;
    cp.async.ca.shared.global [%r10], [%rd1], 8, %r1;
    ld.shared.u64 %rd3, [%r10];
    st.global.u64 [%rd2], %rd3;
  )"));
  ASSERT_EQ(partial.error.message, "");
  const std::vector<std::uint8_t> in = Input();
  for (std::size_t lane = 0; lane < 32; ++lane) {
    for (std::size_t i = 0; i < 8; ++i)
      EXPECT_EQ(partial.out[64 * lane + i], i < lane ? in[64 * lane + i] : 0);
  }
}

TEST(Memory, ModuleVariablesAndStructParameters) {
  const Module module = ParseText(R"(
.const .align 4 .b32 table[4] = {10, 20, 30, 40};
.global .align 4 .u32 counter = 7;
.global .align 8 .u64 pointer = generic(counter);
.extern .shared .align 16 .b8 dynamic[];
.shared .align 4 .u32 fixed;
.visible .entry k(.param .u64 out, .param .align 8 .b8 s[24], .param .s8 small, .param .u16 half)
{
  .reg .b32 %r<20>; .reg .b64 %rd<9>; .reg .b16 %rs<3>;
  ld.param.u64 %rd1, [out];
  mov.u32 %r1, %tid.x;
  mul.wide.u32 %rd2, %r1, 4;
  mov.u64 %rd3, table;
  add.s64 %rd3, %rd3, %rd2;
  ld.const.u32 %r2, [%rd3];
  ld.const.u32 %r3, [table+4];
  ld.global.u64 %rd4, [pointer];
  ld.u32 %r4, [%rd4];
  ld.param.u32 %r5, [s+16];
  ld.param.v2.u32 {%r6, %r7}, [s];
  ld.param.s8 %r8, [small];
  ld.param.u16 %rs1, [half];  cvt.u32.u16 %r9, %rs1;
  mov.u32 %r10, dynamic;
  mad.lo.u32 %r11, %r1, 4, %r10;
  st.shared.u32 [%r11], %r2;
  st.shared.u32 [fixed], %r3;
  ld.shared.u32 %r12, [%r11];
  add.u32 %r0, %r12, %r3;  add.u32 %r0, %r0, %r4;  add.u32 %r0, %r0, %r5;
  add.u32 %r0, %r0, %r6;  add.u32 %r0, %r0, %r7;  add.u32 %r0, %r0, %r8;  add.u32 %r0, %r0, %r9;
  add.s64 %rd1, %rd1, %rd2;
  st.global.u32 [%rd1], %r0;
  atom.global.add.u32 %r13, [counter], 1;
  ret;
}
)");
  Memory memory;
  const DeviceAddress out = memory.Allocate("out", 16);
  struct S {
    std::uint32_t a = 100, b = 200;
    std::uint64_t c = 0;
    std::uint32_t d = 300, e = 0;
  };
  Arguments arguments;
  arguments.Add(out).Add(S{}).Add(std::int8_t{-5}).Add(std::uint16_t{6});
  for (std::uint32_t round = 0; round < 2; ++round) {
    const base::Result<RunReport> report = Launch(
        module, "k", {.grid = {1}, .block = {4}, .dynamic_shared_bytes = 16}, arguments, memory);
    ASSERT_TRUE(report.ok()) << report.error().ToString();
    std::uint32_t words[4];
    std::memcpy(words, memory.Bytes(out).data(), 16);
    for (std::uint32_t i = 0; i < 4; ++i)
      EXPECT_EQ(words[i], 10 * (i + 1) + 20 + 7 + 4 * round + 300 + 100 + 200 - 5 + 6);
  }
  EXPECT_EQ(memory.Bytes(memory.Symbol("counter"))[0], 15);  // Variables outlive a launch.
  const auto fails = [&](const Arguments& a, const LaunchShape& shape) {
    return Launch(module, "k", shape, a, memory).error().message;
  };
  EXPECT_THAT(fails(Arguments().Add(out), {.block = {4}}),
              HasSubstr("1 arguments given, 4 needed"));
  EXPECT_THAT(fails(Arguments().Add(out).Add(1).Add(1).Add(1), {.block = {4}}),
              HasSubstr("argument 1 ('s') has 4 bytes, not 24"));
  EXPECT_THAT(fails(arguments, {.block = {1025}}), HasSubstr("more than 1024"));
  EXPECT_THAT(fails(arguments, {.grid = {0}}), HasSubstr("grid is empty"));
  EXPECT_THAT(fails(arguments, {.block = {4}, .dynamic_shared_bytes = 300000}),
              HasSubstr("shared memory"));
  EXPECT_THAT(fails(arguments, {.block = {4}}), HasSubstr("out of bounds"));  // No dynamic bytes.
}

void ExpectFault(const std::string& body, int line, const std::string& message) {
  const Outcome run = RunBody(Body(body));
  EXPECT_THAT(run.error.message, HasSubstr(message)) << body;
  EXPECT_EQ(run.error.line, line) << run.error.ToString();
}

// Line 15 is the first of the body.
TEST(Memory, FaultsNameThePlace) {
  ExpectFault("st.global.u32 [%rd2+64], %r1;", 15,
              "offset 2048 of buffer 'out', which has 2048 bytes");
  ExpectFault("mov.u32 %r2, 1;\n  st.global.u32 [%rd2+61], %r1;", 16, "misaligned 4-byte store");
  ExpectFault("ld.global.u32 %r2, [%rd1+-4];", 15, "offset -4 of buffer 'in'");
  ExpectFault("ld.global.u32 %r2, [%rd2];", 15, "which nothing has written");
  ExpectFault("mov.u64 %rd5, 0; ld.u32 %r2, [%rd5];", 15, "where no buffer is");
  ExpectFault("mov.u32 %r2, tile+4096; ld.shared.u32 %r3, [%r2];", 15,
              "offset 4096 of shared memory, which has 4096 bytes");
  ExpectFault("ld.local.u32 %r2, [frame+64];", 15, "offset 64 of local memory");
  ExpectFault("ld.global.v4.u32 {%r2, %r3, %r4, %r5}, [%rd1+8];", 15, "misaligned 16-byte load");
  ExpectFault("atom.global.add.u32 %r2, [%rd1+2046], 1;", 15, "misaligned 4-byte atomic");
  ExpectFault("trap;", 15, "trap");
  ExpectFault("LOOP: bra LOOP;", 15, "budget");
  ExpectFault("setp.eq.u32 %p1, %r1, 3;\n  @%p1 bar.sync 0, 64;", 16, "deadlock");
  ExpectFault("mov.u32 %r2, 16; bar.sync %r2;", 15, "barrier 16");
  ExpectFault("shfl.sync.idx.b32 %r2, %r1, 0, 31, 1;", 15, "leaves out the lane itself");
  ExpectFault("setp.lt.u32 %p1, %r1, 8; @%p1 shfl.sync.idx.b32 %r2, %r1, 0, 31, -1;", 15,
              "predicated off");
  const Outcome store =
      RunBody(Body("setp.eq.u32 %p1, %r1, 5;\n  @%p1 st.global.u32 [%rd2+2048], %r1;"));
  EXPECT_EQ(store.error.ToString(),
            "t.ptx:16:8: kernel 'k': thread (5,0,0) of block (0,0,0), pc 6 '@%p1 st.global.u32 "
            "[%rd2+2048], "
            "%r1;': 4-byte store out of bounds: offset 2368 of buffer 'out', which has 2048 bytes");
}

TEST(Memory, ConstantsAreReadOnlyAndUnwrittenOutputsAreFound) {
  const Outcome constant =
      RunBody(Body("mov.u64 %rd5, table; st.u32 [%rd5], %r1;", ".const .align 4 .b32 table[4];"));
  EXPECT_THAT(constant.error.message, HasSubstr("read-only"));
  const Module module = ParseText(Body("setp.ne.u32 %p1, %r1, 9; @%p1 st.global.u32 [%rd2], %r1;"));
  Memory memory;
  const DeviceAddress in = memory.Upload("in", Input());
  const DeviceAddress out = memory.Allocate("out", 2048);
  ASSERT_TRUE(Launch(module, "k", {.block = {32}}, Arguments().Add(in).Add(out), memory).ok());
  EXPECT_EQ(memory.FirstUnwritten(out), 4U);
  EXPECT_EQ(memory.Bytes(out)[64 * 9], 0xDB);
  EXPECT_FALSE(memory.FirstUnwritten(in).has_value());
}

// Registers that a path may read before writing are named, and read as zero.
TEST(Memory, UninitialisedRegisters) {
  const Module module =
      ParseText(Body("setp.eq.u32 %p1, %r1, 1; @%p1 mov.u32 %r7, 5; st.global.u32 [%rd2], %r7;"));
  Memory memory;
  const DeviceAddress in = memory.Upload("in", Input());
  const DeviceAddress out = memory.Allocate("out", 2048);
  const base::Result<RunReport> report =
      Launch(module, "k", {.block = {32}}, Arguments().Add(in).Add(out), memory);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->maybe_uninitialised_registers, std::vector<std::string>{"%r7"});
  EXPECT_EQ(memory.Bytes(out)[0], 0);
  EXPECT_EQ(memory.Bytes(out)[64], 5);
}

}  // namespace
}  // namespace ulproof::gpu::ptx
