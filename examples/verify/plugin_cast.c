/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest useful plugin: float32 to bfloat16 by adding half an ulp to the bits. Build it and
 * check it with
 *   cc -shared -fPIC -I<ulproof> -o libplugin_cast.so plugin_cast.c
 *   ulproof verify libplugin_cast.so --op 'cast from=float32 to=bfloat16'
 */
#include <string.h>

#include "gpu/plugin/ulproof_plugin.h"

uint32_t ulproof_plugin_version(void) { return ULPROOF_PLUGIN_VERSION; }

const char* ulproof_plugin_why_unsupported(const char* operation) {
  const char* const mine = "cast from=float32 to=bfloat16 round=rne overflow=ovf ";
  return strncmp(operation, mine, strlen(mine)) == 0 ? NULL : "only float32 to bfloat16, rne, ovf";
}

const char* ulproof_plugin_run(const ulproof_call* call) {
  const uint32_t* x = (const uint32_t*)call->inputs[0].data;
  uint16_t* y = (uint16_t*)call->outputs[0].data;
  for (uint64_t i = 0; i < call->outputs[0].count; ++i) {
    const uint32_t is_nan = (x[i] & 0x7FFFFFFFu) > 0x7F800000u;
    y[i] = is_nan ? 0x7FC0u : (uint16_t)((x[i] + 0x7FFFu + (x[i] >> 16 & 1u)) >> 16);
  }
  return NULL;
}
