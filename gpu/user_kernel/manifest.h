// SPDX-License-Identifier: Apache-2.0
// What a user's kernel is and how it is launched, as data: the launches in order, what each
// argument means, grid, block and shared memory as expressions of the shape, scratch memory, and
// what the kernel does not take. Written by the user as JSON (docs/verify.md), or made by default
// from the argument order of our own kernels.
#ifndef ULPROOF_GPU_USER_KERNEL_MANIFEST_H_
#define ULPROOF_GPU_USER_KERNEL_MANIFEST_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/operation.h"
#include "gpu/user_kernel/expression.h"

namespace ulproof::gpu {

// What of an operation varies from call to call and can be an argument, in the order of the
// variables of a manifest's expressions. kBlocks counts the blocks of `block=`, kGroups those that
// share a scale in quantize and dequantize; kStride is never 0.
enum class Field : std::uint8_t {
  kRows,
  kCols,
  kCount,
  kBlocks,
  kGroups,
  kIndexStride,
  kSeed,
  kStream,
  kOffset,
  kRandom,
  kBitsPerBlock,
  kPow2,
  kRule,
};
inline constexpr std::size_t kFieldCount = 13;
inline constexpr std::array<std::string_view, kFieldCount> kFieldNames = {
    "rows",   "cols",   "count",  "blocks",         "groups", "index_stride", "seed",
    "stream", "offset", "random", "bits_per_block", "pow2",   "rule"};
std::array<std::uint64_t, kFieldCount> FieldValues(const formats::Operation& op);

// Numbers by value.
enum class ScalarType : std::uint8_t { kU8, kI8, kU16, kI16, kU32, kI32, kU64, kI64, kF32, kF64 };
inline constexpr std::array<std::string_view, 10> kScalarTypeNames = {
    "u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64"};
int ScalarBytes(ScalarType type);

// Inputs that are no input of the operation but values on its way, which the reference computes:
// the blocks' scales and maxima (float32) and the noise (as `noise` gives it, int8 or float32).
enum class Derived : std::uint8_t { kScale, kMax, kNoise };
inline constexpr std::array<std::string_view, 3> kDerivedNames = {"scale", "max", "noise"};

struct ManifestArgument {
  enum class Kind : std::uint8_t {
    kInput,       // address of input port `index`; with a type: its one element by value
    kOutput,      // address of output port `index`
    kDerived,     // address of what Derived(index) says
    kScratch,     // address of scratch buffer `index`
    kExpression,  // a number
    kBits,        // these bits
  };
  Kind kind = Kind::kExpression;
  std::size_t index = 0;
  Expression expression = {};
  std::uint64_t bits = 0;
  std::optional<ScalarType> type = {};  // Without: an unsigned number of the parameter's size.
  std::string place = {};               // In messages: "/launches/0/arguments/2", or a role.
};

struct ManifestLaunch {
  std::string entry;  // Empty: the only one of the file.
  std::vector<ManifestArgument> arguments;
  std::array<Expression, 3> grid = {Expression::Constant(1), Expression::Constant(1),
                                    Expression::Constant(1)};
  std::array<Expression, 3> block = grid;
  Expression shared_bytes = Expression::Constant(0);
};

// How 4-bit codes stand in a buffer: one a byte, or two a byte.
enum class Layout : std::uint8_t { kOneAByte, kPackedLowFirst, kPackedHighFirst };
inline constexpr std::array<std::string_view, 3> kLayoutNames = {"bytes", "packed_low_first",
                                                                 "packed_high_first"};

struct ManifestScratch {
  std::string name;
  Expression bytes;  // Zero before the first launch.
};

// A bound on one field; see Fit in user_kernel.h.
struct FieldLimit {
  Field field;
  std::uint64_t value;
};

struct Manifest {
  formats::Operation op;  // The prototype: its kind, formats, modes, law and block hold always.
  std::vector<ManifestLaunch> launches;
  std::vector<ManifestScratch> scratch;
  std::vector<FieldLimit> fixed;        // rows, cols
  std::vector<FieldLimit> multiple_of;  // rows, cols
  std::vector<FieldLimit> at_most;      // rows, cols, index_stride, seed, stream, offset
  std::vector<Layout> input_layouts, output_layouts;  // One a port.
  // Any NaN code stands for the canonical one (CUDA's conversions to bfloat16 give 0x7fff).
  bool any_nan = false;
  std::string file;  // In messages; empty for a default manifest.
};

// Reads JSON. `op` is the operation of the command line; without it the manifest must name one, and
// with both they must agree in all but shape and key. Strict: unknown keys, roles, names and types
// are errors with the nearest known one, by line and column (syntax) or JSON pointer.
base::Result<Manifest> ParseManifest(std::string_view json, std::string_view file,
                                     const std::optional<formats::Operation>& op);

// The manifest of a kernel that takes its arguments in the order of ours (docs/verify.md): if
// `entries` holds the names of one of our kernels for this operation, its launches; else, for a
// single entry, one thread an element, block or group. Errors: neither.
base::Result<Manifest> DefaultManifest(const formats::Operation& op,
                                       std::span<const std::string> entries);

// `op` without what varies from call to call: shape, key, flags, the value of r, and which of the
// four public scale rules.
formats::Operation PrototypeOf(formats::Operation op);

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_USER_KERNEL_MANIFEST_H_
