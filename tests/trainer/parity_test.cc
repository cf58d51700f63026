// SPDX-License-Identifier: Apache-2.0
// Catches: a parity check that cannot fail. A backend that is wrong in one bit of one sample, scale
// or backward must be found, and the tensor and element named; the real backends must agree, the
// exact reference included; and results must not depend on how many runs go side by side.
#include "trainer/parity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "base/parallel.h"
#include "reference/backend_reference.h"
#include "tests/trainer/backends.h"

namespace ulproof::trainer {
namespace {

using testing::HasSubstr;

const Corpus& Text() {
  static const Corpus corpus = GeneratedCorpus(20000);
  return corpus;
}
TrainerOptions Options(const char* method, std::uint64_t steps) {
  TrainerOptions options = {.method = ParseMethod(method).value()};
  ApplyPreset(kPresets[0], steps, options);
  options.model = {.vocabulary = 256, .context = 16, .layers = 1, .heads = 2, .width = 32};
  return options;
}

// The SIMD implementation with bits of one output element wrong, in the `at`-th operation of a
// kind.
class WrongOnce final : public formats::Backend {
 public:
  WrongOnce(formats::OpKind kind, int at, std::uint64_t element, formats::Code flip)
      : kind_(kind), at_(at), element_(element), flip_(flip) {}
  std::string_view name() const override { return "wrong"; }
  std::string why_unsupported(const formats::Operation& op) const override {
    return Cpu().why_unsupported(op);
  }
  base::Status Run(const formats::Operation& op, std::span<const formats::ConstBuffer> inputs,
                   std::span<const formats::Buffer> outputs) override {
    base::Status ran = Cpu().Run(op, inputs, outputs);
    if (op.kind == kind_ && count_++ == at_)
      outputs[0].Set(element_, outputs[0].Get(element_) ^ flip_);
    return ran;
  }

 private:
  formats::OpKind kind_;
  int at_, count_ = 0;
  std::uint64_t element_;
  formats::Code flip_;
};

TEST(ParityTest, BackendsAgree) {
  const auto reference = reference::MakeReferenceBackend();
  const auto parity = CompareBits(Options("gaussws", 3), Text(), *reference, Cpu(), 3);
  ASSERT_TRUE(parity.ok());
  EXPECT_FALSE(parity->divergence.has_value());
  EXPECT_EQ(parity->steps, 3u);
  EXPECT_EQ(parity->losses.size(), 3u);
}

TEST(ParityTest, OneWrongBitIsFoundAndNamed) {
  // Four matrices a step: the sixth sample is of step 1, the second matrix.
  WrongOnce sample(formats::OpKind::kSample, 5, 33, 1);
  const auto a = CompareBits(Options("gaussws", 9), Text(), Cpu(), sample, 9).value();
  ASSERT_TRUE(a.divergence.has_value());
  EXPECT_EQ(a.steps, 2u);
  EXPECT_EQ(a.divergence->step, 1u);
  EXPECT_EQ(a.divergence->tensor, "sample of h.0.attn.c_proj.weight");
  EXPECT_EQ(a.divergence->element, 33u);
  EXPECT_EQ(a.divergence->truth ^ a.divergence->subject, 1u);
  // The third matrix's second block, after c_attn's three and c_proj's one. A last bit would be
  // lost in adding the decay loss, and what the run does not see is no difference.
  WrongOnce backward(formats::OpKind::kBackward, 2, 1, 1 << 22);
  const auto b = CompareBits(Options("gaussws", 9), Text(), Cpu(), backward, 9).value();
  ASSERT_TRUE(b.divergence.has_value());
  EXPECT_EQ(b.divergence->step, 0u);
  EXPECT_EQ(b.divergence->tensor, "gradient of b");
  EXPECT_EQ(b.divergence->element, 5u);
}

// A distilled method learns from the bf16 run of its own seed, which is made once and counts as
// the method bf16 where that is asked for.
TEST(ParityTest, TeachersAreTheBf16RunsOfTheSeed) {
  MethodParityOptions options;
  options.run = Options("bf16", 4);
  options.seeds = 2;
  options.validation_sequences = 4;
  options.backend = [](const MethodSpec&) -> base::Result<formats::Backend*> { return &Cpu(); };
  std::atomic<std::uint64_t> steps = 0;
  options.progress = [&](std::uint64_t done) { steps += done; };
  options.methods = {ParseMethod("bf16").value(), ParseMethod("bf16,distill=1").value()};
  const auto runs = RunMethods(options, Text()).value();
  EXPECT_EQ(steps, 2u * 2 * 4);
  options.methods.pop_back();
  const auto alone = RunMethods(options, Text()).value();
  for (std::size_t seed = 0; seed < 2; ++seed) {
    EXPECT_EQ(runs[0].seeds[seed].validation, alone[0].seeds[seed].validation);
    EXPECT_EQ(runs[0].seeds[seed].curve, alone[0].seeds[seed].curve);
    TrainerOptions run = options.run;
    run.seed = options.first_seed + seed;
    auto teacher = std::move(Trainer::Create(run, Text(), Cpu())).value();
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(teacher.Step().ok());
    run.method = runs[1].method;
    run.teacher = std::make_shared<const std::vector<float>>(teacher.model().parameters());
    auto student = std::move(Trainer::Create(run, Text(), Cpu())).value();
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(student.Step().ok());
    student.UseMasterWeights();
    const Batch batch = ValidationBatch(Text(), 4, run.model.context);
    EXPECT_EQ(runs[1].seeds[seed].validation, student.Evaluate(batch).loss);
  }
}

TEST(ParityTest, MethodsDoNotDependOnThreads) {
  MethodParityOptions options;
  options.run = Options("bf16", 4);
  for (const char* method : {"bf16", "gaussws", "rtn:mxfp4"})
    options.methods.push_back(ParseMethod(method).value());
  options.casts.push_back(ParseCastTarget("mxfp4").value());
  options.seeds = 3;
  options.validation_sequences = 4;
  options.backend = [](const MethodSpec&) -> base::Result<formats::Backend*> { return &Cpu(); };
  std::vector<double> all[2];
  for (const int threads : {1, 3}) {
    base::SetThreadCount(threads);
    const auto runs = RunMethods(options, Text()).value();
    for (const MethodRuns& method : runs) {
      for (const Outcome& outcome : method.seeds) {
        all[threads / 3].push_back(LossOf(outcome, kMaster));
        all[threads / 3].push_back(LossOf(outcome, 0));
      }
    }
    EXPECT_EQ(Difference(runs[0], kMaster, runs[0], kMaster).half_width, 0);
    EXPECT_FALSE(runs[0].seeds[0].mean_bits.has_value());
    EXPECT_NEAR(*runs[1].seeds[0].mean_bits, 6, 0.1);
  }
  base::SetThreadCount(0);
  EXPECT_EQ(all[0], all[1]);
  EXPECT_NE(all[0][0], all[0][2]) << "seeds differ";
}

}  // namespace
}  // namespace ulproof::trainer
