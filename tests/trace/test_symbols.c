// SPDX-License-Identifier: MIT
/*
 * test_symbols.c - test trace/file/symbols.c with valid and hostile files.
 */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "file/symbols.h"

#define NR_SYMBOLS 3
#define TEXT       0x10000

struct image {
	Elf64_Ehdr elf;
	Elf64_Phdr segment;
	Elf64_Shdr section[5]; /* null, .text, symbols, their names, a second symbol table */
	Elf64_Sym symbol[2][NR_SYMBOLS];
	char names[64];
};

static struct hst_symbols *open_bytes(const void *data, size_t size)
{
	char path[] = "/tmp/test_symbols.XXXXXX";
	int fd = mkstemp(path);
	struct hst_symbols *symbols;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	symbols = hst_symbols_open(path);
	close(fd);
	unlink(path);
	return symbols;
}

static Elf64_Sym symbol_at(u64 address, u64 size, Elf64_Word name)
{
	return (Elf64_Sym){ .st_name = name,
			    .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			    .st_shndx = 1,
			    .st_value = address,
			    .st_size = size };
}

static Elf64_Shdr table(unsigned int i)
{
	return (Elf64_Shdr){ .sh_type = SHT_SYMTAB,
			     .sh_offset = offsetof(struct image, symbol[i]),
			     .sh_size = NR_SYMBOLS * sizeof(Elf64_Sym),
			     .sh_link = 3 };
}

/*
 * Make an image with the symbols `one` (16 bytes) and `two` (up to the segment's end) and, in the
 * second table, `other`.
 */
static struct image image_make(void)
{
	struct image image = {
		.elf = { .e_type = ET_EXEC,
			 .e_machine = EM_RISCV,
			 .e_phoff = offsetof(struct image, segment),
			 .e_phnum = 1,
			 .e_shoff = offsetof(struct image, section),
			 .e_shnum = 5 },
		.segment = { .p_type = PT_LOAD, .p_flags = PF_X, .p_vaddr = TEXT, .p_memsz = 64 },
		.names = "\0one\0two\0other",
	};

	memcpy(image.elf.e_ident, ELFMAG, SELFMAG);
	image.elf.e_ident[EI_CLASS] = ELFCLASS64;
	image.section[1] = (Elf64_Shdr){ .sh_type = SHT_PROGBITS, .sh_flags = SHF_EXECINSTR };
	image.section[2] = table(0);
	image.section[3] = (Elf64_Shdr){ .sh_type = SHT_STRTAB,
					 .sh_offset = offsetof(struct image, names),
					 .sh_size = sizeof(image.names) };
	image.section[4] = table(1);
	image.symbol[0][1] = symbol_at(TEXT, 16, 1);
	image.symbol[0][2] = symbol_at(TEXT + 32, 0, 5);
	image.symbol[1][1] = symbol_at(TEXT + 48, 8, 9);
	return image;
}

static void an_address_has_the_symbol_that_covers_it(void **state)
{
	struct image image = image_make();
	struct hst_symbols *s = open_bytes(&image, sizeof(image));

	(void)state;
	assert_non_null(s);
	assert_null(hst_symbols_find(s, TEXT - 1));
	assert_string_equal(hst_symbols_find(s, TEXT)->name, "one");
	assert_string_equal(hst_symbols_find(s, TEXT + 15)->name, "one");
	assert_null(hst_symbols_find(s, TEXT + 16));
	assert_string_equal(hst_symbols_find(s, TEXT + 48)->name, "two");
	hst_symbols_close(s);
}

/* Open an image whose segment is at the start of the file, after setting three of its members. */
static struct hst_symbols *open_segment(u64 offset, u64 in_file, u64 address)
{
	struct image image = image_make();

	image.segment.p_offset = offset;
	image.segment.p_filesz = in_file;
	image.segment.p_vaddr = address;
	return open_bytes(&image, sizeof(image));
}

static void code_is_read_only_within_the_file(void **state)
{
	static const char list[] = "10000 T one\n";
	const struct {
		u64 offset, in_file, address;
	} damaged[] = {
		{ ~0ULL - 0xfff, 64, TEXT },
		{ sizeof(struct image), 4, TEXT },
		{ 0, sizeof(struct image) + 1, TEXT },
		{ 8, ~0ULL, TEXT },
		{ 0, 0, TEXT },
	};
	struct hst_symbols *s = open_segment(0, 64, TEXT);

	(void)state;
	assert_memory_equal(hst_symbols_code(s, TEXT, 4), ELFMAG, SELFMAG);
	assert_non_null(hst_symbols_code(s, TEXT + 60, 4));
	assert_null(hst_symbols_code(s, TEXT + 61, 4));
	assert_null(hst_symbols_code(s, TEXT - 1, 4));
	hst_symbols_close(s);
	s = open_segment(0, 8, ~0ULL - 7);
	assert_null(hst_symbols_code(s, ~0ULL - 1, 4));
	hst_symbols_close(s);
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		s = open_segment(damaged[i].offset, damaged[i].in_file, damaged[i].address);
		assert_null(hst_symbols_code(s, TEXT, 4));
		hst_symbols_close(s);
	}
	s = open_bytes(list, strlen(list));
	assert_null(hst_symbols_code(s, TEXT, 4));
	hst_symbols_close(s);
}

/*
 * If all symbol tables were read, 65 535 section headers that share one large table could exhaust
 * memory.
 */
static void only_the_first_symbol_table_is_read(void **state)
{
	struct image image = image_make();
	struct hst_symbols *s = open_bytes(&image, sizeof(image));

	(void)state;
	assert_non_null(s);
	assert_int_equal(s->n, 2);
	hst_symbols_close(s);
}

static void a_name_with_unprintable_bytes_is_not_a_symbol(void **state)
{
	static char list[8192] = "10000 T good\n"
				 "20000 T a;b\n"
				 "30000 T \033[2J\n"
				 "40000 T $x\n"
				 "50000 T ";
	struct hst_symbols *s;

	(void)state;
	memset(list + strlen(list), 'x', 5000);
	s = open_bytes(list, strlen(list));
	assert_non_null(s);
	assert_int_equal(s->n, 1);
	assert_string_equal(s->symbol[0].name, "good");
	hst_symbols_close(s);
}

/* Change every byte and try every length: the result is an error or sorted symbols. Needs ASan. */
static void a_damaged_file_does_no_harm(void **state)
{
	static const unsigned char values[] = { 0x00, 0x7f, 0xff };

	(void)state;
	for (size_t i = 0; i < 3 * sizeof(struct image); i++) {
		struct image image = image_make();
		struct hst_symbols *s;

		((unsigned char *)&image)[i / 3] = values[i % 3];
		s = open_bytes(&image, sizeof(image));
		for (size_t n = 0; s && n < s->n; n++) {
			assert_true(s->symbol[n].start <= s->symbol[n].end);
			assert_true(!n || s->symbol[n - 1].end <= s->symbol[n].start);
		}
		hst_symbols_close(s);
		image = image_make();
		hst_symbols_close(open_bytes(&image, i / 3));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_the_symbol_that_covers_it),
		cmocka_unit_test(code_is_read_only_within_the_file),
		cmocka_unit_test(only_the_first_symbol_table_is_read),
		cmocka_unit_test(a_name_with_unprintable_bytes_is_not_a_symbol),
		cmocka_unit_test(a_damaged_file_does_no_harm),
	};

	return cmocka_run_group_tests_name("symbols", tests, NULL, NULL);
}
