// SPDX-License-Identifier: Apache-2.0
// Why an implementation is wrong: which deviations from the reference (deviation.h), alone or two
// at a time, reproduce all of its observed outputs bit for bit. An answer that holds on every
// element of dozens of cases is rarely a coincidence, and reads like a bug report: "identical to
// the reference with rounding toward zero (rtz)". Where none fits, the pattern of the errors
// (error_pattern.h) is what can be said.
#ifndef ULPROOF_REFERENCE_COMPARE_EXPLAIN_H_
#define ULPROOF_REFERENCE_COMPARE_EXPLAIN_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "formats/case.h"

namespace ulproof::reference {

// What an implementation answered to one case, right or wrong.
struct Observation {
  formats::Case c;
  std::vector<formats::Tensor> outputs;  // The ports of SignatureOf(c.op).outputs, in order.
};

struct ExplainOptions {
  // Try pairs when no single deviation fits.
  bool pairs = true;
  // Explanations to report at most.
  int max_explanations = 8;
  // Output elements to compute at most, over all trials. Not a time, so that the answer does not
  // depend on the machine; the default is some seconds of one core.
  std::uint64_t budget_elements = 4'000'000;
};

// One way to get exactly the observed outputs.
struct Explanation {
  // Ids of the catalogue, one or two.
  std::vector<std::string> deviations;
  // Where it acts, if not everywhere ("in whole, 8-aligned blocks"); the reference holds elsewhere.
  std::string scope;
  // "identical to the reference with rounding toward zero (rtz)".
  std::string text;
};

struct ExplainReport {
  // Elements that differ from the reference (by the judge's rules), of all elements observed.
  std::uint64_t wrong = 0;
  std::uint64_t elements = 0;
  // Simplest first: single deviations everywhere, single ones in a part, pairs. All of them fit all
  // observations, so as far as these go they are the same program.
  std::vector<Explanation> explanations;
  // With two or more explanations: the line of a case that tells the first two apart, if one was
  // found.
  std::string telling_case;
  // What all errors have in common, most surprising first. Given with and without explanations.
  std::vector<std::string> patterns;
  // The work was cut off: there may be further explanations, or the largest cases were not held
  // against those that are given.
  bool budget_exhausted = false;
};

// Preconditions: at least one observation; all are of one kind, `from` and `to`, and have the
// ports and counts of their operations' signatures. Without a wrong element the report is empty.
ExplainReport Explain(std::span<const Observation> observations,
                      const ExplainOptions& options = {});

// The report as lines for people, each ended: the first explanation as a verdict, what is
// equivalent to it, the patterns. Empty without a wrong element.
std::string ExplainText(const ExplainReport& report);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_EXPLAIN_H_
