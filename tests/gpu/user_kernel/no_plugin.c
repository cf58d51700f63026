/* SPDX-License-Identifier: Apache-2.0 */
/* A shared library that is no plugin. */
int ulproof_something_else(void);
int ulproof_something_else(void) { return 0; }
