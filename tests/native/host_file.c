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

#define NR_FILES  2048
#define NR_PARAMS 64

/*
 * `lock` protects all fields except refs, which is atomic. Watchers run under it, and must not call
 * functions of this file. The core calls hv_event_signal() with a spinlock held.
 */
struct hv_event {
	pthread_mutex_t lock;
	u64 count;
	unsigned int refs;
	bool closed;
	struct list_head watches;
};

/* An open file. References are owned by its descriptor and by each call in progress. */
struct file {
	const struct hv_file_ops *ops; /* NULL for an eventfd */
	void *priv;
	struct hv_event *event;
	unsigned int refs;
};

static struct file *files[NR_FILES];
static const struct hv_param *params[NR_PARAMS];
static unsigned int nr_params;
static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;

static int file_new(struct file init)
{
	struct file *file = malloc(sizeof(*file));
	int fd;

	*file = init;
	file->refs = 1;
	pthread_mutex_lock(&files_lock);
	for (fd = 3; fd < NR_FILES && files[fd]; fd++)
		;
	if (fd < NR_FILES)
		files[fd] = file;
	pthread_mutex_unlock(&files_lock);
	if (fd < NR_FILES)
		return fd;
	free(file);
	return -EMFILE;
}

int hv_file_create(const char *name, const struct hv_file_ops *ops, void *priv)
{
	(void)name;
	return file_new((struct file){ .ops = ops, .priv = priv });
}

/* Returns the file with a reference, or NULL if there is no such descriptor. */
static struct file *file_get(int fd)
{
	struct file *file = NULL;

	pthread_mutex_lock(&files_lock);
	if (fd >= 0 && fd < NR_FILES && files[fd]) {
		file = files[fd];
		file->refs++;
	}
	pthread_mutex_unlock(&files_lock);
	return file;
}

/* Called when the last descriptor of an eventfd is closed; other references may remain. */
static void event_closed(struct hv_event *event)
{
	struct hv_event_watch *watch, *next;

	pthread_mutex_lock(&event->lock);
	event->closed = true;
	list_for_each_entry_safe(watch, next, &event->watches, link) {
		list_del(&watch->link);
		watch->fn(watch, true);
	}
	pthread_mutex_unlock(&event->lock);
	hv_event_put(event);
}

static void file_put(struct file *file)
{
	bool last;

	pthread_mutex_lock(&files_lock);
	last = --file->refs == 0;
	pthread_mutex_unlock(&files_lock);
	if (!last)
		return;
	if (file->event)
		event_closed(file->event);
	else if (file->ops->release)
		file->ops->release(file->priv);
	free(file);
}

long native_ioctl(int fd, unsigned int cmd, unsigned long arg)
{
	struct file *file = file_get(fd);
	long ret = -ENOTTY;

	if (!file)
		return -EBADF;
	if (file->ops && file->ops->ioctl)
		ret = file->ops->ioctl(file->priv, cmd, arg);
	file_put(file);
	return ret;
}

long native_read(int fd, hva_t buf, size_t size, u64 *pos)
{
	struct file *file = file_get(fd);
	long ret = -EINVAL;

	if (!file)
		return -EBADF;
	if (file->ops && file->ops->read)
		ret = file->ops->read(file->priv, buf, size, pos);
	file_put(file);
	return ret;
}

void *native_file_priv(int fd)
{
	struct file *file = file_get(fd);
	void *priv = file ? file->priv : NULL;

	if (file)
		file_put(file);
	return priv;
}

void native_close(int fd)
{
	struct file *file = NULL;

	pthread_mutex_lock(&files_lock);
	if (fd >= 0 && fd < NR_FILES) {
		file = files[fd];
		files[fd] = NULL;
	}
	pthread_mutex_unlock(&files_lock);
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
	int fd;

	pthread_mutex_init(&event->lock, NULL);
	event->refs = 1;
	list_init(&event->watches);
	fd = file_new((struct file){ .event = event });
	if (fd < 0)
		free(event);
	return fd;
}

u64 native_eventfd_count(int fd)
{
	struct file *file = file_get(fd);
	u64 count;

	pthread_mutex_lock(&file->event->lock);
	count = file->event->count;
	pthread_mutex_unlock(&file->event->lock);
	file_put(file);
	return count;
}

int hv_event_get(int fd, struct hv_event **event)
{
	struct file *file = file_get(fd);

	if (!file)
		return -EBADF;
	*event = file->event;
	if (*event)
		__atomic_fetch_add(&(*event)->refs, 1, __ATOMIC_RELAXED);
	file_put(file);
	return *event ? 0 : -EINVAL;
}

void hv_event_put(struct hv_event *event)
{
	if (__atomic_sub_fetch(&event->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(event);
}

void hv_event_signal(struct hv_event *event, u64 count)
{
	struct hv_event_watch *watch, *next;
	bool taken = false;

	pthread_mutex_lock(&event->lock);
	event->count += count;
	list_for_each_entry_safe(watch, next, &event->watches, link)
		taken |= watch->fn(watch, false);
	if (taken)
		event->count = 0;
	pthread_mutex_unlock(&event->lock);
}

int hv_event_watch(struct hv_event *event, struct hv_event_watch *watch)
{
	int ret = -EBUSY;

	pthread_mutex_lock(&event->lock);
	if (event->closed) {
		ret = -EBADF;
	} else if (list_empty(&event->watches)) {
		list_add_tail(&watch->link, &event->watches);
		ret = event->count != 0;
	}
	pthread_mutex_unlock(&event->lock);
	return ret;
}

void hv_event_unwatch(struct hv_event *event, struct hv_event_watch *watch)
{
	pthread_mutex_lock(&event->lock);
	if (list_is_linked(&watch->link)) {
		list_del(&watch->link);
		event->count = 0;
	}
	pthread_mutex_unlock(&event->lock);
}

/* ---- parameters ------------------------------------------------------------------ */

void hv_debug_vm(unsigned int vm, const char *name)
{
	(void)vm;
	(void)name;
}

int hv_param_register(const struct hv_param *param)
{
	unsigned int i;

	for (i = 0; i < nr_params; i++)
		if (!strcmp(params[i]->name, param->name))
			return 0; /* already registered: each test starts the core again */
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
