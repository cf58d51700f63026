// SPDX-License-Identifier: Apache-2.0
#include "gpu/mutate/slice_trial.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "gpu/ptx/launch.h"
#include "gpu/ptx/parser.h"

namespace ulproof::gpu {
namespace {

constexpr std::uint64_t kChunk = std::uint64_t{1} << 20;
constexpr std::uint32_t kThreads = 256;

std::vector<std::string_view> LinesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1);
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

bool Holds(std::string_view line, std::string_view word) { return line.find(word) != line.npos; }

bool EndsRun(std::string_view line) {
  return line.starts_with('$') || line.starts_with('{') || line.starts_with('}') ||
         Holds(line, "bra") || Holds(line, "ret;") || Holds(line, "@");
}

// More than arithmetic on registers.
bool DoesMore(std::string_view line) {
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"ld.", "st.", "bar.", "shfl", "redux", "vote", "atom",
                                              "match", "call"},
      [&](std::string_view word) { return Holds(line, word); });
}

// The registers that a line names, in order.
std::vector<std::string_view> RegistersOf(std::string_view line) {
  constexpr std::string_view kName = "abcdefghijklmnopqrstuvwxyz0123456789%.";
  std::vector<std::string_view> registers;
  for (std::size_t at = line.find('%'); at != line.npos; at = line.find('%', at + 1)) {
    const std::size_t end = std::min(line.find_first_not_of(kName, at), line.size());
    registers.push_back(line.substr(at, end - at));
  }
  return registers;
}

// A kernel that runs lines [begin, end) around `line` (from 0) on its numbers. Nothing: they are no
// such run.
std::optional<std::string> KernelOf(std::string_view text, std::size_t line) {
  const std::vector<std::string_view> lines = LinesOf(text);
  if (line >= lines.size() || EndsRun(lines[line])) return std::nullopt;
  std::size_t begin = line, end = line + 1;
  while (begin > 0 && !EndsRun(lines[begin - 1])) --begin;
  while (end < lines.size() && !EndsRun(lines[end])) ++end;
  std::string_view input, output;
  std::string body;
  for (std::size_t i = begin; i < end; ++i) {
    if (DoesMore(lines[i])) return std::nullopt;
    const auto registers = RegistersOf(lines[i]);
    if (input.empty() && Holds(lines[i], "cvt.f64.f32") && registers.size() == 2) {
      input = registers[1];
    }
    if (Holds(lines[i], "cvt.rn.f32.f64") && registers.size() == 2) output = registers[0];
    body += std::string(lines[i]) + "\n";
  }
  if (input.empty() || output.empty()) return std::nullopt;
  std::size_t open = begin, close = end;
  while (open > 0 && !lines[open].starts_with('{')) --open;
  while (close < lines.size() && !lines[close].starts_with('}')) ++close;
  // Nothing else may come in, and nothing else that it makes may be read elsewhere.
  std::vector<std::string_view> made;
  for (std::size_t i = begin; i < end; ++i) {
    const auto registers = RegistersOf(lines[i]);
    for (std::size_t r = 1; r < registers.size(); ++r) {
      if (registers[r] != input && std::ranges::count(made, registers[r]) == 0) return std::nullopt;
    }
    if (registers.empty()) continue;
    if (registers[0] == input) return std::nullopt;
    made.push_back(registers[0]);
  }
  std::string declarations;
  for (std::size_t i = open + 1; i < close; ++i) {
    if (Holds(lines[i], ".reg ")) declarations += std::string(lines[i]) + "\n";
    if (i >= begin && i < end) continue;
    for (const std::string_view name : RegistersOf(lines[i])) {
      if (name != output && std::ranges::count(made, name) != 0) return std::nullopt;
    }
  }
  return ".version 8.0\n.target sm_80\n.address_size 64\n"
         ".visible .entry slice(.param .u64 out, .param .u32 first, .param .f32 unit)\n{\n" +
         declarations +
         ".reg .b32 %sliceb<4>;\n.reg .f32 %slicef<2>;\n.reg .b64 %sliced<2>;\n"
         "ld.param.u64 %sliced0, [out];\nld.param.u32 %sliceb0, [first];\n"
         "ld.param.f32 %slicef0, [unit];\nmov.u32 %sliceb1, %ctaid.x;\n"
         "mov.u32 %sliceb2, %ntid.x;\nmov.u32 %sliceb3, %tid.x;\n"
         "mad.lo.u32 %sliceb1, %sliceb1, %sliceb2, %sliceb3;\n"
         "mul.wide.u32 %sliced1, %sliceb1, 4;\nadd.u64 %sliced0, %sliced0, %sliced1;\n"
         "add.u32 %sliceb0, %sliceb0, %sliceb1;\ncvt.rn.f32.s32 %slicef1, %sliceb0;\n"
         "mul.rn.f32 " +
         std::string(input) + ", %slicef1, %slicef0;\n" + body + "st.global.f32 [%sliced0], " +
         std::string(output) + ";\nret;\n}\n";
}

