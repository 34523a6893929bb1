// SPDX-License-Identifier: MIT
/*
 * stats.c - KVM_GET_STATS_FD: counters as a file that describes itself.
 *
 *   header | id | one descriptor for each counter, name behind it | the counters
 *
 * A read builds the whole file, about one page, and copies its part of it: the counters
 * are those of that moment, each by itself. The file holds the VM.
 */
#include <string.h>
#include "kvm.h"

#define NAME_SIZE 48

struct stat_row {
	const char *name;
	u32 flags;
	s16 exponent;
};

#define FLAGS(type, unit) (KVM_STATS_TYPE_##type | KVM_STATS_UNIT_##unit | KVM_STATS_BASE_POW10)
#define ROW_COUNT(name)                           \
	{                                         \
#name, FLAGS(CUMULATIVE, NONE), 0 \
	}
#define ROW_NS(name)                                  \
	{                                             \
#name, FLAGS(CUMULATIVE, SECONDS), -9 \
	}
#define ROW_BOOL(name)                            \
	{                                         \
#name, FLAGS(INSTANT, BOOLEAN), 0 \
	}

#define VCPU_STAT(name, kind) ROW_##kind(name),
#define VM_STAT(name, kind)
static const struct stat_row vcpu_rows[] = {
#include "stats.def"
};
#undef VCPU_STAT
#undef VM_STAT

#define VCPU_STAT(name, kind)
#define VM_STAT(name, kind) ROW_##kind(name),
static const struct stat_row vm_rows[] = {
#include "stats.def"
};
#undef VCPU_STAT
#undef VM_STAT

/* Every member of the structures is a u64, in the order of the rows. */
_Static_assert(sizeof(struct vcpu_stats) == ARRAY_SIZE(vcpu_rows) * sizeof(u64), "stats.def");
_Static_assert(sizeof(struct vm_stats) == ARRAY_SIZE(vm_rows) * sizeof(u64), "stats.def");

struct stats_file {
	struct kvm *vm;
	const struct stat_row *rows;
	const u64 *values;
	u32 count;
	char id[NAME_SIZE];
};

struct stats_desc {
	struct kvm_stats_desc desc;
	char name[NAME_SIZE];
};

static size_t data_offset(const struct stats_file *file)
{
	return sizeof(struct kvm_stats_header) + NAME_SIZE +
	       file->count * sizeof(struct stats_desc);
}

static void build(const struct stats_file *file, u8 *image)
{
	struct kvm_stats_header header = {
		.name_size = NAME_SIZE,
		.num_desc = file->count,
		.id_offset = sizeof(header),
		.desc_offset = sizeof(header) + NAME_SIZE,
		.data_offset = (u32)data_offset(file),
	};
	struct stats_desc row;
	u64 value;
	u32 i;

	memcpy(image, &header, sizeof(header));
	memcpy(image + header.id_offset, file->id, NAME_SIZE);
	for (i = 0; i < file->count; i++) {
		memset(&row, 0, sizeof(row));
		row.desc.flags = file->rows[i].flags;
		row.desc.exponent = file->rows[i].exponent;
		row.desc.size = 1;
		row.desc.offset = i * (u32)sizeof(u64);
		memcpy(row.name, file->rows[i].name, strlen(file->rows[i].name));
		memcpy(image + header.desc_offset + i * sizeof(row), &row, sizeof(row));
		value = __atomic_load_n(&file->values[i], __ATOMIC_RELAXED);
		memcpy(image + header.data_offset + i * sizeof(value), &value, sizeof(value));
	}
}

static long stats_read(void *priv, hva_t buf, size_t size, u64 *pos)
{
	const struct stats_file *file = priv;
	size_t total = data_offset(file) + file->count * sizeof(u64);
	u8 *image;
	int err;

	if (*pos >= total)
		return 0;
	if (size > total - *pos)
		size = (size_t)(total - *pos);
	image = hv_alloc(total);
	if (!image)
		return -ENOMEM;
	build(file, image);
	err = hv_copy_to_user(buf, image + *pos, size);
	hv_free(image);
	if (err)
		return err;
	*pos += size;
	return (long)size;
}

static void stats_release(void *priv)
{
	struct stats_file *file = priv;

	vm_release(file->vm);
	hv_free(file);
}

static const struct hv_file_ops stats_ops = {
	.read = stats_read,
	.release = stats_release,
};

static char *append(char *to, const char *text)
{
	size_t len = strlen(text);

	memcpy(to, text, len);
	return to + len;
}

static char *append_number(char *to, unsigned int n)
{
	if (n >= 10)
		to = append_number(to, n / 10);
	*to = (char)('0' + n % 10);
	return to + 1;
}

static int create(struct kvm *vm, const struct stats_file *init)
{
	struct stats_file *file = hv_alloc(sizeof(*file));
	int fd;

	if (!file)
		return -ENOMEM;
	*file = *init;
	file->vm = vm;
	vm_hold(vm);
	fd = hv_file_create("kvm-stats", &stats_ops, file);
	if (fd < 0)
		stats_release(file);
	return fd;
}

int stats_create_vm_fd(struct kvm *vm)
{
	struct stats_file file = {
		.rows = vm_rows,
		.values = (const u64 *)&vm->stats,
		.count = ARRAY_SIZE(vm_rows),
	};

	append_number(append(file.id, "kvm-"), vm->id);
	return create(vm, &file);
}

int stats_create_vcpu_fd(struct kvm_vcpu *vcpu)
{
	struct stats_file file = {
		.rows = vcpu_rows,
		.values = (const u64 *)&vcpu->stats,
		.count = ARRAY_SIZE(vcpu_rows),
	};
	char *end = append_number(append(file.id, "kvm-"), vcpu->kvm->id);

	append_number(append(end, "/vcpu-"), vcpu->id);
	return create(vcpu->kvm, &file);
}
