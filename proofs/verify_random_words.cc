// SPDX-License-Identifier: Apache-2.0
// Random words and who uses them (contract section 4): no two elements of a stream share a bit, no
// two pairs of a stream and a group share words, who must not have the same stream, and that a call
// is the sum of its pieces wherever in the 64 bits it stands.
#include <fmt/format.h>

#include <array>
#include <bit>
#include <set>
#include <string>
#include <vector>

#include "cpu/noise_kernels.h"
#include "cpu/targets.h"
#include "formats/noise_law.h"
#include "formats/operation.h"
#include "proofs/claims.h"
#include "reference/random/noise.h"
#include "reference/random/philox.h"

namespace ulproof::proofs {
namespace {

using formats::NoiseLaw;
using formats::Operation;
using formats::RandomKey;

// A plain generator for the cases: not the one under test.
class Cases {
 public:
  std::uint64_t Next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return state_ ^ state_ >> 29;
  }

 private:
  std::uint64_t state_ = 1;
};

// Where a law's element finds its bits, as (group of the run, word, bit), lowest bit first.
using BitPlaces = std::vector<std::array<int, 3>>;
BitPlaces PlacesOf(NoiseLaw law, int element, int words_a_run) {
  BitPlaces places;
  switch (law) {
    case NoiseLaw::kRg16:
      for (int bit = 0; bit < 16; ++bit) {
        places.push_back({0, element / 2 % words_a_run, 16 * (element % 2) + bit});
      }
      break;
    case NoiseLaw::kRg32:
      for (int bit = 0; bit < 32; ++bit) places.push_back({0, element, bit});
      break;
    default:  // rgbits: U's lowest bit is plane 11's, the sign plane 0's.
      for (int plane = 11; plane >= 1; --plane) places.push_back({plane / 4, plane % 4, element});
      places.push_back({0, 0, element});
  }
  return places;
}

// (1) Within a run of elements no two bits coincide; (2) the reference takes them from these
// places, for runs at the ends of the 64-bit range and many between; (3) runs use disjoint groups
// that do not wrap: groups * run + group < 2^64 for every element below 2^64.
Outcome Injective(int words_a_run) {
  Outcome outcome;
  std::uint64_t state = 1;
  for (const NoiseLaw law : {NoiseLaw::kRg16, NoiseLaw::kRg32, NoiseLaw::kRgbits}) {
    const formats::NoiseGrouping grouping = GroupingOf(law);
    const std::string name(NoiseLawName(law));
    std::set<std::array<int, 3>> taken;
    for (int element = 0; element < grouping.elements; ++element) {
      for (const auto& place : PlacesOf(law, element, words_a_run)) {
        outcome.Check(taken.insert(place).second, [&] {
          return name + ": element " + std::to_string(element) + " shares word " +
                 std::to_string(place[1]) + ", bit " + std::to_string(place[2]);
        });
      }
    }
    const std::uint64_t last_run =
        ~std::uint64_t{0} / static_cast<std::uint64_t>(grouping.elements);
    const auto groups = static_cast<std::uint64_t>(grouping.groups);
    outcome.Check(last_run <= (~std::uint64_t{0} - (groups - 1)) / groups,
                  [&] { return name + ": the group counter wraps"; });
    for (int trial = 0; trial < 400; ++trial) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const std::uint64_t run = trial == 0   ? 0
                                : trial == 1 ? last_run
                                             : (state ^ state >> 29) % (last_run + 1);
      const RandomKey key = {.seed = state, .stream = std::rotl(state, 17)};
      std::array<std::array<std::uint32_t, 4>, 3> words = {};
      for (std::uint64_t g = 0; g < groups; ++g) {
        words[g] = reference::Words(key.seed, key.stream, run * groups + g);
      }
      for (int element = 0; element < grouping.elements; ++element) {
        std::uint32_t number = 0;
        int bit = 0;
        for (const auto& [group, word, at] : PlacesOf(law, element, words_a_run)) {
          number |=
              (words[static_cast<std::size_t>(group)][static_cast<std::size_t>(word)] >> at & 1)
              << bit++;
        }
        const std::uint64_t index = run * static_cast<std::uint64_t>(grouping.elements) +
                                    static_cast<std::uint64_t>(element);
        if (index < run) continue;  // The last run is cut off at 2^64.
        outcome.Check(number == reference::ThresholdNumber(law, key, index), [&] {
          return name + ": element " + std::to_string(index) + " has other bits";
        });
      }
    }
  }
  outcome.figures = "16, 32 and 12 bits an element; 1, 1 and 3 groups a run of 8, 4 and 32";
  return outcome;
}

// --- Philox is a bijection

using Words4 = std::array<std::uint32_t, 4>;
using Key2 = std::array<std::uint32_t, 2>;
using Multipliers = std::array<std::uint32_t, 2>;
constexpr Multipliers kPhilox = {0xD2511F53, 0xCD9E8D57};

