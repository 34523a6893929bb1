// SPDX-License-Identifier: MIT
/*
 * other_vm.c - a guest beside the payload escape, whose memory, devices and vCPU must stay unchanged.
 *
 * It runs in a second VMM of tests/vmm/taken_over.c, and fills some memory, the serial port's scratch
 * register, the first sector of its disk and one CSR. Then it waits for a byte on the VMM's standard
 * input: a digit, the sum of what should have changed, or another byte to end. After each check, it
 * fills everything again. The CSR should never change: even with a stolen descriptor, KVM refuses the
 * requests of any process but the VMM that created the VM.
 */
#include "virtio.h"
#include "../vmm/taken_over.h"

#define EINTR    4
#define SYS_read 63

enum { /* what can change */
	MEMORY = 1,
	PORT = 2,
	DISK = 4,
};

#define WORDS      4096
#define STVAL_MARK 0x5151515151515151ul
#define SCR_MARK   0x51
#define UART_SCR   7

static volatile u8 *port;
static u64 words[WORDS];
static u8 sector[SECTOR];

static unsigned long slot(unsigned long offset)
{
	return TAKEN_OVER_BASE + offset;
}

static unsigned long in_vmm(const volatile void *object)
{
	return (unsigned long)object - 0x80000000ul +
	       *(volatile unsigned long *)slot(TAKEN_OVER_RAM);
}

/* Read a byte in the VMM, which blocks the vCPU in the VMM. */
static int wait_for_byte(void)
{
	static volatile char byte;
	const unsigned long args[] = { 0, in_vmm(&byte), 1 };
	volatile long *result = (volatile long *)slot(TAKEN_OVER_CALL);

	for (unsigned int i = 0; i < ARRAY_SIZE(args); i++)
		*(volatile unsigned long *)slot(8 * i) = args[i];
	*(volatile unsigned long *)slot(TAKEN_OVER_NUMBER) = SYS_read;
	do
		*result = 1;
	while (*result == -EINTR);
	return *result == 1 ? byte : 'q';
}

static u64 word(unsigned int i)
{
	return (i + 1) * 0x9e3779b97f4a7c15;
}

static void fill(void)
{
	for (unsigned int i = 0; i < WORDS; i++)
		words[i] = word(i);
	memcpy(sector, words, SECTOR);
	if (disk_request(BLK_OUT, 0, sector, SECTOR) != S_OK)
		bail("the disk cannot be written");
	port[UART_SCR] = SCR_MARK;
	csr_write(stval, STVAL_MARK);
}

static bool memory_changed(void)
{
	for (unsigned int i = 0; i < WORDS; i++) {
		if (words[i] != word(i))
			return true;
	}
	return false;
}

/* The data is compared with word(), because `words` may have been changed. */
static bool disk_changed(void)
{
	u64 value;

	memset(sector, 0, SECTOR);
	if (disk_request(BLK_IN, 0, sector, SECTOR) != S_OK)
		return true;
	for (unsigned int i = 0; i < SECTOR / sizeof(value); i++) {
		memcpy(&value, sector + i * sizeof(value), sizeof(value));
		if (value != word(i))
			return true;
	}
	return false;
}

static void check(bool changed, bool expected, const char *what)
{
	ok(changed == expected, "the other VM's %s %s", what,
	   expected ? "changes" : "is unchanged");
}

void payload_main(void)
{
	struct fdt_reg uart;
	int byte;

	if (!disk_find() || !fdt_find("ns16550a", 0, &uart))
		bail("there is no disk or no serial port");
	port = (volatile u8 *)uart.base;
	disk_start();
	fill();
	printf("# ram %lu scr %lu\n", in_vmm(&words[WORDS / 2]),
	       *(volatile unsigned long *)slot(TAKEN_OVER_SCR));
	for (;;) {
		note("waiting");
		byte = wait_for_byte();
		if (byte < '0' || byte > '7')
			break;
		check(csr_read(stval) != STVAL_MARK, false, "vCPU");
		check(memory_changed(), (byte & MEMORY) != 0, "memory");
		check(port[UART_SCR] != SCR_MARK, (byte & PORT) != 0, "serial port");
		check(disk_changed(), (byte & DISK) != 0, "disk");
		fill();
	}
}
