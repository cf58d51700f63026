// SPDX-License-Identifier: Apache-2.0
#include "tests/gpu/ptx/form_runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "formats/catalogue.h"

namespace ulproof::gpu::ptx {
namespace {

constexpr std::string_view kNames = "abcefgh";
constexpr std::uint64_t kBefore = 0x5A5A5A5A5A5A5A5A;  // In %d before the masked run.

int MemoryBytes(Type type) { return type == Type::kPred ? 1 : BytesOf(type); }

// "b32", and the type that loads and stores it.
std::string RegisterType(Type type) {
  if (type == Type::kPred) return "pred";
  return "b" + std::to_string(std::max(8, BitsOf(type)));
}

std::string Source(const FormCase& form, bool masked) {
  const auto line = [](std::string text) { return "  " + std::move(text) + "\n"; };
  std::string ptx =
      ".version 8.8\n.target sm_100a\n.address_size 64\n.visible .entry k(.param .u64 out";
  for (std::size_t i = 0; i < form.sources.size(); ++i) {
    ptx += std::string(", .param .u64 in_") + kNames[i];
  }
  ptx += ")\n{\n";
  ptx += line(".reg .b64 %address, %base, %z;  .reg .b32 %i, %n, %t, %y;");
  ptx += line(".reg .b16 %h;  .reg .pred %x, %odd;");
  ptx += line(".reg ." + RegisterType(form.result) + " %d;");
  ptx += line("mov.u32 %i, %ctaid.x;  mov.u32 %n, %ntid.x;  mov.u32 %t, %tid.x;");
  ptx += line("mad.lo.u32 %i, %i, %n, %t;");
  for (std::size_t i = 0; i < form.sources.size(); ++i) {
    const Type type = form.sources[i];
    const std::string name = std::string("%") + kNames[i];
    ptx += line(".reg ." + RegisterType(type) + " " + name + ";");
    ptx += line(std::string("ld.param.u64 %base, [in_") + kNames[i] + "];");
    ptx += line("mad.wide.u32 %address, %i, " + std::to_string(MemoryBytes(type)) + ", %base;");
    if (type == Type::kPred) {
      ptx += line("ld.global.u8 %h, [%address];  setp.ne.u16 " + name + ", %h, 0;");
    } else {
      ptx += line("ld.global." + RegisterType(type) + " " + name + ", [%address];");
    }
  }
  const std::string text(form.text);
  if (masked) {
    const std::string before =
        form.result == Type::kPred
            ? "0"
            : std::to_string(BitsOf(form.result) == 64
                                 ? kBefore
                                 : kBefore & ((1ULL << std::max(8, BitsOf(form.result))) - 1));
    if (form.result == Type::kPred || BitsOf(form.result) >= 16) {
      ptx += line("mov." + RegisterType(form.result) + " %d, " + before + ";");
    } else {
      ptx += line("cvt.u8.u32 %d, " + before + ";");
    }
    ptx += line("and.b32 %t, %t, 1;  setp.eq.u32 %odd, %t, 1;");
    ptx += line("@!%odd bra after;");
    ptx += line(text);
    ptx += "after:\n";
  } else {
    ptx += line(text);
  }
  ptx += line("ld.param.u64 %base, [out];");
  ptx +=
      line("mad.wide.u32 %address, %i, " + std::to_string(MemoryBytes(form.result)) + ", %base;");
  if (form.result == Type::kPred) {
    ptx += line("selp.u16 %h, 1, 0, %d;  st.global.u8 [%address], %h;");
  } else {
    ptx += line("st.global." + RegisterType(form.result) + " [%address], %d;");
  }
  return ptx + "  ret;\n}\n";
}

std::vector<std::uint8_t> Packed(const Bits& values, int bytes, std::size_t count) {
  std::vector<std::uint8_t> packed(count * static_cast<std::size_t>(bytes));
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t value = values[i % values.size()];
    std::memcpy(packed.data() + i * static_cast<std::size_t>(bytes), &value,
                static_cast<std::size_t>(bytes));
  }
  return packed;
}

Bits RunOnce(const FormCase& form, const std::vector<Bits>& sources, std::size_t count,
             bool masked) {
  const std::string text = Source(form, masked);
  const base::Result<Module> module = ParseModule(text, "form.ptx");
  EXPECT_TRUE(module.ok()) << (module.ok() ? "" : module.error().ToString()) << "\n" << text;
  if (!module.ok()) return Bits(count, 0xBAD);
  Memory memory;
  const auto bytes = static_cast<std::size_t>(MemoryBytes(form.result));
  const DeviceAddress out = memory.Allocate("out", count * bytes);
  Arguments arguments;
  arguments.Add(out);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    arguments.Add(memory.Upload(std::string(1, kNames[i]),
                                Packed(sources[i], MemoryBytes(form.sources[i]), count)));
  }
  const std::uint32_t threads = count % 256 == 0 ? 256 : 32;
  const base::Result<RunReport> report = Launch(
      *module, "k", {.grid = {static_cast<std::uint32_t>(count / threads)}, .block = {threads}},
      arguments, memory, {.single_threaded = true});
  EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.error().ToString()) << "\n" << text;
  if (!report.ok()) return Bits(count, 0xBAD);
  Bits results(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    std::memcpy(&results[i], memory.Bytes(out).data() + i * bytes, bytes);
  }
  return results;
}

