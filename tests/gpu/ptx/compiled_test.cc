// SPDX-License-Identifier: Apache-2.0
// The compiled path against the interpreter. The two define every form apart (prelude.h, ops/), so
// a wrong form in either shows as a difference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "base/text.h"
#include "fuzz/ptx_program.h"
#include "gpu/ptx/compiled/compile.h"
#include "gpu/ptx/compiled/expression.h"
#include "gpu/ptx/launch.h"
#include "gpu/ptx/operand_spec.h"
#include "tests/gpu/ptx/form_runner.h"

namespace ulproof::gpu::ptx {
namespace {

// One instruction with its registers: the result's type, then the sources'.
struct Tested {
  std::string mnemonic;  // "add.s32", and what stands between it and the operands.
  std::vector<OperandSpec> specs;
  std::string after = {};  // After the last operand.
};

std::vector<OperandSpec> SpecsOf(const std::string& mnemonic) {
  const std::vector<std::string_view> parts = base::Split(mnemonic, '.');
  std::string reason;
  const std::vector<Form> forms = MatchForms(parts[0], std::span(parts).subspan(1), &reason);
  EXPECT_FALSE(forms.empty()) << mnemonic << ": " << reason;
  if (forms.empty()) return {};
  return OperandSpecsOf(forms[0]).front();
}

// Every form that the compiled path knows.
std::vector<Tested> AllForms() {
  std::vector<Tested> all;
  const auto add = [&](const std::string& mnemonic) {
    all.push_back({mnemonic, SpecsOf(mnemonic)});
  };
  for (const std::string& mnemonic : compiled::NamedMnemonics()) add(mnemonic);
  for (const char* const type : {"u16", "s16", "b16", "u32", "s32", "b32", "u64", "s64", "b64"}) {
    for (const char* const test : {"eq", "ne", "lt", "le", "gt", "ge"}) {
      add(std::string("setp.") + test + "." + type);
    }
    if (*type != 'u') continue;
    for (const char* const test : {"lo", "ls", "hi", "hs"}) {
      add(std::string("setp.") + test + ".and." + type);
    }
  }
  for (const char* const type : {"f32", "f64"}) {
    for (const char* const test : {"eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu",
                                   "gtu", "geu", "num", "nan"}) {
      add(std::string("setp.") + test + "." + type);
      add(std::string("setp.") + test + (*test == 'e' ? ".or." : ".xor.") + type);
    }
  }
  for (const int table : {0x00, 0x01, 0x1B, 0x2D, 0x80, 0x96, 0xCA, 0xE8, 0xF8, 0xFF}) {
    all.push_back({"lop3.b32", SpecsOf("lop3.b32"), ", " + std::to_string(table)});
    all.back().specs.pop_back();
  }
  for (const Type type : {Type::kB16, Type::kU32, Type::kF32, Type::kB64, Type::kPred}) {
    all.push_back({"mov." + std::string(InfoOf(type).name),
                   {{.type = type, .is_destination = true}, {.type = type}}});
  }
  return all;
}

// The kernel's registers for sources: three of each width, read from memory by each thread.
char KindOf(Type type) {
  const int bits = BitsOf(type);
  return bits == 1 ? 'p' : bits == 64 ? 'd' : bits == 16 ? 'h' : 'r';
}
std::string NameOf(Type type, char which) { return std::string("%") + KindOf(type) + which; }

// A kernel that runs each instruction on the sources a, b and c: plainly; under a guard and its
// complement; and with the result in the place of the first source, where the types allow it.
class KernelText {
 public:
  void Add(const Tested& tested) {
    const OperandSpec& result = tested.specs.front();
    std::string sources;
    for (std::size_t i = 1; i < tested.specs.size(); ++i) {
      sources += ", " + std::string(tested.specs[i].type == Type::kPred && i % 2 == 1 ? "!" : "") +
                 NameOf(tested.specs[i].type, "abc"[i - 1]);
    }
    if (tested.mnemonic.starts_with("mov.pred")) sources = ", %pa";
    const std::string to = NameOf(result.type, 'z');
    const std::string text = tested.mnemonic + " " + to + sources + tested.after + ";\n";
    const std::string clear = Clear(result.type);
    Line(text);
    StoreResult(result.type);
    for (const char* const guard : {"@%pg ", "@!%pg "}) {
      Line(clear);
      Line(guard + text);
      StoreResult(result.type);
    }
    const char kind = KindOf(result.type);
    if (tested.specs.size() > 1 && KindOf(tested.specs[1].type) == kind && kind != 'p') {
      const std::string copy = kind == 'h' ? "mov.b16" : kind == 'd' ? "mov.b64" : "mov.b32";
      Line(copy + " " + to + ", " + NameOf(result.type, 'a') + ";\n");
      std::string in_place = text;
      const std::size_t at = in_place.find(NameOf(result.type, 'a'));
      Line(in_place.replace(at, 3, to));
      StoreResult(result.type);
    }
    ++instructions_;
  }

