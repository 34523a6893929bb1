// SPDX-License-Identifier: MIT
/*
 * path.c - find the inode of a path.
 *
 * The walk is a loop over components. A symbolic link's target is put in front of the rest of the
 * path, in a buffer that is allocated at the first link. The limit is 40 links, as on Linux. No
 * user memory is touched.
 *
 * A step runs under tree_lock, so names and link targets do not change during it. A path with 40
 * links can have 80 000 components, so after every few of them, the walk releases the lock for a
 * moment. Then, as on Linux, what is behind may be renamed or removed: the walk keeps only a
 * reference to the inode reached so far and its own copy of the rest of the path.
 */
#include <linux/errno.h>
#include <linux/stat.h>
#include <string.h>
#include "inode.h"
#include "mm/page.h"

#define LINKS_MAX 40
#define PAUSE     16 /* components between two calls to tree_pause() */

struct path_state {
	struct inode *at;  /* the inode reached so far, referenced */
	const char *rest;  /* the rest of the path */
	char *buf;         /* two halves of PATH_LEN_MAX bytes; NULL until a link is found */
	unsigned int half; /* the half in use */
	unsigned int links;
	unsigned int steps; /* since the last pause: components, and the copying of texts */
};

static void state_move(struct path_state *s, struct inode *to)
{
	inode_put(s->at);
	s->at = to;
}

/* Put the link's target in front of the rest of the path. */
static int state_expand(struct path_state *s, struct inode *link)
{
	size_t rest = strlen(s->rest);
	char *text;
	long len;

	if (s->links++ >= LINKS_MAX)
		return -ELOOP;
	if (!s->buf)
		s->buf = kmalloc(2 * PATH_LEN_MAX);
	if (!s->buf)
		return -ENOMEM;
	s->half = !s->half; /* the rest of the path may be in the other half */
	text = s->buf + s->half * PATH_LEN_MAX;
	if (link->ops && link->ops->readlink)
		len = link->ops->readlink(link, text, PATH_LEN_MAX - 1);
	else
		len = (long)strlcpy(text, link->target ? link->target : "", PATH_LEN_MAX);
	if (len <= 0)
		return len < 0 ? (int)len : -ENOENT;
	if ((size_t)len + rest + 2 > PATH_LEN_MAX)
		return -ENAMETOOLONG;
	s->steps += (unsigned int)(len + rest) * PAUSE / PATH_LEN_MAX;
	strlcpy(text + len, s->rest, PATH_LEN_MAX - (size_t)len); /* rest: "", or begins with '/' */
	s->rest = text;
	if (*text == '/') {
		inode_get(root_inode);
		state_move(s, root_inode);
	}
	return 0;
}

/* Take the next component off s->rest. Returns its length, 0 at the end, or -ENAMETOOLONG. */
static int next_component(struct path_state *s, char *name)
{
	const char *end;

	while (*s->rest == '/')
		s->rest++;
	for (end = s->rest; *end && *end != '/';)
		end++;
	if (end - s->rest > NAME_LEN_MAX)
		return -ENAMETOOLONG;
	memcpy(name, s->rest, (size_t)(end - s->rest));
	name[end - s->rest] = '\0';
	end = s->rest + strlen(name);
	s->rest = end;
	return (int)strlen(name);
}

static bool is_last(const char *rest)
{
	while (*rest == '/')
		rest++;
	return !*rest;
}

static struct inode *step_child(struct inode *dir, const char *name)
{
	struct inode *to;

	if (!strcmp(name, "."))
		to = dir;
	else if (!strcmp(name, ".."))
		to = dir->parent ? dir->parent : dir;
	else
		return dir_lookup(dir, name);
	inode_get(to);
	return to;
}

/* Walk one component. If `follow` is set and the component is a symbolic link, follow the link. */
static int path_step(struct path_state *s, const char *name, bool follow)
{
	struct inode *child, *to;
	int err;

	child = step_child(s->at, name);
	if (!child)
		return dir_not_found(s->at);
	if (!S_ISLNK(child->mode) || !follow) {
		state_move(s, child);
		return 0;
	}
	if (child->ops && child->ops->follow) {
		to = child->ops->follow(child);
		err = to ? 0 : dir_not_found(child);
		inode_put(child);
		if (to)
			state_move(s, to);
		return err;
	}
	err = state_expand(s, child);
	inode_put(child);
	return err;
}

static int path_loop(struct path_state *s, unsigned int flags, struct walk *w)
{
	bool last, slash, follow;
	int err;

	for (;;) {
		err = next_component(s, w->last);
		if (err <= 0)
			return err;
		if (!S_ISDIR(s->at->mode))
			return -ENOTDIR;
		last = is_last(s->rest);
		slash = *s->rest == '/';
		if (last && (flags & WALK_PARENT) && strcmp(w->last, ".") != 0 &&
		    strcmp(w->last, "..") != 0) {
			w->must_be_dir = slash;
			return 0;
		}
		follow = !last || slash || !(flags & WALK_NOFOLLOW);
		err = path_step(s, w->last, follow);
		if (err)
			return err;
		if (++s->steps >= PAUSE) {
			s->steps = 0;
			err = tree_pause();
			if (err)
				return err;
		}
	}
}

int path_walk(struct inode *start, const char *path, unsigned int flags, struct walk *w)
{
	struct path_state s = { .at = *path == '/' ? root_inode : start, .rest = path };
	int err;

	w->must_be_dir = false;
	if (!*path)
		return -ENOENT;
	if (path[strlen(path) - 1] == '/' || (flags & WALK_PARENT))
		flags |= WALK_DIRECTORY;
	inode_get(s.at);
	err = path_loop(&s, flags, w);
	if (!err && (flags & WALK_DIRECTORY) && !S_ISDIR(s.at->mode))
		err = -ENOTDIR;
	kfree(s.buf);
	if (err)
		inode_put(s.at);
	else
		w->inode = s.at;
	return err;
}
