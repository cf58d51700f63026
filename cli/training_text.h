// SPDX-License-Identifier: Apache-2.0
// Where train and parity take their tokens from: the options and the files behind them.
#ifndef ULPROOF_CLI_TRAINING_TEXT_H_
#define ULPROOF_CLI_TRAINING_TEXT_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "cli/context.h"
#include "trainer/byte_pair_encoding.h"
#include "trainer/corpus.h"

namespace CLI {
class App;
}  // namespace CLI

namespace ulproof::cli {

struct TrainingTextOptions {
  std::string data;           // "": the built-in grammar.
  std::string vocab, merges;  // "": tokens are bytes.
};

// --data, --vocab and --merges.
void AddTrainingTextOptions(CLI::App& command, TrainingTextOptions& options);

struct TrainingText {
  trainer::Corpus corpus;
  std::optional<trainer::BytePairEncoding> encoding;  // Nothing where tokens are bytes or numbers.

  // The text that tokens stand for, fit for a terminal (Printable, with its lines).
  // Nothing when the corpus came as numbers.
  std::optional<std::string> TextOf(std::span<const std::int32_t> tokens) const;
};

// Says on context.err when it falls back on the built-in grammar. Errors: those of the files; an
// encoding without a text that it could encode, or half of one.
base::Result<TrainingText> LoadTrainingText(const TrainingTextOptions& options,
                                            CommandContext& context);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_TRAINING_TEXT_H_
