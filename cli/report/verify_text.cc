// SPDX-License-Identifier: Apache-2.0
// The terminal rendering of a verification.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/text.h"
#include "cli/report/terminal_text.h"
#include "cli/report/verify_report.h"
#include "formats/case.h"
#include "formats/describe.h"

namespace ulproof::cli {
namespace {

using formats::Code;
using formats::ElementKind;
using formats::ElementType;
using reference::CheckRecord;

constexpr std::uint64_t kMaxElementsShown = 4;  // Of one input.
constexpr std::size_t kMaxLineShown = 400;      // Of a case that only illustrates.

// Lines of a block under one word in the left column.
std::string Block(std::string_view word, std::string_view text) {
  std::string block;
  for (const std::string_view line : base::Split(text, '\n')) {
    if (line.empty()) continue;
    block += fmt::format("  {:<9}{}\n", block.empty() ? word : "", line);
  }
  return block;
}

std::string ElementWords(const ElementType& type, Code code) {
  switch (type.kind) {
    case ElementKind::kCode:
      return formats::Describe(type.format, code);
    case ElementKind::kInt8:
      return fmt::format("{}", static_cast<int>(static_cast<std::int8_t>(code)));
    case ElementKind::kNibbleWord:
      break;
  }
  return fmt::format("0x{:08x} (eight nibbles)", code);
}

// The inputs of a small case, and what came out, in words.
std::string FailureWords(const reference::Failure& failure) {
  std::string text = failure.text + "\n";
  const auto c = formats::ParseCase(failure.line);
  if (!c.ok()) return text;  // Statistics of an operation, not a case.
  const formats::Signature signature = formats::SignatureOf(c->op);
  const bool has_place =
      failure.mismatch && std::ranges::any_of(signature.outputs, [&](const formats::Port& output) {
        return output.name == failure.mismatch->output && output.count == c->op.shape.count();
      });
  for (std::size_t p = 0; p < c->inputs.size(); ++p) {
    const formats::Port& port = signature.inputs[p];
    // Of a longer input the element that belongs to the output, else the first few.
    std::uint64_t begin = 0;
    std::uint64_t end = std::min(port.count, kMaxElementsShown);
    if (has_place && end < port.count && port.count == c->op.shape.count()) {
      begin = failure.mismatch->index;
      end = begin + 1;
    }
    for (std::uint64_t i = begin; i < end; ++i) {
      text +=
          fmt::format("{}[{}]  {}\n", port.name, i, ElementWords(port.type, c->inputs[p].Get(i)));
    }
    if (end - begin < port.count) {
      text += fmt::format("{}     {} elements in all\n", port.name, Grouped(port.count));
    }
  }
  if (failure.mismatch) {
    const reference::Mismatch& mismatch = *failure.mismatch;
    text +=
        fmt::format("expected  {}\ngot       {}\n", ElementWords(mismatch.type, mismatch.expected),
                    ElementWords(mismatch.type, mismatch.got));
  }
  return text;
}

struct Sums {
  std::uint64_t cases = 0, elements = 0, mismatches = 0, skipped = 0;
  double seconds = 0;
  std::string why;
};

Sums SumsOf(const VerifyRun& run, const std::string& backend) {
  Sums sums;
  for (const CheckRecord& record : run.report.records) {
    if (record.backend != backend) continue;
    sums.cases += record.cases;
    sums.elements += record.elements;
    sums.mismatches += record.mismatches;
    sums.skipped += record.skipped_cases;
    sums.seconds += record.seconds;
    if (sums.why.empty()) sums.why = record.skipped_why;
  }
  return sums;
}

std::string Table(const VerifyRun& run, const Painter& paint) {
  std::string text = paint.Bold(fmt::format("  {:<12}{:>10}{:>16}{:>12}{:>10}\n", "", "cases",
                                            "elements", "mismatches", "time"));
  std::string skips;
  for (const std::string& backend : run.backends) {
    const Sums sums = SumsOf(run, backend);
    if (sums.cases > 0) {
      const std::string count = fmt::format("{:>12}", Grouped(sums.mismatches));
      text += fmt::format(
          "  {:<12}{:>10}{:>16}{}{:>10}\n", backend, Grouped(sums.cases), Grouped(sums.elements),
          sums.mismatches == 0 ? paint.Good(count) : paint.Bad(count), SecondsText(sums.seconds));
    } else {
      text += fmt::format("  {:<12}{}\n", backend, paint.Warning("skipped: " + sums.why));
    }
    if (sums.cases > 0 && sums.skipped > 0) {
      skips += fmt::format("  {}  {} cases on {}, as: {}\n", paint.Warning("skipped"),
                           Grouped(sums.skipped), backend, sums.why);
    }
  }
  return text + skips;
}

std::string RanWords(const VerifyRun& run, const Painter& paint) {
  std::string text;
  if (run.work) {
    const std::uint8_t tags = run.work->tags;
    text += Block(
        "ran", fmt::format("{} launches, {} thread instructions, {}", Grouped(run.work->launches),
                           Grouped(run.work->thread_instructions),
                           tags == 0 ? "every one specified to the bit"
                                     : "among them: " + gpu::ptx::TagNames(tags)));
  }
  if (run.contraction && run.contraction->changed > 0) {
    text += Block(
        paint.Warning("warning"),
        fmt::format("ptxas may fuse multiplications with additions here, and {} of {} cases then "
                    "give other bits:\n"
                    "compile with -fmad=false, or write __fmul_rn, __fadd_rn, __fmaf_rn. One such "
                    "case: {}",
                    Grouped(run.contraction->changed), Grouped(run.contraction->cases),
                    run.contraction->line.size() <= kMaxLineShown ? run.contraction->line
                                                                  : "in the report (--json)"));
  } else if (run.contraction) {
    text += Block("", fmt::format("ptxas may fuse multiplications with additions; {} cases give "
                                  "the same bits either way",
                                  Grouped(run.contraction->cases)));
  }
  return text;
}

}  // namespace

Verdict VerdictOf(const VerifyRun& run) {
  if (run.report.mismatches() > 0) return Verdict::kFail;
  const bool has_cases = std::ranges::any_of(
      run.report.records, [](const CheckRecord& record) { return record.cases > 0; });
  return has_cases ? Verdict::kPass : Verdict::kNothing;
}

std::string VerifyReplay(const VerifyRun& run, const std::string& line) {
  return line.empty() ? run.command : fmt::format("{} --case '{}'", run.command, line);
}

std::string VerifyHeading(const VerifyRun& run) {
  std::string text = fmt::format("ulproof verify: {} against the exact reference\n\n", run.kernel);
  text += Block("computes", run.operation);
  text += Block("kernel", run.description);
  text += Block("machine", fmt::format("{}, {} thread{}", run.processor, run.threads,
                                       run.threads == 1 ? "" : "s"));
  text += Block("narrower", fmt::format("{}", fmt::join(run.restrictions, "\n")));
  return text + "\n";
}

std::string VerifyText(const VerifyRun& run, bool use_color) {
  const Painter paint(use_color);
  std::uint64_t cases = 0;
  std::uint64_t elements = 0;
  for (const CheckRecord& record : run.report.records) {
    cases += record.cases;
    elements += record.elements;
  }
  const std::string work =
      fmt::format("{} cases, {} elements in {}, level {}", Grouped(cases), Grouped(elements),
                  SecondsText(run.report.seconds), run.level);
  std::string text;
  switch (VerdictOf(run)) {
    case Verdict::kPass:
      text += fmt::format("  {}  not one bit differs: {}\n\n", paint.Good("PASS"), work);
      break;
    case Verdict::kFail:
      text += fmt::format("  {}  {} mismatches: {}\n\n", paint.Bad("FAIL"),
                          Grouped(run.report.mismatches()), work);
      break;
    case Verdict::kNothing:
      text += fmt::format("  {}  nothing was checked\n\n", paint.Warning("NOTHING"));
      break;
  }
  text += Table(run, paint) + "\n";
  if (run.first) {
    text += Block("smallest", FailureWords(run.first->failure));
    text += Block("found by", fmt::format("{} on {}", run.first->check, run.first->backend));
  }
  if (run.explanation) text += Block("why", reference::ExplainText(*run.explanation));
  text += RanWords(run, paint);
  if (run.first) {
    text += Block("replay", paint.Bold(VerifyReplay(run, run.first->failure.line)));
  }
  return text;
}

}  // namespace ulproof::cli
