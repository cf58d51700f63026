// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/error_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <optional>

#include "formats/codec.h"
#include "reference/compare/judge.h"
#include "reference/compare/noise_tolerance.h"
#include "reference/ops/elements.h"

namespace ulproof::reference {
namespace {

using formats::BlockGrid;
using formats::Case;
using formats::Code;
using formats::ElementKind;
using formats::ElementType;
using formats::FormatSpec;
using formats::OpKind;
using formats::Shape;

// All errors but one in fifty.
constexpr double kNearlyAll = 0.98;
// A statement that so many of all elements satisfy is no news.
constexpr double kCommonShare = 0.7;
// Errors spread like the elements satisfy a statement with a probability below 2^-kLeastSurprise.
constexpr double kLeastSurprise = 12;

bool IsNan(const ElementType& type, Code code) {
  return type.kind == ElementKind::kCode && type.format.IsNan(code);
}

// An element as statements see it. One nibble of packed noise is an element of its own.
struct Seen {
  const Case* c;
  std::size_t port;
  std::uint64_t index;  // Of the element; for a value a block, of the block.
  std::uint64_t row, col;
  bool is_block;             // One value for the elements of `extent`.
  BlockGrid::Extent extent;  // The block that the element is in, or that the value is for.
  bool in_whole_block;
  ElementType type;
  Code expected, got;
  // The input behind an element: its format and code; nothing for noise.
  std::optional<FormatSpec> from;
  Code input;
  // The worst class among the inputs of the block.
  bool block_has_nan, block_has_infinity, block_is_zero;
};

// A property with a small value; nothing where it has no meaning. Phrases take the value.
struct Property {
  std::string_view phrase;
  // Also "at least" and "at most" (phrases for these; empty: equality only).
  std::string_view at_least, at_most;
  std::optional<std::int64_t> (*value)(const Seen&);
};

using Value = std::optional<std::int64_t>;
Value Flag(bool holds) { return holds ? Value(1) : Value(); }

std::int64_t Binade(const FormatSpec& format, Code code) {
  const formats::Decoded x = Decode(format, code);
  return x.significand == 0 ? INT64_MIN
                            : x.exponent + static_cast<int>(std::bit_width(x.significand)) - 1;
}
Value BinadeOf(const FormatSpec& format, Code code) {
  if (!format.IsFinite(code) || format.IsZero(code)) return {};
  return Binade(format, code);
}

std::uint64_t Logical(const Seen& s) { return LogicalIndex(s.c->op, s.row, s.col); }
bool Aligned(const Seen& s) {
  const Shape& shape = s.c->op.shape;
  return ((shape.cols | shape.stride() | s.c->op.key.offset) & 7) == 0;
}
bool IsCode(const Seen& s) { return s.type.kind == ElementKind::kCode; }

template <int kModulus>
Value Column(const Seen& s) {
  return s.col % kModulus;
}
template <int kModulus>
Value Index(const Seen& s) {
  return s.index % kModulus;
}
template <int kModulus>
Value LogicalModulo(const Seen& s) {
  if (s.is_block || s.c->op.key.offset % kModulus == 0) return {};
  return Logical(s) % kModulus;
}
template <int kBit>
Value ColumnBit(const Seen& s) {
  return s.is_block ? Value() : Value((s.col - s.extent.col_begin) >> kBit & 1);
}
template <int kBit>
Value RowBit(const Seen& s) {
  return s.is_block ? Value() : Value((s.row - s.extent.row_begin) >> kBit & 1);
}
template <int kRun>
Value Tail(const Seen& s) {
  return Flag(!s.is_block && s.index >= s.c->op.shape.count() / kRun * kRun);
}

// clang-format off
constexpr Property kProperties[] = {
    // --- positions
    {"at indices = {} mod 2", "", "", Index<2>},
    {"at indices = {} mod 4", "", "", Index<4>},
    {"at indices = {} mod 8", "", "", Index<8>},
    {"at indices = {} mod 16", "", "", Index<16>},
    {"at indices = {} mod 32 (one lane)", "", "", Index<32>},
    {"at indices = {} mod 64", "", "", Index<64>},
    {"at logical indices = {} mod 8", "", "", LogicalModulo<8>},
    {"in columns = {} mod 8", "", "", Column<8>},
    {"in columns = {} mod 32", "", "", Column<32>},
    {"in columns with bit 0 = {} in the block", "", "", ColumnBit<0>},
    {"in columns with bit 1 = {} in the block", "", "", ColumnBit<1>},
    {"in columns with bit 2 = {} in the block", "", "", ColumnBit<2>},
    {"in columns with bit 3 = {} in the block", "", "", ColumnBit<3>},
    {"in columns with bit 4 = {} in the block", "", "", ColumnBit<4>},
    {"in rows with bit 0 = {} in the block", "", "", RowBit<0>},
    {"in rows with bit 1 = {} in the block", "", "", RowBit<1>},
    {"in rows with bit 2 = {} in the block", "", "", RowBit<2>},
    {"in rows with bit 3 = {} in the block", "", "", RowBit<3>},
    {"in rows with bit 4 = {} in the block", "", "", RowBit<4>},
    {"in row {}", "in rows from {} on", "", [](const Seen& s) { return Value(s.row); }},
    {"in column {}", "in columns from {} on", "", [](const Seen& s) { return Value(s.col); }},
    {"in the last row", "", "", [](const Seen& s) { return Flag(!s.is_block && s.c->op.shape.rows > 1 && s.row + 1 == s.c->op.shape.rows); }},
    {"in the last column", "", "", [](const Seen& s) { return Flag(!s.is_block && s.c->op.shape.cols > 1 && s.col + 1 == s.c->op.shape.cols); }},
    {"in the first row of their block", "", "", [](const Seen& s) { return Flag(!s.is_block && s.row == s.extent.row_begin); }},
    {"in the last row of their block", "", "", [](const Seen& s) { return Flag(!s.is_block && s.row + 1 == s.extent.row_end); }},
    {"in the last column of their block", "", "", [](const Seen& s) { return Flag(!s.is_block && s.col + 1 == s.extent.col_end); }},
    {"the first element of their block", "", "", [](const Seen& s) { return Flag(!s.is_block && s.row == s.extent.row_begin && s.col == s.extent.col_begin); }},
    {"past the last multiple of 8 elements (the tail)", "", "", Tail<8>},
    {"past the last multiple of 16 elements (the tail)", "", "", Tail<16>},
    {"past the last multiple of 32 elements (the tail)", "", "", Tail<32>},
    {"in edge blocks", "", "", [](const Seen& s) { return Flag(!s.in_whole_block); }},
    {"in whole blocks", "", "", [](const Seen& s) { return Flag(s.in_whole_block); }},
    {"in block row {}", "in block rows from {} on", "", [](const Seen& s) { return Value(s.extent.row_begin / std::max<std::uint64_t>(1, s.c->op.block.rows)); }},
    {"in block column {}", "in block columns from {} on", "", [](const Seen& s) { return Value(s.extent.col_begin / std::max<std::uint64_t>(1, s.c->op.block.cols)); }},
    {"in output {} of the operation", "", "", [](const Seen& s) { return Value(s.port); }},
    // --- calls
    {"in calls where columns, stride and offset are multiples of 8", "", "", [](const Seen& s) { return Flag(Aligned(s)); }},
    {"in calls where columns, stride or offset is no multiple of 8", "", "", [](const Seen& s) { return Flag(!Aligned(s)); }},
    {"in calls with an offset", "", "", [](const Seen& s) { return Flag(s.c->op.key.offset != 0); }},
    {"at logical indices of 2^32 and more", "", "", [](const Seen& s) { return Flag(Logical(s) >> 32 != 0); }},
    {"in calls with a stride of their own", "", "", [](const Seen& s) { return Flag(s.c->op.shape.stride() != s.c->op.shape.cols); }},
    {"in calls with more than one row", "", "", [](const Seen& s) { return Flag(s.c->op.shape.rows > 1); }},
    {"in calls with one bitwidth a block", "", "", [](const Seen& s) { return Flag(s.c->op.bits_per_block); }},
    {"in calls with pow2", "", "", [](const Seen& s) { return Flag(s.c->op.pow2); }},
    {"in calls with a seed of 2^32 and more", "", "", [](const Seen& s) { return Flag(s.c->op.key.seed >> 32 != 0); }},
    {"in calls with a stream of 2^32 and more", "", "", [](const Seen& s) { return Flag(s.c->op.key.stream >> 32 != 0); }},
    {"in calls of 2^{0} to 2^({0} + 1) elements", "in calls of 2^{} elements and more", "", [](const Seen& s) { return Value(std::bit_width(s.c->op.shape.count()) - 1); }},
    // --- inputs
    {"at NaN inputs", "", "", [](const Seen& s) { return Flag(s.from && s.from->IsNan(s.input)); }},
    {"at infinite inputs", "", "", [](const Seen& s) { return Flag(s.from && s.from->IsInfinity(s.input)); }},
    {"at zero inputs", "", "", [](const Seen& s) { return Flag(s.from && s.from->IsZero(s.input)); }},
    {"at inputs of -0", "", "", [](const Seen& s) { return Flag(s.from && s.from->IsZero(s.input) && s.from->IsNegative(s.input)); }},
    {"at subnormal inputs", "", "", [](const Seen& s) { return Flag(s.from && s.from->IsSubnormal(s.input)); }},
    {"at negative inputs", "", "", [](const Seen& s) { return Flag(s.from && s.from->IsNegative(s.input)); }},
    {"at positive inputs", "", "", [](const Seen& s) { return Flag(s.from && !s.from->IsNegative(s.input)); }},
    {"at inputs in the binade 2^{}", "at inputs of 2^{} and more", "at inputs below 2^({} + 1)", [](const Seen& s) { return s.from ? BinadeOf(*s.from, s.input) : Value(); }},
    {"in blocks with a NaN", "", "", [](const Seen& s) { return Flag(s.block_has_nan); }},
    {"in blocks with an infinity", "", "", [](const Seen& s) { return Flag(s.block_has_infinity); }},
    {"in blocks of zeros", "", "", [](const Seen& s) { return Flag(s.block_is_zero); }},
    // --- what is expected
    {"where NaN is expected", "", "", [](const Seen& s) { return Flag(IsNan(s.type, s.expected)); }},
    {"where an infinity is expected", "", "", [](const Seen& s) { return Flag(IsCode(s) && s.type.format.IsInfinity(s.expected)); }},
    {"where a zero is expected", "", "", [](const Seen& s) { return Flag(IsCode(s) ? s.type.format.IsZero(s.expected) : s.expected == 0); }},
    {"where a subnormal is expected", "", "", [](const Seen& s) { return Flag(IsCode(s) && s.type.format.IsSubnormal(s.expected)); }},
    {"where the largest finite value is expected", "", "", [](const Seen& s) { return Flag(IsCode(s) && (s.expected & s.type.format.magnitude_mask()) == s.type.format.max_finite_code()); }},
    {"where {:#x} is expected", "", "", [](const Seen& s) { return s.type.hex_digits() <= 2 ? Value(s.expected) : Value(); }},
    {"where a value in the binade 2^{} is expected", "where 2^{} and more is expected", "where less than 2^({} + 1) is expected", [](const Seen& s) { return IsCode(s) ? BinadeOf(s.type.format, s.expected) : Value(); }},
};

// What errors look like: said if it holds for nearly all of them.
struct Look {
  std::string_view phrase;
  bool (*holds)(const Seen&);
};
constexpr Look kLooks[] = {
    {"NaN where a number is expected", [](const Seen& s) { return IsNan(s.type, s.got) && !IsNan(s.type, s.expected); }},
    {"numbers where NaN is expected", [](const Seen& s) { return !IsNan(s.type, s.got) && IsNan(s.type, s.expected); }},
    {"NaNs other than the canonical one", [](const Seen& s) { return IsNan(s.type, s.got) && IsNan(s.type, s.expected); }},
    {"zeros of the wrong sign", [](const Seen& s) { return IsCode(s) && s.type.format.IsZero(s.got) && s.type.format.IsZero(s.expected); }},
    {"of the right magnitude and the wrong sign", [](const Seen& s) { return IsCode(s) && !s.type.format.IsZero(s.expected) && (s.got ^ s.expected) == s.type.format.sign_mask(); }},
    {"zeros", [](const Seen& s) { return IsCode(s) ? s.type.format.IsZero(s.got) && !s.type.format.IsZero(s.expected) : s.got == 0; }},
    {"infinities", [](const Seen& s) { return IsCode(s) && s.type.format.IsInfinity(s.got); }},
    {"1 ulp above in magnitude", [](const Seen& s) { return IsCode(s) && s.got == s.expected + 1; }},
    {"1 ulp below in magnitude", [](const Seen& s) { return IsCode(s) && s.got + 1 == s.expected; }},
    {"1 ulp away", [](const Seen& s) { return CodesApart(s.type, s.expected, s.got) == 1u; }},
    {"2 ulp away", [](const Seen& s) { return CodesApart(s.type, s.expected, s.got) == 2u; }},
    {"too large in magnitude", [](const Seen& s) { return IsCode(s) && (s.got & s.type.format.magnitude_mask()) > (s.expected & s.type.format.magnitude_mask()); }},
    {"too small in magnitude", [](const Seen& s) { return IsCode(s) && (s.got & s.type.format.magnitude_mask()) < (s.expected & s.type.format.magnitude_mask()); }},
};
// clang-format on

constexpr std::size_t kPropertyCount = std::size(kProperties);
constexpr std::size_t kLookCount = std::size(kLooks);

struct Tally {
  std::uint64_t errors = 0;
  std::uint64_t elements = 0;
};
struct Tallies {
  std::uint64_t errors = 0;
  std::uint64_t elements = 0;
  std::map<std::int64_t, Tally> properties[kPropertyCount];
  std::uint64_t looks[kLookCount] = {};

