/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that does to each format another thing that a plugin must not. */
#include <string.h>

#include "gpu/plugin/ulproof_plugin.h"

uint32_t ulproof_plugin_version(void) { return ULPROOF_PLUGIN_VERSION; }

const char* ulproof_plugin_run(const ulproof_call* call) {
  static unsigned char calls = 0;
  unsigned char* x = (unsigned char*)call->inputs[0].data;
  unsigned char* y = (unsigned char*)call->outputs[0].data;
  const uint64_t count = call->outputs[0].count;
  const char* const type = call->inputs[0].element_type;
  if (strcmp(type, "float16") == 0) return "no such format here";
  memcpy(y, x, count);
  if (strcmp(type, "float8_e4m3fn") == 0) {
    /* Undoes the write of the last element by what was there: only the fill can be. */
    memcpy(y + count - 1, y + count, 1);
  }
  if (strcmp(type, "float8_e5m2") == 0) y[count] ^= 1;
  if (strcmp(type, "float8_e3m4") == 0) x[0] ^= 1;
  if (strcmp(type, "float8_e4m3b11fnuz") == 0) x[count] ^= 1;
  if (strcmp(type, "float8_e4m3") == 0) y[0] = ++calls;
  return NULL;
}
