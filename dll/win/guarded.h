/*
 * Memory in which mistakes do not go on unseen: behind each block, but for up to 15 bytes, stands a page that nobody may touch, and what was
 * freed may not be touched either: both are access violations. What was written to those bytes or right before the block, or is freed twice,
 * ends the program when it is freed. Only in a build with W2E_GUARD_PAGES, which tests run; elsewhere none of this is in the DLL.
 */
#ifndef W2E_GUARDED_H
#define W2E_GUARDED_H

#include <stddef.h>

/* What stands in memory that is to be written before it is read, and between a block and the page behind it. */
enum { W2E_GUARDED_FRESH = 0xA5 };

/* A block, filled with that byte, or NULL. It begins at a multiple of 16, so up to 15 bytes are between its end and the page. */
void *w2e_guarded_alloc(size_t size, int fill);

/* Ends the program if those bytes were written to, or if it is no block. NULL is none, and nothing happens. */
void w2e_guarded_free(void *memory);

#endif
