// SPDX-License-Identifier: MIT
/*
 * load.c - load the guest's files into its memory.
 *
 *   RAM_BASE + text_offset   Image (flat, with a 64-byte header: Linux' boot-image-header)
 *   ...                      up to image_size, which includes the kernel's .bss
 *   below the device tree    initrd, if any
 *   end of RAM - dtb_room()  device tree
 *
 * image_size includes .bss, which is not in the file, so image_size does not show whether an Image
 * is complete. A kernel that is also an EFI program (such as Debian's) lists its sections in a PE
 * header, and its file has to reach the end of the last section. For any other Image, only the
 * header has to be complete.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "state.h"

struct image_header {
	u32 code[2];
	u64 text_offset;
	u64 image_size;
	u64 flags;
	u32 version;
	u32 reserved1;
	u64 reserved2;
	u64 magic; /* deprecated, but still in use */
	u32 magic2;
	u32 pe_offset;
};

#define IMAGE_MAGIC    0x5643534952ull /* "RISCV" */
#define IMAGE_MAGIC2   0x05435352u     /* "RSC\5" */
#define IMAGE_BIG      1u
#define IMAGE_MAJOR(v) ((v) >> 16)

struct pe_header {
	char magic[4]; /* "PE\0\0" */
	u16 machine;
	u16 nr_sections;
	u32 unused[3];
	u16 optional_size;
	u16 characteristics;
};

struct pe_section {
	char name[8];
	u32 virtual_size, virtual_address;
	u32 raw_size, raw_offset;
	u32 unused[4];
};

_Static_assert(sizeof(struct image_header) == 64, "layout of an Image's header");
_Static_assert(sizeof(struct pe_header) == 24, "layout of a PE header");
_Static_assert(sizeof(struct pe_section) == 40, "layout of a PE section");

struct file {
	const char *path;
	int fd;
	u64 size;
};

static struct file image, initrd;

/* The file may have changed since the last boot. The sandbox allows lseek(), but not fstat(). */
static void read_size(struct file *file)
{
	off_t end = lseek(file->fd, 0, SEEK_END);

	if (end < 0)
		die(STATUS_SETUP, "%s: cannot determine its size: %s", file->path, strerror(errno));
	file->size = end;
}

static void open_file(struct file *file, const char *what, const char *path)
{
	struct stat st;

	file->path = path;
	file->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (file->fd < 0)
		die(STATUS_SETUP, "%s %s: %s", what, path, strerror(errno));
	if (fstat(file->fd, &st) < 0 || !S_ISREG(st.st_mode))
		die(STATUS_SETUP, "%s %s: not a regular file", what, path);
}

/* Read exactly len bytes. Returns false if the file is too short; any other error ends the VMM. */
static bool read_at(const struct file *file, void *to, size_t len, u64 offset)
{
	int err = file_read(file->fd, to, len, offset);

	if (err && err != -ENODATA)
		die(STATUS_SETUP, "%s: %s", file->path, strerror(-err));
	return !err;
}

static void load_file(struct machine *m, const struct file *file, gpa_t gpa)
{
	void *to = machine_ram(m, gpa, file->size);

	if (!read_at(file, to, file->size, 0))
		die(STATUS_SETUP, "%s was truncated while it was being read", file->path);
	/* Other harts may have executed the old contents before a reboot. */
	__builtin___clear_cache((char *)to, (char *)to + file->size);
}

/* ---- the Image ---- */

static void refuse_image(const struct file *file, const u8 *start)
{
	const char *hint = "the RISC-V magic is missing";

	if (memcmp(start, "\177ELF", 4) == 0)
		hint = "it is an ELF file; convert it with objcopy -O binary";
	else if (memcmp(start, "\037\213", 2) == 0)
		hint = "it is compressed; gunzip it first";
	else if (memcmp(start, "MZ", 2) == 0 && memcmp(start + 4, "zimg", 4) == 0)
		hint = "it is an EFI zboot image, which is compressed";
	die(STATUS_SETUP, "%s is not a RISC-V Image: %s", file->path, hint);
}

static void read_header(const struct file *file, struct image_header *header)
{
	memset(header, 0, sizeof(*header));
	if (!read_at(file, header, sizeof(*header), 0))
		die(STATUS_SETUP, "%s is not a RISC-V Image: it has %llu bytes, less than a header",
		    file->path, (unsigned long long)file->size);
	if (header->magic2 != IMAGE_MAGIC2 && header->magic != IMAGE_MAGIC)
		refuse_image(file, (u8 *)header);
	if (header->flags & IMAGE_BIG)
		die(STATUS_SETUP, "%s is a big-endian Image", file->path);
	if (IMAGE_MAJOR(header->version) != 0)
		die(STATUS_SETUP, "%s has Image header version %u; this VMM supports 0", file->path,
		    IMAGE_MAJOR(header->version));
}

