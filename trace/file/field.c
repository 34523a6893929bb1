// SPDX-License-Identifier: MIT
/*
 * field.c - format a field's value as text, for report, export and html.
 *
 * Numbers are formatted by hand: with printf(), a report of ten million events takes three times as
 * long.
 */
#include <string.h>
#include "hst.h"

/* ORDER: kinds (events.def, hv/trace.h, enum hst_kind) */
static const char *const kinds[HST_NR_KINDS] = {
	[HST_HEX] = "hex",   [HST_NUM] = "num",       [HST_DEC] = "dec",
	[HST_FLAG] = "flag", [HST_ERR] = "err",       [HST_CAUSE] = "cause",
	[HST_SBI] = "sbi",   [HST_SBIERR] = "sbierr", [HST_REASON] = "reason",
	[HST_CSR] = "csr",   [HST_SYS] = "sys",       [HST_MMIO] = "mmio",
	[HST_TEXT] = "text", [HST_MODE] = "mode",     [HST_CLASS] = "class",
};

enum hst_kind hst_kind_of(const char *word)
{
	for (unsigned int i = 0; i < HST_NR_KINDS; i++)
		if (!strcmp(kinds[i], word))
			return (enum hst_kind)i;
	return HST_HEX;
}

char *hst_put_num(char *p, u64 value)
{
	char digits[20];
	unsigned int n = 0;

	do
		digits[n++] = (char)('0' + value % 10);
	while (value /= 10);
	while (n)
		*p++ = digits[--n];
	*p = '\0';
	return p;
}

/* Like hst_put_num(), but in hexadecimal, with 0x. */
static char *hst_put_hex(char *p, u64 value)
{
	unsigned int shift = value ? (unsigned int)(63 - __builtin_clzll(value)) & ~3U : 0;

	*p++ = '0';
	*p++ = 'x';
	for (;; shift -= 4) {
		*p++ = "0123456789abcdef"[value >> shift & 15];
		if (!shift)
			break;
	}
	*p = '\0';
	return p;
}

static const char *name_of(enum hst_kind kind, u64 value, char *buf)
{
	switch (kind) {
	case HST_CAUSE:
		return hst_name_cause(value, buf);
	case HST_SBI:
		return hst_name_sbi(value, buf);
	case HST_SBIERR:
		return hst_name_sbierr(value, buf);
	case HST_REASON:
		return hst_name_reason(value, buf);
	case HST_CSR:
		return hst_name_csr(value, buf);
	case HST_SYS:
		return hst_name_sys(value, buf);
	case HST_ERR:
		return hst_name_err(value, buf);
	case HST_MODE:
		return hst_name_mode(value, buf);
	case HST_CLASS:
		return hst_name_class(value, buf);
	default:
		return hst_name_mmio(value, buf);
	}
}

/*
 * Format up to eight characters, the first in the lowest byte. Characters outside printable ASCII
 * and those with a meaning in an output format (CSV, JSON, HTML) become dots.
 */
static char *put_text(char *p, u64 value)
{
	for (; value; value >>= 8) {
		char c = (char)(value & 0xff);

		*p++ = c < ' ' || c > '~' || strchr("\"\\,<>&", c) ? '.' : c;
	}
	*p = '\0';
	return p;
}

char *hst_field_put(const struct hst_event *event, unsigned int i, u64 value, char *buf)
{
	enum hst_kind kind = event->field[i].type;
	const char *name;

	switch (kind) {
	case HST_HEX:
		return hst_put_hex(buf, value);
	case HST_DEC:
		if ((s64)value < 0) {
			*buf = '-';
			return hst_put_num(buf + 1, 0 - value);
		}
		return hst_put_num(buf, value);
	case HST_NUM:
	case HST_FLAG:
		return hst_put_num(buf, value);
	case HST_TEXT:
		return put_text(buf, value);
	default:
		name = name_of(kind, value, buf);
		return name == buf ? buf + strlen(buf) : stpcpy(buf, name);
	}
}

const char *hst_field_text(const struct hst_event *event, unsigned int i, u64 value, char *buf)
{
	hst_field_put(event, i, value, buf);
	return buf;
}

bool hst_field_signed(const struct hst_event *event, unsigned int i)
{
	enum hst_kind kind = event->field[i].type;

	return kind == HST_DEC || kind == HST_ERR || kind == HST_SBIERR;
}

int hst_field_index(const struct hst_event *event, const char *name, size_t len)
{
	for (unsigned int i = 0; i < event->nr_fields; i++)
		if (!strncmp(event->field[i].name, name, len) && !event->field[i].name[len])
			return (int)i;
	return -1;
}
