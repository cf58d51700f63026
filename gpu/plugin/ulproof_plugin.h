/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel in a shared library, for `ulproof verify libmine.so --op "..."`: whatever launches it
 * and on whatever machine, the library takes an operation with its buffers in host memory and fills
 * the outputs. Plain C, so that any language that makes shared libraries can offer one. */
#ifndef ULPROOF_GPU_PLUGIN_ULPROOF_PLUGIN_H_
#define ULPROOF_GPU_PLUGIN_ULPROOF_PLUGIN_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Grows when anything below changes its meaning. */
#define ULPROOF_PLUGIN_VERSION 1

/* One buffer. `name` is the port's ("x", "w", "bits", "y", "sampled"; numerics contract), and
 * `element_type` the name of its format ("float32", "bfloat16", "float8_e4m3fn", ...), "int8" or
 * "nibbles". Elements are little-endian codes of 1, 2, 4 or 8 bytes, row-major, aligned to their
 * size. Inputs are only read. */
typedef struct {
  const char* name;
  const char* element_type;
  uint64_t count;
  void* data;
} ulproof_buffer;

typedef struct {
  /* The operation in full, as in
   * "cast from=float32 to=bfloat16 round=rne overflow=ovf shape=3x5". */
  const char* operation;
  /* What varies from call to call, out of that text. Elements have the logical index offset + row *
   * index_stride + col; index_stride is never 0. */
  uint64_t rows, cols, index_stride;
  uint64_t seed, stream, offset;
  const ulproof_buffer* inputs;
  size_t input_count;
  const ulproof_buffer* outputs;
  size_t output_count;
} ulproof_call;

/* The first two functions must be exported by the library; the third may be missing. */

/* ULPROOF_PLUGIN_VERSION of the header that the library was built with. */
uint32_t ulproof_plugin_version(void);

/* Computes the call. Returns NULL, or why it failed: a text that lives until the next call of the
 * same thread. May be called from several threads at once; every output element must be written,
 * and nothing outside the outputs. */
const char* ulproof_plugin_run(const ulproof_call* call);

/* Optional: NULL when the library computes this operation, else why not. Cases that it does not
 * take are counted as skipped. */
const char* ulproof_plugin_why_unsupported(const char* operation);

#ifdef __cplusplus
}
#endif

#endif /* ULPROOF_GPU_PLUGIN_ULPROOF_PLUGIN_H_ */