const formats::FormatSpec* FormatOf(Type type) {
  static const formats::FormatSpec kHalf = formats::kFloat16;
  static const formats::FormatSpec kBfloat = formats::kBfloat16;
  static const formats::FormatSpec kSingle = formats::kFloat32;
  static const formats::FormatSpec kDouble = formats::kFloat64;
  switch (type) {
    case Type::kF16:
      return &kHalf;
    case Type::kBf16:
      return &kBfloat;
    case Type::kF32:
      return &kSingle;
    case Type::kF64:
      return &kDouble;
    default:
      return nullptr;
  }
}

}  // namespace

Module ParseText(std::string_view text) {
  constexpr std::string_view kHeader = ".version 8.0\n.target sm_80\n.address_size 64\n";
  base::Result<Module> module = ParseModule(std::string(kHeader) + std::string(text), "t.ptx");
  EXPECT_TRUE(module.ok()) << (module.ok() ? "" : module.error().ToString());
  return module.ok() ? std::move(*module) : Module{};
}

Bits RunForm(const FormCase& form, const std::vector<Bits>& sources) {
  const std::size_t size = sources.empty() ? 32 : sources[0].size();
  for (const Bits& source : sources) EXPECT_EQ(source.size(), size);
  const std::size_t count = (size + 31) / 32 * 32;
  Bits full = RunOnce(form, sources, count, false);
  const Bits odd = RunOnce(form, sources, count, true);
  const std::uint64_t keep =
      form.result == Type::kPred ? 0 : ~0ULL >> (64 - std::max(8, BitsOf(form.result)));
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t wanted = i % 2 == 1 ? full[i] : kBefore & keep;
    if (odd[i] != wanted) {
      ADD_FAILURE() << form.text << ": position " << i << " is " << std::hex << odd[i]
                    << " with odd lanes active, expected " << wanted;
      break;
    }
  }
  full.resize(size);
  return full;
}

