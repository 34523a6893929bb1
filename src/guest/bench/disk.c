// SPDX-License-Identifier: MIT
/*
 * disk.c - rows of a virtio disk: reads of 4 KiB by a driver that sleeps until the interrupt.
 *
 * There is one request at a time. Its round trip includes the notification (by default an
 * ioeventfd, which wakes the VMM's disk thread), the read, the interrupt, the claim, the status,
 * the acknowledgment and the completion. The driver looks at the ring only after an interrupt. If
 * it looked before it slept, it would not need the interrupt whenever the host's scheduler ran the
 * disk's thread first, and the row would measure the scheduler's choice.
 *
 * Rings: virtio §2.7, registers: §4.2.2, block device: §5.2.
 */
#include "bench.h"
#include "irqchip.h"
#include "virtio.h"

#define QUEUE_SIZE   4
#define READ_SIZE    4096
#define DISK_BATCHES 64
#define READS        16 /* per batch */

/* Time limits for one read, and for all batches; both are for a busy machine. */
#define READ_LIMIT_US 1000000UL
#define DISK_LIMIT_US 30000000UL

static struct desc desc[QUEUE_SIZE] __attribute__((aligned(16)));
static volatile u16 avail[3 + QUEUE_SIZE] __attribute__((aligned(4)));
static volatile u32 used[1 + 2 * QUEUE_SIZE + 1] __attribute__((aligned(4)));
static struct header header; /* type 0: read */
static volatile u8 answer;
static u8 data[READ_SIZE] __attribute__((aligned(READ_SIZE)));
static unsigned long base;

static void start_disk(void)
{
	base = disk_base;
	disk_start_queue(QUEUE_SIZE, (unsigned long)desc, (unsigned long)avail,
			 (unsigned long)used);
	desc_set(&desc[0], &header, sizeof(header), DESC_NEXT, 1);
	desc_set(&desc[1], data, READ_SIZE, DESC_NEXT | DESC_WRITE, 2);
	desc_set(&desc[2], &answer, 1, DESC_WRITE, 0);
}

static void acknowledge(void)
{
	u32 source = irq_claim();

	if (!source)
		return;
	set(base + REG_INTERRUPT_ACK, get(base + REG_INTERRUPT_STATUS));
	irq_complete(source);
}

/* Read one block (for op_blk_read). `answer` is 0 if the read succeeded. */
void bench_read_block(void)
{
	u16 index = avail[1];
	unsigned long end = now() + us_to_ticks(READ_LIMIT_US);

	answer = 0xff;
	avail[2 + index % QUEUE_SIZE] = 0;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	avail[1] = (u16)(index + 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	set(base + REG_QUEUE_NOTIFY, 0);
	do {
		while (!(csr_read(sip) & BIT(IRQ_S_EXT)) && now() < end)
			wfi();
		acknowledge();
	} while ((u16)(used[0] >> 16) != (u16)(index + 1) && now() < end);
}

void bench_disk(void)
{
	/* blk_read_exit is for a VM without ioeventfds: each notification is an exit to the VMM. */
	const char *name = asked_for("blk_read_exit") ? "blk_read_exit" : "blk_read_4k";
	unsigned long n;

	if (!wanted(name) || impl_id() == IMPL_OPENSBI || !disk_find())
		return;
	irqchip_open(DISK_IRQS);
	start_disk();
	csr_write(sie, BIT(IRQ_S_EXT) | BIT(IRQ_S_TIMER));
	timer_at(now() + us_to_ticks(DISK_LIMIT_US)); /* in case the disk never answers */
	op_blk_read(1, 0);
	if (answer)
		printf("# %s: the disk does not answer\n", name);
	row_begin();
	for (n = 0; n < DISK_BATCHES && answer == 0; n++) {
		sample_start();
		op_blk_read(READS, 0);
		sample_stop();
	}
	timer_off();
	csr_write(sie, 0);
	set(base + REG_STATUS, 0);
	if (n == DISK_BATCHES)
		row_end(name, READS);
}
