// SPDX-License-Identifier: Apache-2.0
// Manifests: what each word of the JSON means, that everything else is an error with its place, the
// default argument order, and what a manifest is held against in the compiled file. A typo that
// passes in silence would verify another kernel than the user's.
#include "gpu/user_kernel/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "gpu/golden/golden.h"
#include "gpu/user_kernel/user_kernel.h"

namespace ulproof::gpu {
namespace {

using formats::Operation;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = ManifestArgument::Kind;

Operation Op(std::string_view text) {
  auto op = formats::ParseOperation(text);
  EXPECT_TRUE(op.ok()) << text;
  return std::move(op).value();
}

const Operation& Cast() {
  static const Operation op = Op("cast from=bfloat16 to=float8_e4m3fn overflow=sat");
  return op;
}
const Operation& Sample() {
  static const Operation op = Op("sample from=bfloat16 to=bfloat16 law=rg16");
  return op;
}

// A whole manifest around what a test is about.
std::string WithArguments(const std::string& arguments, const std::string& more = "") {
  return R"({"launches": [{"arguments": [)" + arguments + R"(], "grid": 1, "block": 32}])" + more +
         "}";
}

std::string ErrorOf(const std::string& json, const std::optional<Operation>& op) {
  const auto manifest = ParseManifest(json, "m.json", op);
  return manifest.ok() ? "" : manifest.error().ToString();
}

TEST(ManifestTest, ReadsEverything) {
  const auto manifest = ParseManifest(R"json({
    "operation": "sample from=bfloat16 to=bfloat16 law=rg16",
    "scratch": [{"name": "maxima", "bytes": "4 * blocks"}],
    "launches": [
      {"entry": "first", "arguments": ["w", {"role": "scratch", "name": "maxima"}, "count"],
       "grid": "blocks", "block": 32, "notes": "maxima of the blocks"},
      {"entry": "second",
       "arguments": [{"role": "output"}, {"role": "input", "port": "w"},
                     {"role": "bits", "type": "f32"}, "scale", "max", "noise", "scratch",
                     {"role": "rows", "type": "i32"}, "seed",
                     {"role": "constant", "type": "f32", "value": 0.5},
                     {"role": "constant", "type": "i32", "value": -2},
                     {"role": "constant", "value": "cols * 2"}],
       "grid": ["ceil_div(cols, 32)", "ceil_div(rows, 8)", 1], "block": [32, 8],
       "shared_bytes": "4 * 32"}],
    "fixed": {"cols": 1024}, "multiple_of": {"rows": 32}, "at_most": {"seed": 0, "rows": 64},
    "nan": "any",
    "notes": "all that there is"
})json",
                                      "m.json", std::nullopt);
  ASSERT_TRUE(manifest.ok()) << manifest.error().ToString();
  EXPECT_EQ(OperationName(PrototypeOf(manifest->op)), OperationName(PrototypeOf(Sample())));
  ASSERT_EQ(manifest->launches.size(), 2u);
  const ManifestLaunch& second = manifest->launches[1];
  std::vector<Kind> kinds;
  for (const ManifestArgument& argument : second.arguments) kinds.push_back(argument.kind);
  EXPECT_THAT(kinds, ElementsAre(Kind::kOutput, Kind::kInput, Kind::kInput, Kind::kDerived,
                                 Kind::kDerived, Kind::kDerived, Kind::kScratch, Kind::kExpression,
                                 Kind::kExpression, Kind::kBits, Kind::kBits, Kind::kExpression));
  EXPECT_EQ(second.arguments[2].index, 1u);  // The port `bits`.
  EXPECT_EQ(second.arguments[9].bits, 0x3F000000u);
  EXPECT_EQ(second.arguments[10].bits, ~std::uint64_t{1});
  EXPECT_EQ(second.grid[1].text(), "ceil_div(rows, 8)");
  EXPECT_EQ(second.shared_bytes.text(), "4 * 32");
  EXPECT_EQ(manifest->scratch.front().bytes.text(), "4 * blocks");
  EXPECT_EQ(manifest->fixed.front().value, 1024u);
  EXPECT_EQ(manifest->at_most.size(), 2u);
  EXPECT_TRUE(manifest->any_nan);
}

