// SPDX-License-Identifier: Apache-2.0
// Straight-line PTX programs, generated from the input, on 32 lanes with different registers.
// Oracle: the simulator leaves in every register of every lane what ptx_evaluator.h says.
// (tests/gpu/ptx/compiled_test.cc holds the compiled path against both: it takes seconds a
// program.)
#include <algorithm>

#include "fuzz/ptx_program.h"
#include "fuzz/target.h"
#include "gpu/ptx/launch.h"

namespace ulproof::fuzz {

ULPROOF_FUZZ_TARGET(ptx_execute) {
  ByteReader reader(data);
  const PtxProgram program = ReadPtxProgram(reader);
  const auto module = gpu::ptx::ParseModule(program.text, "t.ptx");
  ULPROOF_CHECK(module.ok(), module.error().ToString() + "\n" + program.text);
  gpu::ptx::Memory memory;
  const gpu::ptx::DeviceAddress in = memory.UploadConstant("in", program.in);
  const gpu::ptx::DeviceAddress out = memory.Allocate("out", program.out.size());
  const auto report =
      gpu::ptx::Launch(*module, "k", {.grid = {1}, .block = {32}},
                       gpu::ptx::Arguments().Add(in).Add(out), memory, {.single_threaded = true});
  ULPROOF_CHECK(report.ok(), report.error().ToString() + "\n" + program.text);
  const auto got = memory.Bytes(out);
  const auto differs = std::mismatch(got.begin(), got.end(), program.out.begin()).first;
  ULPROOF_CHECK(differs == got.end(),
                "byte " + std::to_string(differs - got.begin()) + " of\n" + program.text);
}

}  // namespace ulproof::fuzz
