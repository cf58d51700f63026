// SPDX-License-Identifier: Apache-2.0
// Kernels that nobody here wrote, behind the backend interface: their answers on the simulator, in
// several orders of execution, with derived inputs, values packed two a byte and arguments by
// value; and what is said when they fault. A wrong address or width here would blame the user.
#include "gpu/user_kernel/user_kernel_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "gpu/simulator_machine.h"
#include "gpu/user_kernel/plugin_backend.h"
#include "reference/backend_reference.h"
#include "reference/compare/inputs.h"
#include "reference/compare/judge.h"

namespace ulproof::gpu {
namespace {

using formats::Operation;
using testing::HasSubstr;

formats::Backend& Truth() {
  static const std::unique_ptr<formats::Backend> truth = reference::MakeReferenceBackend();
  return *truth;
}

std::string Example(const std::string& name) {
  std::ostringstream text;
  text << std::ifstream(std::string(ULPROOF_SOURCE_DIR "/examples/verify/") + name).rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

// The kernel on the simulator in two orders, races checked.
std::unique_ptr<formats::Backend> Backend(const std::string& ptx, const std::string& json) {
  auto manifest = ParseManifest(json, "m.json", std::nullopt);
  EXPECT_TRUE(manifest.ok()) << manifest.error().ToString();
  const auto entries = EntriesOf(ptx, "k.ptx");
  EXPECT_TRUE(entries.ok()) << entries.error().ToString();
  auto kernel = UserKernel::Bind(std::move(manifest).value(), *entries, "k.ptx");
  EXPECT_TRUE(kernel.ok()) << kernel.error().ToString();
  UserKernelBackendOptions options;
  options.name = "simulator";
  options.kernel = std::make_shared<const UserKernel>(std::move(kernel).value());
  options.truth = &Truth();
  for (const ptx::Order order : {ptx::Order::kForward, ptx::Order::kReverse}) {
    ptx::LaunchOptions launch;
    launch.block_order = order;
    launch.warp_order = order;
    launch.check_races = true;
    auto module = MakeSimulatorMachine({.launch = launch})->Load(ptx, "k.ptx");
    EXPECT_TRUE(module.ok()) << module.error().ToString();
    options.modules.push_back({"in reverse order", std::move(module).value()});
  }
  return MakeUserKernelBackend(std::move(options));
}

// Mismatches over some random calls, or the first error.
std::string Verdict(
    formats::Backend& backend, const Operation& prototype,
    const std::function<void(Operation&)>& change = [](Operation&) {}) {
  reference::Rng rng(1);
  std::uint64_t mismatches = 0;
  std::uint64_t cases = 0;
  for (int i = 0; i < 60; ++i) {
    Operation op = reference::RandomCall(prototype, rng);
    change(op);
    if (!backend.why_unsupported(op).empty()) continue;
    ++cases;
    const auto judged = reference::Judge(Truth(), backend, reference::RandomCase(op, rng));
    if (!judged.ok()) return judged.error().ToString();
    mismatches += judged->mismatches;
  }
  if (cases < 20) return "only " + std::to_string(cases) + " cases";
  return mismatches == 0 ? "right" : "wrong";
}

Operation Op(std::string_view text) {
  auto op = formats::ParseOperation(text);
  EXPECT_TRUE(op.ok()) << text;
  return std::move(op).value();
}

const char* const kCast = "cast from=bfloat16 to=float8_e4m3fn overflow=sat";

TEST(UserKernelBackendTest, RunsAForeignCast) {
  const auto right = Backend(Example("cast_bf16_e4m3.ptx"), Example("cast_bf16_e4m3.json"));
  EXPECT_EQ(Verdict(*right, Op(kCast)), "right");
  const auto wrong =
      Backend(Example("cast_bf16_e4m3_truncated.ptx"), Example("cast_bf16_e4m3.json"));
  EXPECT_EQ(Verdict(*wrong, Op(kCast)), "wrong");
}

TEST(UserKernelBackendTest, FeedsTheReferencesScale) {
  const auto perturb = Backend(Example("perturb.ptx"), Example("perturb.json"));
  const auto fit = [](Operation& op) {
    op.shape.index_stride = 0;
    op.key.offset = 0;
  };
  EXPECT_EQ(Verdict(*perturb, Op("sample from=bfloat16 to=bfloat16 law=rg16"), fit), "right");
  // CUDA's conversion gives another NaN than the canonical one; the manifest allows any.
  std::string strict = Example("perturb.json");
  strict.replace(strict.find("\"any\""), 5, "\"canonical\"");
  EXPECT_EQ(Verdict(*Backend(Example("perturb.ptx"), strict),
                    Op("sample from=bfloat16 to=bfloat16 law=rg16"), fit),
            "wrong");
}

// Host code that launches one block for nothing, and a kernel that believes it.
TEST(UserKernelBackendTest, RunsACallWithoutElements) {
  const auto verdict = [](const std::string& json) {
    const std::string ptx = Example("cast_bf16_e4m3.ptx");
    auto manifest = ParseManifest(json, "m.json", std::nullopt);
    EXPECT_TRUE(manifest.ok());
    const auto kernel =
        UserKernel::Bind(std::move(manifest).value(), *EntriesOf(ptx, "k.ptx"), "k.ptx");
    EXPECT_TRUE(kernel.ok()) << kernel.error().ToString();
    const auto launches = kernel->EmptyLaunches();
    EXPECT_TRUE(launches.ok());
    const auto module = MakeSimulatorMachine()->Load(ptx, "k.ptx");
    const base::Status ran = RunEmpty(*kernel, *launches, **module);
    return std::to_string(launches->size()) + (ran.ok() ? "" : ran.error().ToString());
  };
  const std::string json = Example("cast_bf16_e4m3.json");
  EXPECT_EQ(verdict(json), "0");
  std::string one = json;
  one.replace(one.find("ceil_div(count, 256)"), 20, "max(1, ceil_div(count, 256))");
  EXPECT_EQ(verdict(one), "1");
  one.replace(one.find("\"count\"]"), 8,
              R"json({"role": "constant", "value": "max(count, 1)"}])json");
  EXPECT_THAT(verdict(one), HasSubstr("out of bounds"));
}

// Packs, unpacks, adds a scalar by value: one thread an output byte of two nibbles.
const char* const kNibblePtx = R"(.version 8.0
.target sm_80
.address_size 64
.visible .entry pairs(.param .u64 in, .param .u64 out, .param .u32 n)
{
  .reg .pred %p<2>;
  .reg .b32 %r<9>;
  .reg .b64 %d<6>;
  ld.param.u64 %d1, [in];
  ld.param.u64 %d2, [out];
  ld.param.u32 %r1, [n];
  mov.u32 %r2, %ctaid.x;
  mov.u32 %r3, %tid.x;
  mad.lo.u32 %r4, %r2, 32, %r3;
  setp.ge.u32 %p1, %r4, %r1;
  @%p1 bra DONE;
  cvt.u64.u32 %d3, %r4;
  add.u64 %d4, %d1, %d3;
  add.u64 %d5, %d2, %d3;
  ld.global.u8 %r5, [%d4];
  OPERATION
  st.global.u8 [%d5], %r5;
DONE:
  ret;
}
)";

std::string NibblePtx(const std::string& operation) {
  std::string text = kNibblePtx;
  return text.replace(text.find("OPERATION"), 9, operation);
}

// The identity cast of 4-bit codes, packed; once with the nibbles of one side the other way round.
TEST(UserKernelBackendTest, PacksNibbles) {
  const auto json = [](const std::string& x, const std::string& y) {
    return R"json({"operation": "cast from=float4_e2m1fn to=float4_e2m1fn",
      "launches": [{"arguments": ["x", "y", {"role": "constant", "value": "ceil_div(count, 2)"}],
                    "grid": "ceil_div(count, 64)", "block": 32}],
      "layouts": {"x": ")json" +
           x + R"json(", "y": ")json" + y + R"json("}})json";
  };
  const Operation op = Op("cast from=float4_e2m1fn to=float4_e2m1fn");
  const std::string copy = NibblePtx("");
  const std::string swap =
      NibblePtx("shl.b32 %r6, %r5, 4; shr.u32 %r7, %r5, 4; or.b32 %r5, %r6, %r7;");
  EXPECT_EQ(Verdict(*Backend(copy, json("packed_low_first", "packed_low_first")), op), "right");
  EXPECT_EQ(Verdict(*Backend(copy, json("packed_high_first", "packed_high_first")), op), "right");
  EXPECT_EQ(Verdict(*Backend(copy, json("packed_low_first", "packed_high_first")), op), "wrong");
  EXPECT_EQ(Verdict(*Backend(swap, json("packed_low_first", "packed_high_first")), op), "right");
  // Which end is first, by a kernel that keeps the low nibble only.
  const auto c = formats::ParseCase(
      "cast from=float4_e2m1fn to=float4_e2m1fn round=rne overflow=ovf shape=1x2 | x=5,3");
  ASSERT_TRUE(c.ok());
  const std::string low = NibblePtx("and.b32 %r5, %r5, 15;");
  const auto low_first = Backend(low, json("packed_low_first", "packed_low_first"));
  const auto high_first = Backend(low, json("packed_high_first", "packed_high_first"));
  const auto kept_first = formats::RunCase(*low_first, *c);
  const auto kept_last = formats::RunCase(*high_first, *c);
  ASSERT_TRUE(kept_first.ok() && kept_last.ok());
  EXPECT_EQ(kept_first->front().Get(0), 5u);
  EXPECT_EQ(kept_first->front().Get(1), 0u);
  EXPECT_EQ(kept_last->front().Get(0), 0u);
  EXPECT_EQ(kept_last->front().Get(1), 3u);
}

