// SPDX-License-Identifier: Apache-2.0
// The judge: whether two backends give the same bits on one case, and where they do not. Codes are
// compared, never values, so -0 is not +0; any NaN equals any NaN except where the operation
// promises the canonical code (Port::canonical_nan). What the laws defined in real numbers are
// forgiven is in noise_tolerance.h and counted apart.
#ifndef ULPROOF_REFERENCE_COMPARE_JUDGE_H_
#define ULPROOF_REFERENCE_COMPARE_JUDGE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "formats/case.h"

namespace ulproof::reference {

// One output element that differs.
struct Mismatch {
  std::string output;       // Port name.
  std::uint64_t index = 0;  // In that port's buffer.
  std::uint64_t row = 0;    // Of the matrix or, for one value a block, of the grid of blocks.
  std::uint64_t col = 0;
  formats::ElementType type;
  formats::Code expected = 0;
  formats::Code got = 0;
  // How many codes apart; nothing where that has no meaning (a NaN, packed nibbles).
  std::optional<std::uint64_t> ulps;
};

struct Comparison {
  std::uint64_t elements = 0;       // Output elements compared.
  std::uint64_t mismatches = 0;     // Differences that are errors.
  std::uint64_t near_boundary = 0;  // Differences that noise_tolerance.h forgives.
  std::optional<Mismatch> first;    // In the order of ports and elements.
  std::optional<Mismatch> worst;    // Most codes apart; incomparable counts as most of all.

  bool ok() const { return mismatches == 0; }
  // Adds another comparison; `first` stays the one that came first.
  void Add(const Comparison& other);
};

// Codes apart on the number line of `type` (+0 and -0 are one apart); nothing for NaN against a
// number and for packed nibbles; 0 for equal codes and for two NaNs.
std::optional<std::uint64_t> CodesApart(const formats::ElementType& type, formats::Code a,
                                        formats::Code b);

// Precondition: both have the ports, types and counts of SignatureOf(c.op).outputs.
Comparison CompareOutputs(const formats::Case& c, std::span<const formats::Tensor> expected,
                          std::span<const formats::Tensor> got);

// Runs the case on both and compares. Errors are the backends'.
// Precondition: both are available and support c.op.
base::Result<Comparison> Judge(formats::Backend& truth, formats::Backend& subject,
                               const formats::Case& c);

// "sampled[3,7]: expected 3eb2, got 3eb3 (1 ulp)".
std::string MismatchText(const Mismatch& mismatch);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_JUDGE_H_
