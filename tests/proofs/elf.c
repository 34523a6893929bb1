// SPDX-License-Identifier: MIT
/*
 * elf.c - bounded proof of src/host/proc/elf.c: loading any ELF program and any interpreter.
 *
 * Proved, for every content of a file's headers:
 * - find_span() accepts only segments that lie below the initial stack, and gives the smallest range
 *   of whole pages that contains them; find_phdr_addr() gives 0 or an address in one of them.
 * - One segment of a span, with the address that choose_bias() gives the span: only whole pages of
 *   the span are mapped, below the stack, and only the rest of a page that was mapped writable from
 *   the file is cleared. A PIE begins at PIE_BASE, and an interpreter without fixed addresses has
 *   exactly the range that was reserved for it. File offsets have a limit.
 * - elf_load() and load_interp() read only into their own buffers, open only a path with a NUL in
 *   its buffer, return 0 or an error, free and close what they allocated and opened, and release
 *   the lock.
 * Bounds: find_span(): up to 4 program headers; elf_load(): 1 or 2, or a number that is refused.
 * Models: reading a file, which may fail, end early, or bring any bytes; opening the interpreter;
 * vma_map() and mm_write(), which may fail; locks and allocation. vma_map() places what has no fixed
 * address anywhere below the stack.
 *
 * Folder: host
 * Options: --unwind 5
 */
#include "proof.h"
#include "proc/elf.c"

#define SPAN_NR 4 /* program headers for find_span() */
#define LOAD_NR 2 /* for elf_load() */
#define LIMIT   (EXEC_STACK_TOP - EXEC_STACK_MAX)

struct range {
	unsigned long start, end;
};

static struct mm mm;
static struct file program, interpreter;
static bool locked;

static Elf64_Phdr one[1], two[LOAD_NR]; /* what kmalloc() gives */
static void *table;                     /* one of these */
static bool whole;                      /* elf_load() as a whole, not one segment */
static bool may_open, header_was_read;
static unsigned int nr_tables, nr_open, nr_mapped, nr_cleared;
static size_t path_size;

static struct range span;      /* with the bias: where a segment may be mapped */
static struct range from_file; /* mapped last */
static struct range reserved;
static bool writable_page;

/* ---- models --------------------------------------------------------------------- */

void *kmalloc(size_t size)
{
	bool none;

	claim(!nr_tables && (size == sizeof(one) || size == sizeof(two)),
	      "the table has the right size");
	if (none)
		return NULL;
	nr_tables++;
	table = size == sizeof(one) ? one : two;
	return table;
}

void kfree(void *p)
{
	claim(!p || (p == table && nr_tables == 1), "a table is freed once");
	nr_tables -= p != NULL;
}

void mutex_lock(struct mutex *m)
{
	claim(m == &mm.lock && !locked, "the lock is taken once");
	locked = true;
}

void vma_unlock(struct mm *m)
{
	claim(m == &mm && locked, "the lock is released once");
	locked = false;
}

struct file *file_open(const char *path, unsigned int flags, unsigned int mode, int *err)
{
	bool none;

	claim(path[0] && !path[path_size - 1], "a path ends in its buffer");
	*err = -ENOENT;
	if (!may_open || none)
		return NULL;
	nr_open++;
	return &interpreter;
}

void file_put(struct file *f)
{
	claim(f == &interpreter && nr_open == 1, "the interpreter is closed once");
	nr_open--;
}

long file_kread(struct file *f, void *buf, size_t size, u64 pos)
{
	Elf64_Ehdr *header = buf;
	bool fails;
	long got;

	claim(f == (nr_open ? &interpreter : &program), "only an open file is read");
	claim(writable(buf, size), "only a buffer is written");
	if (fails) {
		suppose(got >= -4095 && got < (long)size);
		return got;
	}
	if (!header_was_read) {
		havoc(header);
		suppose(header->e_phnum <= LOAD_NR || header->e_phnum > PHDRS_MAX);
		header_was_read = true;
	} else if (buf == table) {
		claim(size == (table == one ? sizeof(one) : sizeof(two)), "the table is filled");
		havoc_array(one);
		havoc_array(two);
	} else {
		havoc_array(buf);
		path_size = size;
	}
	return (long)size;
}

long vma_map(struct mm *m, const struct vma_spec *spec)
{
	unsigned long addr = spec->addr, len = spec->len;
	bool fails;

	claim(m == &mm && locked, "the address space is locked");
	claim(spec->fixed || !spec->file, "a file is mapped at a fixed address");
	if (fails)
		return -ENOMEM;
	nr_mapped++;
	if (!whole) {
		claim(addr % PAGE_SIZE == 0 && len % PAGE_SIZE == 0 && len,
		      "only whole pages are mapped");
		claim(len <= LIMIT, "the length is in range");
	}
	if (!spec->fixed) {
		suppose(addr % PAGE_SIZE == 0 && addr <= LIMIT - len);
		reserved = (struct range){ addr, addr + len };
		return (long)addr;
	}
	if (!whole) {
		claim(addr >= span.start && addr <= span.end && len <= span.end - addr,
		      "inside the span");
		claim(spec->pgoff <= 1ULL << 40 >> PAGE_SHIFT, "the file offset has a limit");
	}
	if (spec->file) {
		from_file = (struct range){ addr, addr + len };
		writable_page = spec->prot & PROT_WRITE;
	}
	return (long)addr;
}