TEST(ManifestTest, ErrorsNameTheirPlace) {
  struct Row {
    std::string json;
    std::string message;
  };
  const std::vector<Row> rows = {
      {"", "m.json:1:1: not JSON"},
      {"{\n  \"launches\": [,]\n}", "m.json:2:16: not JSON"},
      {"{\n  \"operation\": \"cast\"\n", "m.json:3:1: not JSON"},
      {"{\n  \"block\": 1e999}", "m.json:2:12: 1e999 is no number of binary64"},
      {"[]", "expected an object"},
      {R"({"launchs": []})", "unknown key 'launchs' (did you mean 'launches'?)"},
      {R"({"launches": [], "launches": []})", "\"launches\" stands twice"},
      {R"({"operation": "cats"})", "/operation: line 1:1: operation: unknown operation 'cats'"},
      {R"({"operation": "cast from=float32 to=bfloat16", "launches": []})",
       "is not the operation of the command line"},
      {"{}", "no \"launches\""},
      {R"({"launches": []})", "/launches: expected a list"},
      {R"({"launches": [{}]})", "/launches/0: no \"arguments\""},
      {R"({"launches": [{"arguments": [], "grid": 1}]})", "/launches/0: no \"block\""},
      {R"({"launches": [{"arguments": [], "grid": [], "block": 1}]})",
       "/launches/0/grid: expected 1 to 3"},
      {R"({"launches": [{"arguments": [], "grid": -1, "block": 1}]})",
       "/launches/0/grid: expected a number >= 0 or an expression"},
      {R"({"launches": [{"arguments": [], "grid": ["1", "count +"], "block": 1}]})",
       "/launches/0/grid/1: expression 'count +', column 8: expected a number"},
      {R"({"launches": [{"arguments": [], "grid": "colls", "block": 1}]})",
       "unknown name 'colls' (did you mean 'cols'?)"},
      {R"({"launches": [{"arguments": [], "grid": 1, "block": 1, "shared": 1}]})",
       "/launches/0: unknown key 'shared'"},
      {WithArguments("7"), "/launches/0/arguments/0: expected an object"},
      {WithArguments(R"("input", "ouput")"),
       "/launches/0/arguments/1: unknown role 'ouput' (did you mean 'output'?)"},
      {WithArguments(R"("scale")"), "unknown role 'scale'"},  // A cast has no scale.
      {WithArguments(R"({"type": "u32"})"), "/launches/0/arguments/0: no \"role\""},
      {WithArguments(R"({"role": "count", "type": "uint32"})"),
       "/launches/0/arguments/0/type: unknown type 'uint32'"},
      {WithArguments(R"({"role": "count", "value": 3})"), "\"value\" has no meaning for role"},
      {WithArguments(R"({"role": "input", "port": "w"})"), "/port: unknown port 'w'"},
      {WithArguments(R"("scratch")"), "which of the scratch buffers"},
      {WithArguments(R"({"role": "constant"})"), "no \"value\""},
      {WithArguments(R"({"role": "constant", "value": -1})"), "needs a \"type\""},
      {WithArguments(R"({"role": "constant", "value": 1.5})"), "/value: expected a number"},
      {WithArguments("", R"(, "fixed": {"cols": 0})"), "/fixed/cols: expected a positive"},
      {WithArguments("", R"(, "fixed": {"seed": 1})"), "/fixed: unknown key 'seed'"},
      {WithArguments("", R"(, "layouts": {"y": "packed_low_first"})"),
       "/layouts/y: 'packed_low_first' is for 4-bit codes"},
      {WithArguments("", R"(, "nan": "some")"), "/nan: unknown choice 'some'"},
      {WithArguments("", R"(, "layouts": {"z": "bytes"})"), "/layouts: unknown key 'z'"},
      {WithArguments("", R"(, "scratch": [{"name": "t"}])"), "/scratch/0: no \"bytes\""},
  };
  for (const Row& row : rows) {
    EXPECT_THAT(ErrorOf(row.json, Cast()), HasSubstr(row.message)) << row.json;
    EXPECT_THAT(ErrorOf(row.json, Cast()), HasSubstr("m.json")) << row.json;
  }
  EXPECT_THAT(ErrorOf(WithArguments(""), std::nullopt), HasSubstr("none on the command line"));
}

