// SPDX-License-Identifier: Apache-2.0
// Small files of tensors for the tests of commands, and what is in files that commands wrote.
#ifndef ULPROOF_TESTS_CLI_TENSOR_FILES_H_
#define ULPROOF_TESTS_CLI_TENSOR_FILES_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "io/npy.h"
#include "io/safetensors.h"

namespace ulproof::cli {

template <typename T>
void WriteNpy(const std::string& path, const io::NpyType& type,
              const std::vector<std::uint64_t>& shape, const std::vector<T>& data) {
  auto writer = io::NpyWriter::Create(path, {.type = type, .shape = shape});
  ASSERT_TRUE(writer.ok());
  ASSERT_EQ(sizeof(T), static_cast<std::size_t>(type.bytes));
  ASSERT_TRUE(writer->Write(0, data.size(), data.data()).ok());
  ASSERT_TRUE(writer->Commit().ok());
}

// The elements of an .npy file of elements of that size; empty, with a failure, when there is none.
template <typename T>
std::vector<T> ReadNpy(const std::string& path) {
  const auto reader = io::NpyReader::Open(path);
  EXPECT_TRUE(reader.ok()) << (reader.ok() ? "" : reader.error().ToString());
  if (!reader.ok()) return {};
  EXPECT_EQ(sizeof(T), static_cast<std::size_t>(reader->header().type.bytes));
  std::vector<T> data(reader->header().count());
  EXPECT_TRUE(reader->Read(0, data.size(), data.data()).ok());
  return data;
}

// A tensor with its bytes, as {name, dtype, shape, bytes}.
struct NamedBytes {
  std::string name;
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::vector<std::uint8_t> bytes;
};

inline void WriteSafetensors(const std::string& path, const std::vector<NamedBytes>& contents,
                             const io::SafetensorsMetadata& metadata = {}) {
  std::vector<io::SafetensorsTensor> tensors;
  for (const NamedBytes& content : contents) {
    tensors.push_back({.name = content.name,
                       .dtype = io::ParseSafetensorsDtype(content.dtype).value(),
                       .shape = content.shape});
  }
  auto writer = io::SafetensorsWriter::Create(path, tensors, metadata);
  ASSERT_TRUE(writer.ok()) << writer.error().ToString();
  for (std::size_t i = 0; i < contents.size(); ++i) {
    ASSERT_TRUE(writer->Write(i, 0, contents[i].bytes.size(), contents[i].bytes.data()).ok());
  }
  ASSERT_TRUE(writer->Commit().ok());
}

inline NamedBytes ReadSafetensors(const std::string& path, const std::string& name) {
  const auto reader = io::SafetensorsReader::Open(path);
  EXPECT_TRUE(reader.ok()) << (reader.ok() ? "" : reader.error().ToString());
  if (!reader.ok()) return {};
  const auto tensor = reader->Find(name);
  EXPECT_TRUE(tensor.ok()) << (tensor.ok() ? "" : tensor.error().ToString());
  if (!tensor.ok()) return {};
  NamedBytes content = {name, std::string(tensor->dtype.name), tensor->shape, {}};
  content.bytes.resize(tensor->bytes());
  EXPECT_TRUE(reader->Read(*tensor, 0, tensor->bytes(), content.bytes.data()).ok());
  return content;
}

inline io::SafetensorsMetadata ReadMetadata(const std::string& path) {
  const auto reader = io::SafetensorsReader::Open(path);
  EXPECT_TRUE(reader.ok());
  return reader.ok() ? reader->metadata() : io::SafetensorsMetadata{};
}

// The memory of some elements.
template <typename T>
std::vector<std::uint8_t> BytesOf(const std::vector<T>& elements) {
  const auto* begin = reinterpret_cast<const std::uint8_t*>(elements.data());
  return {begin, begin + elements.size() * sizeof(T)};
}

}  // namespace ulproof::cli

#endif  // ULPROOF_TESTS_CLI_TENSOR_FILES_H_
