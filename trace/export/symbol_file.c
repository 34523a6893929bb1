// SPDX-License-Identifier: MIT
/*
 * symbol_file.c - write an ELF file that has only symbols, for perf (perf_sample.c).
 *
 * Layout: header, program headers (the segments themselves are not in the file), symbols, names of
 * symbols, names of sections, section headers.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "perf.h"

static const char section_names[] = "\0.text\0.symtab\0.strtab\0.shstrtab";

struct head {
	Elf64_Ehdr elf;
	Elf64_Phdr segment[HST_MAX_SEGMENTS];
};

static void put_symbols(const struct hst_symbols *s, FILE *out)
{
	Elf64_Sym sym = { 0 };
	Elf64_Word name = 1;

	fwrite(&sym, sizeof(sym), 1, out);
	for (size_t i = 0; i < s->n; i++) {
		sym = (Elf64_Sym){ .st_name = name,
				   .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
				   .st_shndx = 1,
				   .st_value = s->symbol[i].start,
				   .st_size = s->symbol[i].end - s->symbol[i].start };
		fwrite(&sym, sizeof(sym), 1, out);
		name += (Elf64_Word)strlen(s->symbol[i].name) + 1;
	}
	fputc('\0', out);
	for (size_t i = 0; i < s->n; i++)
		fwrite(s->symbol[i].name, strlen(s->symbol[i].name) + 1, 1, out);
}

static void put_file(const struct hst_symbols *s, FILE *out)
{
	struct head head = { 0 };
	Elf64_Shdr section[5] = { 0 };
	size_t names = 1;

	for (size_t i = 0; i < s->n; i++)
		names += strlen(s->symbol[i].name) + 1;
	for (unsigned int i = 0; i < s->nr_segments; i++)
		head.segment[i] = (Elf64_Phdr){ .p_type = PT_LOAD,
						.p_flags = PF_R | PF_X,
						.p_offset = s->segment[i].offset,
						.p_vaddr = s->segment[i].address,
						.p_paddr = s->segment[i].address,
						.p_memsz = s->segment[i].size,
						.p_align = 4096 };
	memcpy(head.elf.e_ident, ELFMAG, SELFMAG);
	head.elf.e_ident[EI_CLASS] = ELFCLASS64;
	head.elf.e_ident[EI_DATA] = ELFDATA2LSB;
	head.elf.e_ident[EI_VERSION] = EV_CURRENT;
	head.elf.e_type = ET_EXEC;
	head.elf.e_machine = EM_RISCV;
	head.elf.e_version = EV_CURRENT;
	head.elf.e_entry = s->segment[0].address;
	head.elf.e_ehsize = sizeof(head.elf);
	head.elf.e_phoff = offsetof(struct head, segment);
	head.elf.e_phentsize = sizeof(head.segment[0]);
	head.elf.e_phnum = (Elf64_Half)s->nr_segments;
	head.elf.e_shentsize = sizeof(section[0]);
	head.elf.e_shnum = 5;
	head.elf.e_shstrndx = 4;
	section[1] = (Elf64_Shdr){ .sh_name = 1,
				   .sh_type = SHT_NOBITS,
				   .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
				   .sh_addr = s->segment[0].address,
				   .sh_offset = s->segment[0].offset,
				   .sh_size = s->segment[0].size,
				   .sh_addralign = 4 };
	section[2] = (Elf64_Shdr){ .sh_name = 7,
				   .sh_type = SHT_SYMTAB,
				   .sh_offset = sizeof(head),
				   .sh_size = (s->n + 1) * sizeof(Elf64_Sym),
				   .sh_link = 3,
				   .sh_info = 1,
				   .sh_addralign = 8,
				   .sh_entsize = sizeof(Elf64_Sym) };
	section[3] = (Elf64_Shdr){ .sh_name = 15,
				   .sh_type = SHT_STRTAB,
				   .sh_offset = section[2].sh_offset + section[2].sh_size,
				   .sh_size = names,
				   .sh_addralign = 1 };
	section[4] = (Elf64_Shdr){ .sh_name = 23,
				   .sh_type = SHT_STRTAB,
				   .sh_offset = section[3].sh_offset + names,
				   .sh_size = sizeof(section_names),
				   .sh_addralign = 1 };
	head.elf.e_shoff = (section[4].sh_offset + sizeof(section_names) + 7) / 8 * 8;
	fwrite(&head, sizeof(head), 1, out);
	put_symbols(s, out);
	fwrite(section_names, sizeof(section_names), 1, out);
	while ((u64)ftell(out) < head.elf.e_shoff && !ferror(out))
		fputc('\0', out);
	fwrite(section, sizeof(section), 1, out);
}

int export_symbol_file(const char *path, const struct hst_symbols *symbols)
{
	FILE *out = fopen(path, "wb");
	bool bad;

	if (out) {
		put_file(symbols, out);
		bad = ferror(out);
		if (!fclose(out) && !bad)
			return 0;
	}
	hst_error(path, "cannot be written: %s", strerror(errno));
	if (out)
		unlink(path);
	return -1;
}