  // mov's vectors, both ways, and one half dropped.
  void AddVectors() {
    for (const char* const text :
         {"mov.b32 {%hz, %hy}, %ra;\nmov.b32 %rz, {%hy, %hz};\n",
          "mov.b64 {%rz, %ry}, %da;\nxor.b32 %rz, %rz, %ry;\n",
          "mov.b32 {_, %hz}, %rb;\ncvt.u32.u16 %rz, %hz;\n", "mov.b64 {%rz, _}, %db;\n"}) {
      Line(text);
      StoreResult(Type::kB32);
    }
    Line("mov.b64 %dz, {%ra, %rb};\n");
    StoreResult(Type::kB64);
    Line("mov.b32 %rz, {%ha, 0};\nshl.b32 %rz, %rz, 3;\nadd.s32 %rz, %rz, -7;\n");
    StoreResult(Type::kB32);
  }

  std::string Text() const {
    std::string text =
        ".visible .entry k(.param .u64 in, .param .u64 out, .param .u32 count)\n{\n"
        ".reg .b16 %ha, %hb, %hc, %hz, %hy; .reg .b32 %ra, %rb, %rc, %rz, %ry, %i, %n, %t;\n"
        ".reg .b64 %da, %db, %dc, %dz, %in, %out, %at; .reg .pred %pa, %pb, %pc, %pg, %pz, %past;\n"
        "mov.u32 %i, %ctaid.x; mov.u32 %n, %ntid.x; mov.u32 %t, %tid.x;\n"
        "mad.lo.u32 %i, %i, %n, %t;\nld.param.u32 %n, [count];\nsetp.ge.u32 %past, %i, %n;\n"
        "@%past ret;\nld.param.u64 %in, [in];\nmad.wide.u32 %in, %i, 64, %in;\n"
        "ld.param.u64 %out, [out];\nmad.wide.u32 %out, %i, " +
        std::to_string(8 * results_) + ", %out;\n";
    int offset = 0;
    for (const char which : {'a', 'b', 'c'}) {
      const auto load = [&](const char* type, char kind, int bytes) {
        text += std::string("ld.global.") + type + " %" + kind + which + ", [%in+" +
                std::to_string(offset) + "];\n";
        offset += bytes;
      };
      load("b64", 'd', 8);
      load("b32", 'r', 4);
      load("b16", 'h', 4);
      text +=
          std::string("and.b32 %ry, %r") + which + ", 64;\nsetp.ne.u32 %p" + which + ", %ry, 0;\n";
    }
    text += "and.b32 %ry, %i, 5;\nsetp.eq.u32 %pg, %ry, 1;\n";
    return text + body_ + "ret;\n}\n";
  }

  std::size_t instructions() const { return instructions_; }
  std::size_t results() const { return results_; }

