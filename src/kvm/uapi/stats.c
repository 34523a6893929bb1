// SPDX-License-Identifier: MIT
/*
 * stats.c - KVM_GET_STATS_FD: a file of counters that describes itself.
 *
 *   header | id | one descriptor per counter, followed by its name | the counters
 *
 * A read builds the whole file (less than one page) and copies the requested part. It reads the
 * counters one by one, so they are not a consistent snapshot. The file holds a reference to the VM.
 * The id names the thread that created the VM or the vCPU, as on Linux.
 */
#include <string.h>
#include "number.h"
#include "uapi/stats.h"

#define NAME_SIZE 48

#define FLAGS(type, unit) (KVM_STATS_TYPE_##type | KVM_STATS_UNIT_##unit | KVM_STATS_BASE_POW10)
#define ROW_FLAGS_COUNT   FLAGS(CUMULATIVE, NONE), 0, 1
#define ROW_FLAGS_NS      FLAGS(CUMULATIVE, SECONDS), -9, 1
#define ROW_FLAGS_BOOL    FLAGS(INSTANT, BOOLEAN), 0, 1
#define ROW_FLAGS_HIST    FLAGS(LOG_HIST, SECONDS), -9, STAT_HIST_SIZE
#define ROW(s, name, ...) { #name, __VA_ARGS__, offsetof(struct s, name) },

#define VCPU_STAT(name, kind) ROW(vcpu_stats, name, ROW_FLAGS_##kind)
#define VM_STAT(name, kind)
const struct stat_row vcpu_stat_rows[VCPU_STAT_COUNT] = {
#include "stats.def"
};
#undef VCPU_STAT
#undef VM_STAT

#define VCPU_STAT(name, kind)
#define VM_STAT(name, kind) ROW(vm_stats, name, ROW_FLAGS_##kind)
const struct stat_row vm_stat_rows[VM_STAT_COUNT] = {
#include "stats.def"
};
#undef VCPU_STAT
#undef VM_STAT

struct stats_file {
	struct kvm *vm;
	const struct stat_row *rows;
	const u64 *values;
	u32 count; /* rows */
	u32 words; /* values */
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

static void fill_desc(const struct stat_row *row, struct stats_desc *desc)
{
	memset(desc, 0, sizeof(*desc));
	desc->desc.flags = row->flags;
	desc->desc.exponent = row->exponent;
	desc->desc.size = row->size;
	desc->desc.offset = row->offset;
	memcpy(desc->name, row->name, strlen(row->name));
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
	struct stats_desc desc;
	u64 value;
	u32 i;

	memcpy(image, &header, sizeof(header));
	memcpy(image + header.id_offset, file->id, NAME_SIZE);
	for (i = 0; i < file->count; i++) {
		fill_desc(&file->rows[i], &desc);
		memcpy(image + header.desc_offset + i * sizeof(desc), &desc, sizeof(desc));
	}
	for (i = 0; i < file->words; i++) {
		value = __atomic_load_n(&file->values[i], __ATOMIC_RELAXED);
		memcpy(image + header.data_offset + i * sizeof(value), &value, sizeof(value));
	}
}

static long stats_read(void *priv, hva_t buf, size_t size, u64 *pos)
{
	const struct stats_file *file = priv;
	size_t total = data_offset(file) + file->words * sizeof(u64);
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

static int create(struct kvm *vm, const char *name, const struct stats_file *init)
{
	struct stats_file *file = hv_alloc(sizeof(*file));
	int fd;

	if (!file)
		return -ENOMEM;
	*file = *init;
	file->vm = vm;
	vm_hold(vm);
	fd = hv_file_create(name, &stats_ops, file);
	if (fd < 0)
		stats_release(file);
	return fd;
}

int stats_create_vm_fd(struct kvm *vm)
{
	struct stats_file file = {
		.rows = vm_stat_rows,
		.values = (const u64 *)&vm->stats,
		.count = VM_STAT_COUNT,
		.words = sizeof(vm->stats) / sizeof(u64),
	};

	number_append(append(file.id, "kvm-"), (unsigned int)vm->creator);
	return create(vm, "kvm-vm-stats", &file);
}

int stats_create_vcpu_fd(struct kvm_vcpu *vcpu)
{
	struct stats_file file = {
		.rows = vcpu_stat_rows,
		.values = (const u64 *)&vcpu->stats,
		.count = VCPU_STAT_COUNT,
		.words = sizeof(vcpu->stats) / sizeof(u64),
	};
	char name[32] = { 0 };
	char *end = number_append(append(file.id, "kvm-"), (unsigned int)vcpu->creator);

	number_append(append(end, "/vcpu-"), vcpu->id);
	number_append(append(name, "kvm-vcpu-stats:"), vcpu->id);
	return create(vcpu->kvm, name, &file);
}
