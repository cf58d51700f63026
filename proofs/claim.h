// SPDX-License-Identifier: Apache-2.0
// A claim is a program: what the contract, the paper or our own code relies on, stated in one
// sentence and decided by running it. The register (register.h) lists them; the proofs are in the
// files verify_<subject>.cc. Next to each stands a variant of the statement that must come out
// otherwise, so that the tests can see that the proof is able to.
#ifndef ULPROOF_PROOFS_CLAIM_H_
#define ULPROOF_PROOFS_CLAIM_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace ulproof::proofs {

enum class Verdict : std::uint8_t {
  kHolds,
  kHoldsOnlyIf,  // True under the condition that Outcome::condition states.
  kDoesNotHold,
};
// "holds", "holds only if", "does not hold".
std::string_view VerdictName(Verdict verdict);

// Quick: a representative part of what is too much for a minute; every claim says which.
enum class Depth : std::uint8_t { kQuick, kFull };

struct Outcome {
  Verdict verdict = Verdict::kHolds;
  std::string condition = {};       // For kHoldsOnlyIf.
  std::string counterexample = {};  // The smallest one met, unless it holds.
  std::string figures = {};         // What was measured on the way: exact counts, bounds.
  std::uint64_t cases = 0;          // Decided one by one.

  // Books one case; the first that is wrong becomes the counterexample.
  void Check(bool is_right, const auto& describe) {
    ++cases;
    if (is_right || verdict == Verdict::kDoesNotHold) return;
    verdict = Verdict::kDoesNotHold;
    counterexample = describe();
  }

  // Books the cases of a part (of a thread, of one format), and its counterexample if it is the
  // first.
  void Add(const Outcome& part) {
    cases += part.cases;
    if (part.verdict == Verdict::kHolds || verdict == Verdict::kDoesNotHold) return;
    verdict = part.verdict;
    counterexample = part.counterexample;
  }
};

using Prove = Outcome (*)(Depth depth);

struct Claim {
  std::string_view id;            // "absorption-never"
  std::string_view statement;     // One sentence.
  std::string_view method;        // How it is decided, and how much of it the quick depth does.
  std::string_view relied_on_by;  // Code, or the paper's sentence.
  Verdict expected;               // What it has come out as; another verdict is a failure.
  Prove prove;
  std::string_view variant;  // A similar statement ...
  Prove prove_variant;       // ... whose verdict must be another.
};

}  // namespace ulproof::proofs

#endif  // ULPROOF_PROOFS_CLAIM_H_