 private:
  void Line(const std::string& text) { body_ += text; }
  static std::string Clear(Type type) {
    switch (KindOf(type)) {
      case 'p':
        return "setp.ne.u32 %pz, %ra, %ra;\n";
      case 'd':
        return "mov.b64 %dz, 81985529216486895;\n";
      case 'h':
        return "mov.b16 %hz, 23130;\n";
      default:
        return "mov.b32 %rz, 1515870810;\n";
    }
  }
  void StoreResult(Type type) {
    const std::string place = "[%out+" + std::to_string(8 * results_++) + "], ";
    const char kind = KindOf(type);
    if (kind == 'p') {
      body_ += "selp.u32 %ry, 1, 0, %pz;\nst.global.b32 " + place + "%ry;\n";
    } else {
      body_ += std::string("st.global.") +
               (kind == 'd'   ? "b64 "
                : kind == 'h' ? "b16 "
                              : "b32 ") +
               place + "%" + kind + "z;\n";
    }
  }

  std::string body_;
  std::size_t instructions_ = 0;
  std::size_t results_ = 0;
};

// 64 bytes a thread: edges and random codes of the types that a register may hold.
std::vector<std::uint8_t> InputsFor(std::size_t threads) {
  const auto mixed = [](std::initializer_list<Type> types, std::uint64_t seed) {
    Bits values;
    for (const Type type : types) {
      for (const std::uint64_t value : EdgesOf(type)) values.push_back(value);
      for (const std::uint64_t value : RandomsOf(type, 200, seed)) values.push_back(value);
    }
    return values;
  };
  std::vector<std::uint8_t> bytes(64 * threads);
  for (std::size_t which = 0; which < 3; ++which) {
    const Bits d = mixed({Type::kF64, Type::kU64, Type::kS64}, which);
    const Bits r = mixed({Type::kF32, Type::kU32, Type::kS32}, which);
    const Bits h = mixed({Type::kBf16, Type::kU16, Type::kS16}, which);
    // Steps without a common factor with the sizes meet all pairs in time.
    const std::size_t step = which == 0 ? 1 : which == 1 ? 7919 : 104729;
    for (std::size_t i = 0; i < threads; ++i) {
      std::uint8_t* const at = bytes.data() + 64 * i + 16 * which;
      const std::size_t place = which == 0 ? i : i * step + i / 101;
      std::memcpy(at, &d[place % d.size()], 8);
      std::memcpy(at + 8, &r[place % r.size()], 4);
      std::memcpy(at + 12, &h[place % h.size()], 2);
    }
  }
  return bytes;
}

std::vector<std::uint8_t> RunKernel(const Kernel& kernel, std::size_t threads,
                                    std::size_t results) {
  Memory memory;
  const DeviceAddress in = memory.UploadConstant("in", InputsFor(threads));
  const DeviceAddress out = memory.Upload("out", std::vector<std::uint8_t>(8 * results * threads));
  Arguments arguments;
  // The last threads of the last warp leave at once, so that one warp is never full.
  arguments.Add(in).Add(out).Add(static_cast<std::uint32_t>(threads - 5));
  const auto blocks = static_cast<std::uint32_t>(threads / 128);
  const base::Result<RunReport> report =
      kernel.Launch({.grid = {blocks}, .block = {128}}, arguments, memory);
  EXPECT_TRUE(report.ok()) << report.error().ToString();
  const auto bytes = memory.Bytes(out);
  return {bytes.begin(), bytes.end()};
}

CompiledRuns Compiled(const Kernel& kernel) {
  const Program* const program = &kernel.program();
  base::Result<std::vector<CompiledRuns>> runs = CompileRuns({&program, 1});
  EXPECT_TRUE(runs.ok()) << (runs.ok() ? "" : runs.error().ToString());
  return runs.ok() ? std::move(runs->front()) : CompiledRuns{};
}

// Catches: a wrong function in prelude.h, operands in the wrong order, a guard or a complement that
// is ignored, a register that is not written back, a source that was overwritten too early.
TEST(CompiledTest, EveryFormIsTheInterpreters) {
  if (FindCompiler().empty()) GTEST_SKIP() << "no C++ compiler";
  KernelText text;
  const std::vector<Tested> forms = AllForms();
  for (const Tested& tested : forms) text.Add(tested);
  text.AddVectors();
  const Module module = ParseText(text.Text());
  base::Result<Kernel> kernel = Kernel::Prepare(module, "k");
  ASSERT_TRUE(kernel.ok()) << kernel.error().ToString();
  constexpr std::size_t kThreads = 2048;
  const std::vector<std::uint8_t> expected = RunKernel(*kernel, kThreads, text.results());
  kernel->Use(Compiled(*kernel));
  // What the interpreter still runs are loads and stores.
  EXPECT_EQ(kernel->compiled().interpreted, text.results() + 9);
  EXPECT_GT(kernel->compiled().compiled, 3 * text.instructions());
  const std::vector<std::uint8_t> got = RunKernel(*kernel, kThreads, text.results());
  ASSERT_EQ(got.size(), expected.size());
  const auto [e, g] = std::mismatch(expected.begin(), expected.end(), got.begin());
  if (e == expected.end()) return;
  const auto at = static_cast<std::size_t>(e - expected.begin());
  const std::size_t result = at / 8 % text.results();
  const std::string all = text.Text();
  std::size_t line = all.find("[%out+" + std::to_string(8 * result) + "]");
  FAIL() << "thread " << at / 8 / text.results() << ": " << int{*e} << " or " << int{*g}
         << " before\n"
         << all.substr(line - 150, 190);
}

// Catches: a run that takes the wrong branch or stops short, registers lost across a barrier, a
// shuffle or a loop, and lanes that went on alone.
TEST(CompiledTest, ControlFlowAndPartialWarps) {
  if (FindCompiler().empty()) GTEST_SKIP() << "no C++ compiler";
  const Module module = ParseText(R"(
.shared .align 4 .b8 tile[512];
.visible .entry k(.param .u64 in, .param .u64 out, .param .u32 count)
{
  .reg .b32 %r<12>; .reg .b64 %rd<4>; .reg .pred %p<4>;
  mov.u32 %r0, %tid.x; mov.u32 %r1, %ctaid.x; mad.lo.s32 %r2, %r1, 128, %r0;
  shl.b32 %r3, %r0, 2; mov.u32 %r4, tile; add.s32 %r4, %r4, %r3;
  mul.lo.s32 %r5, %r2, 2654435;
  st.shared.u32 [%r4], %r5;
  bar.sync 0;
  xor.b32 %r3, %r3, 64; mov.u32 %r6, tile; add.s32 %r6, %r6, %r3;
  ld.shared.u32 %r5, [%r6];
  shfl.sync.bfly.b32 %r7, %r5, 3, 31, -1;
  add.s32 %r5, %r5, %r7;
  and.b32 %r8, %r0, 7;
loop:
  setp.eq.s32 %p0, %r8, 0;
  @%p0 bra done;
  mad.lo.s32 %r5, %r5, 3, %r8;
  add.s32 %r8, %r8, -1;
  and.b32 %r9, %r5, 1;
  setp.eq.s32 %p1, %r9, 1;
  @%p1 bra odd;
  add.s32 %r5, %r5, 17;
odd:
  bra loop;
done:
  ld.param.u32 %r10, [count];
  setp.ge.u32 %p2, %r2, %r10;
  @%p2 ret;
  ld.param.u64 %rd0, [out]; mad.wide.u32 %rd1, %r2, 8, %rd0;
  st.global.u32 [%rd1], %r5;
  setp.lt.u32 %p3, %r0, 64;
  @%p3 exit;
  not.b32 %r11, %r5;
  st.global.u32 [%rd1+4], %r11;
  ret;
}
)");
  base::Result<Kernel> kernel = Kernel::Prepare(module, "k");
  ASSERT_TRUE(kernel.ok()) << kernel.error().ToString();
  const std::vector<std::uint8_t> expected = RunKernel(*kernel, 1024, 1);
  kernel->Use(Compiled(*kernel));
  EXPECT_GT(kernel->compiled().compiled, 15u);
  EXPECT_EQ(RunKernel(*kernel, 1024, 1), expected);
  EXPECT_GT(std::count(expected.begin(), expected.end(), 0), 0);
}

// Three ways: the interpreter, the compiled code and the fuzzer's evaluator, on programs out of
// random bytes. Catches what only a sequence shows: a value that is stale, dropped or written back
// late.
TEST(CompiledTest, RandomProgramsThreeWays) {
  if (FindCompiler().empty()) GTEST_SKIP() << "no C++ compiler";
  constexpr std::size_t kPrograms = 24;
  std::mt19937 random(1);
  std::vector<fuzz::PtxProgram> programs;
  std::vector<Module> modules;
  std::vector<Kernel> kernels;
  modules.reserve(kPrograms);
  for (std::size_t i = 0; i < kPrograms; ++i) {
    std::vector<std::uint8_t> bytes(400);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    bytes[0] = 40;  // As many instructions as may be.
    fuzz::ByteReader reader(bytes);
    programs.push_back(fuzz::ReadPtxProgram(reader));
    base::Result<Module> module = ParseModule(programs.back().text, "t.ptx");
    ASSERT_TRUE(module.ok()) << module.error().ToString();
    modules.push_back(std::move(*module));
    base::Result<Kernel> kernel = Kernel::Prepare(modules.back(), "k");
    ASSERT_TRUE(kernel.ok()) << kernel.error().ToString();
    kernels.push_back(std::move(*kernel));
  }
  std::vector<const Program*> pointers;
  for (const Kernel& kernel : kernels) pointers.push_back(&kernel.program());
  base::Result<std::vector<CompiledRuns>> runs = CompileRuns(pointers);
  ASSERT_TRUE(runs.ok()) << runs.error().ToString();
  for (std::size_t i = 0; i < kPrograms; ++i) {
    for (const bool compiled : {false, true}) {
      if (compiled) kernels[i].Use((*runs)[i]);
      Memory memory;
      const DeviceAddress in = memory.UploadConstant("in", programs[i].in);
      const DeviceAddress out = memory.Allocate("out", programs[i].out.size());
      const base::Result<RunReport> report =
          kernels[i].Launch({.grid = {1}, .block = {32}}, Arguments().Add(in).Add(out), memory);
      ASSERT_TRUE(report.ok()) << report.error().ToString();
      const auto got = memory.Bytes(out);
      EXPECT_TRUE(std::equal(got.begin(), got.end(), programs[i].out.begin()))
          << (compiled ? "compiled" : "interpreted") << "\n"
          << programs[i].text;
    }
  }
}

// Catches: fused products compiled as what their instructions say.
TEST(CompiledTest, ContractedProgramsAreInterpreted) {
  if (FindCompiler().empty()) GTEST_SKIP() << "no C++ compiler";
  const Module module = ParseText(
      ".visible .entry k(.param .u64 in, .param .u64 out, .param .u32 count)\n{\n"
      ".reg .f32 %f<4>;\nmul.f32 %f0, %f1, %f2;\nadd.f32 %f3, %f0, %f1;\nret;\n}\n");
  const base::Result<Kernel> kernel = Kernel::Prepare(module, "k", true);
  ASSERT_TRUE(kernel.ok()) << kernel.error().ToString();
  ASSERT_EQ(kernel->program().contracted, 1);
  EXPECT_TRUE(Compiled(*kernel).by_begin.empty());
}

// Catches: a missing or failing compiler that crashes, or that is taken for success.
TEST(CompiledTest, NoCompilerIsAnError) {
  const char* const before = std::getenv("CXX");
  const std::string kept = before != nullptr ? before : "";
  const Program program;
  const Program* const pointer = &program;
  setenv("CXX", "/no/such/compiler", 1);
  EXPECT_EQ(FindCompiler(), "");
  const auto none = CompileRuns({&pointer, 1});
  setenv("CXX", "/bin/false", 1);
  const auto fails = CompileRuns({});
  before != nullptr ? setenv("CXX", kept.c_str(), 1) : unsetenv("CXX");
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().exit_code, base::ExitCode::kEnvironment);
  ASSERT_FALSE(fails.ok());
  EXPECT_EQ(fails.error().exit_code, base::ExitCode::kEnvironment);
}

}  // namespace
}  // namespace ulproof::gpu::ptx