  void Add(const Seen& s, bool is_error) {
    ++elements;
    errors += is_error;
    for (std::size_t p = 0; p < kPropertyCount; ++p) {
      const Value value = kProperties[p].value(s);
      if (!value) continue;
      Tally& tally = properties[p][*value];
      ++tally.elements;
      tally.errors += is_error;
    }
    if (!is_error) return;
    for (std::size_t i = 0; i < kLookCount; ++i) looks[i] += kLooks[i].holds(s);
  }
};

// Everything about a case that its elements share.
class CaseView {
 public:
  explicit CaseView(const ComparedCase& compared) : compared_(compared), c_(*compared.c) {
    const bool groups = c_.op.kind == OpKind::kQuantize || c_.op.kind == OpKind::kDequantize;
    grid_ = groups ? c_.op.scale_grid() : c_.op.grid();
    if (c_.op.kind == OpKind::kScale) grid_.block = {1, 1};
    has_matrix_ = !c_.inputs.empty() && c_.inputs[0].count() == c_.op.shape.count() &&
                  c_.inputs[0].type().kind == ElementKind::kCode;
  }

  void AddTo(Tallies& tallies) {
    const std::vector<ElementPlace> wrong = WrongElements(compared_);
    auto next = wrong.begin();
    for (std::size_t p = 0; p < compared_.expected.size(); ++p) {
      const formats::Tensor& expected = compared_.expected[p];
      const bool nibbles = expected.type().kind == ElementKind::kNibbleWord;
      for (std::uint64_t i = 0; i < expected.count(); ++i) {
        const bool is_error = next != wrong.end() && *next == ElementPlace{p, i};
        if (is_error) ++next;
        const Code want = expected.Get(i), have = compared_.got[p].Get(i);
        if (!nibbles) {
          tallies.Add(See(p, i, expected.type(), want, have), is_error);
          continue;
        }
        for (std::uint64_t j = 0; j < 8; ++j) {
          const std::uint64_t element = std::min(8 * i + j, c_.op.shape.count() - 1);
          const Code nibble = want >> 4 * j & 15, other = have >> 4 * j & 15;
          tallies.Add(See(p, element, expected.type(), nibble, other), nibble != other);
        }
      }
    }
  }