// x with multiplier * x = 1 mod 2^32 (Newton; each step doubles the right bits), if it is odd.
constexpr std::uint32_t InverseOf(std::uint32_t multiplier) {
  std::uint32_t x = multiplier;  // Right in three bits.
  for (int i = 0; i < 4; ++i) x *= 2 - multiplier * x;
  return x;
}

Words4 Forward(Words4 c, Key2 key, const Multipliers& m) {
  for (int round = 0; round < reference::kPhiloxRounds; ++round) {
    const std::uint64_t p0 = std::uint64_t{m[0]} * c[0];
    const std::uint64_t p2 = std::uint64_t{m[1]} * c[2];
    c = {static_cast<std::uint32_t>(p2 >> 32) ^ c[1] ^ key[0], static_cast<std::uint32_t>(p2),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ key[1], static_cast<std::uint32_t>(p0)};
    key = {key[0] + 0x9E3779B9, key[1] + 0xBB67AE85};
  }
  return c;
}

// The rounds backwards. A product's low half gives the factor back, the factor the high half, and
// that what was xored with it; so each round can be undone if both multipliers have an inverse.
Words4 Backward(Words4 c, const Key2& key, const Multipliers& m) {
  for (std::uint32_t round = reference::kPhiloxRounds; round-- > 0;) {
    const std::uint32_t x0 = c[3] * InverseOf(m[0]);
    const std::uint32_t x2 = c[1] * InverseOf(m[1]);
    const auto high0 = static_cast<std::uint32_t>(std::uint64_t{m[0]} * x0 >> 32);
    const auto high2 = static_cast<std::uint32_t>(std::uint64_t{m[1]} * x2 >> 32);
    c = {x0, c[0] ^ high2 ^ (key[0] + round * 0x9E3779B9), x2,
         c[2] ^ high0 ^ (key[1] + round * 0xBB67AE85)};
  }
  return c;
}

// The counter holds group and stream, so a bijection of it gives different words to different
// pairs.
Outcome Bijective(const Multipliers& multipliers) {
  Outcome outcome;
  for (const std::uint32_t m : multipliers) {
    outcome.Check(m * InverseOf(m) == 1, [&] {
      return fmt::format("{:08x} has no inverse: counter words 0 and {:08x} give the same product",
                         m, 1u << (32 - std::countr_zero(m)));
    });
  }
  Cases cases;
  for (int i = 0; i < 100'000; ++i) {
    Words4 counter;
    for (std::uint32_t& word : counter) word = static_cast<std::uint32_t>(cases.Next() >> 16);
    if (i < 32) counter = {1u << i, 0, 0, 0};
    const Key2 key = {static_cast<std::uint32_t>(cases.Next() >> 16), counter[0]};
    const Words4 words = Forward(counter, key, multipliers);
    outcome.Check(Backward(words, key, multipliers) == counter, [&] {
      return fmt::format("counter word 0 = {:08x} does not come back", counter[0]);
    });
    if (multipliers != kPhilox) continue;
    outcome.Check(words == reference::Philox4x32(counter, key),
                  [&] { return fmt::format("the reference differs in case {}", i); });
  }
  outcome.figures = fmt::format("inverse multipliers {:08x} and {:08x}", InverseOf(multipliers[0]),
                                InverseOf(multipliers[1]));
  return outcome;
}

// --- Who must not have the same stream

// Noise reads stream S, stochastic rounding stream T xor 2^63, and every law counts its groups from
// the element 0. `all`: with streams of all 64 bits and any laws; else below 2^63 with one law
// each.
Outcome WordsApart(bool all) {
  Outcome outcome;
  Cases cases;
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t mask = ~formats::kRoundingStreamBit;
    const RandomKey noise = {.seed = cases.Next(), .stream = cases.Next() & mask};
    const RandomKey rounding = {.seed = noise.seed,
                                .stream = i % 2 ? noise.stream : cases.Next() & mask};
    const std::uint64_t element = cases.Next();
    // The counters are different, so by the bijection the words are.
    outcome.Check(noise.stream != (rounding.stream ^ formats::kRoundingStreamBit),
                  [&] { return fmt::format("stream {:x}", noise.stream); });
    outcome.Check(
        reference::Words(noise.seed, noise.stream, element) !=
            reference::Words(noise.seed, rounding.stream ^ formats::kRoundingStreamBit, element),
        [&] { return fmt::format("group {:x}", element); });
  }
  if (!all || outcome.verdict != Verdict::kHolds) return outcome;
  // What the condition leaves out, seen to happen.
  const RandomKey low = {.seed = 1, .stream = 0};
  const RandomKey high = {.seed = 1, .stream = formats::kRoundingStreamBit};
  int shared_with_rounding = 0;
  int shared_by_laws = 0;
  for (std::uint64_t element = 0; element < 1000; ++element) {
    shared_with_rounding += reference::ThresholdNumber(NoiseLaw::kRg16, high, element) ==
                            reference::RoundingRandom(16, low, element);
    const std::uint32_t word = reference::ThresholdNumber(NoiseLaw::kRg32, low, element);
    shared_by_laws +=
        reference::ThresholdNumber(NoiseLaw::kRg16, low, 2 * element) == (word & 0xFFFF);
  }
  outcome.cases += 2000;
  if (shared_with_rounding != 1000 || shared_by_laws != 1000)
    return outcome;  // Not needed after all.
  outcome.verdict = Verdict::kHoldsOnlyIf;
  outcome.condition =
      "each law has streams of its own, and where rounding is stochastic no two streams differ in "
      "bit 63 alone (streams below 2^63 do not)";
  outcome.counterexample =
      "stream 2^63: rg16's number of element 0 is the r of sra16 at element 0 of stream 0; stream "
      "0: rg16's element 0 is the low half of rg32's";
  return outcome;
}

