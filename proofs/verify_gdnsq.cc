// SPDX-License-Identifier: Apache-2.0
// GDNSQ's bit-width [GDNSQ] as what it is called: the capacity of a channel that adds noise uniform
// on (-s/2, s/2) to an input from a range of length A. Decided in exact rational arithmetic, by an
// input law and the certificate that no other one carries more.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "proofs/claims.h"
#include "reference/random/law.h"

namespace ulproof::proofs {
namespace {

using boost::multiprecision::cpp_int;
using reference::Rational;

// A = p and s = k, integers: all that matters is A / s. The input law is on the integers 0 .. p: an
// input x spreads evenly over the k unit intervals x .. x + k - 1 of the output.
struct Channel {
  int p, k;
  int whole() const { return p / k; }  // floor(A / s)
  int part() const { return p % k; }   // frac(A / s) in units of 1/k
  int outputs() const { return p + k; }
};

// The law that makes both residues of the output uniform: of the inputs j s and j s + (A mod s), j
// = 0 .. n - 1 with n = floor(A / s) + 1, so that each of the n overlaps of two windows has 1 / n
// and each of the n + 1 rests 1 / (n + 1).
std::vector<Rational> BestInput(const Channel& channel) {
  std::vector<Rational> law(static_cast<std::size_t>(channel.p) + 1);
  const int n = channel.whole() + 1;
  Rational carried = 0;  // What the input before gives to the rest of this place.
  for (int j = 0; j < n; ++j) {
    const Rational here = Rational(1, n + 1) - carried;
    carried = Rational(1, n) - here;
    law[static_cast<std::size_t>(j * channel.k)] += here;
    law[static_cast<std::size_t>(j * channel.k + channel.part())] += carried;
  }
  return law;
}

// Capacity n^(k - r) (n + 1)^r to the power 1 / k, with r = k frac(A / s): the number of levels to
// which the channel is equal, to the power k. Equal to (1 + A / s)^k for r = 0 only.
cpp_int LevelsToTheK(const Channel& channel) {
  const int n = channel.whole() + 1;
  return boost::multiprecision::pow(cpp_int(n), static_cast<unsigned>(channel.k - channel.part())) *
         boost::multiprecision::pow(cpp_int(n + 1), static_cast<unsigned>(channel.part()));
}

// The certificate (Kuhn and Tucker): with the output law q of the input law, the divergence of the
// output given x from q is the same for all x. It is log of the k-th root of 1 / prod q (k q each),
// so a product of rationals decides; between two integers the divergence is linear in x, so the
// integers decide for all real x. Then q's divergence is the capacity.
bool IsCapacity(const Channel& channel, std::string& why) {
  const std::vector<Rational> input = BestInput(channel);
  Rational sum = 0;
  for (const Rational& p : input) {
    if (p < 0) {
      why = "the input law has a negative probability";
      return false;
    }
    sum += p;
  }
  if (sum != 1) {
    why = "the input law does not add up to 1";
    return false;
  }
  std::vector<Rational> output(static_cast<std::size_t>(channel.outputs()));
  for (int x = 0; x <= channel.p; ++x) {
    for (int i = 0; i < channel.k; ++i) {
      output[static_cast<std::size_t>(x + i)] += input[static_cast<std::size_t>(x)] / channel.k;
    }
  }
  const Rational claimed(1, LevelsToTheK(channel));
  for (int x = 0; x <= channel.p; ++x) {
    Rational product = 1;
    for (int i = 0; i < channel.k; ++i) {
      product *= output[static_cast<std::size_t>(x + i)] * channel.k;
    }
    if (product != claimed) {
      why = fmt::format("input {} / {} has another divergence", x, channel.k);
      return false;
    }
  }
  return true;
}

// log2(1 + A / s) is the capacity ("at most": is not below it).
Outcome Capacity(bool at_most) {
  Outcome outcome;
  double widest = 0;
  bool all_integers_equal = true;
  for (int k = 1; k <= 12; ++k) {
    for (int p = 0; p <= 5 * k; ++p) {
      const Channel channel = {p, k};
      std::string why;
      outcome.Check(IsCapacity(channel, why),
                    [&] { return fmt::format("A / s = {} / {}: {}", p, k, why); });
      // Both to the power k, times k^k.
      const auto power = static_cast<unsigned>(k);
      const cpp_int formula = boost::multiprecision::pow(cpp_int(p + k), power);
      const cpp_int capacity =
          LevelsToTheK(channel) * boost::multiprecision::pow(cpp_int(k), power);
      outcome.Check(formula >= capacity,
                    [&] { return fmt::format("A / s = {} / {}: more than the formula", p, k); });
      if (channel.part() == 0) all_integers_equal = all_integers_equal && formula == capacity;
      if (formula == capacity) continue;
      const double ratio = Rational(formula, capacity).convert_to<double>();
      widest = std::max(widest, std::log2(ratio) / k);
      if (at_most || outcome.verdict == Verdict::kDoesNotHold) continue;
      if (outcome.verdict == Verdict::kHolds) {
        outcome.counterexample =
            fmt::format("A / s = {} / {}: the capacity is {:.4f} bits, the formula says {:.4f}", p,
                        k, std::log2(LevelsToTheK(channel).convert_to<double>()) / k,
                        std::log2(1 + static_cast<double>(p) / k));
      }
      outcome.verdict = Verdict::kHoldsOnlyIf;
    }
  }
  outcome.Check(all_integers_equal, [] { return std::string("it fails at an integer A / s"); });
  if (outcome.verdict == Verdict::kHoldsOnlyIf) outcome.condition = "A / s is an integer";
  outcome.figures = fmt::format("the formula is above the capacity by up to {:.4f} bits", widest);
  return outcome;
}

}  // namespace

Outcome GdnsqCapacity(Depth) { return Capacity(false); }
Outcome GdnsqCapacityVariant(Depth) { return Capacity(true); }

}  // namespace ulproof::proofs
