// SPDX-License-Identifier: MIT
/*
 * names.c - names of the numbers in a trace: causes, SBI extensions, CSRs and others.
 *
 * A number that is not in these tables is printed as a number, so that traces of newer hosts can be
 * read.
 */
#include <stdio.h>
#include <string.h>
#include "hst.h"
#include "hv/sbi.h"

struct name {
	u64 number;
	const char *name;
};

static const char *find(const struct name *table, size_t n, u64 number)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].number == number)
			return table[i].name;
	return NULL;
}

#define FIND(table, number) find(table, sizeof(table) / sizeof((table)[0]), number)

static const char *or_number(const char *name, const char *fmt, u64 number, char *buf)
{
	if (name)
		return name;
	snprintf(buf, HST_NAME_SIZE, fmt, number);
	return buf;
}

static const struct name exceptions[] = {
#define EXCEPTION(id, number, name, description, source) { number, name },
#include "hv/cause.def"
};

static const struct name interrupts[] = {
#define INTERRUPT(id, number, name, description, source) { number, name },
#include "hv/cause.def"
};

/* An interrupt has the top bit set: bit 63, or bit 31 of an rv32 scause. */
const char *hst_name_cause(u64 scause, char *buf)
{
	if (scause >> 63 || (scause >> 31) == 1) {
		u64 code = scause & 0x7fffffff;

		return or_number(FIND(interrupts, code), "irq_%llu", code, buf);
	}
	return or_number(FIND(exceptions, scause), "exception_%llu", scause, buf);
}

static const struct name extensions[] = {
#define SBI_LEGACY(call, number, class, name, version) { number, name },
#define SBI_EXTENSION(ext, number, class, version)     { number, #ext },
#include "hv/sbi.def"
};

const char *hst_name_sbi(u64 ext, char *buf)
{
	return or_number(FIND(extensions, ext), "0x%llx", ext, buf);
}

static const struct {
	u64 ext, fid;
	const char *name;
} functions[] = {
#define SBI_FUNCTION(ext, function, fid, name, version) { SBI_EXT_##ext, fid, name },
#include "hv/sbi.def"
};

const char *hst_name_sbi_function(u64 ext, u64 fid, char *buf)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (functions[i].ext == ext && functions[i].fid == fid)
			return functions[i].name;
	return ext < SBI_EXT_BASE ? "" : or_number(NULL, "function %llu", fid, buf);
}

static const struct name sbi_errors[] = {
#define SBI_ERROR(error, value, name) { -(value), name },
#include "hv/sbi.def"
};

const char *hst_name_sbierr(u64 error, char *buf)
{
	const char *name = FIND(sbi_errors, 0 - error);

	if (name)
		return name;
	snprintf(buf, HST_NAME_SIZE, "%lld", (long long)error);
	return buf;
}

/* KVM_EXIT_* of <linux/kvm.h>: those that can occur on RISC-V. */
static const struct name reasons[] = {
	{ 0, "UNKNOWN" },       { 4, "DEBUG" },      { 6, "MMIO" },       { 7, "IRQ_WINDOW_OPEN" },
	{ 8, "SHUTDOWN" },      { 9, "FAIL_ENTRY" }, { 10, "INTR" },      { 17, "INTERNAL_ERROR" },
	{ 24, "SYSTEM_EVENT" }, { 35, "RISCV_SBI" }, { 36, "RISCV_CSR" },
};

const char *hst_name_reason(u64 reason, char *buf)
{
	return or_number(FIND(reasons, reason), "%llu", reason, buf);
}

static const struct name csrs[] = {
#define CSR(name, number, source) { number, #name },
#include "hv/csr.def"
#undef CSR
};

const char *hst_name_csr(u64 csr, char *buf)
{
	return or_number(FIND(csrs, csr), "0x%llx", csr, buf);
}

/* Linux's system call numbers on riscv64, from the host's own table. */
static const struct name calls[] = {
#define SYSCALL(number, name, restart) { number, #name },
#define SYSCALL_ABSENT(number, name)   { number, #name },
#include "../src/host/proc/syscall.def"
#undef SYSCALL
#undef SYSCALL_ABSENT
};

const char *hst_name_sys(u64 number, char *buf)
{
	return or_number(FIND(calls, number), "%llu", number, buf);
}

