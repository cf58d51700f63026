// SPDX-License-Identifier: Apache-2.0
#include "gpu/golden/golden.h"

#include <array>

// The assembler takes the files in as they are; ULPROOF_GOLDEN_DIR is set by CMake. (C++20 has no
// #embed.)
#define ULPROOF_INCBIN(symbol, path)                                                   \
  __asm__(".pushsection .rodata\n" #symbol ":\n.incbin \"" ULPROOF_GOLDEN_DIR "/" path \
          "\"\n" #symbol "_end:\n.popsection\n");                                      \
  extern "C" const char symbol[];                                                      \
  extern "C" const char symbol##_end[]
#define ULPROOF_GOLDEN(arch, module) \
  ULPROOF_INCBIN(ulproof_golden_##arch##_##module, #arch "/" #module ".ptx")

ULPROOF_GOLDEN(sm_80, backward);
ULPROOF_GOLDEN(sm_80, best_scale);
ULPROOF_GOLDEN(sm_80, block_max);
ULPROOF_GOLDEN(sm_80, block_quantize);
ULPROOF_GOLDEN(sm_80, cast);
ULPROOF_GOLDEN(sm_80, fake_backward);
ULPROOF_GOLDEN(sm_80, fake_quantize);
ULPROOF_GOLDEN(sm_80, fit);
ULPROOF_GOLDEN(sm_80, noise);
ULPROOF_GOLDEN(sm_80, perturb);
ULPROOF_GOLDEN(sm_80, refit);
ULPROOF_GOLDEN(sm_80, sample);
ULPROOF_INCBIN(ulproof_golden_manifest, "MANIFEST");

namespace ulproof::gpu {
namespace {

struct GoldenFile {
  std::string_view arch, module;
  const char* begin;
  const char* end;
};
#define ULPROOF_GOLDEN_ROW(arch, module) \
  { #arch, #module, ulproof_golden_##arch##_##module, ulproof_golden_##arch##_##module##_end }
constexpr std::array<GoldenFile, 12> kFiles = {{
    ULPROOF_GOLDEN_ROW(sm_80, backward),
    ULPROOF_GOLDEN_ROW(sm_80, best_scale),
    ULPROOF_GOLDEN_ROW(sm_80, block_max),
    ULPROOF_GOLDEN_ROW(sm_80, block_quantize),
    ULPROOF_GOLDEN_ROW(sm_80, cast),
    ULPROOF_GOLDEN_ROW(sm_80, fake_backward),
    ULPROOF_GOLDEN_ROW(sm_80, fake_quantize),
    ULPROOF_GOLDEN_ROW(sm_80, fit),
    ULPROOF_GOLDEN_ROW(sm_80, noise),
    ULPROOF_GOLDEN_ROW(sm_80, perturb),
    ULPROOF_GOLDEN_ROW(sm_80, refit),
    ULPROOF_GOLDEN_ROW(sm_80, sample),
}};

std::string_view Text(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::string_view GoldenPtx(std::string_view arch, std::string_view module) {
  for (const GoldenFile& file : kFiles) {
    if (file.arch == arch && file.module == module) return Text(file.begin, file.end);
  }
  return {};
}

std::string_view GoldenManifest() {
  return Text(ulproof_golden_manifest, ulproof_golden_manifest_end);
}

}  // namespace ulproof::gpu
