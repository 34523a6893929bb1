// SPDX-License-Identifier: MIT
/*
 * epoll.h - epoll instances and their items: epoll.c, epoll_paths.c.
 */
#ifndef HOST_EPOLL_H
#define HOST_EPOLL_H

#include <linux/eventpoll.h>
#include "hv/list.h"
#include "poll.h"
#include "sched/wait.h"

#define EP_QUEUES 3 /* maximum number of queues per file; a connected socket has that many */

struct epoll {
	struct spinlock lock;
	struct list_head items;
	struct list_head ready;
	struct waitq wait;
	bool collecting;     /* items may be away from `ready`; under `lock` */
	bool holds_epoll;    /* an epoll was added to the items (it may have been removed since) */
	unsigned int nested; /* how many items of other epolls watch this one */
};

struct ep_entry {
	struct wait_entry wait;
	struct waitq *wq;
	struct ep_item *item;
};

struct ep_item {
	struct epoll *ep;
	struct file *f; /* not referenced: file_put() removes the item */
	int fd;
	struct epoll_event event;
	bool disabled;               /* one-shot, and already reported */
	struct list_head link;       /* in ep->items */
	struct list_head ready_link; /* in ep->ready, under ep->lock */
	struct list_head file_link;  /* in f->watches */
	struct poll_table table;
	struct ep_entry entries[EP_QUEUES];
	unsigned int nr_entries;
};

/* Call once per item. Only watch_mutex is held, so no item is added or freed meanwhile. */
static inline void epoll_item_visited(unsigned int *count)
{
	if (++*count % 64 == 0)
		irq_window();
}

/*
 * epoll_paths.c. May the file be added to the epoll? `inner` is the file's epoll, if it is one.
 * Returns 0, -EINVAL or -ELOOP. Holds watch_mutex.
 */
int epoll_check_nesting(const struct epoll *ep, const struct file *f, struct epoll *inner);

#endif
