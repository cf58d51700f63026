// SPDX-License-Identifier: Apache-2.0
// GPT-2's tokens: byte-level byte-pair encoding, from the vocab.json and merges.txt that OpenAI and
// Hugging Face publish it in. Text is cut into words by GPT-2's pattern, each word into bytes, and
// the pair that merges.txt names first is joined until no pair is named.
// Source: A. Radford et al., "Language Models are Unsupervised Multitask Learners", 2019, and the
// file format of its published model.
#ifndef ULPROOF_TRAINER_BYTE_PAIR_ENCODING_H_
#define ULPROOF_TRAINER_BYTE_PAIR_ENCODING_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace ulproof::trainer {

class BytePairEncoding {
 public:
  // Errors: the files'; a vocabulary that is not an object of distinct token numbers, lacks one of
  // the 256 bytes or has more than 65,536 tokens; a merge of tokens that it lacks, with its line.
  static base::Result<BytePairEncoding> Load(const std::string& vocab_path,
                                             const std::string& merges_path);

  // The largest token number, plus one.
  std::size_t size() const { return bytes_of_.size(); }

  // "<|endoftext|>" in a text is text like any other. Errors: a text that is not UTF-8, with the
  // byte.
  base::Result<std::vector<std::uint16_t>> Encode(std::string_view text) const;

  // The bytes that the tokens stand for; tokens without a meaning stand for none. Part of a text
  // may begin or end inside a character.
  std::string Decode(std::span<const std::int32_t> tokens) const;

 private:
  struct Merge {
    std::uint32_t rank;  // Line of merges.txt: the smaller comes first.
    std::uint16_t token;
  };
  static std::uint32_t Pair(std::uint16_t left, std::uint16_t right) {
    return std::uint32_t{left} << 16 | right;
  }
  base::Status ReadVocabulary(const std::string& path);
  base::Status ReadMerges(const std::string& path);
  void EncodeWord(std::string_view word, std::vector<std::uint16_t>& tokens) const;

  std::vector<std::string> bytes_of_;  // By token; tokens without a meaning are empty.
  std::unordered_map<std::string, std::uint16_t> token_of_;
  std::uint16_t byte_token_[256] = {};
  std::unordered_map<std::uint32_t, Merge> merges_;
};

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_BYTE_PAIR_ENCODING_H_
