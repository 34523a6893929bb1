// SPDX-License-Identifier: MIT
/*
 * procfs.h - interface between procfs.c (the machine), procfs_pid.c (processes), procfs_link.c
 * (their links) and procfs_mem.c (their memory).
 */
#ifndef HOST_PROCFS_H
#define HOST_PROCFS_H

#include "inode.h"

extern const struct inode_ops proc_root_ops; /* /proc itself: a number names a process */
extern const struct inode_ops proc_exe_ops, proc_cwd_ops, proc_fd_dir_ops;
extern const struct inode_ops proc_pagemap_ops; /* frames.c */
void procfs_link_init(void);                    /* /proc/self */
void sysrq_init(void); /* /proc/sysrq-trigger, with the boot argument sysrq=1 */

/* Below /proc/PID, inode->id is the pid (below task/TID, the tid; in fd/, the descriptor). */
int proc_number(const char *name); /* parse a number; -1: the name is not a number */
struct process;
struct process *proc_process(int id); /* by its own or a thread's number; referenced, or NULL */
bool proc_is_mine(const struct inode *inode); /* does the inode belong to the caller's process? */

/* procfs_mem.c: the caller's own memory. */
struct text;
int proc_show_maps(struct inode *inode, struct text *t);
int proc_show_smaps(struct inode *inode, struct text *t);
int proc_store_clear_refs(struct inode *inode, const char *line);

/* The kernel release that uname() reports. */
#define OS_RELEASE "6.12.0-hyperscope"

#endif
