// SPDX-License-Identifier: Apache-2.0
#include "cli/report/file.h"

#include "io/atomic_file.h"

namespace ulproof::cli {

base::Status WriteReport(const std::string& path, std::string_view text) {
  auto file = io::AtomicFile::Create(path);
  if (!file.ok()) return file.error();
  if (base::Status written = file->WriteAt(0, text.data(), text.size()); !written.ok()) {
    return written;
  }
  return file->Commit();
}

}  // namespace ulproof::cli