TEST(UserKernelBackendTest, SaysWhatAKernelDoesToMemory) {
  const auto json = [](const std::string& count) {
    return R"json({"operation": "cast from=float8_e5m2 to=float8_e5m2",
      "launches": [{"arguments": ["x", "y", {"role": "constant", "value": ")json" +
           count + R"json("}], "grid": "ceil_div(count, 32)", "block": 32}]})json";
  };
  const Operation op = Op("cast from=float8_e5m2 to=float8_e5m2");
  const std::string copy = NibblePtx("");
  EXPECT_THAT(Verdict(*Backend(copy, json("count + 1")), op), HasSubstr("out of bounds"));
  EXPECT_THAT(Verdict(*Backend(copy, json("count - 1")), op), HasSubstr("nothing wrote byte"));
  EXPECT_THAT(Verdict(*Backend(NibblePtx("st.global.u8 [%d4], %r5;"), json("count")), op),
              HasSubstr("store to read-only memory"));
  // The last block to run writes element 0.
  EXPECT_THAT(Verdict(*Backend(NibblePtx("st.global.u8 [%d2], %r2;"), json("count")), op),
              HasSubstr("depends on the order of execution"));
}

TEST(PluginTest, LoadsAndJudges) {
  const auto plugin = LoadPlugin(ULPROOF_EXAMPLE_PLUGIN);
  ASSERT_TRUE(plugin.ok()) << plugin.error().ToString();
  EXPECT_EQ((*plugin)->name(), "plugin");
  EXPECT_EQ(Verdict(**plugin, Op("cast from=float32 to=bfloat16")), "right");
  EXPECT_THAT((*plugin)->why_unsupported(Op("cast from=float32 to=float16")),
              HasSubstr("only float32 to bfloat16"));
}

