// SPDX-License-Identifier: Apache-2.0
// The kept PTX of gpu/kernels (made by refresh.sh, which also checks it), carried inside the
// binary, so that the kernels that nvcc compiled run on any machine.
#ifndef ULPROOF_GPU_GOLDEN_GOLDEN_H_
#define ULPROOF_GPU_GOLDEN_GOLDEN_H_

#include <string_view>

namespace ulproof::gpu {

// The PTX text of module `module` ("sample") for `arch` ("sm_80", which newer devices run as it is);
// empty if there is none.
std::string_view GoldenPtx(std::string_view arch, std::string_view module);

// The MANIFEST: compiler version, flags, sha256 of every file.
std::string_view GoldenManifest();

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_GOLDEN_GOLDEN_H_
