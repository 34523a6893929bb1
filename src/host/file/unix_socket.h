// SPDX-License-Identifier: MIT
/* unix_socket.h - interface between sys_socket.c (system calls) and unix_socket.c (sockets). */
#ifndef HOST_UNIX_SOCKET_H
#define HOST_UNIX_SOCKET_H

#include <linux/un.h>
#include "file.h"

struct unix_socket;

struct unix_name {  /* a path, or an abstract name, which starts with NUL; len 0: none */
	size_t len; /* number of bytes used in `path`, not counting the NUL of a path */
	char path[UNIX_PATH_MAX + 1];
};

/*
 * Make a file for the socket s, and take over s. If there is no memory, free s and return NULL. If
 * s is NULL, socket_attach() adds a socket later.
 */
struct file *socket_file(struct unix_socket *s, unsigned int flags);
void socket_attach(struct file *f, struct unix_socket *s); /* takes over s */
struct unix_socket *socket_new(void);
struct unix_socket *socket_of(struct file *f); /* NULL: f is not a socket */
int socket_connect_pair(struct unix_socket *a, struct unix_socket *b);
int socket_bind(struct unix_socket *s, const struct unix_name *name);
int socket_listen(struct unix_socket *s, int backlog);
int socket_connect(struct unix_socket *s, const struct unix_name *name);
int socket_accept(struct unix_socket *s, bool nonblock, struct unix_socket **accepted);
/* May bytes be sent to the peer, or received from it? */
bool socket_is_connected(const struct unix_socket *s);
int socket_shutdown(struct unix_socket *s, int how);
long socket_send(struct unix_socket *s, bool nonblock, unsigned long buf, size_t size);
long socket_receive(struct unix_socket *s, bool nonblock, unsigned long buf, size_t size);
int socket_name(struct unix_socket *s, bool peer, struct unix_name *name);
bool socket_is_listening(const struct unix_socket *s);
void socket_put(struct unix_socket *s);
void sockets_init(void);

#endif
