// SPDX-License-Identifier: Apache-2.0
// .npy files. Oracle: any bytes give a file or an error that names it; what the reader takes, the
// writer writes, and the reader reads back the same header and the same elements. A header's text
// alone is parsed as well.
#include "fuzz/scratch_file.h"
#include "io/npy.h"

namespace ulproof::fuzz {
namespace {

std::vector<std::uint8_t> ReadAll(const io::NpyReader& reader) {
  const std::uint64_t count = reader.header().count();
  std::vector<std::uint8_t> bytes(count * static_cast<std::uint64_t>(reader.header().type.bytes));
  const base::Status read = reader.Read(0, count, bytes.data());
  ULPROOF_CHECK(read.ok(), read.error().ToString());
  return bytes;
}

}  // namespace

ULPROOF_FUZZ_TARGET(npy) {
  const auto header = io::ParseNpyHeader(TextOf(data));
  if (!header.ok()) {
    ULPROOF_CHECK(
        header.error().column >= 0 && header.error().column <= static_cast<int>(data.size()) + 1,
        header.error().ToString());
  }
  const std::string path = ScratchFile("in.npy", data);
  const auto reader = io::NpyReader::Open(path);
  if (!reader.ok()) {
    ULPROOF_CHECK(reader.error().file == path && !reader.error().message.empty());
    return;
  }
  const std::vector<std::uint8_t> elements = ReadAll(*reader);
  ULPROOF_CHECK(elements.size() <= data.size());
  const std::string copy = ScratchFile("out.npy", {});
  auto writer = io::NpyWriter::Create(copy, reader->header());
  ULPROOF_CHECK(writer.ok(), writer.error().ToString());
  // In two pieces, the second first.
  const std::uint64_t count = reader->header().count();
  const auto bytes = static_cast<std::uint64_t>(reader->header().type.bytes);
  const std::uint64_t half = count / 2;
  for (const auto& [first, length] :
       {std::pair{half, count - half}, std::pair{std::uint64_t{0}, half}}) {
    const base::Status written = writer->Write(first, length, elements.data() + first * bytes);
    ULPROOF_CHECK(written.ok(), written.error().ToString());
  }
  const base::Status committed = writer->Commit();
  ULPROOF_CHECK(committed.ok(), committed.error().ToString());
  const auto again = io::NpyReader::Open(copy);
  ULPROOF_CHECK(again.ok(), again.error().ToString());
  ULPROOF_CHECK(again->header() == reader->header());
  ULPROOF_CHECK(ReadAll(*again) == elements);
}

}  // namespace ulproof::fuzz
