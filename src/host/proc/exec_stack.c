// SPDX-License-Identifier: MIT
/*
 * exec_stack.c - the initial stack of a program.
 *
 *   sp ->  argc, argv[0] … NULL, envp[0] … NULL, auxv … AT_NULL, (padding),
 *          16 random bytes, (padding), argument strings, environment strings, path
 *
 * It is written from outside the new address space, because that address space is not active yet.
 */
#include <linux/auxvec.h>
#include <linux/errno.h>
#include <linux/rseq.h>
#include <linux/mman.h>
#include <asm/hwcap.h>
#include <string.h>
#include "hv/bits.h"
#include "hv/host.h"
#include "exec.h"
#include "platform/layout.h"
#include "mm/page.h"
#include "platform/random.h"
#include "mm/vma.h"
#include "rlimit.h"

#define AUX_PAIRS 20

struct stack {
	struct mm *mm;
	unsigned long pos;                     /* grows down */
	unsigned long strings, random, execfn; /* user addresses */
};

#define PIECE (4 * PAGE_SIZE) /* bytes between two calls to irq_window() */

static int push(struct stack *st, const void *data, size_t size)
{
	size_t done, part;
	int err = 0;

	st->pos -= size;
	for (done = 0; done < size && !err; done += part) {
		part = MIN(size - done, PIECE);
		err = mm_write(st->mm, st->pos + done, (const char *)data + done, part);
		if (part == PIECE)
			irq_window();
	}
	return err;
}

static void copy(char *to, const char *from, size_t size)
{
	for (; size > PIECE; size -= PIECE, to += PIECE, from += PIECE) {
		memcpy(to, from, PIECE);
		irq_window();
	}
	memcpy(to, from, size);
}

const char *exec_args_next(const char *s)
{
	const char *page_end;
	bool ended;

	do {
		page_end = (const char *)(ALIGN_DOWN((unsigned long)s, PAGE_SIZE) + PAGE_SIZE);
		while (s < page_end && *s)
			s++;
		ended = s < page_end;
		s += ended;
		if (s == page_end)
			irq_window();
	} while (!ended);
	return s;
}

/* As on Linux, strings and the pointers to them share a quarter of the stack. */
static size_t args_max(const struct exec_args *args)
{
	size_t max = MAX(MIN(exec_stack_size(), EXEC_STACK_SIZE) / 4, EXEC_STACK_MIN / 2);
	size_t pointers = ((size_t)args->argc + args->envc + 1) * sizeof(unsigned long);

	return max > pointers ? max - pointers : 0;
}

int exec_args_add(struct exec_args *args, const char *s)
{
	size_t len = (size_t)(exec_args_next(s) - s);
	size_t size = args->size ? args->size : 4 * PAGE_SIZE;
	char *bigger;

	if (args->used + len > args_max(args))
		return -E2BIG;
	while (size < args->used + len)
		size *= 2;
	if (size != args->size) {
		bigger = kmalloc(size);
		if (!bigger)
			return -ENOMEM;
		copy(bigger, args->strings, args->used);
		kfree(args->strings);
		args->strings = bigger;
		args->size = size;
	}
	copy(args->strings + args->used, s, len);
	args->used += len;
	return 0;
}

void exec_args_free(struct exec_args *args)
{
	kfree(args->strings);
	*args = (struct exec_args){ 0 };
}

/* The single-letter extensions that programs may use, encoded as in misa: bit n is 'A' + n. */
static unsigned long hwcap(void)
{
	static const char *const single[] = { "i", "m", "a", "f", "d", "c" };
	unsigned long cap = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(single); i++)
		if (hv_isa_has(single[i]))
			cap |= BIT(single[i][0] - 'a');
	return cap;
}