int mm_write(struct mm *m, unsigned long addr, const void *from, size_t size)
{
	bool fails;

	claim(m == &mm && !locked, "the address space is not locked");
	if (!whole) {
		claim(size < PAGE_SIZE && readable(from, size), "less than a page of zeroes");
		claim(addr >= from_file.start && addr + size == from_file.end && writable_page,
		      "only the rest of a writable page is cleared");
	}
	nr_cleared++;
	return fails ? -EFAULT : 0;
}

/* ---- proofs --------------------------------------------------------------------- */

/* Does a span contain the segment? */
static bool contains(unsigned long start, unsigned long end, const Elf64_Phdr *ph)
{
	return ph->p_vaddr >= start && ph->p_vaddr <= end && ph->p_memsz <= end - ph->p_vaddr;
}

void prove_span(void)
{
	static Elf64_Phdr phdrs[SPAN_NR];
	struct elf elf;
	unsigned long start, end, phdr;
	unsigned int i, any;
	bool lowest = false, highest = false, inside = false;

	havoc_array(phdrs);
	elf.phdrs = phdrs;
	elf.bias = 0;
	suppose(elf.header.e_phnum <= SPAN_NR);
	if (find_span(&elf, &start, &end))
		return;
	claim(start < end && end <= LIMIT && !(start % PAGE_SIZE) && !(end % PAGE_SIZE),
	      "the span consists of whole pages below the stack");
	suppose(any < elf.header.e_phnum);
	if (is_mapped(&phdrs[any]))
		claim(segment_ok(&phdrs[any]) && contains(start, end, &phdrs[any]),
		      "the span contains each segment");
	phdr = find_phdr_addr(&elf);
	for (i = 0; i < elf.header.e_phnum; i++) {
		if (!is_mapped(&phdrs[i]))
			continue;
		lowest |= start == ALIGN_DOWN(phdrs[i].p_vaddr, PAGE_SIZE);
		highest |= end == ALIGN_UP(phdrs[i].p_vaddr + phdrs[i].p_memsz, PAGE_SIZE);
		inside |= phdr >= phdrs[i].p_vaddr && phdr - phdrs[i].p_vaddr < phdrs[i].p_filesz;
	}
	claim(lowest && highest, "the span is not larger than necessary");
	claim(!phdr || inside, "the address of the headers lies in a segment");
	reached(phdr && phdr >= phdrs[3].p_vaddr && is_mapped(&phdrs[3]) && any == 3);
	reached(phdrs[0].p_type == PT_LOAD && !is_mapped(&phdrs[0]) && any == 3);
}

void prove_segment(void)
{
	struct elf elf;
	Elf64_Phdr ph;
	unsigned long start, end;
	bool interp, fixed;
	int err;

	/* Any span that find_span() can return, and a segment in it. */
	suppose(is_mapped(&ph) && segment_ok(&ph) && contains(start, end, &ph));
	suppose(start < end && end <= LIMIT && !(start % PAGE_SIZE) && !(end % PAGE_SIZE));
	elf.file = &program;
	fixed = elf.header.e_type == ET_EXEC;
	if (choose_bias(&mm, &elf, start, end, interp))
		return;
	span = (struct range){ elf.bias + start, elf.bias + end };
	claim(span.start < span.end && span.end <= LIMIT, "the span lies below the stack");
	claim(!fixed || !elf.bias, "fixed addresses are not moved");
	claim(fixed || interp || span.start == PIE_BASE, "a PIE begins at its base");
	claim(fixed || !interp || (span.start == reserved.start && span.end == reserved.end),
	      "an interpreter has the range that was reserved");
	nr_mapped = 0;
	err = map_segment(&mm, &elf, &ph);
	claim(err <= 0 && !locked, "map_segment() returns 0 or an error, without the lock");
	reached(!err && !fixed && interp && nr_mapped == 2 && nr_cleared == 1);
	reached(!err && fixed && nr_mapped == 1 && nr_cleared == 0);
	reached(!err && !ph.p_filesz);
}

void prove_load(void)
{
	struct elf_image image;
	int err;

	whole = true;
	err = elf_load(&mm, &program, &image);
	claim(err <= 0, "elf_load() returns 0 or an error");
	claim(!nr_tables && !locked, "elf_load() keeps neither memory nor a lock");
	claim(err || image.phnum == 1 || image.phnum == LOAD_NR, "phnum is the number of headers");
	reached(!err && nr_mapped == 4 && nr_cleared == 2);
	reached(err == -ENOENT && path_size == PATH_MAX_);
}

void prove_interpreter(void)
{
	struct elf_image image;
	int err;

	whole = true;
	may_open = true;
	path_size = 2;
	err = load_interp(&mm, "/", &image);
	claim(err <= 0, "load_interp() returns 0 or an error");
	claim(!nr_tables && !nr_open && !locked, "load_interp() keeps no memory, file or lock");
	reached(!err && nr_mapped == 5);
	reached(err == -EFAULT && nr_mapped);
}
