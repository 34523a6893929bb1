// SPDX-License-Identifier: MIT
/*
 * symbols.c - read the symbols of an ELF file, or of text in the format of /proc/kallsyms.
 *
 * Of several symbols at one address, the largest is kept; of equally large ones, the one with the
 * shortest name. A symbol without a size ends where the next one begins, but after MAX_UNSIZED
 * bytes at most. (libelf would save some 40 lines here, but hstrace would then depend on one more
 * package.)
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "symbols.h"

#define MAX_FILE    (1ULL << 30)
#define MAX_UNSIZED (1ULL << 20) /* bytes; largest size given to an unsized symbol */
#define MAX_NAME    4096         /* characters */
#define TEXT_OFFSET 4096         /* p_offset of a text file's segment, for export/symbol_file.c */

static char *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	char *data = NULL;

	if (!file || fstat(fileno(file), &st)) {
		hst_error(path, "%s", strerror(errno));
	} else if (!S_ISREG(st.st_mode) || (u64)st.st_size > MAX_FILE) {
		hst_error(path, "not a regular file, or too large: %lld bytes",
			  (long long)st.st_size);
	} else {
		data = malloc((size_t)st.st_size + 1);
		*size = data ? fread(data, 1, (size_t)st.st_size, file) : 0;
		if (data)
			data[*size] = '\0';
		else
			hst_error(path, "out of memory");
	}
	if (file)
		fclose(file);
	return data;
}

/* Add a symbol. Its name is not copied: it stays in s->data. Returns false if out of memory. */
static bool add(struct hst_symbols *s, u64 start, u64 size, const char *name)
{
	if (!(s->n & (s->n - 1))) {
		struct hst_symbol *more = realloc(s->symbol, (s->n ? 2 * s->n : 1) * sizeof(*more));

		if (!more)
			return false;
		s->symbol = more;
	}
	if (size > ~start)
		size = 0;
	s->symbol[s->n++] = (struct hst_symbol){ start, start + size, name };
	return true;
}

/*
 * Return whether a symbol with this name is used. Mapping symbols ($x) and local labels (.L) are
 * not, nor are names that not every output format can contain: those that are too long or have
 * blanks, control or non-ASCII characters, or ';', which separates the frames of a folded stack.
 */
static bool is_name(const char *name)
{
	size_t len = 0;

	while (name[len] > ' ' && name[len] <= '~' && name[len] != ';' && len <= MAX_NAME)
		len++;
	return len && !name[len] && *name != '$' && strncmp(name, ".L", 2);
}

/* ---- ELF ---- */

struct elf {
	const char *data;
	size_t size;
};

/*
 * Return a pointer to the n elements of `each` bytes at offset, or NULL if some of them lie outside
 * the file or if offset is not a multiple of 8.
 */
static const void *part(const struct elf *elf, u64 offset, u64 n, u64 each)
{
	if (offset > elf->size || n > (elf->size - offset) / each || offset % 8)
		return NULL;
	return elf->data + offset;
}

static void add_segment(struct hst_symbols *s, const struct elf *elf, const Elf64_Phdr *ph)
{
	bool is_inside = ph->p_offset <= elf->size && ph->p_filesz <= elf->size - ph->p_offset;
	unsigned int i = s->nr_segments++;

	s->segment[i].address = ph->p_vaddr;
	s->segment[i].offset = ph->p_offset;
	s->segment[i].size = ph->p_memsz;
	s->segment[i].in_file = is_inside ? ph->p_filesz : 0;
}

static bool is_code(const Elf64_Sym *sym, const char *name, const Elf64_Shdr *sections, u64 n)
{
	unsigned int type = ELF64_ST_TYPE(sym->st_info);

	return (type == STT_FUNC || type == STT_NOTYPE) && is_name(name) && sym->st_shndx &&
	       sym->st_shndx < n && (sections[sym->st_shndx].sh_flags & SHF_EXECINSTR);
}

static bool elf_symbols(struct hst_symbols *s, const struct elf *elf, const Elf64_Shdr *sections,
			u64 n, const Elf64_Shdr *table)
{
	u64 nr = table->sh_size / sizeof(Elf64_Sym);
	const Elf64_Sym *sym = part(elf, table->sh_offset, nr, sizeof(*sym));
	const Elf64_Shdr *strings = table->sh_link < n ? &sections[table->sh_link] : NULL;
	u64 at = strings ? strings->sh_offset : 0;

	if (!sym || !strings || at > elf->size || strings->sh_size > elf->size - at)
		return true; /* damaged: no symbols */
	for (u64 i = 0; i < nr; i++) {
		u64 name = sym[i].st_name;

		/* data[size] is NUL, so even a name at the table's end is terminated. */
		if (name < strings->sh_size && is_code(&sym[i], elf->data + at + name, sections, n))
			if (!add(s, sym[i].st_value, sym[i].st_size, elf->data + at + name))
				return false;
	}
	return true;
}