/* Errno values as Linux numbers them; the build machine's own numbers may differ. */
static const struct name errors[] = {
	{ 1, "EPERM" },       { 2, "ENOENT" },   { 3, "ESRCH" },      { 4, "EINTR" },
	{ 5, "EIO" },         { 6, "ENXIO" },    { 7, "E2BIG" },      { 8, "ENOEXEC" },
	{ 9, "EBADF" },       { 10, "ECHILD" },  { 11, "EAGAIN" },    { 12, "ENOMEM" },
	{ 13, "EACCES" },     { 14, "EFAULT" },  { 16, "EBUSY" },     { 17, "EEXIST" },
	{ 19, "ENODEV" },     { 20, "ENOTDIR" }, { 21, "EISDIR" },    { 22, "EINVAL" },
	{ 24, "EMFILE" },     { 25, "ENOTTY" },  { 27, "EFBIG" },     { 28, "ENOSPC" },
	{ 29, "ESPIPE" },     { 30, "EROFS" },   { 32, "EPIPE" },     { 34, "ERANGE" },
	{ 38, "ENOSYS" },     { 62, "ETIME" },   { 75, "EOVERFLOW" }, { 95, "EOPNOTSUPP" },
	{ 110, "ETIMEDOUT" },
};

const char *hst_name_err(u64 error, char *buf)
{
	const char *name = (s64)error < 0 ? FIND(errors, 0 - error) : NULL;

	if (name)
		snprintf(buf, HST_NAME_SIZE, "-%s", name);
	else
		snprintf(buf, HST_NAME_SIZE, "%lld", (long long)error);
	return buf;
}

/* ---- more names, and lookup of a number by name ---- */

/* ORDER: mmio's names (events.def: 1 read, 2 write) */
static const struct name accesses[] = {
	{ 0, "unsatisfied-read" },
	{ 1, "read" },
	{ 2, "write" },
};

const char *hst_name_mmio(u64 type, char *buf)
{
	return or_number(FIND(accesses, type), "%llu", type, buf);
}

/* ORDER: enum sample_mode (hv/trace.h) */
static const struct name modes[] = {
	{ 0, "U" }, { 1, "HS" }, { 2, "VU" }, { 3, "VS" }, { 4, "idle" },
};

const char *hst_name_mode(u64 mode, char *buf)
{
	return or_number(FIND(modes, mode), "%llu", mode, buf);
}

/* 0: the exit has only a cause and no class, or no exit has ended. */
static const struct name classes[] = {
	{ 0, "NONE" },
#define EXIT_CLASS(name, title, when) { EXIT_##name, #name },
#include "hv/exit_class.def"
#undef EXIT_CLASS
};

const char *hst_name_class(u64 class, char *buf)
{
	return or_number(FIND(classes, class), "%llu", class, buf);
}

static const struct {
	const struct name *table;
	size_t n;
	u64 flip, add; /* the field's number is (the table's ^ flip) + add */
} tables[HST_NR_KINDS][2] = {
#define TABLE(x) x, sizeof(x) / sizeof((x)[0])
	[HST_CAUSE] = { { TABLE(exceptions), 0, 0 }, { TABLE(interrupts), 0, 1ULL << 63 } },
	[HST_SBI] = { { TABLE(extensions), 0, 0 } },
	[HST_SBIERR] = { { TABLE(sbi_errors), ~0ULL, 1 } },
	[HST_REASON] = { { TABLE(reasons), 0, 0 } },
	[HST_CSR] = { { TABLE(csrs), 0, 0 } },
	[HST_SYS] = { { TABLE(calls), 0, 0 } },
	[HST_ERR] = { { TABLE(errors), ~0ULL, 1 } },
	[HST_MMIO] = { { TABLE(accesses), 0, 0 } },
	[HST_MODE] = { { TABLE(modes), 0, 0 } },
	[HST_CLASS] = { { TABLE(classes), 0, 0 } },
#undef TABLE
};

/* Return the current form of a name; `name` may be one that an earlier version used. */
static const char *of_today(enum hst_kind kind, const char *name)
{
	static const struct {
		enum hst_kind kind;
		const char *old, *name;
	} aliases[] = {
#define CAUSE_ALIAS(old, name) { HST_CAUSE, old, name },
#define SBI_ALIAS(old, name)   { HST_SBI, old, name },
#include "hv/cause.def"
#include "hv/sbi.def"
	};

	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (aliases[i].kind == kind && !strcmp(aliases[i].old, name))
			return aliases[i].name;
	return name;
}

bool hst_name_number(enum hst_kind kind, const char *name, u64 *number)
{
	if (kind == HST_ERR && *name++ != '-')
		return false;
	name = of_today(kind, name);
	for (unsigned int i = 0; i < 2; i++)
		for (size_t j = 0; j < tables[kind][i].n; j++)
			if (!strcmp(tables[kind][i].table[j].name, name)) {
				*number = (tables[kind][i].table[j].number ^ tables[kind][i].flip) +
					  tables[kind][i].add;
				return true;
			}
	return false;
}

const char *hst_name_at(enum hst_kind kind, size_t i, u64 *number)
{
	unsigned int part = i >= tables[kind][0].n;

	if (part)
		i -= tables[kind][0].n;
	if (i >= tables[kind][part].n)
		return NULL;
	*number = (tables[kind][part].table[i].number ^ tables[kind][part].flip) +
		  tables[kind][part].add;
	return tables[kind][part].table[i].name;
}
