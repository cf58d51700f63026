// SPDX-License-Identifier: Apache-2.0
#include "trainer/corpus.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "io/input_file.h"
#include "trainer/random.h"

namespace ulproof::trainer {
namespace {

constexpr std::uint32_t kLlmcMagic = 20240520;
constexpr std::size_t kLlmcHeaderBytes = 256 * 4;
constexpr std::size_t kGpt2Vocabulary = 50257;
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 34;

std::size_t TrainCount(std::size_t count) { return count - count / 10; }

void Append(Batch& batch, const Corpus& corpus, std::size_t first, std::size_t length) {
  for (std::size_t i = first; i < first + length; ++i) {
    batch.tokens.push_back(corpus.tokens[i]);
    batch.targets.push_back(corpus.tokens[i + 1]);
  }
}

template <std::size_t count>
std::string_view Pick(const std::array<std::string_view, count>& words, std::uint64_t& state) {
  state = Mix(state);
  return words[state % count];
}

}  // namespace

Corpus CorpusFromText(std::string origin, std::string_view text) {
  Corpus corpus = {.origin = std::move(origin), .tokens = {}};
  corpus.tokens.reserve(text.size());
  for (const char c : text) corpus.tokens.push_back(static_cast<unsigned char>(c));
  corpus.train_count = TrainCount(corpus.tokens.size());
  return corpus;
}

base::Result<Corpus> LoadCorpus(const std::string& path, const BytePairEncoding* encoding) {
  auto file = io::InputFile::Open(path);
  if (!file.ok()) return file.error();
  if (file->size() > kMaxBytes) return file->Malformed("more than 16 GiB of text or tokens");
  std::string bytes(file->size(), '\0');
  if (const base::Status read = file->ReadAt(0, bytes.data(), bytes.size()); !read.ok())
    return read.error();
  if (!path.ends_with(".bin")) {
    if (encoding == nullptr) return CorpusFromText(path, bytes);
    auto tokens = encoding->Encode(bytes);
    if (!tokens.ok()) return file->Malformed(tokens.error().message);
    const std::size_t count = tokens->size();
    return Corpus{.origin = path,
                  .tokens = std::move(*tokens),
                  .train_count = TrainCount(count),
                  .is_bytes = false,
                  .vocabulary = encoding->size()};
  }

  std::size_t begin = 0;
  std::uint32_t header[3] = {};
  if (bytes.size() >= kLlmcHeaderBytes) std::memcpy(header, bytes.data(), sizeof(header));
  if (header[0] == kLlmcMagic) {
    if (header[1] != 1) {
      return file->Malformed(fmt::format("llm.c tokens of version {}; known is 1", header[1]));
    }
    begin = kLlmcHeaderBytes;
    if ((bytes.size() - begin) / 2 != header[2]) {
      return file->Malformed(fmt::format("the header counts {} tokens, the file holds {}",
                                         header[2], (bytes.size() - begin) / 2));
    }
  }
  if ((bytes.size() - begin) % 2 != 0) {
    return file->Malformed("an odd number of bytes; tokens take two");
  }
  Corpus corpus = {.origin = path, .tokens = {}, .is_bytes = false};
  corpus.tokens.resize((bytes.size() - begin) / 2);
  if (!corpus.tokens.empty()) {  // memcpy takes no null pointer, even for nothing.
    std::memcpy(corpus.tokens.data(), bytes.data() + begin, bytes.size() - begin);
  }
  corpus.train_count = TrainCount(corpus.tokens.size());
  const bool are_small = std::all_of(corpus.tokens.begin(), corpus.tokens.end(),
                                     [](std::uint16_t token) { return token < 256; });
  if (!are_small) corpus.vocabulary = kGpt2Vocabulary;
  return corpus;
}

Corpus GeneratedCorpus(std::size_t bytes) {
  static constexpr std::array<std::string_view, 12> kNouns = {
      "shepherd", "river", "king",    "garden", "stone", "servant",
      "sparrow",  "tower", "harvest", "letter", "lamp",  "traveller"};
  static constexpr std::array<std::string_view, 8> kAdjectives = {
      "old", "quiet", "golden", "broken", "faithful", "distant", "small", "bright"};
  static constexpr std::array<std::string_view, 8> kVerbs = {"follow", "remember", "keep",  "seek",
                                                             "praise", "bring",    "guard", "find"};
  static constexpr std::array<std::string_view, 6> kPlaces = {
      "by the sea", "in the hills", "at dawn", "before the gate", "under the stars", "in peace"};
  std::string text;
  std::uint64_t state = 1;
  while (text.size() < bytes) {
    const auto noun_phrase = [&](bool plural) {
      std::string phrase = plural ? "the " : "a ";
      if (Mix(state + 1) % 2 == 0) phrase += std::string(Pick(kAdjectives, state)) + " ";
      // "a" goes before a vowel only when an old one is meant.
      if (!plural && phrase == "a old ") phrase = "an old ";
      return phrase + std::string(Pick(kNouns, state)) + (plural ? "s" : "");
    };
    const bool plural = (state = Mix(state)) % 2 == 0;
    std::string sentence = noun_phrase(plural);
    sentence += " " + std::string(Pick(kVerbs, state)) + (plural ? " " : "s ");
    sentence += noun_phrase((state = Mix(state)) % 2 == 0);
    if ((state = Mix(state)) % 3 == 0) sentence += " " + std::string(Pick(kPlaces, state));
    sentence[0] = static_cast<char>(sentence[0] - 'a' + 'A');
    text += sentence + ((state = Mix(state)) % 8 == 0 ? ".\n" : ". ");
  }
  return CorpusFromText("the built-in grammar", text);
}

base::Status CheckCorpus(const Corpus& corpus, std::size_t vocabulary, std::size_t context) {
  const auto error = [&](std::string message) {
    return base::Error{.message = std::move(message), .file = corpus.origin};
  };
  const std::size_t shortest =
      std::min(corpus.train_count, corpus.tokens.size() - corpus.train_count);
  if (shortest < 2 * context + 1) {
    return error(
        fmt::format("holds {} tokens, too few: with a tenth held out, sequences of {} "
                    "need at least {}",
                    corpus.tokens.size(), context, 10 * (2 * context + 1)));
  }
  for (std::size_t i = 0; i < corpus.tokens.size(); ++i) {
    if (corpus.tokens[i] >= vocabulary) {
      return error(fmt::format("token {} is {}, not below the vocabulary of {}", i,
                               corpus.tokens[i], vocabulary));
    }
  }
  return base::Done{};
}

Batch TrainingBatch(const Corpus& corpus, std::uint64_t seed, std::uint64_t index,
                    std::size_t sequences, std::size_t length) {
  constexpr std::uint64_t kWhat = 0x7465787420646174u;  // Apart from the initial weights' draws.
  Batch batch;
  for (std::size_t i = 0; i < sequences; ++i) {
    const std::uint64_t places = corpus.train_count - length;
    Append(batch, corpus, RandomBits(seed, kWhat, index * sequences + i) % places, length);
  }
  return batch;
}

Batch ValidationBatch(const Corpus& corpus, std::size_t max_sequences, std::size_t length) {
  const std::size_t available = (corpus.tokens.size() - corpus.train_count - 1) / length;
  const std::size_t count = std::min(available, max_sequences);
  Batch batch;
  for (std::size_t i = 0; i < count; ++i) {
    Append(batch, corpus, corpus.train_count + i * available / count * length, length);
  }
  return batch;
}

}  // namespace ulproof::trainer
