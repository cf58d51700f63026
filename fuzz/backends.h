// SPDX-License-Identifier: Apache-2.0
// The implementations that the targets set against each other, and operations and their inputs
// out of a fuzzer's bytes. Unlike reference/compare/inputs.h every choice is a byte of the input,
// so that a fuzzer can change one and keep the rest.
#ifndef ULPROOF_FUZZ_BACKENDS_H_
#define ULPROOF_FUZZ_BACKENDS_H_

#include <memory>
#include <span>
#include <vector>

#include "formats/case.h"
#include "fuzz/byte_reader.h"

namespace ulproof::fuzz {

formats::Backend& Reference();
// Every instruction set of this machine, the portable one included.
std::span<const std::unique_ptr<formats::Backend>> CpuBackends();
// Our kernels on the PTX simulator.
formats::Backend& Simulator();

// Any format: mostly one of the catalogue, else a generic one.
formats::FormatSpec ReadFormat(ByteReader& reader);
formats::Rounding ReadRounding(ByteReader& reader, bool may_be_stochastic);
formats::RandomKey ReadKey(ByteReader& reader);
// Sides of at most max_rows and max_cols, now and then with a stride.
formats::Shape ReadShape(ByteReader& reader, std::uint64_t max_rows, std::uint64_t max_cols);

// The inputs of a valid operation: a pattern of at most `max_pattern` elements for each port, one
// after the other off the reader, repeated over the port.
formats::Case ReadCase(const formats::Operation& op, ByteReader& reader, std::uint64_t max_pattern);

// The judge finds no difference between `subject` and the reference, where the subject computes the
// operation; else the process ends with the line that replays the case.
void ExpectReferenceBits(const formats::Case& c, formats::Backend& subject);
// Of every CPU target, and of the simulator.
void ExpectReferenceBits(const formats::Case& c);

}  // namespace ulproof::fuzz

#endif  // ULPROOF_FUZZ_BACKENDS_H_
