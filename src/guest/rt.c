// SPDX-License-Identifier: MIT
/*
 * rt.c - console, strings, and the end of a payload.
 *
 * The console is SBI DBCN, or the legacy putchar if DBCN is missing. DBCN takes physical addresses,
 * so a payload's page tables keep its own image mapped one to one. Locks: console_lock keeps the
 * output of one printf() together, if it fits into struct line.
 */
#include "rt.h"

_Static_assert(offsetof(struct hart, regs) == HART_REGS, "start.S");
_Static_assert(offsetof(struct hart, epc) == HART_EPC, "start.S");
_Static_assert(offsetof(struct hart, status) == HART_STATUS, "start.S");
_Static_assert(offsetof(struct hart, cause) == HART_CAUSE, "start.S");
_Static_assert(offsetof(struct hart, tval) == HART_TVAL, "start.S");
_Static_assert(offsetof(struct hart, trap_sp) == HART_TRAP_SP, "start.S");
_Static_assert(offsetof(struct hart, catch_sp) == HART_CATCH_SP, "start.S");
_Static_assert(offsetof(struct hart, sp) == HART_SP, "start.S");

/*
 * Writing (status << 16) | 0x3333 to SiFive's test finisher ends the machine with that status;
 * writing 0x5555 ends it with status 0.
 */
#define FINISHER_PASS 0x5555
#define FINISHER_FAIL 0x3333

const void *dtb;
static volatile u32 *finisher;
static int console_lock;

void *memcpy(void *to, const void *from, size_t n)
{
	u8 *t = to;
	const u8 *f = from;

	while (n--)
		*t++ = *f++;
	return to;
}

void *memset(void *to, int c, size_t n)
{
	u8 *t = to;

	while (n--)
		*t++ = (u8)c;
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++)
		if (*a != *b || !*a)
			return (u8)*a - (u8)*b;
	return 0;
}

const char *strstr(const char *s, const char *part)
{
	size_t n = strlen(part);

	for (; *s; s++)
		if (!strncmp(s, part, n))
			return s;
	return n ? NULL : s;
}

/* ---- printf ---- */

struct line {
	char text[512];
	size_t len;
};

static void console_write(const char *text, size_t len)
{
	static int has_dbcn = -1;

	if (has_dbcn < 0)
		has_dbcn = sbi_has(SBI_EXT_DBCN);
	while (has_dbcn && len) {
		struct sbiret ret =
			sbi_call(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_WRITE, len, (unsigned long)text, 0);

		if (ret.error || ret.value <= 0)
			break;
		text += ret.value;
		len -= (size_t)ret.value;
	}
	while (len--)
		sbi_legacy(SBI_LEGACY_CONSOLE_PUTCHAR, (u8)*text++, 0);
}

static void line_char(struct line *line, char c)
{
	if (line->len == sizeof(line->text)) {
		console_write(line->text, line->len);
		line->len = 0;
	}
	line->text[line->len++] = c;
}

static void line_string(struct line *line, const char *s, int width)
{
	int len = (int)strlen(s);

	for (; width > len; width--)
		line_char(line, ' ');
	while (*s)
		line_char(line, *s++);
	for (; - width > len; width++)
		line_char(line, ' ');
}

static void line_number(struct line *line, unsigned long n, unsigned base, bool negative, int width,
			char pad)
{
	char digits[24];
	int len = 0;

	do
		digits[len++] = "0123456789abcdef"[n % base];
	while ((n /= base));
	if (negative && pad == '0') {
		line_char(line, '-');
		width--;
	}
	for (; width > len + (negative && pad != '0'); width--)
		line_char(line, pad);
	if (negative && pad != '0')
		line_char(line, '-');
	while (len)
		line_char(line, digits[--len]);
}

/*
 * Format one conversion: optional flags (0; - only for s), an optional width and l, and then one of
 * d u x p s c %.
 */
static const char *line_convert(struct line *line, const char *f, va_list *ap)
{
	bool left = false, is_long = false;
	char pad = ' ';
	int width = 0;
	long n;

	for (;; f++) {
		if (*f == '-')
			left = true;
		else if (*f == '0')
			pad = '0';
		else
			break;
	}
	for (; *f >= '0' && *f <= '9'; f++)
		width = width * 10 + *f - '0';
	for (; *f == 'l'; f++)
		is_long = true;
	switch (*f) {
	case 'd':
		n = is_long ? va_arg(*ap, long) : va_arg(*ap, int);
		line_number(line, n < 0 ? -(unsigned long)n : (unsigned long)n, 10, n < 0, width,
			    pad);
		break;
	case 'u':
		line_number(line, is_long ? va_arg(*ap, unsigned long) : va_arg(*ap, unsigned), 10,
			    false, width, pad);
		break;
	case 'p':
		is_long = true; /* fallthrough */
	case 'x':
		line_number(line, is_long ? va_arg(*ap, unsigned long) : va_arg(*ap, unsigned), 16,
			    false, width, pad);
		break;
	case 's':
		line_string(line, va_arg(*ap, const char *), left ? -width : width);
		break;
	case 'c':
		line_char(line, (char)va_arg(*ap, int));
		break;
	default:
		line_char(line, *f);
	}
	return f + 1;
}

void vprintf(const char *fmt, va_list ap)
{
	struct line line;
	va_list args;

	line.len = 0;
	va_copy(args, ap);
	while (*fmt) {
		if (*fmt != '%')
			line_char(&line, *fmt++);
		else
			fmt = line_convert(&line, fmt + 1, &args);
	}
	va_end(args);
	while (__atomic_exchange_n(&console_lock, 1, __ATOMIC_ACQUIRE))
		;
	console_write(line.text, line.len);
	__atomic_store_n(&console_lock, 0, __ATOMIC_RELEASE);
}

void printf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

unsigned long random_next(unsigned long *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* ---- the end ---- */

static void rt_init_finisher(void)
{
	struct fdt_reg reg;

	if (fdt_find("sifive,test1", 0, &reg) || fdt_find("sifive,test0", 0, &reg))
		finisher = (volatile u32 *)reg.base;
}

/*
 * Try the finisher first, because only the finisher passes a status. A later call to SRST would
 * overwrite the status, so give the machine up to a second to end. Sleep in that time, because in
 * QEMU's record mode, the thread that ends the machine does not run before a hart sleeps. QEMU's
 * process, which ends with this status on the bare system, returns only 8 bits of it: a status that
 * would look like success becomes 255, as in the VMM.
 */
void power_off(int status)
{
	pt_off();
	if (status && !(status & 0xff))
		status = 255;
	if (finisher) {
		*finisher = status ? (u32)status << 16 | FINISHER_FAIL : FINISHER_PASS;
		csr_clear(sstatus, SSTATUS_SIE);
		for (int ms = 0; ms < 1000; ms++)
			wait_irq(0, 1000);
	}
	sbi_call(SBI_EXT_SRST, SBI_SRST_SYSTEM_RESET, SBI_SRST_TYPE_SHUTDOWN,
		 status ? SBI_SRST_REASON_SYSFAIL : SBI_SRST_REASON_NONE, 0);
	sbi_legacy(SBI_LEGACY_SHUTDOWN, 0, 0);
	for (;;)
		wfi();
}

void rt_main(unsigned long hartid, const void *fdt)
{
	dtb = fdt;
	smp_init(hartid);
	if ((unsigned long)_start - (unsigned long)LOAD_OFFSET != 0x80000000UL)
		bail("loaded at the wrong address, %lx", (unsigned long)_start);
	rt_init_finisher();
	payload_main();
	power_off(0);
}