std::vector<EntryInfo> Entry(std::vector<std::uint64_t> bytes, std::string name = "k") {
  return {{.name = std::move(name), .parameter_bytes = std::move(bytes), .line = 12}};
}

std::string BindError(const std::string& json, const Operation& op,
                      const std::vector<EntryInfo>& entries) {
  auto manifest = ParseManifest(json, "m.json", op);
  EXPECT_TRUE(manifest.ok()) << manifest.error().ToString();
  const auto kernel = UserKernel::Bind(std::move(manifest).value(), entries, "k.ptx");
  return kernel.ok() ? "" : kernel.error().ToString();
}

TEST(UserKernelTest, HoldsTheManifestAgainstTheEntry) {
  const std::string fine = WithArguments(R"("input", "output", "count")");
  EXPECT_EQ(BindError(fine, Cast(), Entry({8, 8, 4})), "");
  EXPECT_EQ(BindError(fine, Cast(), Entry({8, 8, 8})), "");
  EXPECT_THAT(BindError(fine, Cast(), {}), HasSubstr("k.ptx: no kernel entry"));
  EXPECT_THAT(BindError(fine, Cast(), Entry({8, 8})),
              HasSubstr("k.ptx:12: entry k takes 2 parameters (8, 8 bytes), but m.json gives 3"));
  EXPECT_THAT(BindError(fine, Cast(), Entry({8, 4, 4})),
              HasSubstr("/launches/0/arguments/1: an address takes 8 bytes; the kernel's parameter "
                        "has 4"));
  EXPECT_THAT(BindError(fine, Cast(), Entry({8, 8, 24})), HasSubstr("structures passed by value"));
  EXPECT_THAT(BindError(WithArguments(R"("input", "output", {"role": "count", "type": "i32"})"),
                        Cast(), Entry({8, 8, 8})),
              HasSubstr("i32 has 4 bytes; the kernel's parameter has 8"));
  EXPECT_THAT(BindError(WithArguments(R"("input", "count")"), Cast(), Entry({8, 4})),
              HasSubstr("no argument is output 'y'"));
  EXPECT_THAT(BindError(WithArguments(R"("output")"), Cast(), Entry({8})),
              HasSubstr("no argument is input 'x'"));
  EXPECT_THAT(BindError(WithArguments(R"({"role": "w", "type": "u16"}, "bits", "sampled")"),
                        Sample(), Entry({2, 8, 8})),
              HasSubstr("cannot be passed by value"));
  const auto two = std::vector<EntryInfo>{{"a", {8, 8, 4}, 1}, {"b", {8, 8, 4}, 9}};
  EXPECT_THAT(BindError(fine, Cast(), two), HasSubstr("2 entries: a launch must name its"));
  const auto named = [](const std::string& entry) {
    return R"({"launches": [{"entry": ")" + entry +
           R"(", "arguments": ["input", "output", "count"], "grid": 1, "block": 32}]})";
  };
  EXPECT_EQ(BindError(named("b"), Cast(), two), "");
  EXPECT_THAT(BindError(named("cast_a"), Cast(), two), HasSubstr("k.ptx: unknown entry 'cast_a'"));
  // A C++ kernel by the name in its source.
  EXPECT_EQ(BindError(named("my_cast"), Cast(), Entry({8, 8, 4}, "_Z7my_castPK13__nv_bfloat16Phj")),
            "");
}

// What would fail on every case of the suite is one error before it.
TEST(UserKernelTest, TriesItsExpressionsFirst) {
  const auto error = [](const std::string& grid, const std::string& block) {
    return BindError(R"({"launches": [{"arguments": ["input", "output"], "grid": ")" + grid +
                         R"(", "block": ")" + block + R"("}]})",
                     Cast(), Entry({8, 8}));
  };
  EXPECT_EQ(error("count", "32"), "");
  EXPECT_THAT(error("count / (rows - 1)", "32"),
              HasSubstr("m.json: /launches/0/grid: expression 'count / (rows - 1)': division by "
                        "zero"));
  EXPECT_THAT(error("count / 64", "32"), HasSubstr("'count / 64' is 0 for shape 1x1"));
  EXPECT_THAT(error("1", "count"), HasSubstr("1 to 1024 is possible"));
}