TEST(PluginTest, RefusesWhatIsNone) {
  EXPECT_EQ(LoadPlugin("/nonexistent.so").error().exit_code, base::ExitCode::kEnvironment);
  const auto other = LoadPlugin(ULPROOF_NO_PLUGIN);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().exit_code, base::ExitCode::kUsage);
  EXPECT_THAT(other.error().ToString(), HasSubstr("not a plugin"));
}

// Each fault that the plugin's guards are for, one a library (plugin_faults.c).
TEST(PluginTest, CatchesFaults) {
  const auto verdict = [](const std::string& operation) {
    const auto plugin = LoadPlugin(ULPROOF_FAULTY_PLUGIN);
    EXPECT_TRUE(plugin.ok());
    return Verdict(**plugin, Op(operation));
  };
  EXPECT_THAT(verdict("cast from=float8_e4m3fn to=float8_e4m3fn"), HasSubstr("was not written"));
  EXPECT_THAT(verdict("cast from=float8_e5m2 to=float8_e5m2"), HasSubstr("beside output y"));
  EXPECT_THAT(verdict("cast from=float8_e3m4 to=float8_e3m4"), HasSubstr("input x or the memory"));
  EXPECT_THAT(verdict("cast from=float8_e4m3b11fnuz to=float8_e4m3b11fnuz"),
              HasSubstr("input x or the memory"));
  EXPECT_THAT(verdict("cast from=float8_e4m3 to=float8_e4m3"), HasSubstr("not the same when"));
  EXPECT_THAT(verdict("cast from=float16 to=float16"), HasSubstr("no such format here"));
}

}  // namespace
}  // namespace ulproof::gpu
