// SPDX-License-Identifier: MIT
/*
 * tap.c - results as TAP: one claim a line, the plan at the end.
 *
 * The boot hart alone reports. A payload that dies in between leaves no plan,
 * which prove counts as a failure: nothing more is needed against that.
 */
#include "rt.h"

static int claims, failures;

static void claim(bool good, const char *fmt, va_list ap)
{
	printf("%sok %d - ", good ? "" : "not ", ++claims);
	vprintf(fmt, ap);
	printf("\n");
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
		note("no trap came, expected cause %ld", (long)cause);
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
	printf("ok %d - %s # SKIP %s\n", ++claims, what, why);
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

void done(void)
{
	printf("1..%d\n", claims);
	power_off(failures ? 1 : 0);
}
