// SPDX-License-Identifier: MIT
/*
 * initramfs.c - bounded proof of src/host/fs/initramfs.c: reading one member of a cpio archive.
 *
 * Proved, for every archive: read_member() reads only the archive's bytes, and accepts only a header
 * of hexadecimal digits, followed by a name with its NUL and by data that lies in the archive; it
 * moves on by at least a header and a name, never beyond the end, so unpacking ends.
 * Bounds: archives of up to 124 bytes (a header, and a name and data of up to 14 bytes).
 * Assumed: nothing. Models: none.
 *
 * Folder: host
 * Options: --unwind 7 --unwindset parse_header.0:9,parse_header.1:14
 */
#include "proof.h"
#include "fs/initramfs.c"

#define ARCHIVE 124

static u8 archive[ARCHIVE];
static struct archive a;

static bool is_digit(u8 c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

void prove_read(void)
{
	struct member m;
	size_t left, digit, byte;
	bool more;

	havoc_array(archive);
	suppose(left <= ARCHIVE);
	a.start = archive + (ARCHIVE - left); /* so that bytes after the archive are not readable */
	a.size = left;
	more = read_member(&a, &m);
	claim(more == !a.wrong, "a.wrong is set if and only if there is no member");
	claim(a.at <= left && a.at == (more ? a.at : 0), "the position stays in the archive");
	if (!more) {
		reached(left >= 112 && a.start[6] == '0');
		return;
	}
	claim(a.at >= HEADER_SIZE + 2, "the position moves on");
	suppose(digit >= 6 && digit < HEADER_SIZE);
	claim(is_digit(a.start[digit]), "a header consists of hexadecimal digits");
	claim(m.name == (const char *)a.start + HEADER_SIZE, "the name follows the header");
	claim(m.field[F_NAMESIZE] <= left - HEADER_SIZE && !m.name[m.field[F_NAMESIZE] - 1],
	      "the name ends in the archive, with a NUL");
	claim(m.data >= (u8 *)m.name + m.field[F_NAMESIZE] && m.data <= a.start + left,
	      "the data follows the name");
	claim(m.field[F_FILESIZE] <= (size_t)(a.start + left - m.data),
	      "the data lies in the archive");
	suppose(byte < m.field[F_FILESIZE]);
	claim(m.data + byte < a.start + a.at, "the next member begins after the data");
	reached(m.field[F_FILESIZE] == 12 && a.start[6] == 'f');
	reached(m.field[F_FILESIZE] == 9 && a.at == left && left == 121);
}
