// SPDX-License-Identifier: MIT
/*
 * virtio_console.c - a virtio console's ports: finding them, and moving their bytes.
 *
 * port.c presents the ports as files and terminals.
 *
 * The device announces its ports in messages on a control queue (virtio §5.3.6.2). We send
 * DEVICE_READY, and the device answers with PORT_ADD for each port. It answers our PORT_READY with
 * the port's name and whether the far end is open. A port is opened when it is first used; before
 * that, the device does not accept input for it.
 *
 * Output is copied into buffers of 16 KiB, and each buffer is given to the device immediately; a
 * writer waits only while the device has all of them. Input stays in the buffers that the device
 * has filled until it is read: if a program does not read, the far end waits.
 *
 * Locks (spin): port->lock for a port's two queues and its lists; control_lock for the control
 * queues.
 */
#include <linux/errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_console.h>
#include <string.h>
#include "sched/clock.h"
#include "mm/page.h"
#include "port_impl.h"
#include "lib/printk.h"
#include "virtio.h"

#define MAX_PORTS    8
#define CONTROL_RX   8
#define CONTROL_SIZE 128
#define FIND_NS      2000000000ULL
#define OPEN_NS      200000000ULL

static struct virtio_dev *console; /* the first one found; NULL: none */
static struct port *ports[MAX_PORTS];
static struct spinlock control_lock;
static struct virtq control_in, control_out;
static u8 *control_page;        /* input messages, then output messages */
static struct waitq ports_wait; /* a port was added, named or opened */

/* ---- control messages ---------------------------------------------------------------------- */

static void control_send(u32 id, u16 event, u16 value)
{
	struct virtio_console_control *m;
	struct virtq_seg seg = { .len = sizeof(*m) };
	static unsigned int slot;
	u32 len;

	spin_lock(&control_lock);
	while (virtq_get(&control_out, &len))
		;
	/* The slot is not in use: there are at least twice as many slots as queue entries. */
	m = (struct virtio_console_control *)(control_page + PAGE_SIZE / 2) + slot % VIRTQ_MAX;
	m->id = id;
	m->event = event;
	m->value = value;
	seg.pa = va_to_pa(m);
	if (virtq_add(&control_out, &seg, 1, 0, m)) {
		slot++;
		virtq_kick(&control_out);
	}
	spin_unlock(&control_lock);
}

static void port_add(u32 id)
{
	struct port *p;

	if (id >= MAX_PORTS || ports[id])
		return;
	p = kmalloc(sizeof(*p));
	if (!p || port_setup(p, console, id)) {
		kfree(p);
		control_send(id, VIRTIO_CONSOLE_PORT_READY, 0);
		return;
	}
	__atomic_store_n(&ports[id], p, __ATOMIC_RELEASE);
	control_send(id, VIRTIO_CONSOLE_PORT_READY, 1);
}

static void control_message(const struct virtio_console_control *m, const char *text, u32 text_len)
{
	struct port *p = m->id < MAX_PORTS ? ports[m->id] : NULL;

	switch (m->event) {
	case VIRTIO_CONSOLE_PORT_ADD:
		port_add(m->id);
		break;
	case VIRTIO_CONSOLE_PORT_NAME:
		if (p)
			strlcpy(p->name, text, MIN((size_t)text_len + 1, sizeof(p->name)));
		break;
	case VIRTIO_CONSOLE_PORT_OPEN:
		if (p)
			port_far_end(p, m->value);
		break;
	case VIRTIO_CONSOLE_PORT_REMOVE:
		if (p)
			port_far_end(p, false);
		break;
	}
	waitq_wake_all(&ports_wait);
}

static void control_post(u8 *buf)
{
	struct virtq_seg seg = { .pa = va_to_pa(buf), .len = CONTROL_SIZE - 1 };

	buf[CONTROL_SIZE - 1] = '\0';
	virtq_add(&control_in, &seg, 0, 1, buf);
}

