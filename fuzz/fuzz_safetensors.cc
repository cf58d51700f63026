// SPDX-License-Identifier: Apache-2.0
// .safetensors files. Oracle: any bytes give a file or an error that names it; what the reader
// takes, the writer writes, and the reader reads back the same tensors, metadata and bytes.
#include "fuzz/scratch_file.h"
#include "io/safetensors.h"

namespace ulproof::fuzz {
namespace {

std::vector<std::uint8_t> ReadAll(const io::SafetensorsReader& reader,
                                  const io::SafetensorsTensor& tensor) {
  std::vector<std::uint8_t> bytes(tensor.bytes());
  const base::Status read = reader.Read(tensor, 0, bytes.size(), bytes.data());
  ULPROOF_CHECK(read.ok(), read.error().ToString());
  return bytes;
}

}  // namespace

ULPROOF_FUZZ_TARGET(safetensors) {
  const std::string path = ScratchFile("in.safetensors", data);
  const auto reader = io::SafetensorsReader::Open(path);
  if (!reader.ok()) {
    ULPROOF_CHECK(reader.error().file == path && !reader.error().message.empty());
    return;
  }
  const std::string copy = ScratchFile("out.safetensors", {});
  auto writer = io::SafetensorsWriter::Create(copy, reader->tensors(), reader->metadata());
  ULPROOF_CHECK(writer.ok(), writer.error().ToString());
  for (std::size_t i = 0; i < reader->tensors().size(); ++i) {
    const io::SafetensorsTensor& tensor = reader->tensors()[i];
    const std::vector<std::uint8_t> bytes = ReadAll(*reader, tensor);
    const base::Status written = writer->Write(i, 0, bytes.size(), bytes.data());
    ULPROOF_CHECK(written.ok(), written.error().ToString());
  }
  const base::Status committed = writer->Commit();
  ULPROOF_CHECK(committed.ok(), committed.error().ToString());
  const auto again = io::SafetensorsReader::Open(copy);
  ULPROOF_CHECK(again.ok(), again.error().ToString());
  ULPROOF_CHECK(again->metadata() == reader->metadata());
  ULPROOF_CHECK(again->tensors().size() == reader->tensors().size());
  for (std::size_t i = 0; i < reader->tensors().size(); ++i) {
    const io::SafetensorsTensor& a = reader->tensors()[i];
    const io::SafetensorsTensor& b = again->tensors()[i];
    ULPROOF_CHECK(a.name == b.name && a.dtype == b.dtype && a.shape == b.shape,
                  io::QuotedName(a.name));
    ULPROOF_CHECK(ReadAll(*reader, a) == ReadAll(*again, b), io::QuotedName(a.name));
    const auto found = again->Find(a.name);
    ULPROOF_CHECK(found.ok() && found->data_begin == b.data_begin, io::QuotedName(a.name));
  }
}

}  // namespace ulproof::fuzz
