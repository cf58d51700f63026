// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "reference/backend_reference.h"
#include "reference/compare/deviation.h"
#include "reference/compare/error_pattern.h"
#include "reference/compare/explain_scope.h"
#include "reference/compare/inputs.h"
#include "reference/compare/judge.h"
#include "reference/compare/noise_tolerance.h"
#include "reference/compare/shrink.h"

namespace ulproof::reference {
namespace {

using formats::Case;
using formats::Code;
using formats::ElementKind;
using formats::Port;
using formats::Tensor;

using Deviators = std::span<const Deviation* const>;

// Wrong elements on which every hypothesis is tried first.
constexpr std::size_t kWitnesses = 24;
// Elements kept because they refuted a hypothesis that fitted all witnesses.
constexpr std::size_t kCounterexamples = 200;
// A hypothesis is held against at most this share of the budget.
constexpr std::uint64_t kBudgetShare = 16;
// The laws that are judged with a tolerance leave one element in so many unexplained.
constexpr std::uint64_t kForgivenOneIn = 256;

// An observation, with what is right.
struct Watched {
  const Case* c;
  std::span<const Tensor> got;
  std::vector<Tensor> expected;
  formats::Signature signature;
  std::vector<ElementPlace> wrong;
  std::uint64_t elements = 0;
};

bool IsNan(const Port& port, Code code) {
  return port.type.kind == ElementKind::kCode && port.type.format.IsNan(code);
}

bool SameCode(const Watched& watched, const ElementPlace& place, Code code) {
  const Port& port = watched.signature.outputs[place.port];
  const Code got = watched.got[place.port].Get(place.index);
  if (code == got) return true;
  if (!port.canonical_nan && IsNan(port, code) && IsNan(port, got)) return true;
  if (watched.c->op.law != formats::NoiseLaw::kNormal2) return false;
  const auto apart = CodesApart(port.type, code, got);
  return apart && *apart <= kNoiseUlps;
}

bool HasTolerance(formats::NoiseLaw law) {
  return law == formats::NoiseLaw::kBoxMuller || law == formats::NoiseLaw::kNormal2;
}

// All hypotheses against all observations.
class Trial {
 public:
  Trial(std::span<const Observation> observations, const ExplainOptions& options)
      : options_(options) {
    const auto reference = MakeReferenceBackend();
    for (const Observation& observation : observations) {
      Watched& w = watched_.emplace_back();
      w.c = &observation.c;
      w.got = observation.outputs;
      const auto expected = formats::RunCase(*reference, observation.c);
      ULPROOF_CHECK(expected.ok());
      w.expected = *expected;
      w.signature = formats::SignatureOf(observation.c.op);
      ULPROOF_CHECK(w.got.size() == w.signature.outputs.size());
      for (const Port& port : w.signature.outputs) w.elements += port.count;
      w.wrong = WrongElements({w.c, w.expected, w.got});
      report_.wrong += w.wrong.size();
      report_.elements += w.elements;
    }
  }

  ExplainReport Run() {
    if (report_.wrong == 0) return report_;
    std::vector<ComparedCase> compared;
    for (const Watched& w : watched_) compared.push_back({w.c, w.expected, w.got});
    report_.patterns = ErrorPatterns(compared);
    KeepWhatTheBudgetAllows();
    ChooseWitnesses();
    const std::vector<std::vector<const Deviation*>> singles = Singles();
    Try(singles, Scopes());
    if (report_.explanations.empty() && options_.pairs) TryPairs();
    if (report_.explanations.size() >= 2) FindTellingCase();
    return report_;
  }

 private:
  using Hypothesis = std::vector<const Deviation*>;
  using Witness = std::pair<std::size_t, ElementPlace>;  // Of an observation.

  bool Exhausted() {
    report_.budget_exhausted |= work_ > options_.budget_elements;
    return work_ > options_.budget_elements;
  }

  // Small cases first, those with errors before those without: what is dropped costs most.
  void KeepWhatTheBudgetAllows() {
    std::ranges::stable_sort(watched_, [](const Watched& a, const Watched& b) {
      if (a.wrong.empty() != b.wrong.empty()) return b.wrong.empty();
      return a.elements < b.elements;
    });
    std::uint64_t sum = 0;
    std::erase_if(watched_, [&](const Watched& w) {
      const bool first = sum == 0;
      if (!first && sum + w.elements > options_.budget_elements / kBudgetShare) {
        report_.budget_exhausted = true;
        return true;
      }
      sum += w.elements;
      return false;
    });
  }

