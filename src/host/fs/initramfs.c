// SPDX-License-Identifier: MIT
/*
 * initramfs.c - unpack the machine's initramfs into the directory tree.
 *
 * Format: cpio "newc" (070701, or 070702 with checksums, which are ignored): a header of 110 ASCII
 * characters, the name with its NUL, padding to a multiple of 4 bytes, the data, and again padding
 * to a multiple of 4 bytes. Several archives may follow one another, with zeros in between.
 *
 * The archive is not trusted: every length is checked against the rest of the archive before it is
 * used. At the first error, unpacking stops with one line in the log, and the files that are
 * already unpacked stay. Data is not copied: files refer to it (ramfs.c), so every page of the
 * archive gets a reference that is never dropped.
 */
#include <linux/errno.h>
#include <linux/stat.h>
#include <string.h>
#include "initramfs.h"
#include "inode.h"
#include "mm/page.h"
#include "lib/printk.h"

#define HEADER_SIZE 110
#define NR_FIELDS   13
#define DEPTH_MAX   64

enum field { /* ORDER: newc header, 8 hexadecimal digits each */
	F_INO,
	F_MODE,
	F_UID,
	F_GID,
	F_NLINK,
	F_MTIME,
	F_FILESIZE,
	F_DEVMAJOR,
	F_DEVMINOR,
	F_RDEVMAJOR,
	F_RDEVMINOR,
	F_NAMESIZE,
	F_CHECK,
};

struct hard_link { /* a file with several names, found by the archive's inode and device numbers */
	struct list_head link;
	u32 ino, devmajor, devminor;
	struct inode *inode;
};

struct archive {
	const u8 *start;
	size_t at, size;
	struct list_head links;
	unsigned int nr_files;
	const char *wrong; /* NULL: no error yet */
};

struct member {
	u32 field[NR_FIELDS];
	const char *name;
	const u8 *data;
};

static bool parse_header(const u8 *p, u32 field[NR_FIELDS])
{
	int i, j, digit;

	if (memcmp(p, "070701", 6) != 0 && memcmp(p, "070702", 6) != 0)
		return false;
	for (i = 0, p += 6; i < NR_FIELDS; i++) {
		field[i] = 0;
		for (j = 0; j < 8; j++, p++) {
			digit = *p >= '0' && *p <= '9'                 ? *p - '0'
				: (*p | 32) >= 'a' && (*p | 32) <= 'f' ? (*p | 32) - 'a' + 10
								       : -1;
			if (digit < 0)
				return false;
			field[i] = field[i] << 4 | (u32)digit;
		}
	}
	return true;
}

static struct inode *link_find(struct archive *a, const u32 *field)
{
	struct hard_link *l;

	list_for_each_entry(l, &a->links, link)
		if (l->ino == field[F_INO] && l->devmajor == field[F_DEVMAJOR] &&
		    l->devminor == field[F_DEVMINOR])
			return l->inode;
	return NULL;
}

static void link_remember(struct archive *a, const u32 *field, struct inode *inode)
{
	struct hard_link *l = kmalloc(sizeof(*l));

	if (!l)
		return;
	l->ino = field[F_INO];
	l->devmajor = field[F_DEVMAJOR];
	l->devminor = field[F_DEVMINOR];
	l->inode = inode;
	inode_get(inode);
	list_add(&l->link, &a->links);
}

/*
 * Return the directory that `path` is in, with a reference; create missing directories. Sets *last
 * to the file's name in that directory. Returns NULL on failure.
 */
static struct inode *parent_of(const char *path, const char **last)
{
	char name[NAME_LEN_MAX + 1];
	struct inode *dir = root_inode, *next;
	const char *end;
	int depth = 0;
	bool up;

	inode_get(dir);
	for (;; path = end) {
		while (*path == '/')
			path++;
		for (end = path; *end && *end != '/';)
			end++;
		if (!*end || !S_ISDIR(dir->mode) || end - path > NAME_LEN_MAX ||
		    depth++ >= DEPTH_MAX)
			break;
		memcpy(name, path, (size_t)(end - path));
		name[end - path] = '\0';
		if (!strcmp(name, "."))
			continue;
		up = !strcmp(name, "..");
		next = up ? NULL : dir_lookup(dir, name);
		if (!next && !up) {
			next = inode_alloc(S_IFDIR | 0755, NULL);
			if (next && dir_add(dir, name, next)) {
				inode_put(next);
				next = NULL;
			}
		}
		inode_put(dir);
		if (!next)
			return NULL;
		dir = next;
	}
	*last = path;
	if (!*end && S_ISDIR(dir->mode))
		return dir;
	inode_put(dir);
	return NULL;
}

static struct inode *make_inode(const u32 *field, const u8 *data)
{
	u32 type = field[F_MODE] & S_IFMT, size = field[F_FILESIZE];
	struct inode *inode = inode_alloc(field[F_MODE] & (S_IFMT | 07777), NULL);

	if (!inode)
		return NULL;
	inode->uid = field[F_UID];
	inode->gid = field[F_GID];
	inode->atime = inode->mtime = inode->ctime = field[F_MTIME] * 1000000000ULL;
	inode->rdev = (u64)field[F_RDEVMAJOR] << 8 | field[F_RDEVMINOR];
	if (type == S_IFREG)
		inode->data = ram_file_create(data, size);
	if (type == S_IFLNK) {
		inode->target = kmalloc(size + 1UL);
		if (inode->target)
			memcpy(inode->target, data, size);
	}
	if ((type == S_IFREG && !inode->data) || (type == S_IFLNK && !inode->target)) {
		inode_put(inode);
		return NULL;
	}
	return inode;
}

