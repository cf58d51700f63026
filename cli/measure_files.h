// SPDX-License-Identifier: Apache-2.0
// The tensors of files, measured one after the other: which are weights, which are left out and
// why, and which stream of noise each takes (that of `ulproof sample`).
#ifndef ULPROOF_CLI_MEASURE_FILES_H_
#define ULPROOF_CLI_MEASURE_FILES_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/measure.h"

namespace ulproof::cli {

struct TensorSource {
  std::string file;
  FileTensor tensor;
  formats::FormatSpec format;
  std::uint64_t stream;  // Added to the key's.
};

struct SkippedTensor {
  std::string file;
  std::string name;
  std::string why;
};

struct MeasurePlan {
  std::vector<TensorInput> inputs;
  std::vector<TensorSource> sources;
  std::vector<std::size_t> input_of_source;
  std::vector<SkippedTensor> skipped;

  std::uint64_t elements() const;
};

// Opens the files and chooses: weights are F32, F16 and BF16, and unsigned integers when `codes`
// names a format of their size. `glob` ("" for all) is a shell pattern for names. Errors: the
// files'; nothing to measure.
base::Result<MeasurePlan> PlanMeasure(const std::vector<std::string>& files,
                                      const std::string& glob,
                                      const std::optional<formats::FormatSpec>& codes);

// Measures source by source. `request.op` without from and shape. `done` gets each result.
// Errors: those of reading (a file that has become shorter, codes that do not fit), a setting that
// cannot be measured.
base::Status MeasureSources(
    const MeasurePlan& plan, const MeasureRequest& request,
    const std::function<void(const TensorSource&, const TensorMeasurement&)>& done,
    const std::function<void(std::uint64_t elements)>& advance);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_MEASURE_FILES_H_