// Runs a kernel of KernelOf, chunk after chunk, until `sees` has enough. False: it does not run.
template <typename Sees>  // bool (hash of the results)
bool RunAll(const std::string& kernel_text, const std::vector<NumberRange>& ranges,
            const Sees& sees) {
  const auto module = ptx::ParseModule(kernel_text, "slice");
  if (!module.ok()) return false;
  const auto kernel = ptx::Kernel::Prepare(*module, "slice");
  if (!kernel.ok()) return false;
  ptx::Memory memory;
  const ptx::DeviceAddress out = memory.Allocate("out", 4 * kChunk);
  for (const NumberRange& range : ranges) {
    ULPROOF_CHECK(range.count % kChunk == 0);
    for (std::uint64_t done = 0; done < range.count; done += kChunk) {
      const auto first = static_cast<std::uint32_t>(range.first + static_cast<std::int64_t>(done));
      const auto report = kernel->Launch(
          {.grid = {kChunk / kThreads}, .block = {kThreads}},
          ptx::Arguments().Add(out).Add(first).Add(std::ldexp(1.0F, range.exponent)), memory);
      if (!report.ok() || !report->maybe_uninitialised_registers.empty()) return false;
      std::uint64_t hash = 14695981039346656037u;
      const std::span<const std::uint8_t> bytes = std::as_const(memory).Bytes(out);
      for (std::size_t i = 0; i < bytes.size(); i += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data() + i, 8);
        hash = (hash ^ word) * 1099511628211u;
        hash ^= hash >> 29;
      }
      if (!sees(hash)) return true;
    }
  }
  return true;
}

}  // namespace

std::uint64_t SliceTrial::number_count() const {
  std::uint64_t count = 0;
  for (const NumberRange& range : ranges_) count += range.count;
  return count;
}

bool SliceTrial::SameOnAll(const Mutation& mutation) const {
  const auto line = static_cast<std::size_t>(mutation.line - 1);
  const std::optional<std::string> before = KernelOf(text_, line);
  const std::optional<std::string> after = KernelOf(mutation.text, line);
  if (!before || !after) return false;
  const std::vector<std::uint64_t>* hashes = nullptr;
  {
    const std::lock_guard lock(mutex_);
    std::vector<std::uint64_t>& known = known_[*before];
    if (known.empty()) {
      std::vector<std::uint64_t> all;  // Kept only when the run came to its end.
      const bool ran = RunAll(*before, ranges_, [&](std::uint64_t hash) {
        all.push_back(hash);
        return true;
      });
      if (!ran) return false;
      known = std::move(all);
    }
    hashes = &known;  // Stays where it is, and as it is.
  }
  std::size_t same = 0;
  const bool ran = RunAll(*after, ranges_, [&](std::uint64_t hash) {
    const bool is_same = same < hashes->size() && (*hashes)[same] == hash;
    same += is_same ? 1 : 0;
    return is_same;
  });
  return ran && same == hashes->size();
}

}  // namespace ulproof::gpu
