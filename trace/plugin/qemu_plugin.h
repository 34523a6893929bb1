/* SPDX-License-Identifier: MIT */
/*
 * qemu_plugin.h - the part of QEMU's plugin interface that our plugins use.
 *
 * Debian's QEMU packages, for one, lack QEMU's own header, but QEMU exports these functions to any
 * shared object that it loads. So the few functions that are needed are declared here. They are the
 * same from version 2 of the interface (QEMU 9, the first one with counters and registers) to
 * version 5 (QEMU 10.1). The functions for translation and execution are already the same in
 * version 1 (QEMU 7.2).
 */
#ifndef QEMU_PLUGIN_H
#define QEMU_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The interface version of a plugin: QEMU 8 accepts versions up to 1, and QEMU 9 and later accept
 * version 2.
 */
#define QEMU_PLUGIN_API     2
#define QEMU_PLUGIN_API_OLD 1

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

/* The machine. */
struct qemu_info {
	const char *target_name;
	struct {
		int min, cur;
	} version;
	bool system_emulation;
	struct {
		int smp_vcpus, max_vcpus;
	} system;
};

/* A callback's access to registers: none, or reading. */
enum qemu_plugin_cb_flags {
	QEMU_PLUGIN_CB_NO_REGS,
	QEMU_PLUGIN_CB_R_REGS,
};

typedef void (*qemu_plugin_simple_cb_t)(qemu_plugin_id_t id);
typedef void (*qemu_plugin_vcpu_simple_cb_t)(qemu_plugin_id_t id, unsigned int vcpu_index);
typedef void (*qemu_plugin_udata_cb_t)(qemu_plugin_id_t id, void *userdata);
typedef void (*qemu_plugin_vcpu_tb_trans_cb_t)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*qemu_plugin_vcpu_udata_cb_t)(unsigned int vcpu_index, void *userdata);

/* Defined by the plugin. QEMU reads the variable and calls the function once. */
extern int qemu_plugin_version;
int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv);

/* Translation: a block of instructions is about to be run for the first time. */
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, qemu_plugin_vcpu_tb_trans_cb_t cb);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t idx);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
/*
 * Return the instruction's address in QEMU's own memory, or NULL if the instruction is not in RAM.
 */
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *insn);

/* Execution: cb is called each time before the instruction runs. */
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    qemu_plugin_vcpu_udata_cb_t cb,
					    enum qemu_plugin_cb_flags flags, void *userdata);

/* Call cb each time before the first instruction of the block runs. */
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, qemu_plugin_vcpu_udata_cb_t cb,
					  enum qemu_plugin_cb_flags flags, void *userdata);

/* Counters, one per hart, to which translated code adds without a callback. */
struct qemu_plugin_scoreboard;
struct qemu_plugin_u64 {
	struct qemu_plugin_scoreboard *score;
	size_t offset;
};
enum qemu_plugin_op {
	QEMU_PLUGIN_INLINE_ADD_U64,
};
struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t element_size);
void *qemu_plugin_scoreboard_find(struct qemu_plugin_scoreboard *score, unsigned int vcpu_index);
void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(struct qemu_plugin_insn *insn,
							 enum qemu_plugin_op op,
							 struct qemu_plugin_u64 entry,
							 uint64_t imm);

/* Registers, by name. The arrays are those of GLib, with which QEMU is linked. */
struct qemu_plugin_register;
struct qemu_plugin_reg_descriptor {
	struct qemu_plugin_register *handle;
	const char *name;
	const char *feature;
};
struct qemu_plugin_array {
	struct qemu_plugin_reg_descriptor *data;
	unsigned int len;
};
struct qemu_plugin_bytes {
	uint8_t *data;
	unsigned int len;
};
struct qemu_plugin_bytes *g_byte_array_new(void);
struct qemu_plugin_bytes *g_byte_array_set_size(struct qemu_plugin_bytes *bytes, unsigned int len);
void qemu_plugin_register_vcpu_init_cb(qemu_plugin_id_t id, qemu_plugin_vcpu_simple_cb_t cb);
struct qemu_plugin_array *qemu_plugin_get_registers(void); /* of the calling hart */
/* Append the register's bytes to buf. */
int qemu_plugin_read_register(struct qemu_plugin_register *handle, struct qemu_plugin_bytes *buf);

void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, qemu_plugin_udata_cb_t cb, void *userdata);
/* Drop all registrations and translations, then call cb. This happens soon, not immediately. */
void qemu_plugin_reset(qemu_plugin_id_t id, qemu_plugin_simple_cb_t cb);

#endif
