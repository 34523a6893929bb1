// SPDX-License-Identifier: MIT
/*
 * proof.h - macros of the bounded proofs: claims, assumptions, and checks that a claim is reached.
 *
 * A proof is a function prove_NAME() of a file in this folder. CBMC executes it for all values of
 * its uninitialized local variables at once, and of everything that havoc() fills. The file includes
 * the real source that it is about; `tests/proofs/run --help` describes the lines of its header
 * comment that the runner reads.
 *
 * If an array is part of a structure that is accessed through a pointer, CBMC checks an index only
 * against the end of the whole object. For such arrays, state the limit of the index as a claim.
 */
#ifndef PROOF_H
#define PROOF_H

#ifdef PROOF_COMPILE /* a compiler reads this, and does not know CBMC's own functions */
void __CPROVER_assert(_Bool condition, const char *text);
void __CPROVER_assume(_Bool condition);
void __CPROVER_havoc_object(void *object);
void __CPROVER_havoc_slice(void *p, unsigned long size);
_Bool __CPROVER_r_ok(const void *p, unsigned long size);
_Bool __CPROVER_w_ok(const void *p, unsigned long size);
#endif

/* Check that `condition` holds on every execution that reaches this line. */
#define claim(condition, text) __CPROVER_assert(condition, text)
/* From here on, consider only executions on which `condition` holds. */
#define suppose(condition) __CPROVER_assume(condition)
/* Give *p any value. */
#define havoc(p)                       \
	do {                           \
		__typeof__(*(p)) any_; \
		*(p) = any_;           \
	} while (0)
/* The same for an array that is a variable of its own. */
#define havoc_array(array) __CPROVER_havoc_object(array)
/* The same for `size` bytes at p. */
#define havoc_bytes(p, size) __CPROVER_havoc_slice(p, size)
/* Of CBMC's own library: malloc() gives bytes of any value, or NULL. */
void *malloc(unsigned long size);
void *calloc(unsigned long n, unsigned long size);
void free(void *p);
/* Is memory [p, p + size) part of one object? */
#define readable(p, size) __CPROVER_r_ok(p, size)
#define writable(p, size) __CPROVER_w_ok(p, size)

/*
 * Check that some execution reaches this line with `condition` true. Otherwise the claims around it
 * might hold only because nothing reaches them. A second run of CBMC checks this.
 */
#ifdef PROOF_REACH
#define reached(condition) __CPROVER_cover(condition)
#else
#define reached(condition) ((void)0)
#endif

#endif
