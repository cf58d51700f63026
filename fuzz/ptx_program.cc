// SPDX-License-Identifier: Apache-2.0
#include "fuzz/ptx_program.h"

#include <array>
#include <cstddef>
#include <cstring>

#include "fuzz/ptx_evaluator.h"

namespace ulproof::fuzz {
namespace {

constexpr std::size_t kLanes = 32;
constexpr int kMaxInstructions = 40;

// One instruction with its operands chosen.
struct Step {
  const EvaluatedForm* form;
  int result;
  std::array<int, 4> sources = {};               // Register numbers.
  std::array<std::uint64_t, 4> immediates = {};  // Where is_immediate.
  std::array<bool, 4> is_immediate = {};
  int guard = -1;  // A predicate, or none.
  bool guard_negated = false;
};

Step ReadStep(ByteReader& reader) {
  Step step = {.form = &reader.Pick(EvaluatedForms()), .result = 0};
  const std::uint8_t choice = reader.Byte();
  step.result = choice % Lane::kRegisters;
  if (choice >= 192) {
    step.guard = choice / 4 % Lane::kRegisters;
    step.guard_negated = choice % 2 != 0;
  }
  for (std::size_t i = 0; i < step.form->sources.size(); ++i) {
    const char kind = step.form->sources[i];
    const std::uint8_t source = reader.Byte();
    step.sources[i] = source % Lane::kRegisters;
    step.is_immediate[i] = kind == 'i' || (kind == 'x' && source >= 128);
    if (kind == 'i') step.immediates[i] = source;
    // Small ones matter: they are counts and places.
    if (kind == 'x' && source >= 128) {
      step.immediates[i] = source < 200 ? reader.Byte() % 70u : reader.Number(4);
    }
  }
  return step;
}

std::string RegisterName(char kind, int number) {
  return std::string("%") + (kind == 'x' ? 'r' : kind) + std::to_string(number);
}

std::string StepText(const Step& step) {
  std::string text = "  ";
  if (step.guard >= 0) {
    text += std::string(step.guard_negated ? "@!" : "@") + RegisterName('p', step.guard) + " ";
  }
  text += std::string(step.form->opcode) + " " + RegisterName(step.form->result, step.result);
  for (std::size_t i = 0; i < step.form->sources.size(); ++i) {
    text += ", ";
    text += step.is_immediate[i] ? std::to_string(step.immediates[i])
                                 : RegisterName(step.form->sources[i], step.sources[i]);
  }
  return text + ";\n";
}

std::uint64_t Read(const Lane& lane, char kind, int number) {
  const auto i = static_cast<std::size_t>(number);
  return kind == 'h' ? lane.h[i] : kind == 'd' ? lane.d[i] : kind == 'p' ? lane.p[i] : lane.r[i];
}

void Evaluate(const Step& step, Lane& lane) {
  if (step.guard >= 0 && (Read(lane, 'p', step.guard) != 0) == step.guard_negated) return;
  std::array<std::uint64_t, 4> sources = {};
  for (std::size_t i = 0; i < step.form->sources.size(); ++i) {
    sources[i] = step.is_immediate[i] ? step.immediates[i]
                                      : Read(lane, step.form->sources[i], step.sources[i]);
  }
  const std::uint64_t value = step.form->compute(sources, lane.carry);
  const auto to = static_cast<std::size_t>(step.result);
  switch (step.form->result) {
    case 'h':
      lane.h[to] = static_cast<std::uint16_t>(value);
      break;
    case 'r':
      lane.r[to] = static_cast<std::uint32_t>(value);
      break;
    case 'd':
      lane.d[to] = value;
      break;
    default:
      lane.p[to] = value != 0;
  }
}

// What a lane has in memory, before and after: the predicates as words.
struct Record {
  std::array<std::uint64_t, Lane::kRegisters> d;
  std::array<std::uint32_t, Lane::kRegisters> r;
  std::array<std::uint32_t, Lane::kRegisters> p;
  std::array<std::uint16_t, Lane::kRegisters> h;
};
static_assert(sizeof(Record) == 72);
using Records = std::array<Record, kLanes>;

// Copies each register of a kind between the file and record %rd1 + offset.
std::string Transfer(bool is_load) {
  std::string text;
  const auto add = [&](char kind, const char* type, int bytes, int offset) {
    for (int i = 0; i < Lane::kRegisters; ++i) {
      const std::string name = RegisterName(kind, i);
      const std::string place = "[%rd1+" + std::to_string(offset + bytes * i) + "]";
      if (kind == 'p') {
        text += is_load
                    ? "  ld.global.u32 %t, " + place + ";\n  setp.ne.u32 " + name + ", %t, 0;\n"
                    : "  selp.u32 %t, 1, 0, " + name + ";\n  st.global.u32 " + place + ", %t;\n";
      } else {
        text += is_load ? std::string("  ld.global.") + type + " " + name + ", " + place + ";\n"
                        : std::string("  st.global.") + type + " " + place + ", " + name + ";\n";
      }
    }
  };
  add('d', "b64", 8, offsetof(Record, d));
  add('r', "b32", 4, offsetof(Record, r));
  add('p', "", 4, offsetof(Record, p));
  add('h', "b16", 2, offsetof(Record, h));
  return text;
}

std::string ProgramOf(const std::vector<Step>& steps) {
  std::string text =
      ".version 8.0\n.target sm_80\n.address_size 64\n"
      ".visible .entry k(.param .u64 in, .param .u64 out)\n{\n"
      "  .reg .b16 %h<4>; .reg .b32 %r<4>; .reg .b64 %d<4>; .reg .pred %p<4>;\n"
      "  .reg .b32 %t; .reg .b64 %rd<3>;\n"
      "  mov.u32 %t, %tid.x;\n  mul.wide.u32 %rd2, %t, 72;\n"
      "  ld.param.u64 %rd1, [in];\n  add.s64 %rd1, %rd1, %rd2;\n" +
      Transfer(true) + "  add.cc.u32 %t, 0, 0;\n";
  for (const Step& step : steps) text += StepText(step);
  return text + "  ld.param.u64 %rd1, [out];\n  add.s64 %rd1, %rd1, %rd2;\n" + Transfer(false) +
         "  ret;\n}\n";
}

// The lanes' registers out of the input: a few bytes give a few lanes, the others mix them.
Records ReadRecords(ByteReader& reader) {
  Records records = {};
  std::uint64_t state = reader.Number(8);
  for (Record& record : records) {
    const auto next = [&]() -> std::uint64_t {
      if (!reader.is_empty()) return reader.Word() * 0x0000000100000001ull;
      state = state * 6364136223846793005u + 1442695040888963407u;
      // Codes of binary32 near one and near the ends, and anything.
      return (state >> 60) < 4 ? (state >> 32 & 0x807FFFFF) | 0x3F000000 : state ^ state >> 31;
    };
    for (auto& x : record.d) x = next();
    for (auto& x : record.r) x = static_cast<std::uint32_t>(next());
    for (auto& x : record.p) x = static_cast<std::uint32_t>(next() & 1);
    for (auto& x : record.h) x = static_cast<std::uint16_t>(next());
  }
  return records;
}

Record Expected(const Record& before, const std::vector<Step>& steps) {
  Lane lane = {.h = before.h, .r = before.r, .d = before.d};
  for (std::size_t i = 0; i < lane.p.size(); ++i) lane.p[i] = before.p[i] != 0;
  for (const Step& step : steps) Evaluate(step, lane);
  Record after = {.d = lane.d, .r = lane.r, .p = {}, .h = lane.h};
  for (std::size_t i = 0; i < lane.p.size(); ++i) after.p[i] = lane.p[i] ? 1 : 0;
  return after;
}

}  // namespace

PtxProgram ReadPtxProgram(ByteReader& reader) {
  std::vector<Step> steps;
  for (std::uint64_t count = reader.Below(kMaxInstructions + 1); count > 0; --count) {
    steps.push_back(ReadStep(reader));
  }
  const Records before = ReadRecords(reader);
  Records after = {};
  for (std::size_t lane = 0; lane < kLanes; ++lane) after[lane] = Expected(before[lane], steps);
  PtxProgram program = {.text = ProgramOf(steps),
                        .in = std::vector<std::uint8_t>(sizeof(Records)),
                        .out = std::vector<std::uint8_t>(sizeof(Records))};
  std::memcpy(program.in.data(), before.data(), sizeof(Records));
  std::memcpy(program.out.data(), after.data(), sizeof(Records));
  return program;
}

}  // namespace ulproof::fuzz