static void control_receive(void)
{
	const size_t head = sizeof(struct virtio_console_control);
	struct virtio_console_control m;
	u8 copy[CONTROL_SIZE];
	u8 *buf;
	u32 len;

	for (;;) {
		spin_lock(&control_lock);
		buf = virtq_get(&control_in, &len);
		if (buf) {
			len = MIN(len, (u32)CONTROL_SIZE - 1);
			memcpy(copy, buf, CONTROL_SIZE);
			copy[len] = '\0';
			control_post(buf);
			virtq_kick(&control_in);
		}
		spin_unlock(&control_lock);
		if (!buf)
			return;
		memcpy(&m, copy, head);
		if (len >= head)
			control_message(&m, (char *)copy + head, len - (u32)head);
	}
}

static void console_interrupt(struct virtio_dev *dev)
{
	int i;

	(void)dev;
	/* Take data before messages, so that data sent before the far end closed is still read. */
	for (i = 0; i < MAX_PORTS; i++)
		if (ports[i])
			port_interrupt(ports[i]);
	control_receive();
}

/* ---- the device ---------------------------------------------------------------------------- */

int virtio_console_probe(struct virtio_dev *dev)
{
	int err, i;

	if (console)
		return -ENXIO; /* only one is used */
	waitq_init(&ports_wait);
	dev->interrupt = console_interrupt;
	err = virtio_negotiate(dev, 1ULL << VIRTIO_CONSOLE_F_MULTIPORT);
	if (err)
		return err;
	if (!(dev->features & 1ULL << VIRTIO_CONSOLE_F_MULTIPORT)) {
		printk("host: ignoring a virtio console without named ports\n");
		return -ENXIO;
	}
	control_page = pa_to_va(page_alloc_zeroed(0));
	err = virtq_setup(dev, &control_in, 2, CONTROL_RX);
	if (!err)
		err = virtq_setup(dev, &control_out, 3, VIRTQ_MAX / 2);
	if (err)
		return err;
	/* Fill the control queue before DRIVER_OK: legacy devices look at it then. */
	for (i = 0; i < CONTROL_RX; i++)
		control_post(control_page + i * CONTROL_SIZE);
	console = dev;
	virtio_ready(dev);
	virtq_kick(&control_in);
	control_send(VIRTIO_CONSOLE_BAD_ID, VIRTIO_CONSOLE_DEVICE_READY, 1);
	return 0;
}

static struct port *port_named(const char *name)
{
	int i;

	for (i = 0; i < MAX_PORTS; i++)
		if (ports[i] && !strcmp(ports[i]->name, name))
			return ports[i];
	return NULL;
}

int port_wait(struct waitq *wq, bool (*cond)(void *arg), void *arg, u64 deadline)
{
	int err;

	if (console->has_irq)
		return wait_event_deadline(wq, cond(arg), deadline);
	do { /* no interrupt: poll every millisecond */
		virtio_poll(console);
		err = wait_event_deadline(wq, cond(arg),
					  MIN(deadline, hv_time() + ns_to_ticks(1000000)));
	} while (err == -ETIME && hv_time() < deadline);
	return err;
}

static bool name_is_there(void *arg)
{
	return port_named(arg) != NULL;
}

static bool port_is_open(void *arg)
{
	return READ_ONCE(((struct port *)arg)->open);
}

struct port *port_find(const char *name)
{
	struct port *p;

	if (!console)
		return NULL;
	if (!port_named(name))
		port_wait(&ports_wait, name_is_there, (void *)(uintptr_t)name,
			  hv_time() + ns_to_ticks(FIND_NS));
	p = port_named(name);
	if (p)
		port_wait(&ports_wait, port_is_open, p, hv_time() + ns_to_ticks(OPEN_NS));
	if (p && !p->used) {
		p->used = true;
		control_send(p->id, VIRTIO_CONSOLE_PORT_OPEN, 1);
		port_offer_input(p);
	}
	return p;
}

void ports_flush(u64 patience_ticks)
{
	u64 deadline = hv_time() + patience_ticks;
	unsigned int left, before = 0;
	int i;

	while (console) {
		virtio_poll(console);
		for (i = 0, left = 0; i < MAX_PORTS; i++)
			if (ports[i])
				left += port_unsent(ports[i]);
		if (!left || hv_time() >= deadline)
			return;
		if (left != before)
			deadline = hv_time() + patience_ticks;
		before = left;
		hv_cpu_relax();
	}
}
