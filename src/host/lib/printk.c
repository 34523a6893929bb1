// SPDX-License-Identifier: MIT
/*
 * printk.c - formatted output, and the host's log.
 *
 * A line is formatted first and then written by one call of uart_write(), so that lines from several
 * harts do not mix. On the UART, its LF becomes CR LF.
 */
#include "printk.h"
#include <string.h>
#include "hv/host.h"
#include "dev/uart.h"

struct out {
	char *buf;
	size_t size, len; /* len: also counts characters beyond size */
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void put_padded(struct out *o, const char *s, size_t len, int width, bool left, char pad)
{
	size_t fill = width > 0 && (size_t)width > len ? (size_t)width - len : 0;

	if (!left)
		for (size_t i = 0; i < fill; i++)
			put(o, pad);
	for (size_t i = 0; i < len; i++)
		put(o, s[i]);
	if (left)
		for (size_t i = 0; i < fill; i++)
			put(o, ' ');
}

struct spec {
	bool left;
	char pad;
	int width, precision, longs; /* precision -1: none */
};

static void put_number(struct out *o, const struct spec *spec, u64 value, unsigned int base,
		       bool negative, bool upper)
{
	char digits[24];
	size_t n = sizeof(digits);

	do {
		unsigned int d = (unsigned int)(value % base);

		digits[--n] = (char)(d < 10 ? '0' + d : (upper ? 'A' : 'a') + d - 10);
		value /= base;
	} while (value);
	if (negative && spec->pad == ' ') {
		digits[--n] = '-';
	} else if (negative) {
		put(o, '-');
	}
	put_padded(o, digits + n, sizeof(digits) - n, spec->width - (negative && spec->pad == '0'),
		   spec->left, spec->pad);
}

static const char *parse_spec(const char *fmt, struct spec *spec, va_list *ap)
{
	*spec = (struct spec){ .pad = ' ', .precision = -1 };
	for (; *fmt == '-' || *fmt == '0' || *fmt == '#'; fmt++) {
		if (*fmt == '-')
			spec->left = true;
		else if (*fmt == '0')
			spec->pad = '0';
	}
	if (*fmt == '*') {
		spec->width = va_arg(*ap, int);
		fmt++;
	}
	for (; *fmt >= '0' && *fmt <= '9'; fmt++)
		spec->width = spec->width * 10 + *fmt - '0';
	if (*fmt == '.') {
		spec->precision = 0;
		fmt++;
		if (*fmt == '*') {
			spec->precision = va_arg(*ap, int);
			fmt++;
		}
		for (; *fmt >= '0' && *fmt <= '9'; fmt++)
			spec->precision = spec->precision * 10 + *fmt - '0';
	}
	for (; *fmt == 'l' || *fmt == 'z' || *fmt == 'h'; fmt++)
		spec->longs += *fmt != 'h';
	return fmt;
}

static u64 arg_unsigned(const struct spec *spec, va_list *ap)
{
	if (spec->longs >= 2)
		return va_arg(*ap, unsigned long long);
	return spec->longs ? va_arg(*ap, unsigned long) : va_arg(*ap, unsigned int);
}

static s64 arg_signed(const struct spec *spec, va_list *ap)
{
	if (spec->longs >= 2)
		return va_arg(*ap, long long);
	return spec->longs ? va_arg(*ap, long) : va_arg(*ap, int);
}

static void put_conversion(struct out *o, char type, struct spec *spec, va_list *ap)
{
	const char *s;
	s64 n;
	char c;

	switch (type) {
	case 'd':
	case 'i':
		n = arg_signed(spec, ap);
		put_number(o, spec, n < 0 ? 0 - (u64)n : (u64)n, 10, n < 0, false);
		break;
	case 'u':
		put_number(o, spec, arg_unsigned(spec, ap), 10, false, false);
		break;
	case 'o':
		put_number(o, spec, arg_unsigned(spec, ap), 8, false, false);
		break;
	case 'x':
	case 'X':
		put_number(o, spec, arg_unsigned(spec, ap), 16, false, type == 'X');
		break;
	case 'p':
		put(o, '0');
		put(o, 'x');
		put_number(o, spec, (uintptr_t)va_arg(*ap, void *), 16, false, false);
		break;
	case 'c':
		c = (char)va_arg(*ap, int);
		put_padded(o, &c, 1, spec->width, spec->left, ' ');
		break;
	case 's':
		s = va_arg(*ap, const char *);
		if (!s)
			s = "(null)";
		put_padded(o, s,
			   spec->precision >= 0 ? strnlen(s, (size_t)spec->precision) : strlen(s),
			   spec->width, spec->left, ' ');
		break;
	default:
		put(o, type);
	}
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = { buf, size, 0 };
	va_list args;

	va_copy(args, ap);
	for (; *fmt; fmt++) {
		struct spec spec;

		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		fmt = parse_spec(fmt + 1, &spec, &args);
		if (!*fmt)
			break;
		put_conversion(&o, *fmt, &spec, &args);
	}
	va_end(args);
	if (size)
		buf[o.len < size ? o.len : size - 1] = '\0';
	return (int)o.len;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

#define LOG_LINE_SIZE 256 /* size of a formatted line, with the final NUL */

static void log_line(const char *fmt, va_list ap)
{
	char line[LOG_LINE_SIZE + 1]; /* one more for CR */
	size_t len;

	vsnprintf(line, LOG_LINE_SIZE, fmt, ap);
	len = strlen(line);
	if (len && line[len - 1] == '\n') {
		line[len - 1] = '\r';
		line[len++] = '\n';
	}
	uart_write(line, len);
}

void printk(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(fmt, ap);
	va_end(ap);
}

/* ---- rate limit for messages that programs can cause ------------------------------------ */

#define LOG_BURST      20 /* lines that may be written in a burst */
#define LOG_PER_SECOND 5

static struct spinlock limit_lock;
static u64 log_tokens_time;
static unsigned int log_tokens = LOG_BURST, log_dropped;

/*
 * Take a token. Returns true and sets *dropped to the number of lines dropped since the last token
 * was taken, or returns false if the line is to be dropped.
 */
static bool log_may(unsigned int *dropped)
{
	u64 per_token = hv_timebase_hz() / LOG_PER_SECOND, now = hv_time();
	bool may;

	spin_lock(&limit_lock);
	for (; log_tokens < LOG_BURST && now - log_tokens_time >= per_token; log_tokens++)
		log_tokens_time += per_token;
	if (log_tokens == LOG_BURST)
		log_tokens_time = now;
	may = log_tokens > 0;
	if (may) {
		log_tokens--;
		*dropped = log_dropped;
		log_dropped = 0;
	} else {
		log_dropped++;
	}
	spin_unlock(&limit_lock);
	return may;
}

void printk_limited(const char *fmt, ...)
{
	unsigned int dropped;
	va_list ap;

	if (!log_may(&dropped))
		return;
	if (dropped)
		printk("host: %u lines about programs or VMs were dropped here\n", dropped);
	va_start(ap, fmt);
	log_line(fmt, ap);
	va_end(ap);
}

/* The panicking hart itself may hold the lock. */
void printk_force_unlock(void)
{
	uart_force_unlock();
}
