// SPDX-License-Identifier: Apache-2.0
// The table of forms itself. Would catch: a row that nothing can match (shadowed or misspelt), a
// row whose binder refuses its own modifiers, an operands column that does not parse, a combination
// that PTX has not and a row lets through.
#include "gpu/ptx/form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "gpu/ptx/operand_spec.h"

namespace ulproof::gpu::ptx {
namespace {

using ::testing::HasSubstr;

// Every opcode alternative with, for each group, one choice: all choices of one group in turn, the
// first of the others; optional groups absent unless it is their turn.
std::vector<std::vector<std::string_view>> Mnemonics(const FormRow& row) {
  std::vector<std::vector<std::string_view>> groups;
  std::vector<bool> optional;
  for (std::string_view word : base::Split(row.pattern, ' ')) {
    if (word.empty()) continue;
    optional.push_back(word.ends_with('?'));
    if (optional.back()) word.remove_suffix(1);
    groups.push_back(base::Split(word, '|'));
  }
  std::vector<std::vector<std::string_view>> mnemonics;
  for (std::size_t turn = 0; turn < groups.size(); ++turn) {
    for (const std::string_view choice : groups[turn]) {
      std::vector<std::string_view>& mnemonic = mnemonics.emplace_back();
      for (std::size_t g = 0; g < groups.size(); ++g) {
        if (g == turn) mnemonic.push_back(choice);
        if (g != turn && !optional[g]) mnemonic.push_back(groups[g][0]);
      }
    }
  }
  return mnemonics;
}

TEST(FormTable, EveryRowMatchesAndBinds) {
  std::size_t forms_seen = 0;
  for (const FormRow& row : FormTable()) {
    bool bound = row.control != Control::kNone && row.control != Control::kMembers;
    for (const std::vector<std::string_view>& mnemonic : Mnemonics(row)) {
      std::string reason;
      const std::vector<Form> forms =
          MatchForms(mnemonic[0], std::span(mnemonic).subspan(1), &reason);
      const auto own = std::find_if(forms.begin(), forms.end(),
                                    [&](const Form& form) { return form.row == &row; });
      ASSERT_NE(own, forms.end()) << row.pattern << ": " << reason;
      EXPECT_FALSE(OperandSpecsOf(*own).empty()) << row.pattern;
      bound = bound || row.bind(*own).execute != nullptr;
      ++forms_seen;
    }
    EXPECT_TRUE(bound) << row.pattern << ": no choice of modifiers has semantics";
  }
  EXPECT_GT(forms_seen, 1000U);
}

TEST(FormTable, RefusesWhatPtxHasNot) {
  const auto is_form = [](std::string_view text) {
    const std::vector<std::string_view> parts = base::Split(text, '.');
    std::string reason;
    for (const Form& form : MatchForms(parts[0], std::span(parts).subspan(1), &reason)) {
      if (form.row->bind(form).execute != nullptr) return true;
    }
    return false;
  };
  for (const std::string_view text : {"add.sat.u32",      "add.rn.s32",
                                      "add.u8",           "mul.u32",
                                      "mul.wide.u64",     "mul.wide.b32",
                                      "mad.u32",          "div.f32",
                                      "sqrt.f32",         "fma.f32",
                                      "fma.rn.ftz.f64",   "fma.rn.sat.bf16",
                                      "add.ftz.bf16",     "fma.rz.bf16",
                                      "cvt.f16.f32",      "cvt.u32.f32",
                                      "cvt.rn.u32.f32",   "cvt.rn.f32.f16",
                                      "cvt.rni.f16.f32",  "cvt.f32.s32",
                                      "cvt.rn.s32.s64",   "cvt.rn.e4m3x2.f32",
                                      "cvt.rna.f16.f32",  "setp.equ.u32",
                                      "setp.lt",          "setp.num.s64",
                                      "selp.pred",        "slct.f32.u32",
                                      "shf.l.b32",        "shl.u32",
                                      "abs.u32",          "neg.u32",
                                      "lop3.b64",         "min.NaN.f64",
                                      "min.xorsign.f32",  "atom.add.b16",
                                      "atom.cas.f32",     "redux.sync.add.b32",
                                      "shfl.up.b32",      "vote.all.pred",
                                      "mma.sync.aligned", "wgmma.fence",
                                      "ld.global.v3.f32", "tex.2d",
                                      "copysign.b32"}) {
    EXPECT_FALSE(is_form(text)) << text;
  }
  for (const std::string_view text :
       {"ex2.approx.f32.ftz", "cvt.rn.relu.satfinite.bf16x2.f32", "atom.global.cta.add.u32",
        "ld.global.nc.L1::evict_first.L2::cache_hint.v4.b32", "bar.sync", "mov.pred"}) {
    EXPECT_TRUE(is_form(text)) << text;
  }
}

TEST(FormTable, ReasonsNameTheCulprit) {
  std::string reason;
  const std::string_view unknown[] = {"fast", "u32"};
  EXPECT_TRUE(MatchForms("add", unknown, &reason).empty());
  EXPECT_EQ(reason, "unknown modifier '.fast' of 'add'");
  const std::string_view together[] = {"rn", "u32"};
  EXPECT_TRUE(MatchForms("add", together, &reason).empty());
  EXPECT_THAT(reason, HasSubstr("together"));
  EXPECT_TRUE(MatchForms("wmma", together, &reason).empty());
  EXPECT_EQ(reason, "unknown instruction 'wmma'");
}

}  // namespace
}  // namespace ulproof::gpu::ptx