/* Add another name of a file. The newc format has the data only with the last name. */
static int add_hard_link(struct inode *dir, const char *last, struct inode *inode, const u32 *field,
			 const u8 *data)
{
	if (field[F_FILESIZE] && !inode_size(inode)) {
		struct ram_file *rf = ram_file_create(data, field[F_FILESIZE]);

		if (!rf)
			return -ENOMEM;
		ram_file_destroy(inode->data);
		inode->data = rf;
	}
	return dir_add(dir, last, inode);
}

static int add_entry(struct archive *a, const struct member *m)
{
	const u32 *field = m->field;
	const char *last = NULL;
	struct inode *dir = parent_of(m->name, &last), *inode;
	struct dentry *old;
	bool linked = S_ISREG(field[F_MODE]) && field[F_NLINK] > 1;
	int err = -ENOMEM;

	if (!dir)
		return -EINVAL;
	old = dir_find(dir, last);
	if (!*last || !strcmp(last, ".") || !strcmp(last, "..") ||
	    (old && S_ISDIR(old->inode->mode))) {
		inode_put(dir); /* a directory that exists already, such as "." */
		return 0;
	}
	if (old)
		dir_remove(old);
	inode = linked ? link_find(a, field) : NULL;
	if (inode) {
		err = add_hard_link(dir, last, inode, field, m->data);
	} else if ((inode = make_inode(field, m->data))) {
		err = dir_add(dir, last, inode);
		if (linked && !err)
			link_remember(a, field, inode);
		inode_put(inode);
	}
	inode_put(dir);
	a->nr_files += !err;
	return err;
}

/* Can the tree hold this type of file, and is the length of a symbolic link's target in range? */
static bool entry_is_valid(const u32 *field)
{
	u32 type = field[F_MODE] & S_IFMT;

	if (type == S_IFLNK && (!field[F_FILESIZE] || field[F_FILESIZE] >= PATH_LEN_MAX))
		return false;
	return type == S_IFREG || type == S_IFDIR || type == S_IFLNK || type == S_IFCHR ||
	       type == S_IFBLK || type == S_IFIFO || type == S_IFSOCK;
}

/*
 * Read one member, and move on to the next. Returns false if the archive is damaged; a->wrong then
 * says how.
 */
static bool read_member(struct archive *a, struct member *m)
{
	size_t left = a->size - a->at, name_end;
	const u8 *p = a->start + a->at;
	u32 name_size, size;

	a->wrong = "truncated";
	if (left < HEADER_SIZE)
		return false;
	a->wrong = "not a cpio newc header";
	if (!parse_header(p, m->field))
		return false;
	name_size = m->field[F_NAMESIZE];
	size = m->field[F_FILESIZE];
	a->wrong = "a name of invalid length";
	if (name_size < 1 || name_size > PATH_LEN_MAX)
		return false;
	a->wrong = "truncated";
	name_end = ALIGN_UP(HEADER_SIZE + name_size, 4);
	if (name_end > left || size > left - name_end)
		return false;
	a->wrong = "an unterminated name";
	if (p[HEADER_SIZE + name_size - 1])
		return false;
	a->wrong = NULL;
	m->name = (const char *)p + HEADER_SIZE;
	m->data = p + name_end;
	a->at += MIN(ALIGN_UP(name_end + size, 4), left);
	return true;
}

/* Unpack one member. Returns false at the trailer, and after an error, which a->wrong names. */
static bool unpack_member(struct archive *a)
{
	struct member m;
	int err;

	if (!read_member(a, &m) || !strcmp(m.name, "TRAILER!!!"))
		return false;
	a->wrong = "a file of unknown type, or an invalid link";
	if (!entry_is_valid(m.field))
		return false;
	err = add_entry(a, &m);
	a->wrong = err == -ENOMEM ? "no memory" : err ? "a path that cannot be created" : NULL;
	return !err;
}

static void links_forget(struct archive *a)
{
	struct hard_link *l, *next;

	list_for_each_entry_safe(l, next, &a->links, link) {
		inode_put(l->inode);
		kfree(l);
	}
	list_init(&a->links);
}

void initramfs_unpack(hpa_t pa, size_t size)
{
	struct archive a = { .start = pa_to_va(pa), .size = size };
	size_t zeros;
	hpa_t page;

	list_init(&a.links);
	if (!size) {
		printk("host: no initramfs\n");
		return;
	}
	for (page = ALIGN_DOWN(pa, PAGE_SIZE); page < pa + size; page += PAGE_SIZE)
		page_get(page);
	mutex_lock(&tree_lock);
	while (a.at < a.size && !a.wrong) {
		for (zeros = 0; a.at + zeros < a.size && !a.start[a.at + zeros];)
			zeros++;
		a.at += zeros;
		if (a.at == a.size)
			break;
		while (unpack_member(&a))
			;
		links_forget(&a);
	}
	mutex_unlock(&tree_lock);
	if (a.wrong)
		printk("host: initramfs: %s at byte %zu of %zu; %u files unpacked\n", a.wrong, a.at,
		       a.size, a.nr_files);
	else
		printk("host: initramfs: %u files, %zu KiB\n", a.nr_files, a.size / 1024);
}
