// SPDX-License-Identifier: MIT
/*
 * host_file.c - descriptors, eventfds and parameters of the native machine.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "native.h"
#include "native_host.h"

#define NR_FILES  64
#define NR_PARAMS 64

struct hv_event {
	u64 count;
	unsigned int refs;
	struct list_head watches;
};

struct file {
	const struct hv_file_ops *ops; /* NULL and no event: free */
	void *priv;
	struct hv_event *event;
	unsigned int refs;
};

static struct file files[NR_FILES];
static const struct hv_param *params[NR_PARAMS];
static unsigned int nr_params;
static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;

static int file_new(struct file file)
{
	int fd, found = -EMFILE;

	pthread_mutex_lock(&files_lock);
	for (fd = 3; fd < NR_FILES && found < 0; fd++) {
		if (files[fd].refs)
			continue;
		files[fd] = file;
		files[fd].refs = 1;
		found = fd;
	}
	pthread_mutex_unlock(&files_lock);
	return found;
}

int hv_file_create(const char *name, const struct hv_file_ops *ops, void *priv)
{
	(void)name;
	return file_new((struct file){ .ops = ops, .priv = priv });
}

static struct file *file_get(int fd)
{
	return fd >= 0 && fd < NR_FILES && files[fd].refs ? &files[fd] : NULL;
}

void *hv_file_hold(int fd, const struct hv_file_ops *ops)
{
	struct file *file = file_get(fd);

	if (!file || file->ops != ops)
		return NULL;
	file->refs++;
	return file->priv;
}

static void file_put(struct file *file)
{
	if (--file->refs)
		return;
	if (file->event)
		hv_event_put(file->event);
	else if (file->ops->release)
		file->ops->release(file->priv);
	*file = (struct file){ 0 };
}

void hv_file_release(void *priv)
{
	int fd;

	for (fd = 0; fd < NR_FILES; fd++) {
		if (files[fd].refs && files[fd].ops && files[fd].priv == priv) {
			file_put(&files[fd]);
			return;
		}
	}
}

long native_ioctl(int fd, unsigned int cmd, unsigned long arg)
{
	struct file *file = file_get(fd);

	if (!file)
		return -EBADF;
	return file->ops && file->ops->ioctl ? file->ops->ioctl(file->priv, cmd, arg) : -ENOTTY;
}

void *native_file_priv(int fd)
{
	return file_get(fd) ? file_get(fd)->priv : NULL;
}

void native_close(int fd)
{
	struct file *file = file_get(fd);
	struct hv_event_watch *watch, *next;

	if (file && file->event)
		list_for_each_entry_safe(watch, next, &file->event->watches, link)
			watch->fn(watch, true);
	if (file)
		file_put(file);
}

void native_close_all(void)
{
	int fd;

	for (fd = 0; fd < NR_FILES; fd++)
		native_close(fd);
}

/* ---- eventfds ------------------------------------------------------------------- */

int native_eventfd(void)
{
	struct hv_event *event = calloc(1, sizeof(*event));

	event->refs = 1;
	list_init(&event->watches);
	return file_new((struct file){ .event = event });
}

u64 native_eventfd_count(int fd)
{
	return file_get(fd)->event->count;
}

int hv_event_get(int fd, struct hv_event **event)
{
	struct file *file = file_get(fd);

	if (!file)
		return -EBADF;
	if (!file->event)
		return -EINVAL;
	file->event->refs++;
	*event = file->event;
	return 0;
}

void hv_event_put(struct hv_event *event)
{
	if (--event->refs == 0)
		free(event);
}

void hv_event_signal(struct hv_event *event, u64 count)
{
	struct hv_event_watch *watch;

	event->count += count;
	list_for_each_entry(watch, &event->watches, link)
		watch->fn(watch, false);
}

u64 hv_event_drain(struct hv_event *event)
{
	u64 count = event->count;

	event->count = 0;
	return count;
}

void hv_event_watch(struct hv_event *event, struct hv_event_watch *watch)
{
	list_add_tail(&watch->link, &event->watches);
}

void hv_event_unwatch(struct hv_event *event, struct hv_event_watch *watch)
{
	(void)event;
	list_del(&watch->link);
}

/* ---- parameters ------------------------------------------------------------------ */

int hv_param_register(const struct hv_param *param)
{
	unsigned int i;

	for (i = 0; i < nr_params; i++)
		if (!strcmp(params[i]->name, param->name))
			return 0; /* the core starts anew with each test */
	if (nr_params == NR_PARAMS)
		return -ENOMEM;
	params[nr_params++] = param;
	return 0;
}

int native_param_set(const char *name, const char *value)
{
	unsigned int i;

	for (i = 0; i < nr_params; i++)
		if (!strcmp(params[i]->name, name))
			return params[i]->set(params[i], value);
	return -ENOENT;
}

void native_files_reset(void)
{
	memset(files, 0, sizeof(files));
}
