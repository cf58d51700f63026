// SPDX-License-Identifier: Apache-2.0
// Spellings: of operations and cases, and of every word that an option of the command line takes.
// Oracle: what a parser accepts prints, and the print parses to the same; a printed text prints to
// itself.
#include "base/text.h"
#include "formats/case.h"
#include "fuzz/target.h"
#include "reference/compare/conform.h"
#include "reference/compare/shard.h"

namespace ulproof::fuzz {
namespace {

// `parse(text)`, if it is accepted, prints to a text of the same meaning.
template <typename Parse, typename Print>
void ExpectRoundTrip(std::string_view text, Parse parse, Print print) {
  const auto parsed = parse(text);
  if (!parsed.ok()) {
    ULPROOF_CHECK(!parsed.error().message.empty());
    return;
  }
  const auto printed = print(*parsed);
  const auto again = parse(printed);
  ULPROOF_CHECK(again.ok(), std::string(printed));
  ULPROOF_CHECK(*again == *parsed && print(*again) == printed, std::string(printed));
}

// Decimal by the schoolbook: the value, or nothing beyond 64 bits.
void ExpectNumber(std::string_view text) {
  __extension__ typedef unsigned __int128 Wide;
  Wide value = 0;
  bool is_number = !text.empty();
  for (const char c : text) {
    is_number = is_number && c >= '0' && c <= '9';
    if (!is_number) break;
    value = value * 10 + static_cast<unsigned>(c - '0');
    if (value >> 64 != 0) is_number = false;
  }
  const auto parsed = base::ParseUnsigned(text, "number");
  ULPROOF_CHECK(parsed.ok() == is_number, std::string(text));
  ULPROOF_CHECK(!is_number || *parsed == static_cast<std::uint64_t>(value), std::string(text));
}

}  // namespace

ULPROOF_FUZZ_TARGET(operation) {
  const std::string_view text = TextOf(data);
  ExpectRoundTrip(text, formats::ParseOperation, formats::OperationName);
  ExpectRoundTrip(text, formats::ParseFormat, formats::FormatName);
  ExpectRoundTrip(text, formats::ParseRounding, formats::RoundingName);
  ExpectRoundTrip(text, formats::ParseOverflow, formats::OverflowName);
  ExpectRoundTrip(text, formats::ParseNoiseLaw, formats::NoiseLawName);
  ExpectRoundTrip(text, formats::ParseBlockShape, formats::BlockShapeName);
  ExpectRoundTrip(text, formats::ParseScaleRule, formats::ScaleRuleName);
  ExpectRoundTrip(text, formats::ParseOpKind, formats::OpKindName);
  ExpectRoundTrip(text, reference::ParseLevel, reference::LevelName);
  ExpectRoundTrip(text, reference::ParseShard, [](const reference::Shard& shard) {
    return std::to_string(shard.index) + "/" + std::to_string(shard.count);
  });
  ExpectNumber(text);
  // A case may be far larger than its line ("0*1000000"): only those that a replay line would hold.
  const auto op = formats::ParseOperation(text.substr(0, text.find('|')));
  constexpr std::uint64_t kMaxElements = 1 << 16;
  if (op.ok() && op->shape.count() <= kMaxElements) {
    ExpectRoundTrip(text, formats::ParseCase, formats::CaseLine);
  }
}

}  // namespace ulproof::fuzz
