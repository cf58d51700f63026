// SPDX-License-Identifier: Apache-2.0
#include "cli/measure_files.h"

#include <fmt/format.h>
#include <fnmatch.h>

namespace ulproof::cli {

using base::Result;
using base::Status;

std::uint64_t MeasurePlan::elements() const {
  std::uint64_t sum = 0;
  for (const TensorSource& source : sources) sum += source.tensor.count();
  return sum;
}

Result<MeasurePlan> PlanMeasure(const std::vector<std::string>& files, const std::string& glob,
                                const std::optional<formats::FormatSpec>& codes) {
  MeasurePlan plan;
  for (const std::string& file : files) {
    auto input = TensorInput::Open(file);
    if (!input.ok()) return input.error();
    const auto selected = input->SelectWeights("", codes);
    if (!selected.ok()) return selected.error();
    std::uint64_t stream = 0;
    for (const auto& [tensor, format] : *selected) {
      const std::uint64_t own_stream = format ? stream++ : 0;
      if (!glob.empty() && fnmatch(glob.c_str(), tensor.name.c_str(), 0) != 0) continue;
      if (!format) {
        plan.skipped.push_back(
            {file, tensor.name, fmt::format("{} is not a type of weights", tensor.dtype.name)});
      } else if (tensor.count() == 0) {
        plan.skipped.push_back({file, tensor.name, "it is empty"});
      } else {
        plan.sources.push_back({file, tensor, *format, own_stream});
        plan.input_of_source.push_back(plan.inputs.size());
      }
    }
    plan.inputs.push_back(std::move(*input));
  }
  if (plan.sources.empty()) {
    return base::UsageError(glob.empty() ? "no tensor of weights has elements"
                                         : fmt::format("no tensor of weights matches '{}'", glob));
  }
  return plan;
}

Status MeasureSources(
    const MeasurePlan& plan, const MeasureRequest& request,
    const std::function<void(const TensorSource&, const TensorMeasurement&)>& done,
    const std::function<void(std::uint64_t)>& advance) {
  for (std::size_t i = 0; i < plan.sources.size(); ++i) {
    const TensorSource& source = plan.sources[i];
    const TensorInput& input = plan.inputs[plan.input_of_source[i]];
    MeasureRequest own = request;
    own.op.from = source.format;
    own.op.shape = MatrixOf(source.tensor);
    own.op.key.stream += source.stream;
    if (const Status valid = formats::ValidateOperation(own.op); !valid.ok()) {
      return input.Unusable(source.tensor, valid.error().message);
    }
    if (const std::string why = WhyMeasureRefused(own); !why.empty()) {
      return input.Unusable(source.tensor, why);
    }
    const auto bytes = static_cast<std::uint64_t>(source.format.storage_bytes());
    const auto read = [&](std::uint64_t first, std::uint64_t count, void* out) -> Status {
      Status got = input.Read(source.tensor, first * bytes, count * bytes, out);
      if (!got.ok()) return got;
      Status valid = CheckCodes({formats::ElementType::CodeOf(source.format), out, count}, first,
                                source.tensor);
      if (valid.ok()) return valid;
      base::Error error = valid.error();
      error.file = input.path();
      return error;
    };
    const auto measured = MeasureTensor(own, read, advance);
    if (!measured.ok()) return measured.error();
    done(source, *measured);
  }
  return base::Done{};
}

}  // namespace ulproof::cli
