// SPDX-License-Identifier: Apache-2.0
// Trainer::Save and Trainer::Load: parameters under Hugging Face's names, AdamW's moments as
// adam.first.* and adam.second.*, the method's state, the scales of activations, and in the
// metadata the step and the options.
#include <fmt/format.h>

#include <bit>

#include "base/text.h"
#include "io/safetensors.h"
#include "trainer/random.h"
#include "trainer/trainer.h"

namespace ulproof::trainer {
namespace {

constexpr const char* kStepKey = "ulproof.trainer.step";
constexpr const char* kRunKey = "ulproof.trainer.run";

// One run of floats of the trainer and its name in the file.
struct Piece {
  std::string name;
  std::vector<std::uint64_t> shape;
  float* values;
  std::size_t count;
};

std::vector<std::uint64_t> ShapeOf(const Parameter& p) {
  if (p.rows == 0) return {p.cols};
  return {p.rows, p.cols};
}

std::vector<Piece> Pieces(Model<float>& model, Method& method, AdamW& adam, AdamW& state_adam,
                          std::span<float> activations) {
  std::vector<Piece> pieces;
  for (const Parameter& p : model.table().all) {
    const std::vector<std::uint64_t> shape = ShapeOf(p);
    pieces.push_back({p.name, shape, model.parameters().data() + p.offset, p.count()});
    pieces.push_back({"adam.first." + p.name, shape, adam.first().data() + p.offset, p.count()});
    pieces.push_back({"adam.second." + p.name, shape, adam.second().data() + p.offset, p.count()});
  }
  if (const std::size_t count = method.state().size(); count != 0) {
    pieces.push_back({"method.state", {count}, method.state().data(), count});
    pieces.push_back({"adam.first.method.state", {count}, state_adam.first().data(), count});
    pieces.push_back({"adam.second.method.state", {count}, state_adam.second().data(), count});
  }
  if (!activations.empty()) {
    pieces.push_back({"activation.scales_and_zeros",
                      {activations.size() / 2, 2},
                      activations.data(),
                      activations.size()});
  }
  return pieces;
}

base::Status ReadPiece(const io::SafetensorsReader& reader, const std::string& name,
                       const std::vector<std::uint64_t>& shape, std::span<float> values) {
  const auto tensor = reader.Find(name);
  if (!tensor.ok()) return tensor.error();
  if (tensor->dtype.name != "F32" || tensor->shape != shape) {
    return base::Error{
        .message = fmt::format("tensor {} has not the shape or type of this model", name),
        .file = reader.path()};
  }
  return reader.Read(*tensor, 0, 4 * values.size(), values.data());
}

// A number that tells one teacher from another.
std::uint64_t DigestOf(std::span<const float> values) {
  std::uint64_t digest = values.size();
  for (const float x : values) digest = Mix(digest ^ std::bit_cast<std::uint32_t>(x));
  return digest;
}

}  // namespace

std::string Trainer::Fingerprint() const {
  const ModelConfig& m = options_.model;
  const Schedule& s = options_.schedule;
  const AdamOptions& a = options_.adam;
  const std::string teacher = options_.teacher == nullptr
                                  ? ""
                                  : fmt::format(" teacher={:016x}", DigestOf(*options_.teacher));
  return fmt::format(
      "model={}:{}:{}:{}:{} method={} seed={} batch={}x{} rate={}..{} warmup={} steps={} "
      "adam={}:{}:{} decay={} clip={}{}",
      m.vocabulary, m.context, m.layers, m.heads, m.width, options_.method.ToString(),
      options_.seed, options_.batch, options_.accumulate, s.top, s.bottom, s.warmup, s.steps,
      a.beta1, a.beta2, a.epsilon, options_.weight_decay, options_.clip, teacher);
}

base::Status Trainer::Save(const std::string& path) {
  const std::vector<Piece> pieces =
      Pieces(*model_, *method_, adam_, state_adam_, activation_state());
  std::vector<io::SafetensorsTensor> tensors;
  const io::SafetensorsDtype f32 = io::NativeDtype(formats::kFloat32).value();
  for (const Piece& piece : pieces) {
    auto& tensor = tensors.emplace_back();
    tensor.name = piece.name;
    tensor.dtype = f32;
    tensor.shape = piece.shape;
  }
  auto writer = io::SafetensorsWriter::Create(
      path, std::move(tensors), {{kStepKey, fmt::format("{}", step_)}, {kRunKey, Fingerprint()}});
  if (!writer.ok()) return writer.error();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto put = writer->Write(i, 0, 4 * pieces[i].count, pieces[i].values);
    if (!put.ok()) return put;
  }
  return writer->Commit();
}

base::Status Trainer::Load(const std::string& path) {
  const auto reader = io::SafetensorsReader::Open(path);
  if (!reader.ok()) return reader.error();
  const auto& metadata = reader->metadata();
  const auto run = metadata.find(kRunKey), step = metadata.find(kStepKey);
  const auto error = [&](std::string message) {
    return base::Error{.message = std::move(message), .file = path};
  };
  if (run == metadata.end() || step == metadata.end())
    return error("not a checkpoint of a training run");
  if (const std::string own = Fingerprint(); run->second != own) {
    const auto theirs = base::Split(run->second, ' '), ours = base::Split(own, ' ');
    for (std::size_t i = 0; i < std::min(theirs.size(), ours.size()); ++i) {
      if (theirs[i] != ours[i])
        return error(fmt::format("a checkpoint of another run: {}, not {}", theirs[i], ours[i]));
    }
    return error("a checkpoint of another run");
  }
  const auto parsed_step = base::ParseUnsigned(step->second, "step");
  if (!parsed_step.ok()) return error(parsed_step.error().message);
  // Into a copy of the file's numbers first, so that an error changes nothing.
  const std::vector<Piece> pieces =
      Pieces(*model_, *method_, adam_, state_adam_, activation_state());
  std::vector<std::vector<float>> values;
  for (const Piece& piece : pieces) {
    auto& buffer = values.emplace_back(piece.count);
    if (auto read = ReadPiece(*reader, piece.name, piece.shape, buffer); !read.ok()) return read;
  }
  for (std::size_t i = 0; i < pieces.size(); ++i)
    std::copy(values[i].begin(), values[i].end(), pieces[i].values);
  step_ = *parsed_step;
  return base::Done{};
}

base::Result<std::vector<float>> ReadParameters(const std::string& path,
                                                const ModelConfig& config) {
  const auto reader = io::SafetensorsReader::Open(path);
  if (!reader.ok()) return reader.error();
  const ParameterTable table(config);
  std::vector<float> values(table.total);
  for (const Parameter& p : table.all) {
    const std::span<float> place(values.data() + p.offset, p.count());
    if (auto read = ReadPiece(*reader, p.name, ShapeOf(p), place); !read.ok()) return read.error();
  }
  return values;
}

}  // namespace ulproof::trainer