static unsigned int fill_auxv(unsigned long (*aux)[2], const struct stack *st,
			      const struct elf_image *image)
{
	const unsigned long pairs[][2] = {
		{ AT_HWCAP, hwcap() },
		{ AT_PAGESZ, PAGE_SIZE },
		{ AT_CLKTCK, 100 },
		{ AT_PHDR, image->phdr },
		{ AT_PHENT, 56 },
		{ AT_PHNUM, image->phnum },
		{ AT_BASE, image->interp_base },
		{ AT_FLAGS, 0 },
		{ AT_ENTRY, image->prog_entry },
		{ AT_UID, 0 },
		{ AT_EUID, 0 },
		{ AT_GID, 0 },
		{ AT_EGID, 0 },
		{ AT_SECURE, 0 },
		{ AT_RANDOM, st->random },
		{ AT_EXECFN, st->execfn },
		{ AT_MINSIGSTKSZ, 2048 },
		{ AT_RSEQ_FEATURE_SIZE, __builtin_offsetof(struct rseq, end) },
		{ AT_RSEQ_ALIGN, __alignof__(struct rseq) },
		{ AT_NULL, 0 },
	};

	_Static_assert(ARRAY_SIZE(pairs) <= AUX_PAIRS, "auxv has more than AUX_PAIRS entries");
	memcpy(aux, pairs, sizeof(pairs));
	return ARRAY_SIZE(pairs);
}

/*
 * Store in out[] the user addresses of `count` consecutive strings, then 0. s is the kernel's copy
 * of the first string, `at` its user address. Returns the end of the kernel's copies.
 */
static const char *fill_pointers(unsigned long *out, unsigned int count, const char *s,
				 unsigned long at)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		const char *next = exec_args_next(s);

		out[i] = at;
		at += (unsigned long)(next - s);
		s = next;
	}
	out[count] = 0;
	return s;
}

static int push_vectors(struct stack *st, const struct exec_args *args,
			const struct elf_image *image)
{
	size_t words = 1 + args->argc + 1 + args->envc + 1;
	unsigned long *vec = kmalloc((words + 2 * AUX_PAIRS) * sizeof(*vec));
	const char *env;
	int err;

	if (!vec)
		return -ENOMEM;
	vec[0] = args->argc;
	env = fill_pointers(vec + 1, args->argc, args->strings, st->strings);
	fill_pointers(vec + 2 + args->argc, args->envc, env,
		      st->strings + (unsigned long)(env - args->strings));
	words += 2 * fill_auxv((unsigned long(*)[2])(vec + words), st, image);
	st->pos = ALIGN_DOWN(st->pos - words * sizeof(*vec), 16) + words * sizeof(*vec);
	err = push(st, vec, words * sizeof(*vec));
	kfree(vec);
	return err;
}

static void note_strings(struct mm *mm, const struct stack *st, const struct exec_args *args)
{
	const char *s = args->strings;
	unsigned int i;

	for (i = 0; i < args->argc; i++)
		s = exec_args_next(s);
	mm->arg_start = st->strings;
	mm->arg_end = mm->env_start = st->strings + (unsigned long)(s - args->strings);
	mm->env_end = st->strings + args->used;
}

unsigned long exec_stack_size(void)
{
	unsigned long size = MIN(MAX(rlimit(RLIMIT_STACK), EXEC_STACK_MIN), EXEC_STACK_MAX);

	return ALIGN_DOWN(size, PAGE_SIZE);
}

static int map_stack(struct mm *mm)
{
	unsigned long size = exec_stack_size();
	struct vma_spec spec = {
		.addr = EXEC_STACK_TOP - size,
		.len = size,
		.prot = PROT_READ | PROT_WRITE,
		.flags = VMA_NO_HUGE | VMA_STACK,
		.fixed = true,
	};
	long addr;

	mutex_lock(&mm->lock);
	addr = vma_map(mm, &spec);
	vma_unlock(mm);
	mm->mmap_top = ALIGN_DOWN(spec.addr - SZ_1G / 1024, SZ_2M);
	return addr < 0 ? (int)addr : 0;
}

int exec_build_stack(struct mm *mm, const struct exec_args *args, const struct elf_image *image,
		     const char *execfn, unsigned long *sp)
{
	struct stack st = { .mm = mm, .pos = EXEC_STACK_TOP - 16 };
	u8 random[16];
	int err = map_stack(mm);

	if (err < 0)
		return err;
	err = push(&st, execfn, strlen(execfn) + 1);
	st.execfn = st.pos;
	if (err == 0)
		err = push(&st, args->strings, args->used);
	st.strings = st.pos;
	note_strings(mm, &st, args);
	random_bytes(random, sizeof(random));
	st.pos = ALIGN_DOWN(st.pos, 16);
	if (err == 0)
		err = push(&st, random, sizeof(random));
	st.random = st.pos;
	if (err == 0)
		err = push_vectors(&st, args, image);
	*sp = st.pos;
	return err;
}