  // A few wrong elements of each failing case, the first and the last among them.
  void ChooseWitnesses() {
    for (const std::size_t turn : {0u, 1u, 2u, 3u}) {
      for (std::size_t i = 0; i < watched_.size(); ++i) {
        const auto& wrong = watched_[i].wrong;
        const std::size_t parts[] = {0, wrong.size() - 1, wrong.size() / 2, wrong.size() / 3};
        if (turn >= wrong.size() || witnesses_.size() >= kWitnesses) continue;
        witnesses_.push_back({i, wrong[parts[turn]]});
      }
    }
  }

  std::vector<Hypothesis> Singles() const {
    std::vector<Hypothesis> singles;
    for (const Deviation& deviation : Deviations()) {
      const Hypothesis hypothesis = {&deviation};
      const bool acts = std::ranges::any_of(
          watched_, [&](const Watched& w) { return Deviate(w.c->op, hypothesis).has_value(); });
      if (acts) singles.push_back(hypothesis);
    }
    return singles;
  }

  bool FitsWitnesses(const Hypothesis& hypothesis) { return Fits(hypothesis, witnesses_); }

  bool Fits(const Hypothesis& hypothesis, const std::vector<Witness>& witnesses) {
    std::size_t misfits = 0;
    for (const auto& [i, place] : witnesses) {
      const Watched& w = watched_[i];
      const auto variant = Deviate(w.c->op, hypothesis);
      Code code = w.expected[place.port].Get(place.index);
      if (variant) {
        DeviantCase deviant(*w.c, *variant);
        code = deviant.At(place.port, place.index);
        work_ += deviant.work();
      }
      if (SameCode(w, place, code)) continue;
      if (!HasTolerance(w.c->op.law) || ++misfits > 1) return false;
    }
    return true;
  }

  // What has refuted one hypothesis will often refute the next: it becomes a witness of those that
  // are meant to hold everywhere.
  void KeepCounterexample(std::size_t index, const ElementPlace& place) {
    if (counterexamples_.size() < kCounterexamples) counterexamples_.push_back({index, place});
  }

  // On every element in the scope. Outside of it nothing is wrong.
  bool FitsAll(const Hypothesis& hypothesis, const Scope& scope) {
    std::uint64_t misfits = 0, elements = 0;
    for (const Watched& w : watched_) {
      const auto variant = Deviate(w.c->op, hypothesis);
      if (!variant) {
        if (!w.wrong.empty()) return false;
        continue;
      }
      DeviantCase deviant(*w.c, *variant);
      for (std::size_t p = 0; p < w.signature.outputs.size(); ++p) {
        for (std::uint64_t i = 0; i < w.signature.outputs[p].count; ++i) {
          if (!InScope(scope, *w.c, w.signature.outputs[p], i)) continue;
          ++elements;
          if (SameCode(w, {p, i}, deviant.At(p, i))) continue;
          ++misfits;
          if (!HasTolerance(w.c->op.law) || misfits > 1 + elements / kForgivenOneIn) {
            work_ += deviant.work();
            if (scope.phrase.empty()) KeepCounterexample(&w - watched_.data(), {p, i});
            return false;
          }
        }
      }
      work_ += deviant.work();
      if (Exhausted()) return false;
    }
    return true;
  }

  // Everywhere, then the parts that hold all errors, the largest first: to be right on more
  // elements is the stronger claim.
  std::vector<const Scope*> Scopes() const {
    std::vector<std::pair<std::uint64_t, const Scope*>> sized;
    for (const Scope& scope : AllScopes()) {
      std::uint64_t inside = 0;
      bool holds_errors = true;
      for (const Watched& w : watched_) {
        for (const ElementPlace& place : w.wrong) {
          holds_errors &= InScope(scope, *w.c, w.signature.outputs[place.port], place.index);
        }
        if (!holds_errors) break;
        for (const Port& port : w.signature.outputs) {
          for (std::uint64_t i = 0; i < port.count; ++i) inside += InScope(scope, *w.c, port, i);
        }
      }
      if (holds_errors) sized.emplace_back(inside, &scope);
    }
    std::ranges::stable_sort(sized, std::greater<>(),
                             &std::pair<std::uint64_t, const Scope*>::first);
    std::vector<const Scope*> scopes;
    for (const auto& [size, scope] : sized) scopes.push_back(scope);
    return scopes;
  }

