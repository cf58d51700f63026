// SPDX-License-Identifier: Apache-2.0
// Philox4x32 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC'11),
// the only source of random words in this project (contract section 4). Pure functions of counter
// and key: there is no state to carry, so any element's words can be had in any order.
#ifndef ULPROOF_REFERENCE_RANDOM_PHILOX_H_
#define ULPROOF_REFERENCE_RANDOM_PHILOX_H_

#include <array>
#include <cstdint>

namespace ulproof::reference {

inline constexpr int kPhiloxRounds = 10;

// The Philox4x32 bijection of `counter` under `key`. The contract uses 10 rounds; 7 is the
// least that the authors found to pass BigCrush. Precondition: rounds >= 0. Verified by
// tests/vectors/philox4x32.kat (the authors' published answers).
std::array<std::uint32_t, 4> Philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key,
                                        int rounds = kPhiloxRounds);

// words(seed, stream, group) of contract section 4: w0..w3. Total over all arguments.
// It equals curand4() after cuRAND's curand_init(seed, stream, 4 * group) while 4 * group fits
// in 64 bits; tests/vectors/curand_philox.kat holds cuRAND's own answers.
std::array<std::uint32_t, 4> Words(std::uint64_t seed, std::uint64_t stream, std::uint64_t group);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_RANDOM_PHILOX_H_
