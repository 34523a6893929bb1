// SPDX-License-Identifier: MIT
/*
 * elf.c - map an ELF program and its interpreter.
 *
 * ET_EXEC is mapped at its own addresses, PIE at a fixed base. The file is not trusted: every
 * number is checked before use. Segments are private file mappings, so pages are mapped when they
 * are first accessed. Addresses are not randomized, so that runs can be repeated exactly.
 */
#include <linux/elf.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <string.h>
#include "hv/bits.h"
#include "exec.h"
#include "file/file.h"
#include "platform/layout.h"
#include "mm/page.h"
#include "mm/vma.h"

#define PIE_BASE  0x2000000000UL
#define PHDRS_MAX 64
#define PATH_MAX_ 256

struct elf {
	struct file *file;
	Elf64_Ehdr header;
	Elf64_Phdr *phdrs;
	unsigned long bias; /* added to each address of the file */
};

static int read_exact(struct file *f, void *buf, size_t size, u64 pos)
{
	long got = file_kread(f, buf, size, pos);

	if (got < 0)
		return (int)got;
	return (size_t)got == size ? 0 : -ENOEXEC;
}

static int read_headers(struct elf *elf)
{
	Elf64_Ehdr *h = &elf->header;
	int err = read_exact(elf->file, h, sizeof(*h), 0);

	if (err < 0)
		return -ENOEXEC;
	if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_ident[EI_CLASS] != ELFCLASS64 ||
	    h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_machine != EM_RISCV)
		return -ENOEXEC;
	if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
		return -ENOEXEC;
	if (h->e_phentsize != sizeof(Elf64_Phdr) || !h->e_phnum || h->e_phnum > PHDRS_MAX)
		return -ENOEXEC;
	elf->phdrs = kmalloc(h->e_phnum * sizeof(Elf64_Phdr));
	if (!elf->phdrs)
		return -ENOMEM;
	return read_exact(elf->file, elf->phdrs, h->e_phnum * sizeof(Elf64_Phdr), h->e_phoff);
}

static bool segment_ok(const Elf64_Phdr *ph)
{
	if (ph->p_filesz > ph->p_memsz || ph->p_memsz > USER_END)
		return false;
	if (ph->p_vaddr > USER_END || ph->p_vaddr + ph->p_memsz > EXEC_STACK_TOP - EXEC_STACK_MAX)
		return false;
	if (ph->p_offset > (1ULL << 40))
		return false;
	return ((ph->p_vaddr ^ ph->p_offset) & (PAGE_SIZE - 1)) == 0;
}

static bool is_mapped(const Elf64_Phdr *ph)
{
	return ph->p_type == PT_LOAD && ph->p_memsz;
}

/* Compute the span of all PT_LOAD segments, without the bias. */
static int find_span(const struct elf *elf, unsigned long *start, unsigned long *end)
{
	unsigned int i;

	*start = ~0UL;
	*end = 0;
	for (i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *ph = &elf->phdrs[i];

		if (!is_mapped(ph))
			continue;
		if (!segment_ok(ph))
			return -ENOEXEC;
		*start = MIN(*start, ALIGN_DOWN(ph->p_vaddr, PAGE_SIZE));
		*end = MAX(*end, ALIGN_UP(ph->p_vaddr + ph->p_memsz, PAGE_SIZE));
	}
	return *start < *end ? 0 : -ENOEXEC;
}

static unsigned int segment_prot(const Elf64_Phdr *ph)
{
	return (ph->p_flags & PF_R ? PROT_READ : 0) | (ph->p_flags & PF_W ? PROT_WRITE : 0) |
	       (ph->p_flags & PF_X ? PROT_EXEC : 0);
}

static int map_fixed(struct mm *mm, unsigned long start, unsigned long end, unsigned int prot,
		     struct file *file, u64 pgoff)
{
	struct vma_spec spec = {
		.addr = start,
		.len = end - start,
		.prot = prot,
		.file = file,
		.pgoff = pgoff,
		.fixed = true,
	};
	long addr;

	if (start >= end)
		return 0;
	mutex_lock(&mm->lock);
	addr = vma_map(mm, &spec);
	vma_unlock(mm);
	return addr < 0 ? (int)addr : 0;
}

/* Clear the rest of the last page that is mapped from the file: .bss starts there. */
static int clear_tail(struct mm *mm, unsigned long from)
{
	static const u8 zeroes[PAGE_SIZE];

	return mm_write(mm, from, zeroes, ALIGN_UP(from, PAGE_SIZE) - from);
}