Bits EdgesOf(Type type) {
  Bits edges;
  const int bits = BitsOf(type);
  const std::uint64_t mask = bits == 64 ? ~0ULL : (1ULL << bits) - 1;
  if (type == Type::kPred) return {0, 1};
  if (const formats::FormatSpec* format = FormatOf(type)) {
    const int m = format->trailing_bits;
    const std::uint64_t one = static_cast<std::uint64_t>(format->bias) << m;
    const std::uint64_t infinity = format->infinity_code();
    for (const std::uint64_t code : {std::uint64_t{0},
                                     std::uint64_t{1},
                                     std::uint64_t{2},
                                     std::uint64_t{3},
                                     (std::uint64_t{1} << m) - 1,
                                     std::uint64_t{1} << m,
                                     (std::uint64_t{1} << m) + 1,
                                     std::uint64_t{1} << (m - 1),
                                     one - 1,
                                     one,
                                     one + 1,
                                     one + (std::uint64_t{1} << (m - 1)),
                                     one + (std::uint64_t{1} << m),
                                     one - (std::uint64_t{1} << m),
                                     one / 2,
                                     one / 2 + 1,
                                     one + (std::uint64_t{5} << m) + 77 % (std::uint64_t{1} << m),
                                     infinity - 1,
                                     infinity - 2,
                                     infinity - (std::uint64_t{1} << m),
                                     infinity,
                                     infinity + 1,
                                     format->canonical_nan_code(),
                                     format->magnitude_mask()}) {
      edges.push_back(code);
      edges.push_back(code | format->sign_mask());
    }
  } else {
    for (int i = 0; i < bits; i += i < 4 || i > bits - 4 ? 1 : 3) {
      for (const std::uint64_t code : {1ULL << i, (1ULL << i) - 1, ~(1ULL << i), 0 - (1ULL << i)}) {
        edges.push_back(code & mask);
      }
    }
    edges.push_back(mask);
  }
  for (const std::uint64_t code : RandomsOf(type, 8, 1)) edges.push_back(code);
  return edges;
}

Bits RandomsOf(Type type, std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Bits values;
  const int bits = BitsOf(type);
  const std::uint64_t mask = bits >= 64 ? ~0ULL : (1ULL << bits) - 1;
  const formats::FormatSpec* const format = FormatOf(type);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t value = random() & mask;
    if (i % 2 == 1 && format != nullptr) {
      // Near 1 in exponent, and often few significant bits: sums and products that tie.
      const auto exponent =
          static_cast<std::uint64_t>(format->bias - 6 + static_cast<int>(random() % 12));
      const int zeros =
          static_cast<int>(random() % static_cast<std::uint64_t>(format->trailing_bits + 1));
      const std::uint64_t trailing = (value & format->trailing_mask()) >> zeros << zeros;
      value = (value & format->sign_mask()) | exponent << format->trailing_bits | trailing;
    } else if (i % 2 == 1) {
      value >>= random() % static_cast<std::uint64_t>(bits);
    }
    values.push_back(value);
  }
  return values;
}

Bits RoundingInputsOf(Type type) {
  Bits in;
  if (BitsOf(type) <= 16) {
    for (std::uint64_t code = 0; code < (1ULL << BitsOf(type)); ++code) in.push_back(code);
    return in;
  }
  in = EdgesOf(type);
  // Every binade, near its ends and its middle, near the rounding points of all narrower formats.
  const formats::FormatSpec f = type == Type::kF32 ? formats::kFloat32 : formats::kFloat64;
  const int m = f.trailing_bits;
  for (std::uint64_t exponent = 0; exponent < (1ULL << f.exponent_bits);
       exponent += type == Type::kF32 ? 1 : (exponent > 800 && exponent < 1200 ? 1 : 37)) {
    for (const int kept : {0, 1, 2, 3, 7, 10, m - 1}) {
      const std::uint64_t half = 1ULL << (m - 1 - kept);
      for (const std::uint64_t trailing :
           {half, half - 1, half + 1, 3 * half, 3 * half - 1, 3 * half + 1}) {
        const std::uint64_t code = exponent << m | (trailing & f.trailing_mask());
        in.push_back(code);
        in.push_back(code | f.sign_mask());
      }
    }
  }
  for (const std::uint64_t code : RandomsOf(type, 20000, 3)) in.push_back(code);
  return in;
}

std::vector<Bits> Pairs(const Bits& a, const Bits& b) {
  std::vector<Bits> pairs(2);
  for (const std::uint64_t x : a) {
    for (const std::uint64_t y : b) {
      pairs[0].push_back(x);
      pairs[1].push_back(y);
    }
  }
  return pairs;
}

}  // namespace ulproof::gpu::ptx
