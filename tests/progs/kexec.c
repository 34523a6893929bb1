// SPDX-License-Identifier: MIT
/*
 * kexec.c - boot a Linux kernel from the running one, with the same initrd and arguments but one.
 *
 *   kexec IMAGE OLD NEW
 *
 * IMAGE is a raw kernel image (Linux's boot-image-header.rst). In the device tree, the text OLD, a part
 * of the kernel's arguments, is replaced by NEW, which has the same length. The running kernel needs
 * the argument retain_initrd. Does not return; exits with status 1 after an error.
 */
#include <errno.h>
#include <linux/kexec.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BLOCK      (2UL << 20)
#define LOADED_AT  0x80200000UL /* the firmware's next address on QEMU's virt */
#define IMAGE_SIZE 16           /* offset in the header, of an 8-byte number */

static void fail(const char *what)
{
	fprintf(stderr, "kexec: %s: %s\n", what, strerror(errno));
	exit(1);
}

static char *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	size_t room = BLOCK, got;
	char *data = NULL;

	if (!file)
		fail(path);
	*size = 0;
	do {
		room *= 2;
		data = realloc(data, room);
		if (!data)
			fail(path);
		got = fread(data + *size, 1, room - *size, file);
		*size += got;
	} while (*size == room);
	fclose(file);
	return data;
}

/* The address of the initrd, a cell of 4 or 8 bytes. */
static unsigned long initrd_address(void)
{
	size_t size, i;
	unsigned char *cell =
		(unsigned char *)read_file("/proc/device-tree/chosen/linux,initrd-start", &size);
	unsigned long address = 0;

	for (i = 0; i < size; i++)
		address = address << 8 | cell[i];
	return address;
}

static struct kexec_segment segment(char *data, size_t size, size_t memory, unsigned long address)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (struct kexec_segment){ data, size, (void *)address,
				       (memory + page - 1) / page * page };
}

int main(int argc, char **argv)
{
	size_t image_size, initrd_size, dtb_size;
	char *image, *initrd, *dtb, *at;
	struct kexec_segment segments[3];
	unsigned long initrd_at;
	uint64_t in_memory;

	if (argc != 4 || strlen(argv[2]) != strlen(argv[3])) {
		fprintf(stderr, "usage: kexec IMAGE OLD NEW (OLD and NEW have the same length)\n");
		return 2;
	}
	image = read_file(argv[1], &image_size);
	initrd = read_file("/sys/firmware/initrd", &initrd_size);
	dtb = read_file("/sys/firmware/fdt", &dtb_size);
	at = memmem(dtb, dtb_size, argv[2], strlen(argv[2]));
	if (!at) {
		fprintf(stderr, "kexec: the kernel's arguments do not contain %s\n", argv[2]);
		return 1;
	}
	memcpy(at, argv[3], strlen(argv[3]));
	memcpy(&in_memory, image + IMAGE_SIZE, sizeof(in_memory));

	initrd_at = initrd_address();
	segments[0] = segment(image, image_size, in_memory, LOADED_AT);
	segments[1] = segment(initrd, initrd_size, initrd_size, initrd_at);
	segments[2] = segment(dtb, dtb_size, dtb_size,
			      (initrd_at + initrd_size + BLOCK - 1) / BLOCK * BLOCK);
	if (syscall(SYS_kexec_load, LOADED_AT, 3UL, segments, KEXEC_ARCH_RISCV))
		fail("kexec_load");
	syscall(SYS_reboot, 0xfee1dead, 672274793, RB_KEXEC, NULL);
	fail("reboot");
}
