// SPDX-License-Identifier: Apache-2.0
// Which calls of its operation a user's kernel can be given: the second half of user_kernel.h.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "gpu/user_kernel/user_kernel.h"

namespace ulproof::gpu {
namespace {

using formats::Operation;
using formats::OpKind;
using Kind = ManifestArgument::Kind;

std::string_view NameOf(Field field) { return kFieldNames[static_cast<std::size_t>(field)]; }

// Whether rows and columns decide more than their product does.
bool DependsOnMatrix(const Operation& op) {
  return op.kind != OpKind::kCast && op.kind != OpKind::kScale && op.kind != OpKind::kNoise;
}

// The largest number of `bytes` bytes, signed or not.
std::uint64_t LargestNumber(int bytes, std::optional<ScalarType> type) {
  const bool is_signed = type == ScalarType::kI8 || type == ScalarType::kI16 ||
                         type == ScalarType::kI32 || type == ScalarType::kI64;
  return ~std::uint64_t{0} >> (64 - 8 * bytes + (is_signed ? 1 : 0));
}

std::uint64_t RoundUp(std::uint64_t n, std::uint64_t step) { return (n + step - 1) / step * step; }

}  // namespace

bool UserKernel::Takes(Field field) const {
  const std::size_t index = static_cast<std::size_t>(field);
  bool takes = false;
  bool bits_by_value = false;
  for (const ManifestLaunch& launch : manifest_.launches) {
    for (const ManifestArgument& argument : launch.arguments) {
      takes |= argument.kind == Kind::kExpression && argument.expression.Uses(index);
      bits_by_value |= argument.kind == Kind::kInput && argument.type;
    }
    if (field != Field::kRows && field != Field::kCols) continue;
    for (std::size_t d = 0; d < 3; ++d) {
      takes |= launch.grid[d].Uses(index) || launch.block[d].Uses(index);
    }
  }
  if (field == Field::kBitsPerBlock && bits_by_value) return false;
  // The reference makes the scale, so a kernel that is given it takes whatever went into it.
  const bool is_scale_flag = field == Field::kBitsPerBlock || field == Field::kPow2;
  return takes || (is_scale_flag && UsesDerived(Derived::kScale));
}

std::uint64_t UserKernel::LargestOf(Field field) const {
  std::uint64_t largest = ~std::uint64_t{0};
  for (const FieldLimit& limit : manifest_.at_most) {
    if (limit.field == field) largest = std::min(largest, limit.value);
  }
  for (const ManifestLaunch& launch : manifest_.launches) {
    for (const ManifestArgument& argument : launch.arguments) {
      if (argument.kind == Kind::kExpression && argument.expression.text() == NameOf(field)) {
        largest = std::min(largest, LargestNumber(ScalarBytes(*argument.type), argument.type));
      }
    }
  }
  return largest;
}

Operation UserKernel::Fit(Operation op) const {
  const Operation& own = manifest_.op;
  Operation fit = own;
  fit.shape = op.shape;
  if (DependsOnMatrix(own) && !Takes(Field::kRows) && !Takes(Field::kCols)) fit.shape.rows = 1;
  const auto side = [&](Field field) -> std::uint64_t& {
    return field == Field::kRows ? fit.shape.rows : fit.shape.cols;
  };
  for (const Field field : {Field::kRows, Field::kCols}) {
    side(field) = std::min(side(field), LargestOf(field));
  }
  for (const FieldLimit& limit : manifest_.multiple_of) {
    const std::uint64_t largest = LargestOf(limit.field) / limit.value * limit.value;
    side(limit.field) =
        std::max(std::min(RoundUp(side(limit.field), limit.value), largest), limit.value);
  }
  for (const FieldLimit& limit : manifest_.fixed) side(limit.field) = limit.value;
  const bool keeps_stride = Takes(Field::kIndexStride) &&
                            fit.shape.index_stride >= fit.shape.cols &&
                            fit.shape.index_stride <= LargestOf(Field::kIndexStride);
  if (!keeps_stride) fit.shape.index_stride = 0;
  const auto number = [&](Field field, std::uint64_t theirs, std::uint64_t mine) {
    if (!Takes(field)) return mine;
    const std::uint64_t largest = LargestOf(field);
    return theirs > largest ? theirs % (largest + 1) : theirs;
  };
  fit.key.seed = number(Field::kSeed, op.key.seed, own.key.seed);
  fit.key.stream = number(Field::kStream, op.key.stream, own.key.stream);
  fit.key.offset = number(Field::kOffset, op.key.offset, own.key.offset);
  if (own.random && op.random && Takes(Field::kRandom)) {
    fit.random = static_cast<std::uint32_t>(*op.random & LargestOf(Field::kRandom));
  }
  if (Takes(Field::kBitsPerBlock)) fit.bits_per_block = op.bits_per_block;
  if (Takes(Field::kPow2)) fit.pow2 = op.pow2;
  if (Takes(Field::kRule)) fit.rule = op.rule;
  // A larger shape can push the last element past 2^64.
  if (!formats::ValidateOperation(fit).ok()) fit.key.offset = own.key.offset;
  if (!formats::ValidateOperation(fit).ok()) fit.shape.index_stride = 0;
  return fit;
}

std::vector<std::string> UserKernel::Restrictions() const {
  const Operation& op = manifest_.op;
  const std::string spelling = OperationName(op);
  std::vector<std::string> sentences;
  const auto uses = [&](std::string_view key) {
    return spelling.find(fmt::format(" {}=", key)) != spelling.npos;
  };
  const auto add = [&](Field field, std::string_view key, std::string_view value) {
    if (uses(key) && !Takes(field)) {
      sentences.push_back(fmt::format("{}={} always: no argument carries it", key, value));
    }
  };
  if (DependsOnMatrix(op) && !Takes(Field::kRows) && !Takes(Field::kCols)) {
    sentences.push_back("one row always: no argument carries rows or cols");
  }
  add(Field::kBitsPerBlock, "bits", op.bits_per_block ? "block" : "tensor");
  add(Field::kPow2, "pow2", op.pow2 ? "1" : "0");
  add(Field::kRule, "rule", formats::ScaleRuleName(op.rule));
  add(Field::kRandom, "random", std::to_string(op.random.value_or(0)));
  if (uses("seed") && !Takes(Field::kIndexStride)) {
    sentences.push_back("stride is the number of columns always: no argument carries it");
  }
  for (const auto& [field, value] :
       {std::pair{Field::kSeed, op.key.seed}, std::pair{Field::kStream, op.key.stream},
        std::pair{Field::kOffset, op.key.offset}}) {
    add(field, NameOf(field), std::to_string(value));
    if (uses(NameOf(field)) && Takes(field) && LargestOf(field) != ~std::uint64_t{0}) {
      sentences.push_back(fmt::format("{} at most {}", NameOf(field), LargestOf(field)));
    }
  }
  if (manifest_.any_nan) sentences.push_back("any NaN code counts as the canonical one");
  for (const FieldLimit& limit : manifest_.fixed) {
    sentences.push_back(fmt::format("{}={} always", NameOf(limit.field), limit.value));
  }
  for (const FieldLimit& limit : manifest_.multiple_of) {
    sentences.push_back(
        fmt::format("{} in multiples of {} only", NameOf(limit.field), limit.value));
  }
  for (const FieldLimit& limit : manifest_.at_most) {
    if (limit.field == Field::kRows || limit.field == Field::kCols) {
      sentences.push_back(fmt::format("{} at most {}", NameOf(limit.field), limit.value));
    }
  }
  return sentences;
}

std::string UserKernel::why_unsupported(const Operation& op) const {
  const std::string mine = OperationName(PrototypeOf(manifest_.op));
  if (OperationName(PrototypeOf(op)) != mine) return "the kernel computes " + mine;
  const Operation fit = Fit(op);
  // Compared by spelling, which leaves out what has no meaning.
  if (OperationName(fit) != OperationName(op)) {
    return fmt::format("the kernel's arguments cannot say '{}' (nearest: '{}')", OperationName(op),
                       OperationName(fit));
  }
  const auto values = FieldValues(op);
  for (const ManifestLaunch& launch : manifest_.launches) {
    for (const ManifestArgument& argument : launch.arguments) {
      if (argument.kind != Kind::kExpression) continue;
      const auto value = argument.expression.Evaluate(values);
      if (!value.ok()) return argument.place + ": " + value.error().message;
      if (*value > LargestNumber(ScalarBytes(*argument.type), argument.type)) {
        return fmt::format("{}: {} does not fit in {}", argument.place, *value,
                           kScalarTypeNames[static_cast<std::size_t>(*argument.type)]);
      }
    }
  }
  return {};
}

}  // namespace ulproof::gpu