/*
 * Returns the offset in the file at which the contents of the last PE section end; 0 if there is no
 * PE header at `offset`; PE_INCOMPLETE if the file ends within the section table.
 */
#define PE_INCOMPLETE UINT64_MAX
static u64 pe_end(const struct file *file, u64 offset)
{
	struct pe_header pe;
	struct pe_section section;
	u64 end = 0;

	if (offset == 0 || !read_at(file, &pe, sizeof(pe), offset) ||
	    memcmp(pe.magic, "PE\0\0", 4) != 0)
		return 0;
	offset += sizeof(pe) + pe.optional_size;
	for (unsigned int i = 0; i < pe.nr_sections; i++, offset += sizeof(section)) {
		if (!read_at(file, &section, sizeof(section), offset))
			return PE_INCOMPLETE;
		if ((u64)section.raw_offset + section.raw_size > end)
			end = (u64)section.raw_offset + section.raw_size;
	}
	return end;
}

static void load_image(struct machine *m, struct layout *layout)
{
	struct image_header header;
	u64 size, end;

	read_size(&image);
	read_header(&image, &header);
	end = pe_end(&image, header.pe_offset);
	if (end == PE_INCOMPLETE)
		die(STATUS_SETUP, "%s is truncated: it has %llu bytes, less than its section table",
		    image.path, (unsigned long long)image.size);
	if (end > image.size)
		die(STATUS_SETUP,
		    "%s is truncated: it has %llu bytes, but its sections end at %llu", image.path,
		    (unsigned long long)image.size, (unsigned long long)end);
	size = header.image_size > image.size ? header.image_size : image.size;
	if (header.text_offset > m->ram_size || size > m->ram_size - header.text_offset)
		die(STATUS_SETUP,
		    "%s does not fit: it needs %llu bytes at offset 0x%llx, but guest memory is "
		    "%llu MiB",
		    image.path, (unsigned long long)size, (unsigned long long)header.text_offset,
		    (unsigned long long)(m->ram_size / MIB));
	layout->entry = RAM_BASE + header.text_offset;
	layout->kernel_end = layout->entry + size;
	load_file(m, &image, layout->entry);
}

static void load_initrd(struct machine *m, struct layout *layout)
{
	u64 available = layout->dtb - layout->kernel_end;

	read_size(&initrd);
	if (initrd.size == 0)
		die(STATUS_SETUP, "initrd %s is empty", initrd.path);
	if (ALIGN_UP(initrd.size, SZ_4K) + SZ_4K > available)
		die(STATUS_SETUP,
		    "initrd %s does not fit: it has %llu bytes, but only %llu are free",
		    initrd.path, (unsigned long long)initrd.size,
		    available < SZ_4K ? 0ULL : ALIGN_DOWN(available - SZ_4K, SZ_4K));
	layout->initrd = ALIGN_DOWN(layout->dtb - initrd.size, SZ_4K);
	layout->initrd_end = layout->initrd + initrd.size;
	load_file(m, &initrd, layout->initrd);
}

/* The files stay open for a reboot, when the sandbox allows no open(). */
void load_open(const struct machine *m)
{
	if (m->options.image)
		open_file(&image, "guest", m->options.image);
	if (m->options.initrd)
		open_file(&initrd, "initrd", m->options.initrd);
}

unsigned int dtb_room(const struct machine *m)
{
	return m->options.vcpus > 32 ? DTB_MAX : DTB_MAX / 2;
}

/*
 * The tree is built in the VMM's own memory: after a reboot, the doorbell's thread may still write to
 * guest memory for the guest that rebooted, and libfdt relies on what it reads from the tree.
 */
static void load_tree(struct machine *m, const struct layout *layout)
{
	static u64 tree[DTB_MAX / sizeof(u64)];
	size_t len = fdt_build(m, layout, tree);

	memcpy(machine_ram(m, layout->dtb, len), tree, len);
}

void load_guest(struct machine *m, struct layout *layout)
{
	load_image(m, layout);
	layout->dtb = ALIGN_DOWN(RAM_BASE + m->ram_size - dtb_room(m), SZ_4K);
	if (layout->dtb < layout->kernel_end)
		die(STATUS_SETUP, "%s leaves no memory for the device tree (%u KiB)",
		    m->options.image, dtb_room(m) / 1024);
	if (m->options.initrd)
		load_initrd(m, layout);
	load_tree(m, layout);
}
