// SPDX-License-Identifier: Apache-2.0
#include "cli/training_text.h"

#include "cli/command.h"
#include "cli/report/terminal_text.h"

namespace ulproof::cli {

using base::Result;

void AddTrainingTextOptions(CLI::App& command, TrainingTextOptions& options) {
  command
      .add_option(
          "--data", options.data,
          "Text (bytes are tokens, unless --vocab says otherwise) or .bin tokens of llm.c or "
          "nanoGPT")
      ->type_name("FILE");
  command
      .add_option("--vocab", options.vocab,
                  "vocab.json of a GPT-2 byte-pair encoding, for a text; with --merges")
      ->type_name("FILE");
  command.add_option("--merges", options.merges, "Its merges.txt")->type_name("FILE");
}

std::optional<std::string> TrainingText::TextOf(std::span<const std::int32_t> tokens) const {
  if (!encoding && !corpus.is_bytes) return std::nullopt;
  std::string text;
  if (encoding) {
    text = encoding->Decode(tokens);
  } else {
    for (const std::int32_t token : tokens) text += static_cast<char>(token);
  }
  return Printable(text, /*keeps_lines=*/true);
}

Result<TrainingText> LoadTrainingText(const TrainingTextOptions& options, CommandContext& context) {
  if (options.vocab.empty() != options.merges.empty()) {
    return base::UsageError("--vocab and --merges go together");
  }
  if (!options.vocab.empty() && (options.data.empty() || options.data.ends_with(".bin"))) {
    return base::UsageError("--vocab needs a text: --data FILE, not .bin");
  }
  TrainingText text;
  if (options.data.empty()) {
    text.corpus = trainer::GeneratedCorpus();
    context.err << "ulproof: no --data: training on sentences of the built-in grammar\n";
    return text;
  }
  if (!options.vocab.empty()) {
    auto encoding = trainer::BytePairEncoding::Load(options.vocab, options.merges);
    if (!encoding.ok()) return encoding.error();
    text.encoding = std::move(*encoding);
  }
  auto loaded = trainer::LoadCorpus(options.data, text.encoding ? &*text.encoding : nullptr);
  if (!loaded.ok()) return loaded.error();
  text.corpus = std::move(*loaded);
  return text;
}

}  // namespace ulproof::cli
