// SPDX-License-Identifier: Apache-2.0
// Any case of any operation of the sampling side: the reference and every instruction set agree.
// Shapes, keys, formats and inputs are RapidCheck's, which also shrinks what fails.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "cpu/backend_cpu.h"
#include "reference/backend_reference.h"
#include "tests/cpu/cpu_cases.h"

namespace ulproof::tests {
namespace {

using formats::FormatSpec;
using formats::NoiseLaw;
using formats::Operation;
using formats::OpKind;

// A small case with everything about it random; formats that the SIMD kernels read and laws that
// binary32 computes exactly.
formats::Case AnyCase(OpKind kind) {
  Operation op;
  op.kind = kind;
  const bool draws = kind == OpKind::kNoise || kind == OpKind::kSample || kind == OpKind::kBackward;
  const bool blocks =
      kind == OpKind::kBlockMax || kind == OpKind::kSample || kind == OpKind::kBackward;
  op.shape.rows = *rc::gen::inRange<std::uint64_t>(1, 40);
  op.shape.cols = *rc::gen::inRange<std::uint64_t>(1, 80);
  if (*rc::gen::arbitrary<bool>()) {
    op.shape.index_stride = op.shape.cols + *rc::gen::inRange<std::uint64_t>(0, 100);
  }
  if (blocks) {
    op.from = *rc::gen::element(formats::kFloat32, formats::kBfloat16, formats::kFloat16);
    op.block.rows = *rc::gen::inRange<std::uint32_t>(1, 50);
    op.block.cols = *rc::gen::inRange<std::uint32_t>(1, 90);
  }
  if (draws) {
    op.law =
        *rc::gen::element(NoiseLaw::kRg16, NoiseLaw::kRg32, NoiseLaw::kRgbits, NoiseLaw::kUniform);
    op.key.seed = *rc::gen::arbitrary<std::uint64_t>();
    op.key.stream = *rc::gen::arbitrary<std::uint64_t>();
    op.key.offset =
        *rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(0, 100),
                        rc::gen::inRange<std::uint64_t>((1ull << 35) - 3000, 1ull << 35),
                        rc::gen::inRange<std::uint64_t>(0, 1ull << 62));
  }
  if (kind == OpKind::kNoise && HasIntegerNoise(op.law)) {
    op.packing = *rc::gen::element(formats::NoisePacking::kInt8, formats::NoisePacking::kNibbles);
  }
  if (kind == OpKind::kScale || kind == OpKind::kSample) {
    op.pow2 = *rc::gen::arbitrary<bool>();
    op.bits_per_block = *rc::gen::arbitrary<bool>();
  }
  if (kind == OpKind::kSample) {
    op.to = *rc::gen::element(formats::kBfloat16, formats::kBfloat16, formats::kFloat32,
                              formats::kFloat16, formats::kFloat8E4m3fn, formats::kFloat6E2m3fn);
    op.overflow = *rc::gen::elementOf(formats::kOverflows);
    op.rounding.mode = static_cast<formats::RoundingMode>(*rc::gen::inRange(0, 9));
    if (op.rounding.is_stochastic()) op.rounding.random_bits = *rc::gen::inRange(1, 33);
  }
  std::mt19937_64 engine(*rc::gen::arbitrary<std::uint64_t>());
  return MakeCase(op, *rc::gen::elementOf(kInputStyles), engine);
}

// Would catch: whatever combination of shape, phase, format and policy the other tests do not list.
class CpuProperty : public testing::TestWithParam<OpKind> {};

TEST_P(CpuProperty, EveryTargetGivesTheReferenceBits) {
  const auto truth = reference::MakeReferenceBackend();
  const auto backends = cpu::MakeCpuBackends();
  EXPECT_TRUE(rc::check([&] {
    const formats::Case c = AnyCase(GetParam());
    const auto expected = formats::RunCase(*truth, c);
    RC_ASSERT(expected.ok());
    for (const auto& backend : backends) {
      RC_ASSERT(Difference(*expected, *backend, c) == std::string());
    }
  }));
}

INSTANTIATE_TEST_SUITE_P(Kinds, CpuProperty,
                         testing::Values(OpKind::kNoise, OpKind::kBlockMax, OpKind::kScale,
                                         OpKind::kSample, OpKind::kBackward),
                         [](const auto& kind) {
                           return std::string(formats::OpKindName(kind.param));
                         });

}  // namespace
}  // namespace ulproof::tests
