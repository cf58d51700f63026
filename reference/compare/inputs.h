// SPDX-License-Identifier: Apache-2.0
// What to test with: structured edges of a format and of a rounding between two formats, random
// codes weighted to the places where number formats break (TestFloat's habit), random operations,
// and random inputs whose blocks have maxima of every kind. Everything is a function of a seed;
// nothing here computes a result.
#ifndef ULPROOF_REFERENCE_COMPARE_INPUTS_H_
#define ULPROOF_REFERENCE_COMPARE_INPUTS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "formats/case.h"

namespace ulproof::reference {

// SplitMix64 (Steele, Lea, Flood 2014): a small generator for choosing test inputs, so that a seed
// in a report gives the same inputs everywhere. Not the random words of the contract.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }
  // Uniform in [0, bound), up to a bias of bound / 2^64. Precondition: bound > 0.
  std::uint64_t Below(std::uint64_t bound) { return Next() % bound; }
  bool OneIn(std::uint64_t n) { return Below(n) == 0; }
  template <typename Container>
  const auto& Pick(const Container& from) {
    return from[Below(from.size())];
  }

 private:
  std::uint64_t state_;
};

// The codes where a format changes its habits, both signs: zero, one, the ends of the subnormals
// and of every binade with their neighbours, the largest finite values, infinity, NaNs. Sorted,
// unique; at most a few thousand (all codes of a format of 8 bits or less).
std::vector<formats::Code> EdgeCodes(const formats::FormatSpec& format);

// The codes of `from` at the values of `to` and at the midpoints between neighbours, each with its
// neighbours in `from`, both signs, also just beyond the largest finite value of `to`; and
// EdgeCodes of `from`. A `to` of more than 8 bits is represented by the ends and a few members of
// each binade. Sorted, unique.
std::vector<formats::Code> RoundingEdges(const formats::FormatSpec& from,
                                         const formats::FormatSpec& to);

// A random code: the exponent is at an end, near one, or anything; the trailing bits are all zeros,
// all ones, a run, a single bit, or anything. Now and then a special.
formats::Code WeightedCode(const formats::FormatSpec& format, Rng& rng);

// A random code of `from` that is within a few codes of a value or midpoint of `to` about half of
// the time, else WeightedCode.
formats::Code WeightedCodeNear(const formats::FormatSpec& from, const formats::FormatSpec& to,
                               Rng& rng);

// Any valid operation of that kind: formats of the catalogue (now and then a generic one), ragged
// shapes of at most a few thousand elements, keys at the ends of their ranges.
formats::Operation RandomOperation(formats::OpKind kind, Rng& rng);

// The operation with another shape, key, and those flags that kernels take as arguments (pow2,
// bits_per_block, the scale rule). Every second one has the shape and offset that wide memory
// accesses need. Precondition: the prototype is valid for some shape.
formats::Operation RandomCall(const formats::Operation& prototype, Rng& rng);

// Inputs for an operation: matrices in one of several styles (ordinary weights, weighted codes,
// powers of two, near the ends of the range, sparse, with one special), bitwidths and block-wise
// inputs that make sense and some that do not.
formats::Case RandomCase(const formats::Operation& op, Rng& rng);

// A case of one row with these inputs, for operations with one input and free shape: shape, input.
// Precondition: op takes one tensor of codes; codes fit.
formats::Case RowCase(formats::Operation op, std::span<const formats::Code> codes);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_INPUTS_H_