 private:
  Seen See(std::size_t port, std::uint64_t index, const ElementType& type, Code expected,
           Code got) {
    Seen s = {};
    s.c = &c_;
    s.port = port;
    s.index = index;
    s.type = type;
    s.expected = expected;
    s.got = got;
    const std::uint64_t count = compared_.expected[port].count();
    s.is_block = type.kind != ElementKind::kNibbleWord && count != c_.op.shape.count();
    std::uint64_t block = index;
    if (s.is_block) {
      block = std::min(index, grid_.count() - 1);
      s.extent = grid_.ExtentOf(block);
      s.row = s.extent.row_begin, s.col = s.extent.col_begin;
    } else {
      s.row = index / c_.op.shape.cols, s.col = index % c_.op.shape.cols;
      block = s.row / grid_.block.rows * grid_.cols() + s.col / grid_.block.cols;
      s.extent = grid_.ExtentOf(block);
      if (has_matrix_) {
        s.from = c_.inputs[0].type().format;
        s.input = c_.inputs[0].Get(index);
      }
    }
    s.in_whole_block = s.extent.row_end - s.extent.row_begin == grid_.block.rows &&
                       s.extent.col_end - s.extent.col_begin == grid_.block.cols;
    const Contents& contents = ContentsOf(block, s.extent);
    s.block_has_nan = contents.nan;
    s.block_has_infinity = contents.infinity;
    s.block_is_zero = contents.zero;
    return s;
  }