static const char *parse_elf(struct hst_symbols *s, const struct elf *elf)
{
	const Elf64_Ehdr *head = part(elf, 0, 1, sizeof(*head));
	const Elf64_Shdr *sections;
	const Elf64_Phdr *ph;

	if (!head || head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_machine != EM_RISCV)
		return "not a riscv64 ELF file";
	s->entry = head->e_entry;
	s->moves = head->e_type == ET_DYN;
	ph = part(elf, head->e_phoff, head->e_phnum, sizeof(*ph));
	for (unsigned int i = 0; ph && i < head->e_phnum && s->nr_segments < HST_MAX_SEGMENTS; i++)
		if (ph[i].p_type == PT_LOAD && (ph[i].p_flags & PF_X))
			add_segment(s, elf, &ph[i]);
	sections = part(elf, head->e_shoff, head->e_shnum, sizeof(*sections));
	for (unsigned int i = 0; sections && i < head->e_shnum; i++)
		if (sections[i].sh_type == SHT_SYMTAB) {
			/*
			 * Read only one table: a hostile file could repeat it until memory is
			 * exhausted.
			 */
			if (!elf_symbols(s, elf, sections, head->e_shnum, &sections[i]))
				return "out of memory";
			break;
		}
	return s->n ? NULL : "has no symbols; it may have been stripped";
}

/* ---- text: lines "ffffffff80002000 T name", possibly followed by "\t[module]" ---- */

static const char *parse_text(struct hst_symbols *s)
{
	bool zero = false;
	char *rest = s->data, *line;

	s->is_text = true;
	while ((line = strsep(&rest, "\n"))) {
		char *end, *name;
		u64 address = strtoull(line, &end, 16);

		if (end == line || *end != ' ' || !end[1] || end[2] != ' ' ||
		    !strchr("tTwW", end[1]))
			continue;
		name = end + 3;
		name[strcspn(name, " \t\r")] = '\0';
		zero |= !address;
		if (address && is_name(name) && !add(s, address, 0, name))
			return "out of memory";
	}
	if (!s->n && zero)
		return "has no addresses: /proc/kallsyms shows them only to root, and only if "
		       "kernel.kptr_restrict permits";
	return s->n ? NULL : "is neither an ELF file nor a list of symbols";
}

/* ---- both formats ---- */

static int by_address(const void *a, const void *b)
{
	const struct hst_symbol *x = a, *y = b;
	size_t x_len = strlen(x->name), y_len = strlen(y->name);

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end)
		return x->end > y->end ? -1 : 1;
	if (x_len != y_len)
		return x_len < y_len ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void put_in_order(struct hst_symbols *s)
{
	size_t n = 0;

	qsort(s->symbol, s->n, sizeof(*s->symbol), by_address);
	for (size_t i = 0; i < s->n; i++)
		if (!n || s->symbol[i].start != s->symbol[n - 1].start)
			s->symbol[n++] = s->symbol[i];
	s->n = n;
	for (size_t i = 0; i < n; i++) {
		struct hst_symbol *sym = &s->symbol[i];
		u64 next = i + 1 < n ? sym[1].start : ~0ULL;

		if (sym->end == sym->start)
			sym->end =
				next - sym->start > MAX_UNSIZED ? sym->start + MAX_UNSIZED : next;
		if (sym->end > next || sym->end < sym->start)
			sym->end = next;
	}
	if (s->is_text) {
		s->nr_segments = 1;
		s->segment[0].address = s->symbol[0].start;
		s->segment[0].size = s->symbol[n - 1].end - s->symbol[0].start;
		s->segment[0].offset = TEXT_OFFSET;
	}
}

struct hst_symbols *hst_symbols_open(const char *path)
{
	struct hst_symbols *s = calloc(1, sizeof(*s));
	const char *wrong = "out of memory";
	size_t size = 0;

	if (s)
		s->data = read_file(path, &size);
	if (!s || !s->data) {
		free(s);
		return NULL;
	}
	s->path = realpath(path, NULL);
	if (!s->path) {
		wrong = strerror(errno);
	} else {
		s->name = strrchr(s->path, '/') ? strrchr(s->path, '/') + 1 : s->path;
		wrong = size >= SELFMAG && !memcmp(s->data, ELFMAG, SELFMAG)
				? parse_elf(s, &(struct elf){ s->data, size })
				: parse_text(s);
	}
	if (wrong) {
		hst_error(path, "%s", wrong);
		hst_symbols_close(s);
		return NULL;
	}
	put_in_order(s);
	return s;
}

void hst_symbols_close(struct hst_symbols *s)
{
	if (!s)
		return;
	free(s->symbol);
	free(s->path);
	free(s->data);
	free(s);
}

const struct hst_symbol *hst_symbols_find(const struct hst_symbols *s, u64 address)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (s->symbol[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address < s->symbol[low - 1].end ? &s->symbol[low - 1] : NULL;
}

const u8 *hst_symbols_code(const struct hst_symbols *s, u64 address, u64 n)
{
	for (unsigned int i = 0; i < s->nr_segments; i++) {
		u64 into = address - s->segment[i].address; /* huge if the address is lower */

		if (into < s->segment[i].in_file && n <= s->segment[i].in_file - into)
			return (const u8 *)s->data + s->segment[i].offset + into;
	}
	return NULL;
}
