// SPDX-License-Identifier: Apache-2.0
#include "gpu/ptx/compiled/expression.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"
#include "gpu/ptx/layout.h"
#include "gpu/ptx/ops/by_operand.h"

namespace ulproof::gpu::ptx::compiled {
namespace {

// Mnemonics whose value is one function of the operands 1, 2, ...
struct Row {
  std::string_view function;
  std::string_view mnemonics;
};
constexpr Row kRows[] = {
    {"Add", "add.u32 add.s32 add.u64 add.s64"},
    {"Add16", "add.u16 add.s16"},
    {"Sub", "sub.u32 sub.s32 sub.u64 sub.s64"},
    {"Sub16", "sub.u16 sub.s16"},
    {"Mul", "mul.lo.u32 mul.lo.s32 mul.lo.u64 mul.lo.s64"},
    {"Mul16", "mul.lo.u16 mul.lo.s16"},
    {"MulHiU", "mul.hi.u32"},
    {"MulHiS", "mul.hi.s32"},
    {"MulWideU", "mul.wide.u32"},
    {"MulWideS", "mul.wide.s32"},
    {"MulWideU16", "mul.wide.u16"},
    {"MulWideS16", "mul.wide.s16"},
    {"Mad", "mad.lo.u32 mad.lo.s32 mad.lo.u64 mad.lo.s64"},
    {"Mad16", "mad.lo.u16 mad.lo.s16"},
    {"MadHiU", "mad.hi.u32"},
    {"MadWideU", "mad.wide.u32"},
    {"MadWideS", "mad.wide.s32"},
    {"Neg", "neg.s32 neg.s64"},
    {"Neg16", "neg.s16"},
    {"AbsS", "abs.s32"},
    {"MinU", "min.u16 min.u32 min.u64"},
    {"MaxU", "max.u16 max.u32 max.u64"},
    {"MinS", "min.s32 min.s64"},
    {"MaxS", "max.s32 max.s64"},

    {"And", "and.b16 and.b32 and.b64 and.pred"},
    {"Or", "or.b16 or.b32 or.b64 or.pred"},
    {"Xor", "xor.b16 xor.b32 xor.b64 xor.pred"},
    {"Not", "not.b32 not.b64 not.pred"},
    {"Not16", "not.b16"},
    {"Shl", "shl.b32 shl.b64"},
    {"Shl16", "shl.b16"},
    {"Shr", "shr.b16 shr.b32 shr.b64 shr.u16 shr.u32 shr.u64"},
    {"ShrS", "shr.s32 shr.s64"},
    {"ShrS16", "shr.s16"},
    {"FunnelLeft", "shf.l.wrap.b32"},
    {"FunnelRight", "shf.r.wrap.b32"},
    {"Prmt", "prmt.b32"},

    {"Select",
     "selp.b16 selp.u16 selp.s16 selp.b32 selp.u32 selp.s32 selp.f32 "
     "selp.b64 selp.u64 selp.s64 selp.f64"},

    {"AddF", "add.f32 add.rn.f32 add.f64 add.rn.f64"},
    {"SubF", "sub.f32 sub.rn.f32 sub.f64 sub.rn.f64"},
    {"MulF", "mul.f32 mul.rn.f32 mul.f64 mul.rn.f64"},
    {"DivF", "div.rn.f32"},
    {"FmaF", "fma.rn.f32 fma.rn.f64"},
    {"NegF", "neg.f32 neg.f64"},
    {"AbsF", "abs.f32 abs.f64"},

    {"FloatFromS", "cvt.rn.f32.s32"},
    {"FloatFromS16", "cvt.rn.f32.s16"},
    {"FloatFromU", "cvt.rn.f32.u16 cvt.rn.f32.u32"},
    {"FloatFromBfloat", "cvt.f32.bf16"},
    {"FloatFromDouble", "cvt.rn.f32.f64"},
    {"DoubleFromFloat", "cvt.f64.f32"},
    {"IntegralFromDouble", "cvt.rni.f64.f64"},
    {"IntFromDouble", "cvt.rni.s32.f64"},
    {"BfloatFromFloat", "cvt.rn.bf16.f32"},
    {"BfloatPairFromFloats", "cvt.rn.bf16x2.f32"},
    {"Low16",
     "cvt.u16.u32 cvt.u16.s32 cvt.s16.u32 cvt.s16.s32 "
     "cvt.u16.u64 cvt.u16.s64 cvt.s16.u64 cvt.s16.s64"},
    {"Low32", "cvt.u32.u64 cvt.u32.s64 cvt.s32.u64 cvt.s32.s64"},
    {"Same",
     "cvt.u16.u16 cvt.u16.s16 cvt.s16.u16 cvt.s16.s16 cvt.u32.u16 cvt.s32.u16 "
     "cvt.u32.u32 cvt.u32.s32 cvt.s32.u32 cvt.s32.s32 cvt.u64.u64 cvt.u64.s64 cvt.s64.u64 "
     "cvt.s64.s64 cvta.global.u64 cvta.to.global.u64 cvta.const.u64 cvta.to.const.u64"},
    {"Sext16", "cvt.u32.s16 cvt.s32.s16"},
    {"Sext16To64", "cvt.u64.s16 cvt.s64.s16"},
    {"Zext64", "cvt.u64.u16 cvt.s64.u16 cvt.u64.u32 cvt.s64.u32"},
    {"Sext64", "cvt.u64.s32 cvt.s64.s32"},
};

std::string MnemonicOf(const Form& form) {
  std::string text(form.opcode);
  for (const std::string_view modifier : form.modifiers) text += '.' + std::string(modifier);
  return text;
}

std::string_view FunctionOf(std::string_view mnemonic) {
  for (const Row& row : kRows) {
    for (const std::string_view name : base::Split(row.mnemonics, ' ')) {
      if (name == mnemonic) return row.function;
    }
  }
  return {};
}

// "Function(a, b)" of the sources `first` to `last`.
std::string Call(std::string_view function, std::span<const std::string> sources, int first,
                 int last) {
  std::string text = std::string(function) + '(';
  for (int i = first; i <= last; ++i) {
    if (i > first) text += ", ";
    text += sources[static_cast<std::size_t>(i)];
  }
  return text + ')';
}

// mov of vectors: two halves and their whole.
std::vector<Assignment> Unpack(const Operation& operation, std::span<const std::string> sources) {
  if (operation.count != 2) return {};
  const bool is_wide = operation.register_bytes[1] == 8;
  if (!is_wide && operation.register_bytes[0] != 2) return {};
  const char* const low = is_wide ? "Low32" : "Low16";
  const char* const high = is_wide ? "High32" : "High16";
  std::vector<Assignment> both;
  if (operation.operand[0] != kSinkSlot) both.push_back({0, Call(low, sources, 2, 2)});
  if (operation.operand[1] != kSinkSlot) both.push_back({1, Call(high, sources, 2, 2)});
  // The first half must not overwrite the whole that the second is taken from.
  if (operation.operand[0] == operation.operand[2]) std::reverse(both.begin(), both.end());
  return both;
}

std::vector<Assignment> Pack(const Operation& operation, std::span<const std::string> sources) {
  if (operation.count != 2) return {};
  const bool is_wide = operation.register_bytes[0] == 8;
  if (!is_wide && operation.register_bytes[1] != 2) return {};
  return {{0, Call(is_wide ? "Pack32" : "Pack16", sources, 1, 2)}};
}

// setp with one destination. Operands: p, q, a, b, c.
std::vector<Assignment> Compare(const Form& form, const Operation& operation,
                                std::span<const std::string> sources) {
  const Type type = form.type();
  if (operation.operand[1] != kSinkPredicateSlot || form.Has("ftz")) return {};
  if (IsFloat(type) && type != Type::kF32 && type != Type::kF64) return {};
  struct Test {
    std::string_view name, integer, floating;
  };
  static constexpr Test kTests[] = {
      {"eq", "Eq", "Eq"}, {"ne", "Ne", "OrderedNe"}, {"lt", "Lt", "Lt"},        {"le", "Le", "Le"},
      {"gt", "Gt", "Gt"}, {"ge", "Ge", "Ge"},        {"lo", "Lt", ""},          {"ls", "Le", ""},
      {"hi", "Gt", ""},   {"hs", "Ge", ""},          {"equ", "", "~OrderedNe"}, {"neu", "", "Ne"},
      {"ltu", "", "~Ge"}, {"leu", "", "~Gt"},        {"gtu", "", "~Le"},        {"geu", "", "~Lt"},
      {"num", "", "Num"}, {"nan", "", "~Num"},
  };
  std::string_view test;
  for (const Test& each : kTests) {
    if (form.Has(each.name)) test = IsFloat(type) ? each.floating : each.integer;
  }
  if (test.empty()) return {};
  const std::string_view view = IsFloat(type)                          ? "AsF"
                                : IsSigned(type) && BitsOf(type) == 16 ? "AsS16"
                                : IsSigned(type)                       ? "AsS"
                                                                       : "";
  const auto viewed = [&](int i) {
    return std::string(view) + '(' + sources[static_cast<std::size_t>(i)] + ')';
  };
  std::string value = std::string(test) + '(' + viewed(2) + ", " + viewed(3) + ')';
  static constexpr std::string_view kCombinations[] = {"and", "or", "xor"};
  const int combination = form.Find(kCombinations);
  if (combination >= 0) {
    value = std::string(1, "&|^"[combination]) + ' ' + sources[4];
    value = '(' + std::string(test) + '(' + viewed(2) + ", " + viewed(3) + ") " + value + ')';
  }
  return {{0, value}};
}

}  // namespace

std::vector<Assignment> AssignmentsOf(const Form& form, const Operation& operation,
                                      std::span<const std::string> sources) {
  const Execute execute = operation.execute;
  if (execute == ops::CopyOf(32) || execute == ops::CopyOf(64) || execute == ops::CopyOf(1)) {
    return {{0, sources[1]}};
  }
  if (execute == static_cast<Execute>(&ops::UnpackLanes)) return Unpack(operation, sources);
  if (execute == static_cast<Execute>(&ops::PackLanes)) return Pack(operation, sources);
  if (form.opcode == "setp") return Compare(form, operation, sources);
  if (form.opcode == "lop3") {
    if (form.Has("and") || form.Has("or")) return {};
    return {{0, Call("Lop3<" + std::to_string(operation.parameter & 0xFF) + ">", sources, 1, 3)}};
  }
  // cvt between registers of other widths than the types' is not as simple as its name.
  if (form.opcode == "cvt" && form.row->family == "convert" &&
      execute != ops::FastConversion(form)) {
    return {};
  }
  const std::string_view function = FunctionOf(MnemonicOf(form));
  if (function.empty()) return {};
  int last = 0;
  while (last + 1 < static_cast<int>(sources.size()) &&
         !sources[static_cast<std::size_t>(last) + 1].empty()) {
    ++last;
  }
  return {{0, Call(function, sources, 1, last)}};
}

std::vector<std::string> NamedMnemonics() {
  std::vector<std::string> names;
  for (const Row& row : kRows) {
    for (const std::string_view name : base::Split(row.mnemonics, ' ')) names.emplace_back(name);
  }
  return names;
}

}  // namespace ulproof::gpu::ptx::compiled
