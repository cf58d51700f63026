// SPDX-License-Identifier: Apache-2.0
// The lexer and parser: what they accept, where they put errors, and that no text can break them.
// Would catch: a crash or hang on damaged input, an error at the wrong line, a register of an inner
// scope that leaks out.
#include "gpu/ptx/parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>

#include "gpu/ptx/launch.h"

namespace ulproof::gpu::ptx {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kHeader = ".version 8.0\n.target sm_80\n.address_size 64\n";

std::string Kernel1(std::string_view body) {
  return std::string(kHeader) + ".visible .entry k(.param .u64 p)\n{\n" + std::string(body) +
         "\n}\n";
}

// The first error of parsing, or of decoding kernel k.
base::Error ErrorOf(const std::string& text) {
  const base::Result<Module> module = ParseModule(text, "t.ptx");
  if (!module) return module.error();
  const base::Result<Kernel> kernel = Kernel::Prepare(*module, "k");
  return kernel ? base::Error{.message = "none"} : kernel.error();
}
void ExpectError(const std::string& text, int line, int column, const std::string& message) {
  const base::Error error = ErrorOf(text);
  EXPECT_THAT(error.message, HasSubstr(message)) << text;
  EXPECT_EQ(error.line, line) << error.ToString() << "\n" << text;
  if (column != 0) {
    EXPECT_EQ(error.column, column) << error.ToString();
  }
}

TEST(Parser, AcceptsWhatCompilersWrite) {
  const std::string text = std::string(kHeader) + R"(
    .file 1 "a.cu"
    .extern .func (.param .b32 r) vprintf (.param .b64 a, .param .b64 b);
    .extern .shared .align 16 .b8 dynamic[];
    .const .align 4 .b8 table[8] = {1, 2, 0x3, 04, 5};
    .global .align 4 .f32 scale = 0f3F800000;
    .global .align 8 .u64 where = generic(scale);
    .global .align 8 .b64 list[2] = {table, scale+0};
    .visible .entry k(
        .param .u64 .ptr .global .align 16 k_param_0,
        .param .align 8 .b8 k_param_1[24]
    )
    .maxntid 128, 1, 1
    .minnctapersm 2
    {
        .local .align 8 .b8 __local_depot0[16];
        .reg .pred %p<2>;
        .reg .b32 %r<4>;
        .reg .b64 %rd<4>;
        .shared .align 4 .b8 tile[128];
        .loc 1 3 5, function_name $L__info_string0, inlined_at 1 2 1
        ld.param.u64 %rd1, [k_param_0];
        ld.param.u32 %r1, [k_param_1+8];   // a field
        { // inline assembly
        .reg .b32 %r;
        mov.u32 %r, 5;
        add.s32 %r2, %r, %r1;
        }
        /* a comment
           over lines */
        setp.eq.s32 %p1, %r2, -3;
        .pragma "nounroll";
        @!%p1 bra $L__BB0_2;
        bra.uni $L__BB0_2;
    $L__BB0_2:
        mov.b64 %rd2, {%r1, %r2};
        st.global.u64 [%rd1+-0], %rd2;
        ret;
    }
    .section .debug_str
    {
    $L__info_string0:
    .b8 95,0
    }
)";
  const base::Result<Module> module = ParseModule(text, "t.ptx");
  ASSERT_TRUE(module.ok()) << module.error().ToString();
  EXPECT_EQ(module->target, "sm_80");
  EXPECT_EQ(module->source_files.at(1), "a.cu");
  const Function* const k = module->FindFunction("k");
  ASSERT_NE(k, nullptr);
  EXPECT_EQ(k->parameters.size(), 2U);
  EXPECT_EQ(k->variables[1].size, 24U);
  EXPECT_EQ(k->maximum_threads[0], 128U);
  EXPECT_EQ(k->body[0].source_line, 3);
  EXPECT_TRUE(Kernel::Prepare(*module, "k").ok());
}

