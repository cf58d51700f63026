// SPDX-License-Identifier: Apache-2.0
// Catches: a trainer that agrees only with itself. The same weights and text in PyTorch (its own
// layers, autograd and AdamW: trainer/compare/gpt2_torch.py) gave the losses of torch_losses.txt.
// genesis.txt is Genesis 1-8, King James Version, from the Debian package bible-kjv-text.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "cpu/backend_cpu.h"
#include "trainer/trainer.h"

namespace ulproof::trainer {
namespace {

struct Row {
  int step;
  double float32, bf16;
};

std::vector<Row> ReadRows() {
  std::ifstream file(std::string(ULPROOF_SOURCE_DIR) + "/tests/trainer/torch_losses.txt");
  std::vector<Row> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    Row& row = rows.emplace_back();
    std::istringstream(line) >> row.step >> row.float32 >> row.bf16;
  }
  return rows;
}

// The largest distance from a column over the run.
double Distance(const char* method, double Row::*column) {
  const std::vector<Row> rows = ReadRows();
  EXPECT_EQ(rows.size(), 20u);
  const auto corpus =
      LoadCorpus(std::string(ULPROOF_SOURCE_DIR) + "/tests/trainer/genesis.txt").value();
  const auto backend = cpu::MakeCpuBackend();
  TrainerOptions options = {.method = ParseMethod(method).value()};
  ApplyPreset(kPresets[0], 20, options);
  auto trainer = std::move(Trainer::Create(options, corpus, *backend)).value();
  double largest = 0;
  for (const Row& row : rows) {
    const double loss = trainer.Step().value().loss;
    largest = std::max(largest, std::abs(loss - row.*column));
  }
  std::cout << method << ": largest distance " << largest << "\n";
  return largest;
}

TEST(TorchTest, LossesInFloat32) { EXPECT_LT(Distance("fp32", &Row::float32), 1e-4); }

// Operands near a tie of bfloat16 fall to either side by the last bit of a sum, and the runs part
// from there: the bound is of another kind.
TEST(TorchTest, LossesOfBf16Operators) { EXPECT_LT(Distance("bf16", &Row::bf16), 3e-3); }

}  // namespace
}  // namespace ulproof::trainer