// --- Pieces

// The noise of a call on a target, as integers or binary32 codes.
formats::Tensor Noise(cpu::Target target, const Operation& op) {
  const formats::Port port = SignatureOf(op).outputs.front();
  formats::Tensor noise(port.type, port.count);
  cpu::RunNoise(target, op, noise.view());
  return noise;
}

// A matrix somewhere in the 64 bits, some at their very end, and a rectangle of it called alone.
// Their common elements must agree with each other and, for the exact laws, with the reference at
// the 64-bit index. `keeps_stride`: the piece says how wide the whole is.
Outcome Pieces(bool keeps_stride) {
  Outcome outcome;
  Cases cases;
  const cpu::Target target = cpu::RunnableTargets().front();
  for (const NoiseLaw law : formats::kNoiseLaws) {
    for (int i = 0; i < 40; ++i) {
      const std::uint64_t rows = cases.Next() % 5 + 1;
      const std::uint64_t cols = cases.Next() % 100 + 1;
      Operation whole = {.kind = formats::OpKind::kNoise,
                         .law = law,
                         .shape = {.rows = rows, .cols = cols},
                         .key = {.seed = cases.Next(), .stream = cases.Next()}};
      // The last element of every fourth one is 2^64 - 1.
      const std::uint64_t last_offset = ~std::uint64_t{0} - (rows * cols - 1);
      whole.key.offset = i % 4 == 0 ? last_offset : cases.Next() % last_offset;
      outcome.Check(ValidateOperation(whole).ok(),
                    [&] { return "refused: " + OperationName(whole); });
      const std::uint64_t row = cases.Next() % rows;
      const std::uint64_t col = cases.Next() % cols;
      Operation part = whole;
      part.shape = {.rows = cases.Next() % (rows - row) + 1,
                    .cols = cases.Next() % (cols - col) + 1,
                    .index_stride = keeps_stride ? cols : 0};
      part.key.offset += row * cols + col;
      const formats::Tensor of_whole = Noise(target, whole);
      const formats::Tensor of_part = Noise(target, part);
      for (std::uint64_t r = 0; r < part.shape.rows; ++r) {
        for (std::uint64_t c = 0; c < part.shape.cols; ++c) {
          const std::uint64_t place = (row + r) * cols + col + c;
          const formats::Code here = of_part.Get(r * part.shape.cols + c);
          outcome.Check(here == of_whole.Get(place), [&] {
            return fmt::format("{}: element ({}, {}) of the whole is another", OperationName(part),
                               row + r, col + c);
          });
          if (law == NoiseLaw::kBoxMuller || law == NoiseLaw::kNormal2) continue;
          const std::uint64_t index = whole.key.offset + place;
          const formats::Code exact =
              HasIntegerNoise(law)
                  ? static_cast<std::uint8_t>(reference::IntegerNoise(law, whole.key, index))
                  : reference::RealNoise(law, whole.key, index);
          outcome.Check(here == exact, [&] {
            return fmt::format("{}: element {:x} differs from the reference", OperationName(part),
                               index);
          });
        }
      }
      // One element more would wrap around, and is refused.
      whole.key.offset = last_offset + 1;
      outcome.Check(!ValidateOperation(whole).ok(),
                    [&] { return "accepted: " + OperationName(whole); });
    }
  }
  return outcome;
}

}  // namespace

Outcome RandomBitsInjective(Depth) { return Injective(4); }
Outcome RandomBitsInjectiveVariant(Depth) { return Injective(3); }
Outcome PhiloxBijective(Depth) { return Bijective(kPhilox); }
Outcome PhiloxBijectiveVariant(Depth) { return Bijective({kPhilox[0], kPhilox[1] + 1}); }
Outcome RandomWordsApart(Depth) { return WordsApart(true); }
Outcome RandomWordsApartVariant(Depth) { return WordsApart(false); }
Outcome PiecesAreTheWhole(Depth) { return Pieces(true); }
Outcome PiecesAreTheWholeVariant(Depth) { return Pieces(false); }

}  // namespace ulproof::proofs