// The nearest call that a kernel takes, for each thing that it may lack.
TEST(UserKernelTest, FitsCallsToTheKernel) {
  const auto bind = [](const std::string& json, const Operation& op,
                       std::vector<std::uint64_t> bytes) {
    auto manifest = ParseManifest(json, "m.json", op);
    EXPECT_TRUE(manifest.ok()) << manifest.error().ToString();
    auto kernel = UserKernel::Bind(std::move(manifest).value(), Entry(std::move(bytes)), "k.ptx");
    EXPECT_TRUE(kernel.ok()) << kernel.error().ToString();
    return std::move(kernel).value();
  };
  const Operation call =
      Op("sample from=bfloat16 to=bfloat16 law=rg16 pow2=1 bits=block shape=3x50 stride=60 "
         "seed=8589934597 stream=7 offset=4294967301");
  const auto fitted = [&](const UserKernel& kernel) {
    const Operation fit = kernel.Fit(call);
    EXPECT_EQ(kernel.why_unsupported(fit), "");
    const std::string name = OperationName(fit);
    return name.substr(name.find("pow2="));
  };
  // All of it.
  EXPECT_EQ(fitted(bind(WithArguments(R"("w", "bits", "sampled", "rows", "cols", "index_stride",
                                         "bits_per_block", "pow2", "seed", "stream", "offset")"),
                        Sample(), {8, 8, 8, 8, 8, 8, 4, 4, 8, 8, 8})),
            "pow2=1 bits=block shape=3x50 stride=60 seed=8589934597 stream=7 offset=4294967301");
  // No flags, no stride, 32-bit seed, signed offset, stream bounded.
  const UserKernel narrow =
      bind(WithArguments(R"("w", "bits", "sampled", "rows", "cols", "seed", "stream",
                            {"role": "offset", "type": "i32"})",
                         R"(, "at_most": {"stream": 4})"),
           Sample(), {8, 8, 8, 8, 8, 4, 8, 4});
  EXPECT_EQ(fitted(narrow), "pow2=0 bits=tensor shape=3x50 seed=5 stream=2 offset=5");
  EXPECT_THAT(
      narrow.Restrictions(),
      ElementsAre("bits=tensor always: no argument carries it",
                  "pow2=0 always: no argument carries it",
                  "stride is the number of columns always: no argument carries it",
                  "seed at most 4294967295", "stream at most 4", "offset at most 2147483647"));
  EXPECT_THAT(narrow.why_unsupported(call), HasSubstr("cannot say"));
  EXPECT_THAT(narrow.why_unsupported(Cast()), HasSubstr("the kernel computes sample"));
  // A flat kernel; whole blocks only; a bitwidth by value, which is one for the tensor.
  EXPECT_EQ(fitted(bind(WithArguments(R"("w", {"role": "bits", "type": "f32"}, "sampled", "count",
                                         "bits_per_block")",
                                      R"(, "multiple_of": {"cols": 32})"),
                        Sample(), {8, 4, 8, 4, 4})),
            "pow2=0 bits=tensor shape=1x64 seed=0 stream=0 offset=0");
  // With the scale given, the flags that went into it are free.
  EXPECT_EQ(fitted(bind(WithArguments(R"("w", "scale", "sampled", "cols")",
                                      R"(, "fixed": {"cols": 96}, "at_most": {"rows": 2})"),
                        Sample(), {8, 8, 8, 4})),
            "pow2=1 bits=block shape=2x96 seed=0 stream=0 offset=0");
}

