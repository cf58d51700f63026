// SPDX-License-Identifier: Apache-2.0
// The tokens that a run learns from: bytes or byte pairs of a text, or the token files of llm.c and
// nanoGPT; and which of them a step reads. The end of the tokens is held out for validation.
#ifndef ULPROOF_TRAINER_CORPUS_H_
#define ULPROOF_TRAINER_CORPUS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trainer/byte_pair_encoding.h"

namespace ulproof::trainer {

struct Corpus {
  std::string origin;  // A path, or what generated it.
  std::vector<std::uint16_t> tokens;
  std::size_t train_count = 0;   // tokens[0, train_count) are for training, the rest is held out.
  bool is_bytes = true;          // Tokens are bytes of UTF-8 text.
  std::size_t vocabulary = 256;  // A model needs room for so many different tokens.
};

// The last tenth is held out.
Corpus CorpusFromText(std::string origin, std::string_view text);

// A file ending in .bin is tokens of 16 bits: llm.c's (256 header words, the first 20240520, the
// second 1, the third the count) or, without that header, nanoGPT's; their vocabulary is GPT-2's
// 50,257 where they are not all below 256. Any other file is text, one token a byte, or in tokens
// of `encoding` where that is not null. Errors: the file's; a header that does not fit the file; an
// odd number of bytes; a text that is not UTF-8, where it is to be encoded.
base::Result<Corpus> LoadCorpus(const std::string& path,
                                const BytePairEncoding* encoding = nullptr);

// English-like sentences of a small grammar, for machines without a text: about `bytes` bytes, the
// same on every machine. A model learns its words and agreement; it is no natural language.
Corpus GeneratedCorpus(std::size_t bytes = 1 << 20);

// Errors: fewer than two sequences of `context` in either part; a token not below `vocabulary`,
// with its place.
base::Status CheckCorpus(const Corpus& corpus, std::size_t vocabulary, std::size_t context);

struct Batch {
  std::vector<std::int32_t> tokens;
  std::vector<std::int32_t> targets;  // The token after each.
};

// `sequences` runs of `length` tokens from random places of the training part: a pure function of
// (seed, index), so nothing has to be kept to go on after a stop. Precondition: CheckCorpus.
Batch TrainingBatch(const Corpus& corpus, std::uint64_t seed, std::uint64_t index,
                    std::size_t sequences, std::size_t length);

// The held-out part cut into consecutive sequences, at most `max_sequences`, evenly spread.
Batch ValidationBatch(const Corpus& corpus, std::size_t max_sequences, std::size_t length);

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_CORPUS_H_
