// SPDX-License-Identifier: Apache-2.0
#include "trainer/byte_pair_encoding.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <queue>

#include "base/check.h"
#include "io/input_file.h"

namespace ulproof::trainer {
namespace {

using base::Result;
using base::Status;

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 28;
constexpr std::size_t kMaxTokens = 65536;

// GPT-2's pattern, with Unicode's White_Space written out for \s and \S: PCRE counts a character
// (U+180E) to it that Unicode no longer does.
#define ULPROOF_SPACE \
  R"(\x{09}-\x{0d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})"
constexpr const char* kWordPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{L}\p{N})" ULPROOF_SPACE
    R"(]+|[)" ULPROOF_SPACE R"(]+(?![^)" ULPROOF_SPACE R"(])|[)" ULPROOF_SPACE R"(]+)";
#undef ULPROOF_SPACE

struct FreeCode {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct FreeMatch {
  void operator()(pcre2_match_data* match) const { pcre2_match_data_free(match); }
};

// The file formats are text, so each byte is written as a character that prints: itself where it
// is one in Latin-1, else U+0100 and up, in the order of the bytes.
std::array<char32_t, 256> ByteCharacters() {
  std::array<char32_t, 256> characters;
  char32_t next = 256;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool prints = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
    characters[byte] = prints ? byte : next++;
  }
  return characters;
}

// The bytes that a token's spelling stands for; nothing where a character stands for no byte.
std::optional<std::string> BytesOfSpelling(std::string_view spelling) {
  static const auto kByteOf = [] {
    std::unordered_map<char32_t, char> bytes;
    const auto characters = ByteCharacters();
    for (int byte = 0; byte < 256; ++byte) bytes[characters[byte]] = static_cast<char>(byte);
    return bytes;
  }();
  std::string bytes;
  for (std::size_t i = 0; i < spelling.size();) {
    // All characters of the scheme are below U+0800: one or two bytes of UTF-8.
    const auto lead = static_cast<unsigned char>(spelling[i++]);
    char32_t character = lead;
    if (lead >= 0x80) {
      if ((lead & 0xE0) != 0xC0 || i == spelling.size()) return std::nullopt;
      character = char32_t{lead & 0x1Fu} << 6 | (static_cast<unsigned char>(spelling[i++]) & 0x3F);
    }
    const auto found = kByteOf.find(character);
    if (found == kByteOf.end()) return std::nullopt;
    bytes += found->second;
  }
  return bytes;
}

Result<std::string> ReadText(const std::string& path) {
  auto file = io::InputFile::Open(path);
  if (!file.ok()) return file.error();
  if (file->size() > kMaxFileBytes) return file->Malformed("more than 256 MiB of vocabulary");
  std::string text(file->size(), '\0');
  if (const Status read = file->ReadAt(0, text.data(), text.size()); !read.ok()) {
    return read.error();
  }
  return text;
}

}  // namespace

Result<BytePairEncoding> BytePairEncoding::Load(const std::string& vocab_path,
                                                const std::string& merges_path) {
  BytePairEncoding encoding;
  if (Status read = encoding.ReadVocabulary(vocab_path); !read.ok()) return read.error();
  if (Status read = encoding.ReadMerges(merges_path); !read.ok()) return read.error();
  return encoding;
}

Status BytePairEncoding::ReadVocabulary(const std::string& path) {
  const auto text = ReadText(path);
  if (!text.ok()) return text.error();
  const auto error = [&path](std::string message) {
    return base::Error{.message = std::move(message), .file = path};
  };
  const nlohmann::json vocabulary = nlohmann::json::parse(*text, nullptr, false);
  if (!vocabulary.is_object()) return error("is not a JSON object of tokens and their numbers");
  std::vector<bool> taken;
  for (const auto& [spelling, number] : vocabulary.items()) {
    if (!number.is_number_unsigned() || number.get<std::uint64_t>() >= kMaxTokens) {
      return error(fmt::format("token \"{}\" has the number {}, not one of 0 to {}", spelling,
                               number.dump(), kMaxTokens - 1));
    }
    const auto token = number.get<std::uint16_t>();
    if (token >= taken.size()) {
      taken.resize(token + std::size_t{1});
      bytes_of_.resize(token + std::size_t{1});
    }
    if (taken[token]) return error(fmt::format("two tokens have the number {}", token));
    taken[token] = true;
    // What is not spelled in bytes is a special token, as <|pad|>: no text gives it.
    auto bytes = BytesOfSpelling(spelling);
    bytes_of_[token] = bytes ? std::move(*bytes) : spelling;
    token_of_[spelling] = token;
  }
  const auto characters = ByteCharacters();
  for (int byte = 0; byte < 256; ++byte) {
    const char32_t c = characters[byte];
    const std::string spelling = c < 0x80 ? std::string(1, static_cast<char>(c))
                                          : std::string{static_cast<char>(0xC0 | c >> 6),
                                                        static_cast<char>(0x80 | (c & 0x3F))};
    const auto found = token_of_.find(spelling);
    if (found == token_of_.end()) {
      return error(fmt::format("has no token for the byte {:#04x}, \"{}\"", byte, spelling));
    }
    byte_token_[byte] = found->second;
  }
  return base::Done{};
}

