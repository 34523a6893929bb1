// SPDX-License-Identifier: MIT
/* string.h - the part of <string.h> that libfdt and the kernel need; see string.c. */
#ifndef HOST_STRING_H
#define HOST_STRING_H

#include <stddef.h>

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t n);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *needle);
/* Copies at most size - 1 bytes and terminates dst with a NUL; returns strlen(src). */
size_t strlcpy(char *dst, const char *src, size_t size);

#endif