  struct Contents {
    bool nan = false, infinity = false, zero = false;
  };
  const Contents& ContentsOf(std::uint64_t block, const BlockGrid::Extent& extent) {
    const auto [kept, is_new] = contents_.try_emplace(block);
    Contents& contents = kept->second;
    if (!is_new || !has_matrix_) return contents;
    const FormatSpec format = c_.inputs[0].type().format;
    contents.zero = true;
    for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
      for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
        const Code code = c_.inputs[0].Get(MemoryIndex(c_.op.shape, row, col));
        contents.nan |= format.IsNan(code);
        contents.infinity |= format.IsInfinity(code);
        contents.zero &= format.IsZero(code);
      }
    }
    return contents;
  }

  const ComparedCase& compared_;
  const Case& c_;
  BlockGrid grid_;
  bool has_matrix_ = false;
  std::map<std::uint64_t, Contents> contents_;
};

struct Statement {
  std::string text;
  double surprise;  // -log2 of the share of elements that are so; a full converse adds to it.
  std::uint64_t errors;
  std::uint64_t elements;
};

std::string HowMany(std::uint64_t holding, std::uint64_t errors) {
  if (errors == 1) return "the error is";
  return holding == errors ? fmt::format("all {} errors are", errors)
                           : fmt::format("{} of {} errors are", holding, errors);
}

