// SPDX-License-Identifier: MIT
/*
 * copy.c - copy standard input to standard output; print the size and a checksum on standard error.
 *
 * usage: copy [BYTES]    with BYTES, write that many bytes of a pattern and read nothing
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK 65536

static unsigned char buffer[CHUNK];
static uint32_t sum; /* a checksum that also depends on the bytes' order, like Adler's */
static unsigned long total;

static void put(size_t n)
{
	size_t done = 0;

	for (size_t i = 0; i < n; i++)
		sum = sum * 31 + buffer[i];
	total += n;
	while (done < n) {
		ssize_t written = write(1, buffer + done, n - done);

		if (written <= 0)
			exit(3);
		done += (size_t)written;
	}
}

static size_t pattern(unsigned long left)
{
	size_t n = left < CHUNK ? left : CHUNK;

	for (size_t i = 0; i < n; i++)
		buffer[i] = (unsigned char)((total + i) * 7 >> 3);
	return n;
}

int main(int argc, char **argv)
{
	ssize_t n;

	if (argc > 1) {
		unsigned long bytes = strtoul(argv[1], NULL, 0);

		while (total < bytes)
			put(pattern(bytes - total));
	} else {
		while ((n = read(0, buffer, CHUNK)) > 0)
			put((size_t)n);
		if (n < 0)
			return 4;
	}
	fprintf(stderr, "%lu bytes, sum %08x\n", total, sum);
	return 0;
}
