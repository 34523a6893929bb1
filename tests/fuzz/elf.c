// SPDX-License-Identifier: MIT
/*
 * elf.c - fuzz target: load any ELF program, and its interpreter, into an address space.
 *
 * The input chooses the fields of both files' headers and program headers. The address space is a
 * model that checks what the loader asks for, and may refuse it: only whole pages of user addresses
 * are mapped, nothing is mapped over the initial stack, and only mapped bytes are written.
 */
#include <linux/elf.h>
#include <linux/errno.h>
#include <linux/mman.h>
#include "file/file.h"
#include "mm/page.h"
#include "mm/vma.h"
#include "platform/layout.h"
#include "proc/exec.h"
#include "fuzz.h"
#include "snapshot.h"

#define FILE_SIZE 0x1000
#define MAX_MAPS  160

struct input {
	struct file file; /* must be first: the loader has its address */
	u8 data[FILE_SIZE];
	size_t size;
	unsigned int refs;
};

static struct choices choices;
static struct input program, interpreter;
static struct mm mm;
static struct {
	unsigned long start, end;
	bool writable;
} maps[MAX_MAPS];
static unsigned int nr_maps;
static bool locked;

static u64 rnd(u64 below)
{
	return choose(&choices, below);
}

static u64 nearly(u64 value)
{
	switch (rnd(16)) {
	case 15:
		return rnd(~0ull);
	case 14:
		return ~0ull << rnd(64);
	case 13:
		return value + rnd(64) - 32;
	default:
		return value;
	}
}

/* ---- what the loader calls ---------------------------------------------------------- */

static bool refused(void)
{
	return rnd(64) == 63;
}

void *kmalloc(size_t size)
{
	return refused() ? NULL : snapshot_alloc(size);
}

void kfree(void *p)
{
	snapshot_free(p);
}

void mutex_lock(struct mutex *m)
{
	(void)m;
	CLAIM(!locked);
	locked = true;
}

void vma_unlock(struct mm *m)
{
	(void)m;
	CLAIM(locked);
	locked = false;
}

struct file *file_open(const char *path, unsigned int flags, unsigned int mode, int *err)
{
	(void)flags, (void)mode;
	*err = -ENOENT;
	if (strcmp(path, "/lib/ld.so"))
		return NULL;
	interpreter.refs++;
	return &interpreter.file;
}

void file_put(struct file *f)
{
	CLAIM(((struct input *)f)->refs--);
}

long file_kread(struct file *file, void *buf, size_t size, u64 pos)
{
	const struct input *f = (struct input *)file;

	if (refused())
		return -EIO;
	if (pos >= f->size)
		return 0;
	if (size > f->size - pos)
		size = f->size - pos;
	memcpy(buf, f->data + pos, size);
	return (long)size;
}

long vma_map(struct mm *m, const struct vma_spec *spec)
{
	unsigned long addr = spec->fixed ? spec->addr : 0x3000000000UL;

	CLAIM(m == &mm && locked);
	if (refused())
		return -ENOMEM;
	/* The real vma_map() refuses these, so the loader may ask for them. */
	if (!spec->len || spec->len > USER_END || addr > USER_END - spec->len)
		return -ENOMEM;
	/* The real vma_map() finds a free range only below mm->mmap_top, so below the stack. */
	if (!spec->fixed && addr + spec->len > EXEC_STACK_TOP - EXEC_STACK_MAX)
		return -ENOMEM;
	CLAIM(!(addr % PAGE_SIZE) && !(spec->len % PAGE_SIZE));
	CLAIM(addr + spec->len <= EXEC_STACK_TOP - EXEC_STACK_MAX);
	CLAIM(!spec->file || spec->pgoff <= (1ULL << 40) >> PAGE_SHIFT);
	CLAIM(nr_maps < MAX_MAPS);
	maps[nr_maps].start = addr;
	maps[nr_maps].end = addr + spec->len;
	maps[nr_maps++].writable = spec->prot & PROT_WRITE;
	return (long)addr;
}

int mm_write(struct mm *m, unsigned long addr, const void *from, size_t size)
{
	unsigned int i = nr_maps;

	CLAIM(m == &mm && !locked && from);
	CLAIM(size < PAGE_SIZE); /* the rest of a page */
	if (!size)
		return 0;
	while (i-- && !(addr >= maps[i].start && addr + size <= maps[i].end))
		;
	CLAIM(i < MAX_MAPS && maps[i].writable);
	return refused() ? -EFAULT : 0;
}

/* ---- the files ------------------------------------------------------------------------ */

static void make_segment(Elf64_Phdr *ph, unsigned int i, unsigned int type)
{
	u64 offset = rnd(4) * 0x400, vaddr = 0x10000 * (i + 1) + offset % PAGE_SIZE;
	u64 size = rnd(0x3000);

	*ph = (Elf64_Phdr){ .p_type = (u32)nearly(type),
			    .p_flags = (u32)rnd(8),
			    .p_offset = nearly(offset),
			    .p_vaddr = nearly(vaddr),
			    .p_filesz = nearly(size),
			    .p_memsz = nearly(size + rnd(4) * 0x800) };
}

static void make_file(struct input *f, bool has_interpreter)
{
	static const char path[] = "/lib/ld.so";
	unsigned int n = 1 + (unsigned int)rnd(6), i;
	Elf64_Ehdr header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB },
			      .e_type = (u16)nearly(rnd(2) ? ET_DYN : ET_EXEC),
			      .e_machine = (u16)nearly(EM_RISCV),
			      .e_entry = nearly(0x10000),
			      .e_phoff = nearly(sizeof(header)),
			      .e_phentsize = (u16)nearly(sizeof(Elf64_Phdr)),
			      .e_phnum = (u16)nearly(n + has_interpreter) };
	Elf64_Phdr ph;

	memset(f, 0, sizeof(*f));
	f->refs = 1;
	f->size = rnd(8) == 7 ? rnd(FILE_SIZE) : FILE_SIZE;
	memcpy(f->data, &header, sizeof(header));
	for (i = 0; i < n + has_interpreter; i++) {
		make_segment(&ph, i, i < n ? PT_LOAD : PT_INTERP);
		if (i == n) {
			ph.p_offset = nearly(0x800);
			ph.p_filesz = nearly(sizeof(path));
		}
		memcpy(f->data + sizeof(header) + i * sizeof(ph), &ph, sizeof(ph));
	}
	memcpy(f->data + 0x800, path, sizeof(path));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_image image = { 0 };
	int err;

	if (!snapshot_restore())
		snapshot_take();
	choices = (struct choices){ data, size };
	make_file(&program, rnd(2));
	make_file(&interpreter, false);
	err = elf_load(&mm, &program.file, &image);
	CLAIM(err <= 0 && err > -134);
	CLAIM(err || (nr_maps && image.end >= PAGE_SIZE && image.phnum <= 64));
	CLAIM(program.refs == 1 && interpreter.refs == 1 && !locked);
	CLAIM(!snapshot_objects());
	return 0;
}