static int map_segment(struct mm *mm, const struct elf *elf, const Elf64_Phdr *ph)
{
	unsigned long vaddr = elf->bias + ph->p_vaddr;
	unsigned long start = ALIGN_DOWN(vaddr, PAGE_SIZE);
	unsigned long file_end = ALIGN_UP(vaddr + ph->p_filesz, PAGE_SIZE);
	unsigned long end = ALIGN_UP(vaddr + ph->p_memsz, PAGE_SIZE);
	unsigned int prot = segment_prot(ph);
	int err;

	if (!ph->p_filesz)
		file_end = start;
	err = map_fixed(mm, start, file_end, prot, elf->file, ph->p_offset >> PAGE_SHIFT);
	if (err == 0)
		err = map_fixed(mm, file_end, end, prot, NULL, 0);
	if (err == 0 && ph->p_filesz && ph->p_memsz > ph->p_filesz && (prot & PROT_WRITE))
		err = clear_tail(mm, vaddr + ph->p_filesz);
	return err;
}

/*
 * Choose where the span is mapped: ET_EXEC at its own addresses, a PIE at PIE_BASE, and an
 * interpreter that is not ET_EXEC in a free range.
 */
static int choose_bias(struct mm *mm, struct elf *elf, unsigned long start, unsigned long end,
		       bool interp)
{
	struct vma_spec spec = { .len = end - start, .flags = VMA_NO_HUGE };
	long addr;

	elf->bias = 0;
	if (elf->header.e_type == ET_EXEC)
		return 0;
	if (!interp) {
		elf->bias = PIE_BASE - start;
		return end - start < PIE_BASE / 2 ? 0 : -ENOEXEC;
	}
	mutex_lock(&mm->lock);
	addr = vma_map(mm, &spec); /* reserve the span, which map_segment() then replaces */
	vma_unlock(mm);
	if (addr < 0)
		return (int)addr;
	elf->bias = (unsigned long)addr - start;
	return 0;
}

static unsigned long find_phdr_addr(const struct elf *elf)
{
	u64 off = elf->header.e_phoff;
	unsigned int i;

	for (i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *ph = &elf->phdrs[i];

		if (is_mapped(ph) && off >= ph->p_offset && off - ph->p_offset < ph->p_filesz)
			return elf->bias + ph->p_vaddr + (off - ph->p_offset);
	}
	return 0;
}

/* Map one file. *end: the end of the span, without the bias. */
static int load_one(struct mm *mm, struct elf *elf, bool interp, unsigned long *end)
{
	unsigned long start;
	unsigned int i;
	int err = read_headers(elf);

	if (err == 0)
		err = find_span(elf, &start, end);
	if (err == 0)
		err = choose_bias(mm, elf, start, *end, interp);
	for (i = 0; err == 0 && i < elf->header.e_phnum; i++)
		if (is_mapped(&elf->phdrs[i]))
			err = map_segment(mm, elf, &elf->phdrs[i]);
	return err;
}

static int load_interp(struct mm *mm, const char *path, struct elf_image *image)
{
	struct elf elf = { 0 };
	unsigned long end;
	int err;

	elf.file = file_open(path, O_RDONLY, 0, &err);
	if (!elf.file)
		return err;
	err = load_one(mm, &elf, true, &end);
	if (err == 0) {
		image->entry = elf.bias + elf.header.e_entry;
		image->interp_base = elf.bias;
	}
	kfree(elf.phdrs);
	file_put(elf.file);
	return err;
}

/* Read the path in PT_INTERP into `path`; "" if there is none. */
static int read_interp(const struct elf *elf, char *path)
{
	unsigned int i;

	path[0] = '\0';
	for (i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *ph = &elf->phdrs[i];

		if (ph->p_type != PT_INTERP)
			continue;
		if (ph->p_filesz < 2 || ph->p_filesz > PATH_MAX_)
			return -ENOEXEC;
		if (read_exact(elf->file, path, ph->p_filesz, ph->p_offset) < 0)
			return -ENOEXEC;
		return path[ph->p_filesz - 1] == '\0' ? 0 : -ENOEXEC;
	}
	return 0;
}

int elf_load(struct mm *mm, struct file *f, struct elf_image *image)
{
	struct elf elf = { .file = f };
	char interp[PATH_MAX_];
	unsigned long end;
	int err = load_one(mm, &elf, false, &end);

	if (err == 0) {
		image->prog_entry = elf.bias + elf.header.e_entry;
		image->entry = image->prog_entry;
		image->phdr = find_phdr_addr(&elf);
		image->phnum = elf.header.e_phnum;
		image->interp_base = 0;
		image->end = elf.bias + end;
		err = read_interp(&elf, interp);
	}
	if (err == 0 && interp[0])
		err = load_interp(mm, interp, image);
	kfree(elf.phdrs);
	return err;
}