  void Try(std::span<const Hypothesis> hypotheses, std::span<const Scope* const> scopes) {
    std::vector<const Hypothesis*> alive;
    for (const Hypothesis& hypothesis : hypotheses) {
      if (Exhausted()) return;
      if (FitsWitnesses(hypothesis)) alive.push_back(&hypothesis);
    }
    for (const Scope* scope : scopes) {
      for (const Hypothesis* hypothesis : alive) {
        if (FitsAll(*hypothesis, *scope)) Report(*hypothesis, *scope);
      }
      if (!report_.explanations.empty()) return;
    }
  }

  void TryPairs() {
    const std::vector<Hypothesis> singles = Singles();
    for (std::size_t i = 0; i < singles.size(); ++i) {
      for (std::size_t j = i + 1; j < singles.size(); ++j) {
        const Deviation* first = singles[i][0];
        const Deviation* second = singles[j][0];
        if (first->aspect == second->aspect) continue;
        if (Exhausted()) return;
        const Hypothesis pair = {first, second};
        const bool fits = FitsWitnesses(pair) && Fits(pair, counterexamples_);
        if (fits && FitsAll(pair, Everywhere())) Report(pair, Everywhere());
      }
    }
  }

  void Report(const Hypothesis& hypothesis, const Scope& scope) {
    found_.push_back(hypothesis);
    if (report_.explanations.size() >= static_cast<std::size_t>(options_.max_explanations)) return;
    Explanation explanation;
    explanation.scope = scope.phrase;
    explanation.text = "identical to the reference with ";
    for (std::size_t i = 0; i < hypothesis.size(); ++i) {
      explanation.deviations.emplace_back(hypothesis[i]->id);
      explanation.text += fmt::format("{}{}", i == 0 ? "" : " and ", hypothesis[i]->text);
    }
    if (!scope.phrase.empty()) explanation.text += fmt::format(", {} only", scope.phrase);
    report_.explanations.push_back(std::move(explanation));
  }

  // Small random cases of the observed operations, until the first two explanations disagree.
  void FindTellingCase() {
    if (!report_.explanations[0].scope.empty()) return;
    const auto disagree = [&](const Case& c) {
      const auto first = Deviate(c.op, found_[0]), second = Deviate(c.op, found_[1]);
      const Variant right(c.op);
      return RunDeviant(c, first.value_or(right)) != RunDeviant(c, second.value_or(right));
    };
    constexpr int kCases = 64, kShrinkSteps = 200;
    Rng rng(1);
    for (int k = 0; k < kCases; ++k) {
      formats::Operation op = rng.Pick(watched_).c->op;
      op.shape = {.rows = 1 + rng.Below(k % 2 == 0 ? 1 : 3), .cols = 1 + rng.Below(40)};
      if (k % 2 == 0)
        op.key = {.seed = rng.Next(), .stream = rng.Next(), .offset = rng.Next() >> 8};
      const Case c = RandomCase(op, rng);
      if (!disagree(c)) continue;
      report_.telling_case = formats::CaseLine(Minimise(c, disagree, kShrinkSteps));
      return;
    }
  }

  const ExplainOptions& options_;
  std::vector<Watched> watched_;
  std::vector<Witness> witnesses_;
  std::vector<Witness> counterexamples_;
  std::vector<Hypothesis> found_;
  ExplainReport report_;
  std::uint64_t work_ = 0;
};

}  // namespace

ExplainReport Explain(std::span<const Observation> observations, const ExplainOptions& options) {
  ULPROOF_CHECK(!observations.empty());
  for (const Observation& observation : observations) {
    ULPROOF_CHECK(observation.c.op.kind == observations[0].c.op.kind);
  }
  return Trial(observations, options).Run();
}

std::string ExplainText(const ExplainReport& report) {
  std::string text;
  for (std::size_t i = 0; i < report.explanations.size(); ++i) {
    text += fmt::format("{}{}\n", i == 0 ? "" : "  or ", report.explanations[i].text);
  }
  if (!report.telling_case.empty()) {
    text += fmt::format("  this case tells the first two apart: {}\n", report.telling_case);
  }
  if (report.wrong != 0 && report.explanations.empty()) {
    text += report.budget_exhausted
                ? "no known deviation fits, as far as the search went; the errors:\n"
                : "no known deviation fits, alone or with another; the errors:\n";
    for (const std::string& pattern : report.patterns) text += fmt::format("  {}\n", pattern);
  }
  return text;
}

}  // namespace ulproof::reference
