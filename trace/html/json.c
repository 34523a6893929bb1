// SPDX-License-Identifier: MIT
/*
 * json.c - write text and numbers as JSON that is safe inside a page's <script>.
 *
 * Whatever the trace file contains, the output is valid UTF-8 without `<`. So the output cannot end
 * the script element or begin a comment inside the element.
 */
#include <string.h>
#include "html.h"

/* Return the length of the UTF-8 sequence at p, or 0 if it is invalid or longer than `left`. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
	size_t len = p[0] < 0x80                    ? 1
		     : p[0] >= 0xc2 && p[0] <= 0xdf ? 2
		     : (p[0] & 0xf0) == 0xe0        ? 3
		     : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
						    : 0;

	if (!len || len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c != 0x7f && !strchr("\"\\<>&'", c);
}

void json_text(FILE *out, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;

	fputc('"', out);
	while (len) {
		size_t n = utf8_length(p, len);

		if (!n)
			fputs("\\ufffd", out);
		else if (n == 1 && !is_plain(*p))
			fprintf(out, "\\u%04x", *p);
		else
			fwrite(p, 1, n, out);
		n += !n;
		p += n;
		len -= n;
	}
	fputc('"', out);
}

void json_string(FILE *out, const char *text)
{
	json_text(out, text, strlen(text));
}

void json_runs(FILE *out, const u32 *values, size_t n)
{
	fputc('[', out);
	for (size_t i = 0; i < n;) {
		size_t same = 1;

		while (i + same < n && values[i + same] == values[i])
			same++;
		fprintf(out, "%s%u", i ? "," : "", values[i]);
		if (same > 1)
			fprintf(out, ",-%zu", same - 1);
		i += same;
	}
	fputc(']', out);
}
