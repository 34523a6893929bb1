// SPDX-License-Identifier: MIT
/*
 * tap.c - results as TAP: one claim per line, and the plan at the end.
 *
 * Only the boot hart reports. A payload that dies before its end does not print a plan. `prove`
 * counts a missing plan as a failure, so that case needs no other check.
 *
 * A grader cannot trust the console, because the hypervisor under test can print there as well. So
 * the grader writes its own key into the image (scripts/hs/grade/seal.py), and each claim and the
 * plan end in a seal computed from the key, the claim's number and its result. To forge a seal, one
 * has to read the key from the guest.
 */
#include "rt.h"

enum verdict {
	FAILED,
	HELD,
	SKIPPED,
	PLAN
};

/*
 * The grader finds this struct by its name. In the image as built, the key is zero, and the lines
 * of output have no seal.
 */
static const volatile struct {
	char name[16];
	u64 key[2];
} seal = { "hyperscope seal", { 0, 0 } };

static int claims, failures;

static u64 rotate(u64 x, int by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(u64 v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

/* SipHash-2-4 of one 64-bit word. */
static u64 sip_hash(u64 word)
{
	u64 k0 = seal.key[0], k1 = seal.key[1];
	u64 v[4] = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
		     k1 ^ 0x7465646279746573 };
	u64 words[2] = { word, 8ULL << 56 };
	int i;

	for (i = 0; i < 2; i++) {
		v[3] ^= words[i];
		sip_round(v);
		sip_round(v);
		v[0] ^= words[i];
	}
	v[2] ^= 0xff;
	for (i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void end_line(enum verdict verdict)
{
	if (seal.key[0] | seal.key[1])
		printf(" [%016lx]", (unsigned long)sip_hash((u64)claims << 8 | verdict));
	printf("\n");
}

/* The boot argument "quiet" leaves out the lines of claims that hold. */
static bool is_quiet(void)
{
	static int quiet = -1;

	if (quiet < 0)
		quiet = boot_arg("quiet", NULL, 0) && !(seal.key[0] | seal.key[1]);
	return quiet;
}

static void claim(bool good, const char *fmt, va_list ap)
{
	if (good && is_quiet()) {
		claims++;
		return;
	}
	printf("%sok %d - ", good ? "" : "not ", ++claims);
	vprintf(fmt, ap);
	end_line(good ? HELD : FAILED);
	failures += !good;
}

bool ok(bool good, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	claim(good, fmt, ap);
	va_end(ap);
	return good;
}

bool ok_eq(unsigned long got, unsigned long want, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	claim(got == want, fmt, ap);
	va_end(ap);
	if (got != want)
		note("got 0x%lx, expected 0x%lx", got, want);
	return got == want;
}

bool ok_trap(const struct trap *trap, unsigned long cause, unsigned long tval, const char *fmt, ...)
{
	bool good = trap->cause == cause && (tval == ANY || trap->tval == tval);
	va_list ap;

	va_start(ap, fmt);
	claim(good, fmt, ap);
	va_end(ap);
	if (!good && trap->cause == NO_TRAP)
		note("no trap, expected cause %ld", (long)cause);
	else if (!good)
		note("got cause %ld stval 0x%lx sepc 0x%lx, expected cause %ld stval 0x%lx",
		     (long)trap->cause, trap->tval, trap->epc, (long)cause, tval);
	return good;
}

bool ok_sbi(struct sbiret ret, long error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	claim(ret.error == error, fmt, ap);
	va_end(ap);
	if (ret.error != error)
		note("got error %ld value 0x%lx, expected error %ld", ret.error, ret.value, error);
	return ret.error == error;
}

bool on_linux(void)
{
	char system[16];

	return boot_arg("on", system, sizeof(system)) && !strcmp(system, "linux");
}

void skip(const char *what, const char *why)
{
	printf("ok %d - %s # SKIP %s", ++claims, what, why);
	end_line(SKIPPED);
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("# ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
}

void bail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("Bail out! ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	power_off(2);
}

void at_end(void)
{
	if (seal.key[0] | seal.key[1]) {
		printf("1..0");
		end_line(PLAN);
	}
}

void done(void)
{
	printf("1..%d", claims);
	end_line(PLAN);
	power_off(failures ? 1 : 0);
}