// Adds the statement that errors are where `phrase` says, if it says something.
void Consider(const Tallies& tallies, const Tally& tally, const std::string& phrase,
              std::vector<Statement>& statements) {
  if (static_cast<double>(tally.errors) < kNearlyAll * static_cast<double>(tallies.errors)) return;
  const double share = static_cast<double>(tally.elements) / static_cast<double>(tallies.elements);
  if (share > kCommonShare) return;
  const double bits = -std::log2(share);
  const bool converse = tally.errors == tally.elements;
  if (!converse && bits * static_cast<double>(tally.errors) < kLeastSurprise) return;
  const std::string rest = converse ? std::string("and every such element is wrong")
                                    : fmt::format("so are {:.3g}% of all elements", 100 * share);
  statements.push_back(
      {fmt::format("{} {}; {}", HowMany(tally.errors, tallies.errors), phrase, rest),
       bits + (converse ? 100 : 0), tally.errors, tally.elements});
}

std::string Phrase(std::string_view format, std::int64_t value) {
  return fmt::format(fmt::runtime(format), value);
}

void ConsiderProperty(const Tallies& tallies, std::size_t p, std::vector<Statement>& statements) {
  const Property& property = kProperties[p];
  const auto& values = tallies.properties[p];
  for (const auto& [value, tally] : values) {
    Consider(tallies, tally, Phrase(property.phrase, value), statements);
  }
  // The sharpest bound alone: from the first, or up to the last, value with an error.
  if (!property.at_least.empty()) {
    Tally sum;
    for (auto it = values.rbegin(); it != values.rend(); ++it) {
      sum.errors += it->second.errors;
      sum.elements += it->second.elements;
      if (sum.errors != tallies.errors) continue;
      if (std::next(it) != values.rend()) {
        Consider(tallies, sum, Phrase(property.at_least, it->first), statements);
      }
      break;
    }
  }
  if (!property.at_most.empty()) {
    Tally sum;
    for (auto it = values.begin(); it != values.end(); ++it) {
      sum.errors += it->second.errors;
      sum.elements += it->second.elements;
      if (sum.errors != tallies.errors) continue;
      if (std::next(it) != values.end()) {
        Consider(tallies, sum, Phrase(property.at_most, it->first), statements);
      }
      break;
    }
  }
}

}  // namespace