TEST(DefaultManifestTest, TakesOurOwnOrder) {
  const Operation op = Op("cast from=float32 to=bfloat16");
  const auto entries = EntriesOf(GoldenPtx("sm_80", "cast"), "cast.ptx");
  ASSERT_TRUE(entries.ok()) << entries.error().ToString();
  std::vector<std::string> names;
  for (const EntryInfo& entry : *entries) names.push_back(entry.name);
  // By name out of many; the optimised one before the plain one.
  auto manifest = DefaultManifest(op, names);
  ASSERT_TRUE(manifest.ok()) << manifest.error().ToString();
  EXPECT_EQ(manifest->launches.front().entry, "cast_float32_bfloat16_rne_ovf");
  const auto kernel = UserKernel::Bind(std::move(manifest).value(), *entries, "cast.ptx");
  ASSERT_TRUE(kernel.ok()) << kernel.error().ToString();
  EXPECT_THAT(kernel->Restrictions(), IsEmpty());
  // The only entry, under any name, one thread an element.
  manifest = DefaultManifest(op, std::vector<std::string>{"mine"});
  ASSERT_TRUE(manifest.ok());
  EXPECT_EQ(manifest->launches.front().entry, "mine");
  EXPECT_EQ(manifest->launches.front().grid[0].text(), "ceil_div(count, 256)");
  // Another target of the same kind has the same order.
  EXPECT_TRUE(
      DefaultManifest(Op("cast from=float16 to=float8_e3m4"), std::vector<std::string>{"k"}).ok());
  // Two launches with scratch memory between them.
  const Operation nvfp4 = Op("quantize from=bfloat16 format=nvfp4");
  const auto quantize = EntriesOf(GoldenPtx("sm_80", "block_quantize"), "q.ptx");
  ASSERT_TRUE(quantize.ok());
  names.clear();
  for (const EntryInfo& entry : *quantize) names.push_back(entry.name);
  manifest = DefaultManifest(nvfp4, names);
  ASSERT_TRUE(manifest.ok());
  EXPECT_EQ(manifest->launches.size(), 2u);
  EXPECT_EQ(manifest->scratch.size(), 1u);
  EXPECT_TRUE(UserKernel::Bind(std::move(manifest).value(), *quantize, "q.ptx").ok());
}

// Blocks and levels are built into an operation and arguments of our kernels. Would catch: int4 for
// every range of levels, a grid that is too small for batches of rows, one rule's order for
// another.
TEST(DefaultManifestTest, PassesWhatTheOperationHasBuiltIn) {
  const auto manifest_of = [](const Operation& op, const std::string& entry) {
    auto manifest = DefaultManifest(op, std::vector<std::string>{entry});
    EXPECT_TRUE(manifest.ok()) << manifest.error().ToString();
    return std::move(manifest).value();
  };
  const auto bits_of = [](const Manifest& manifest) {
    std::vector<std::uint64_t> bits;
    for (const ManifestArgument& argument : manifest.launches.back().arguments) {
      if (argument.kind == Kind::kBits) bits.push_back(argument.bits);
    }
    return bits;
  };
  const Operation refit = Op("refit from=bfloat16 levels=uint4 zero=mean block=1x128");
  EXPECT_THAT(bits_of(manifest_of(refit, "mine")), ElementsAre(1, 128, 0, 0x41700000, 1));
  EXPECT_EQ(manifest_of(refit, "mine").launches[0].grid[0].text(), "ceil_div(blocks, 8)");
  EXPECT_EQ(manifest_of(refit, "refit_bfloat16_int").launches[0].grid[0].text(),
            "min(ceil_div(blocks, 256), 8192)");
  EXPECT_THAT(bits_of(manifest_of(Op("fit fit=range levels=int4 block=4x8"), "mine")),
              ElementsAre(4, 8, 0x41700000, 0xC1000000));
  EXPECT_THAT(bits_of(manifest_of(Op("fit fit=minmax levels=float4_e2m1fn"), "mine")),
              ElementsAre(32, 32, 0x40C00000));
  // The best scale takes no rule.
  const auto rules = [](const Manifest& manifest) {
    return std::ranges::count(manifest.launches.back().arguments, "rule", &ManifestArgument::place);
  };
  EXPECT_EQ(rules(manifest_of(Op("quantize format=mxfp4 rule=best"), "mine")), 0);
  EXPECT_EQ(rules(manifest_of(Op("quantize format=mxfp4 rule=ceil"), "mine")), 1);
}

TEST(DefaultManifestTest, SaysWhenThereIsNone) {
  const Operation op = Op("cast from=float32 to=bfloat16");
  const auto error = [](const Operation& o, const std::vector<std::string>& entries) {
    const auto manifest = DefaultManifest(o, entries);
    return manifest.ok() ? "" : manifest.error().message;
  };
  EXPECT_THAT(error(op, {}), HasSubstr("no kernel entry"));
  EXPECT_THAT(error(op, {"a", "b"}), HasSubstr("2 entries"));
  EXPECT_THAT(error(Op("dequantize format=mxfp4 to=float32"), {"a"}),
              HasSubstr("no default argument order"));
}

}  // namespace
}  // namespace ulproof::gpu
