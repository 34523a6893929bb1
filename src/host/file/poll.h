// SPDX-License-Identifier: MIT
/*
 * poll.h - readiness of files: how ops->poll tells a poller where to wait.
 *
 * ops->poll first calls poll_wait() for each queue that is woken when the file's readiness may
 * change, and then looks at the file's state. In this order, and with a full fence in between, no
 * change is missed: either ops->poll sees it, or it wakes the poller (waitq_wake_gather()).
 */
#ifndef HOST_POLL_H
#define HOST_POLL_H

#include "hv/types.h"

struct file;
struct waitq;

struct poll_table {
	void (*enter)(struct poll_table *table, struct waitq *wq);
};

static inline void poll_wait(struct poll_table *table, struct waitq *wq)
{
	if (table) {
		table->enter(table, wq);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	}
}

/*
 * Return the events that are ready (EPOLLIN, EPOLLOUT, …). A file without ops->poll is always ready
 * for reading and writing.
 */
unsigned int file_poll(struct file *f, struct poll_table *table);

/* epoll.c, for file_put(): f is being freed; remove every item that watches it. */
void epoll_forget_file(struct file *f);
/* f now has other queues to wait on: make the epolls that watch f wait on those. */
void epoll_queues_changed(struct file *f);
void epoll_init(void);

#endif
