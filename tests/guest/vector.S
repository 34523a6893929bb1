// SPDX-License-Identifier: MIT
/*
 * vector.S - move the whole vector state to and from memory. This code is assembly because the C
 * files are built without V.
 *
 * struct vec_state of vector.c: vstart, vl, vtype, vcsr, then v0 to v31, vlenb bytes each.
 */
	.option	arch, +v

	/* void vec_put(const struct vec_state *): load the vector unit from the structure. */
	.globl	vec_put
vec_put:
	addi	t1, a0, 32
	vsetvli	t0, zero, e8, m8, ta, ma
	.irp	n, 0, 8, 16, 24
	vle8.v	v\n, (t1)
	add	t1, t1, t0
	.endr
	ld	t0, 8(a0)
	ld	t1, 16(a0)
	vsetvl	zero, t0, t1
	ld	t0, 24(a0)
	csrw	vcsr, t0
	ld	t0, 0(a0)
	csrw	vstart, t0
	ret

	/* void vec_get(struct vec_state *): save the vector unit to the structure. */
	.globl	vec_get
vec_get:
	csrr	t0, vstart
	sd	t0, 0(a0)
	csrr	t0, vl
	sd	t0, 8(a0)
	csrr	t0, vtype
	sd	t0, 16(a0)
	csrr	t0, vcsr
	sd	t0, 24(a0)
	addi	t1, a0, 32
	vsetvli	t0, zero, e8, m8, ta, ma
	.irp	n, 0, 8, 16, 24
	vse8.v	v\n, (t1)
	add	t1, t1, t0
	.endr
	ret

	/* void vec_csrs(vcsr, vstart): write these two and nothing else. */
	.globl	vec_csrs
vec_csrs:
	csrw	vcsr, a0
	csrw	vstart, a1
	ret

	/* unsigned long vec_len(void): bytes per register. */
	.globl	vec_len
vec_len:
	csrr	a0, vlenb
	ret

	/* One access that does not write vector state, and one that does. */
	.globl	vec_read
vec_read:
	csrr	a0, vl
	ret
	.globl	vec_write
vec_write:
	vsetivli zero, 1, e8, m1, ta, ma
	vmv.v.i	v1, 5
	ret

	/* unsigned long vec_store(to, n): store up to n bytes of v8 to v15; return how many. */
	.globl	vec_store
vec_store:
	vsetvli	t0, a1, e8, m8, ta, ma
	vse8.v	v8, (a0)
	mv	a0, t0
	ret
