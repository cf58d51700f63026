// SPDX-License-Identifier: Apache-2.0
// A user's program: one cast by the exact reference and by the fast implementation.
#include <cstdio>
#include <memory>

#include "cpu/backend_cpu.h"
#include "formats/case.h"
#include "reference/backend_reference.h"

int main() {
  using namespace ulproof;
  const auto c = formats::ParseCase(
      "cast from=float32 to=float8_e4m3fn round=rne overflow=sat shape=1x3 | "
      "x=3f8ccccd,c0490fdb,43e80001");
  if (!c.ok()) {
    std::fprintf(stderr, "%s\n", c.error().ToString().c_str());
    return 1;
  }
  const std::unique_ptr<formats::Backend> reference = reference::MakeReferenceBackend();
  const std::unique_ptr<formats::Backend> cpu = cpu::MakeCpuBackend();
  const auto exact = formats::RunCase(*reference, *c);
  const auto fast = formats::RunCase(*cpu, *c);
  if (!exact.ok() || !fast.ok() || *exact != *fast) return 1;
  // 1.1 -> 1.125, -3.14159 -> -3.25, 464.00003 -> 448.
  const bool right =
      exact->at(0).Get(0) == 0x39 && exact->at(0).Get(1) == 0xc5 && exact->at(0).Get(2) == 0x7e;
  std::printf("%s\n", right ? "same bits" : "wrong bits");
  return right ? 0 : 1;
}