TEST(Parser, ErrorsNamePlaceAndText) {
  ExpectError(Kernel1("  frob.u32 %r1;"), 6, 3, "unknown instruction 'frob' in 'frob.u32'");
  ExpectError(Kernel1(".reg .b32 %r<2>;\nfrob.u32 %r1, %r1;"), 7, 1, "unknown instruction 'frob'");
  ExpectError(Kernel1(".reg .b32 %r<2>;\n  add.rn.u32 %r1, %r1, %r1;"), 7, 3, "add.rn.u32");
  ExpectError(Kernel1(".reg .b32 %r<2>;\nadd.fast.u32 %r1, %r1, %r1;"), 7, 1,
              "unknown modifier '.fast'");
  ExpectError(Kernel1(".reg .b32 %r<2>;\nadd.u32 %r1, %r1;"), 7, 1, "wrong number of operands");
  ExpectError(Kernel1(".reg .b32 %r<2>;\n.reg .b64 %rd<2>;\nadd.u32 %r1, %r1, %rd1;"), 8, 19,
              "64 bits");
  ExpectError(Kernel1(".reg .b32 %r<2>;\nadd.u32 %r1, %r1, 0x1FFFFFFFF;"), 7, 0,
              "does not fit 32 bits");
  ExpectError(Kernel1(".reg .f32 %f<2>;\nadd.f32 %f1, %f1, 1;"), 7, 0, "0f or 0d");
  ExpectError(Kernel1("add.u32 %r1, %r1, %r1;"), 6, 0, "'%r1'");
  ExpectError(Kernel1(".reg .b32 %r<2>;\nadd.u32 %r1, %r1, %r2;"), 7, 0, "'%r2'");
  ExpectError(Kernel1("bra nowhere;"), 6, 5, "'nowhere' is not defined");
  ExpectError(Kernel1("{ .reg .b32 %q; }\nmov.u32 %q, 1;"), 7, 9, "'%q' is not declared");
  ExpectError(Kernel1(".reg .b32 %q;\n.reg .b64 %q;"), 7, 11, "declared twice");
  ExpectError(Kernel1("L:\nL:\nret;"), 7, 1, "defined twice");
  ExpectError(Kernel1(".reg .pred %p;\n.reg .b32 %r;\nmov.u32 %r, %p;"), 8, 13,
              "predicates and values");
  ExpectError(Kernel1(".reg .b32 %r;\nmov.u32 %r, %clock;"), 7, 13, "'%clock'");
  ExpectError(Kernel1(".reg .b32 %r<9>;\nmma.sync.aligned %r1, %r2;"), 7, 1,
              "unknown instruction 'mma'");
  ExpectError(std::string(kHeader) + ".address_size 32\n", 4, 0, "64-bit addresses");
  ExpectError(std::string(kHeader) + ".bogus x;\n", 4, 1, "unknown directive '.bogus'");
  ExpectError(std::string(kHeader) + ".global .u32 a;\n.global .u32 a;\n", 5, 0, "declared twice");
  ExpectError(std::string(kHeader) + ".global .u32 a = {1, 2};\n", 4, 0, "more initial values");
  ExpectError(Kernel1("mov.u32 0f12, 1;"), 6, 9, "eight hexadecimal digits");
  ExpectError(Kernel1("/* open"), 6, 1, "comment is not closed");
  ExpectError(std::string(kHeader) + ".visible .entry k() {\nret;\n", 6, 0, "not closed");
  ExpectError(std::string(kHeader) + ".visible .entry other() { ret; }", 0, 0,
              "unknown kernel 'k'");
  ExpectError(
      std::string(kHeader) + ".func f() { call f; ret; }\n.visible .entry k() { call f; ret; }", 4,
      0, "recursive");
}

std::string ReadVector() {
  std::ifstream file(ULPROOF_SOURCE_DIR "/tests/vectors/ptx/small_formats_sm_80.ptx");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void ParseAndDecode(const std::string& text) {
  const base::Result<Module> module = ParseModule(text, "t.ptx");
  if (!module) {
    EXPECT_FALSE(module.error().message.empty());
    return;
  }
  for (const Function& function : module->functions) {
    if (function.is_entry) (void)Kernel::Prepare(*module, function.name);
  }
}

TEST(Parser, SurvivesTruncation) {
  const std::string text = ReadVector().substr(0, 6000);
  ASSERT_GT(text.size(), 1000U);
  for (std::size_t size = 0; size < text.size(); size += 3) ParseAndDecode(text.substr(0, size));
}

TEST(Parser, SurvivesDamage) {
  const std::string text = ReadVector().substr(0, 4500) + "\n}\n";
  std::mt19937_64 random(1);
  const std::string_view pieces[] = {"{",
                                     "}",
                                     "[",
                                     "]",
                                     "(",
                                     ")",
                                     ";",
                                     ",",
                                     "%r1",
                                     "0x",
                                     "99999999999999999999",
                                     ".reg",
                                     ".b32",
                                     "<",
                                     ">",
                                     "@",
                                     "!",
                                     "bra",
                                     "$L__BB0_1",
                                     ":",
                                     "|",
                                     "-",
                                     "+",
                                     "\"",
                                     "/*",
                                     "//",
                                     "ret",
                                     ".param",
                                     "call",
                                     "0f",
                                     "mov.b64"};
  for (int i = 0; i < 4000; ++i) {
    std::string damaged = text;
    for (int k = 0; k < 1 + i % 4; ++k) {
      const std::size_t at = random() % damaged.size();
      switch (random() % 4) {
        case 0:
          damaged.erase(at, random() % 12);
          break;
        case 1:
          damaged.insert(at, pieces[random() % std::size(pieces)]);
          break;
        case 2:
          damaged[at] = static_cast<char>(random());
          break;
        default:
          damaged.insert(at, damaged.substr(random() % damaged.size(), random() % 60));
      }
    }
    ParseAndDecode(damaged);
  }
}

TEST(Parser, SurvivesNoise) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 3000; ++i) {
    std::string noise(random() % 300, '\0');
    for (char& c : noise) c = static_cast<char>(i % 2 == 0 ? random() : 32 + random() % 95);
    ParseAndDecode(noise);
    ParseAndDecode(Kernel1(noise));
  }
  ParseAndDecode(Kernel1(std::string(100000, '{')));
  ParseAndDecode(Kernel1("add.u32 " + std::string(50000, '{')));
  ParseAndDecode(std::string(kHeader) + ".global .u32 a = " + std::string(50000, '{'));
  ParseAndDecode(std::string(kHeader) + ".global .u32 a[4294967295][4294967295];");
}

}  // namespace
}  // namespace ulproof::gpu::ptx
