// SPDX-License-Identifier: Apache-2.0
// The types and state spaces of PTX as data: name, width and kind of each. One row a type; every
// other file asks here.
#ifndef ULPROOF_GPU_PTX_TYPE_H_
#define ULPROOF_GPU_PTX_TYPE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ulproof::gpu::ptx {

enum class Type : std::uint8_t {
  kNone,
  kPred,
  kB8,
  kB16,
  kB32,
  kB64,
  kU8,
  kU16,
  kU32,
  kU64,
  kS8,
  kS16,
  kS32,
  kS64,
  kF16,
  kBf16,
  kF32,
  kF64,
  kTf32,
  kF16x2,
  kBf16x2,
  kU16x2,
  kS16x2,
  kE4m3x2,
  kE5m2x2,
  kE2m3x2,
  kE3m2x2,
  kE2m1x2,
  kUe8m0x2,
  kE4m3x4,
  kE5m2x4,
  kE2m3x4,
  kE3m2x4,
  kE2m1x4,
};

enum class Kind : std::uint8_t { kNone, kPredicate, kBits, kUnsigned, kSigned, kFloat, kPacked };

struct TypeInfo {
  Type type;
  std::string_view name;  // As written in PTX, without the dot.
  int bits;               // Width of the register that holds one value.
  Kind kind;
};

inline constexpr auto kTypes = std::to_array<TypeInfo>({
    {Type::kNone, "", 0, Kind::kNone},
    {Type::kPred, "pred", 1, Kind::kPredicate},
    {Type::kB8, "b8", 8, Kind::kBits},
    {Type::kB16, "b16", 16, Kind::kBits},
    {Type::kB32, "b32", 32, Kind::kBits},
    {Type::kB64, "b64", 64, Kind::kBits},
    {Type::kU8, "u8", 8, Kind::kUnsigned},
    {Type::kU16, "u16", 16, Kind::kUnsigned},
    {Type::kU32, "u32", 32, Kind::kUnsigned},
    {Type::kU64, "u64", 64, Kind::kUnsigned},
    {Type::kS8, "s8", 8, Kind::kSigned},
    {Type::kS16, "s16", 16, Kind::kSigned},
    {Type::kS32, "s32", 32, Kind::kSigned},
    {Type::kS64, "s64", 64, Kind::kSigned},
    {Type::kF16, "f16", 16, Kind::kFloat},
    {Type::kBf16, "bf16", 16, Kind::kFloat},
    {Type::kF32, "f32", 32, Kind::kFloat},
    {Type::kF64, "f64", 64, Kind::kFloat},
    {Type::kTf32, "tf32", 32, Kind::kFloat},
    {Type::kF16x2, "f16x2", 32, Kind::kPacked},
    {Type::kBf16x2, "bf16x2", 32, Kind::kPacked},
    {Type::kU16x2, "u16x2", 32, Kind::kPacked},
    {Type::kS16x2, "s16x2", 32, Kind::kPacked},
    {Type::kE4m3x2, "e4m3x2", 16, Kind::kPacked},
    {Type::kE5m2x2, "e5m2x2", 16, Kind::kPacked},
    {Type::kE2m3x2, "e2m3x2", 16, Kind::kPacked},
    {Type::kE3m2x2, "e3m2x2", 16, Kind::kPacked},
    {Type::kE2m1x2, "e2m1x2", 8, Kind::kPacked},
    {Type::kUe8m0x2, "ue8m0x2", 16, Kind::kPacked},
    {Type::kE4m3x4, "e4m3x4", 32, Kind::kPacked},
    {Type::kE5m2x4, "e5m2x4", 32, Kind::kPacked},
    {Type::kE2m3x4, "e2m3x4", 32, Kind::kPacked},
    {Type::kE3m2x4, "e3m2x4", 32, Kind::kPacked},
    {Type::kE2m1x4, "e2m1x4", 16, Kind::kPacked},
});

constexpr const TypeInfo& InfoOf(Type type) { return kTypes[static_cast<std::size_t>(type)]; }
constexpr int BitsOf(Type type) { return InfoOf(type).bits; }
constexpr int BytesOf(Type type) { return (InfoOf(type).bits + 7) / 8; }
constexpr bool IsSigned(Type type) { return InfoOf(type).kind == Kind::kSigned; }
constexpr bool IsFloat(Type type) { return InfoOf(type).kind == Kind::kFloat; }
constexpr bool IsInteger(Type type) {
  return InfoOf(type).kind == Kind::kSigned || InfoOf(type).kind == Kind::kUnsigned ||
         InfoOf(type).kind == Kind::kBits;
}

// The type named `name` (without the dot), or nothing.
constexpr std::optional<Type> FindType(std::string_view name) {
  for (const TypeInfo& info : kTypes) {
    if (!info.name.empty() && info.name == name) return info.type;
  }
  return std::nullopt;
}

static_assert([] {
  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    if (kTypes[i].type != static_cast<Type>(i)) return false;
  }
  return true;
}());

// State spaces. kGeneric is an address that may point into any of them.
enum class Space : std::uint8_t { kGeneric, kGlobal, kConst, kShared, kLocal, kParam };
inline constexpr std::array<std::string_view, 6> kSpaceNames = {"generic", "global", "const",
                                                                "shared",  "local",  "param"};
constexpr std::string_view SpaceName(Space space) {
  return kSpaceNames[static_cast<std::size_t>(space)];
}

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_TYPE_H_