Status BytePairEncoding::ReadMerges(const std::string& path) {
  const auto text = ReadText(path);
  if (!text.ok()) return text.error();
  int line_number = 0;
  for (std::size_t begin = 0; begin < text->size();) {
    const std::size_t end = std::min(text->find('\n', begin), text->size());
    std::string_view line = std::string_view(*text).substr(begin, end - begin);
    begin = end + 1;
    ++line_number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (line_number == 1 && line.starts_with("#version"))) continue;
    const auto error = [&](std::string message) {
      return base::Error{.message = std::move(message), .file = path, .line = line_number};
    };
    const std::size_t blank = line.find(' ');
    if (blank == line.npos || line.find(' ', blank + 1) != line.npos) {
      return error("is not two tokens and a blank between them");
    }
    const std::string left(line.substr(0, blank)), right(line.substr(blank + 1));
    std::uint16_t tokens[3];
    const std::string* const spellings[] = {&left, &right};
    for (int i = 0; i < 2; ++i) {
      const auto found = token_of_.find(*spellings[i]);
      if (found == token_of_.end()) {
        return error(fmt::format("\"{}\" is not in the vocabulary", *spellings[i]));
      }
      tokens[i] = found->second;
    }
    const auto joined = token_of_.find(left + right);
    if (joined == token_of_.end()) {
      return error(fmt::format("\"{}\" is not in the vocabulary", left + right));
    }
    merges_.emplace(
        Pair(tokens[0], tokens[1]),
        Merge{.rank = static_cast<std::uint32_t>(merges_.size()), .token = joined->second});
  }
  return base::Done{};
}

// The pieces of the word are a doubly linked list, the pairs that may be joined a queue by rank,
// then place: a word of n bytes takes O(n log n), also one of a million letters.
void BytePairEncoding::EncodeWord(std::string_view word, std::vector<std::uint16_t>& tokens) const {
  struct Piece {
    std::int64_t before, after;  // -1 at the ends.
    std::uint16_t token;
    bool gone = false;
  };
  struct Candidate {
    std::uint32_t rank;
    std::int64_t place;
    std::uint32_t pair;
    bool operator>(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : place > other.place;
    }
  };
  const auto count = static_cast<std::int64_t>(word.size());
  std::vector<Piece> pieces;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto byte = static_cast<unsigned char>(word[i]);
    pieces.push_back({i - 1, i + 1 < count ? i + 1 : -1, byte_token_[byte]});
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto consider = [&](std::int64_t place) {
    if (place < 0 || pieces[place].after < 0) return;
    const std::uint32_t pair = Pair(pieces[place].token, pieces[pieces[place].after].token);
    const auto merge = merges_.find(pair);
    if (merge != merges_.end()) queue.push({merge->second.rank, place, pair});
  };
  for (std::int64_t i = 0; i < count; ++i) consider(i);
  while (!queue.empty()) {
    const Candidate candidate = queue.top();
    queue.pop();
    Piece& left = pieces[candidate.place];
    // A pair of which a piece has been joined with another meanwhile is no pair any more.
    if (left.gone || left.after < 0 ||
        Pair(left.token, pieces[left.after].token) != candidate.pair) {
      continue;
    }
    Piece& right = pieces[left.after];
    left.token = merges_.at(candidate.pair).token;
    right.gone = true;
    left.after = right.after;
    if (left.after >= 0) pieces[left.after].before = candidate.place;
    consider(left.before);
    consider(candidate.place);
  }
  for (std::int64_t i = 0; i >= 0 && i < count; i = pieces[i].after) {
    tokens.push_back(pieces[i].token);
  }
}

Result<std::vector<std::uint16_t>> BytePairEncoding::Encode(std::string_view text) const {
  int error = 0;
  PCRE2_SIZE error_place = 0;
  const std::unique_ptr<pcre2_code, FreeCode> pattern(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(kWordPattern), PCRE2_ZERO_TERMINATED,
                    PCRE2_UTF | PCRE2_UCP, &error, &error_place, nullptr));
  ULPROOF_CHECK(pattern != nullptr, fmt::format("pattern wrong at {}", error_place));
  pcre2_jit_compile(pattern.get(), PCRE2_JIT_COMPLETE);  // Without it, matching is only slower.
  const std::unique_ptr<pcre2_match_data, FreeMatch> match(
      pcre2_match_data_create_from_pattern(pattern.get(), nullptr));
  std::vector<std::uint16_t> tokens;
  // Most words come again and again.
  std::unordered_map<std::string_view, std::vector<std::uint16_t>> known;
  std::uint32_t options = 0;
  for (std::size_t place = 0; place < text.size();) {
    const int found = pcre2_match(pattern.get(), reinterpret_cast<PCRE2_SPTR>(text.data()),
                                  text.size(), place, options, match.get(), nullptr);
    options = PCRE2_NO_UTF_CHECK;  // The first match has checked the whole text.
    if (found < 0) {
      const bool is_utf = found > PCRE2_ERROR_UTF8_ERR1 || found < PCRE2_ERROR_UTF8_ERR21;
      return base::Error{
          .message =
              is_utf ? fmt::format("cannot be cut into words at byte {} ({})", place, found)
                     : fmt::format("is not UTF-8 at byte {}", pcre2_get_startchar(match.get()))};
    }
    const PCRE2_SIZE* const span = pcre2_get_ovector_pointer(match.get());
    const std::string_view word = text.substr(span[0], span[1] - span[0]);
    const auto [entry, is_new] = known.try_emplace(word);
    if (is_new) EncodeWord(word, entry->second);
    tokens.insert(tokens.end(), entry->second.begin(), entry->second.end());
    place = span[1];
  }
  return tokens;
}

std::string BytePairEncoding::Decode(std::span<const std::int32_t> tokens) const {
  std::string text;
  for (const std::int32_t token : tokens) {
    if (token >= 0 && static_cast<std::size_t>(token) < bytes_of_.size()) text += bytes_of_[token];
  }
  return text;
}

}  // namespace ulproof::trainer
