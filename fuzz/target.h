// SPDX-License-Identifier: Apache-2.0
// What every fuzz target is made of: one function over bytes, and a way to say that a promise is
// broken. Linked with a fuzzing engine, a target is that engine's entry point; without one it adds
// itself to the list of driver.cc, which replays files.
#ifndef ULPROOF_FUZZ_TARGET_H_
#define ULPROOF_FUZZ_TARGET_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/parallel.h"

namespace ulproof::fuzz {

using Bytes = std::span<const std::uint8_t>;
using TargetFunction = void (*)(Bytes data);

// Before the first input: one thread, since fuzzers run a process for each processor.
inline void PrepareProcess() { base::SetThreadCount(1); }

// Adds a target to the list. Returns true, so that a global can be initialised with it.
bool AddTarget(std::string_view name, TargetFunction function);

inline std::string_view TextOf(Bytes data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

}  // namespace ulproof::fuzz

// ULPROOF_FUZZ_TARGET(cast) { ... }: the body sees `data`, and fails by ULPROOF_CHECK.
#ifdef ULPROOF_FUZZING_ENGINE
#define ULPROOF_FUZZ_TARGET(subject)                                                    \
  static void FuzzOne(::ulproof::fuzz::Bytes data);                                     \
  extern "C" int LLVMFuzzerInitialize(int*, char***);                                   \
  extern "C" int LLVMFuzzerInitialize(int*, char***) {                                  \
    ::ulproof::fuzz::PrepareProcess();                                                  \
    return 0;                                                                           \
  }                                                                                     \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t count);  \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t count) { \
    FuzzOne({bytes, count});                                                            \
    return 0;                                                                           \
  }                                                                                     \
  static void FuzzOne(::ulproof::fuzz::Bytes data)
#else
#define ULPROOF_FUZZ_TARGET(subject)                                                           \
  static void FuzzOne(::ulproof::fuzz::Bytes data);                                            \
  [[maybe_unused]] static const bool is_added = ::ulproof::fuzz::AddTarget(#subject, FuzzOne); \
  static void FuzzOne(::ulproof::fuzz::Bytes data)
#endif

#endif  // ULPROOF_FUZZ_TARGET_H_
