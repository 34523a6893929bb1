// SPDX-License-Identifier: MIT
/* pipe.h - the pipe interface for other files: one end for writing, one end for reading. */
#ifndef HOST_PIPE_H
#define HOST_PIPE_H

#include "hv/types.h"

struct pipe;
struct poll_table;

struct pipe *pipe_new(void);       /* both ends are open; NULL: no memory */
void pipe_discard(struct pipe *p); /* free an unused pipe */
/*
 * Move bytes to or from user memory. Returns the number of bytes moved, -EAGAIN, -EINTR, -EFAULT
 * or, without sending a signal, -EPIPE if there is no reader.
 */
long pipe_get(struct pipe *p, bool nonblock, unsigned long buf, size_t size);
long pipe_put(struct pipe *p, bool nonblock, unsigned long buf, size_t size);
size_t pipe_filled(const struct pipe *p);
unsigned int pipe_poll_end(struct pipe *p, bool writing, struct poll_table *table);
void pipe_hang_up(struct pipe *p, bool writing); /* make the given end look closed to the other */
void pipe_close(struct pipe *p, bool writing);   /* the second call frees the pipe */

#endif
