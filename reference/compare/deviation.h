// SPDX-License-Identifier: Apache-2.0
// Realistic ways to be wrong: a catalogue of named deviations from the contract, and a machine that
// computes what an implementation with one or two of them would answer. A deviation is data: it
// edits the operation (another rounding mode, another law) or a knob of Variant, which says how one
// step of the computation differs. Steps that do not deviate are the reference's own.
//
// The catalogue serves Explain (explain.h). Nothing here defines what is right: Variant's defaults
// equal the reference, and a test holds them to it.
#ifndef ULPROOF_REFERENCE_COMPARE_DEVIATION_H_
#define ULPROOF_REFERENCE_COMPARE_DEVIATION_H_

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/case.h"
#include "reference/compare/deviation_variant.h"

namespace ulproof::reference {

// --- The catalogue

// Which step a deviation changes. Two deviations of one aspect exclude each other.
enum class Aspect : std::uint8_t {
  kRounding,
  kOverflow,
  kInput,
  kOutput,
  kSpecials,
  kRandomBits,
  kIndex,
  kKey,
  kWords,
  kLaw,
  kThresholds,
  kSign,
  kPacking,
  kMaximum,
  kRange,
  kBits,
  kExponent,
  kScale,
  kPower,
  kSum,
  kReduction,
  kFactor,
  kGroup,
  kSharedScale,
  kElement,
  kTensorScale,
  kGroupScale,
  kEncoder,
};

class OpKinds {
 public:
  constexpr OpKinds(std::initializer_list<formats::OpKind> kinds) {  // NOLINT: implicit by design
    for (const formats::OpKind kind : kinds) bits_ |= 1u << static_cast<unsigned>(kind);
  }
  constexpr bool Has(formats::OpKind kind) const {
    return (bits_ >> static_cast<unsigned>(kind) & 1u) != 0;
  }

 private:
  unsigned bits_ = 0;
};

struct Deviation {
  std::string_view id;    // "philox.rounds-7"
  std::string_view text;  // Completes "the reference with ...": "7 rounds of Philox, not 10".
  OpKinds kinds;
  Aspect aspect;
  void (*apply)(Variant&);
};

// All rows of deviations.def. Ids are unique.
std::span<const Deviation> Deviations();

// The row of an id, or null.
const Deviation* FindDeviation(std::string_view id);

// Whether the machine below computes the operation: not `best` of section 14.
bool HasDeviantMachine(const formats::Operation& op);

// `op` with these deviations. Nothing if there is no machine for it, if they change nothing here
// ("rtz" where the operation is rtz already), if one of them is for other kinds, or if the ports
// would change.
std::optional<Variant> Deviate(const formats::Operation& op,
                               std::span<const Deviation* const> deviations);

// --- The machine

// One case under a variant, element by element: asked for one output element it computes that and
// what it needs, and keeps the blocks' values. The case must outlive it.
class DeviantCase {
 public:
  // Precondition: variant is Variant(c.op) or came from Deviate(c.op, ...).
  DeviantCase(const formats::Case& c, const Variant& variant) : case_(c), variant_(variant) {}

  // Element `index` of output `port`.
  formats::Code At(std::size_t port, std::uint64_t index);

  // Elements computed so far, in units of about one sampled element.
  std::uint64_t work() const { return work_; }

 private:
  formats::Code Noise(std::uint64_t index);
  formats::Code Cast(std::uint64_t index);
  formats::Code Sample(std::uint64_t index);
  formats::Code Quantize(std::size_t port, std::uint64_t index);
  formats::Code Dequantize(std::uint64_t index);
  formats::Code MaxOf(std::uint64_t block);
  formats::Code ScaleOf(std::uint64_t max_block, std::uint64_t bits_index);
  formats::Code GroupScale(std::uint64_t group);
  formats::Code TensorScale();
  formats::Code Fit(std::size_t port, std::uint64_t block);
  formats::Code FakeQuantize(std::uint64_t index);
  formats::Code Gradient(std::size_t port, std::uint64_t index);
  formats::Code Perturb(std::uint64_t index);

  const formats::Case& case_;
  const Variant& variant_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, formats::Code> scales_;
  std::optional<formats::Code> tensor_scale_;
  // By block: scale and zero point, or grad_s and the elements' gradients.
  std::map<std::uint64_t, std::vector<formats::Code>> of_block_;
  std::uint64_t work_ = 0;
};

// All outputs.
std::vector<formats::Tensor> RunDeviant(const formats::Case& c, const Variant& variant);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_DEVIATION_H_