std::vector<ElementPlace> WrongElements(const ComparedCase& compared) {
  std::vector<ElementPlace> wrong;
  const formats::Signature signature = formats::SignatureOf(compared.c->op);
  for (std::size_t p = 0; p < signature.outputs.size(); ++p) {
    const formats::Port& port = signature.outputs[p];
    for (std::uint64_t i = 0; i < port.count; ++i) {
      const Code want = compared.expected[p].Get(i), have = compared.got[p].Get(i);
      if (want == have) continue;
      if (!port.canonical_nan && IsNan(port.type, want) && IsNan(port.type, have)) continue;
      if (!IsForgiven(*compared.c, i, want, have)) wrong.push_back({p, i});
    }
  }
  return wrong;
}

std::vector<std::string> ErrorPatterns(std::span<const ComparedCase> cases,
                                       std::size_t max_statements) {
  Tallies tallies;
  std::uint64_t wrong_cases = 0;
  for (const ComparedCase& compared : cases) {
    const std::uint64_t before = tallies.errors;
    CaseView(compared).AddTo(tallies);
    wrong_cases += tallies.errors != before;
  }
  if (tallies.errors == 0) return {};
  std::vector<std::string> lines = {fmt::format(
      "{} of {} elements are wrong ({:.3g}%), in {} of {} cases", tallies.errors, tallies.elements,
      100.0 * static_cast<double>(tallies.errors) / static_cast<double>(tallies.elements),
      wrong_cases, cases.size())};
  std::vector<Statement> statements;
  for (std::size_t p = 0; p < kPropertyCount; ++p) ConsiderProperty(tallies, p, statements);
  std::ranges::stable_sort(statements, std::greater<>(), &Statement::surprise);
  // Of statements about the same elements the first says it all.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> said;
  for (const Statement& statement : statements) {
    if (lines.size() + 1 >= max_statements) break;
    const std::pair about = {statement.errors, statement.elements};
    if (std::ranges::find(said, about) != said.end()) continue;
    said.push_back(about);
    lines.push_back(statement.text);
  }
  for (std::size_t i = 0; i < kLookCount; ++i) {
    const double share =
        static_cast<double>(tallies.looks[i]) / static_cast<double>(tallies.errors);
    if (share < kNearlyAll) continue;
    lines.push_back(
        fmt::format("{} {}", HowMany(tallies.looks[i], tallies.errors), kLooks[i].phrase));
    break;
  }
  return lines;
}

}  // namespace ulproof::reference
