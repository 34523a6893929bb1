/* SPDX-License-Identifier: MIT */
/*
 * profile.h - what the two halves of the plugin profile.so share: blocks, stacks, harts.
 *
 * A world is a privilege mode; its number is the mode's, with 4 for V = 1. Each has a
 * stack of its own, and threads and tasks have theirs:
 *
 *   hart -> thread (the host's) -> stack of HS, stack of U
 *                               -> task (the guest's) -> stack of VS, stack of VU
 *        -> stack of M
 */
#ifndef PROFILE_H
#define PROFILE_H

#include "harts.h"

enum world {
	WORLD_U = 0,
	WORLD_HS = 1,
	WORLD_M = 3,
	WORLD_VU = 4,
	WORLD_VS = 5,
	WORLD_UNKNOWN = 8 /* of a block that has not run yet */
};
#define WORLD_V 4

/* How a block ends. */
enum ending {
	END_OTHER,
	END_CALL,
	END_RETURN,
	END_TRAP_RETURN
};

/* A chain of calls: the last call's address, on the chain before it. A world's first has no parent. */
struct node {
	struct node *parent;
	uint64_t site;
	struct node *next; /* in the table's bucket */
	uint32_t number;
	uint8_t world;
};

/* One translation: instructions that run one after the other, unless a trap comes between. */
struct block {
	uint64_t pc;
	uint32_t n;
	uint32_t number; /* 0: nothing of it was counted yet */
	uint8_t world;   /* QEMU never shares a translation between modes */
	uint8_t ending;
	bool vector; /* a trap begins here: it was stvec's or mtvec's when it first ran */
	bool waits;  /* there is a WFI in it */
	bool counter_used,
		counter_written; /* its last instruction looks at instret; may change it */
	uint64_t last;           /* the address of its last instruction, and the one behind it */
	uint64_t behind;
	uint32_t *words; /* its instructions, a word each */
	struct {
		struct node *node;
		uint64_t *times;
	} counted; /* where it was counted last */
	struct {
		struct node *from, *to;
	} called;
};

#define MAX_FRAMES 512

struct frame {
	uint64_t resume; /* where it goes on; of a trap: where it came */
	struct node *node;
	bool trap;
};

struct stack {
	struct node *node; /* what runs now; NULL: nothing was called yet */
	uint64_t left;     /* where a trap took the hart out of this world */
	unsigned int depth;
	unsigned int beyond; /* calls that found it full */
	bool exec;           /* left by execve */
	/* The function that is asked for runs as long as there are so many frames, and on this hart. */
	unsigned int within_depth;
	struct hart *within;
	struct frame frames[MAX_FRAMES];
};

struct task {
	struct task *next;
	uint64_t key;
	struct stack vs, vu;
};

struct thread {
	struct thread *next;
	uint64_t key;
	struct stack hs, u;
	struct task *task;
};

struct hart {
	struct block *block; /* that runs */
	uint64_t at;         /* instructions that had begun before it */
	bool counts;         /* it is within what is asked for */
	bool unsure;   /* its turn ended in the block, and QEMU may count some of it otherwise */
	bool switched; /* whose return is awaited: a thread or task that is new has none */
	struct stack m;
	struct thread *thread;
	unsigned int within; /* stacks of the function that is asked for */
	struct {
		bool known;
		uint64_t offset;
	} counters[2]; /* cycle, instret: how they differ from our count */
};

/* What a trap's CSRs say. */
struct trap {
	uint64_t cause, epc, tval;
	enum world from;
	uint64_t a7;
};

/* profile_insn.c */
enum ending profile_ending(uint32_t word, size_t size);
void profile_know_counters(struct block *b);
bool profile_taken_back(const struct trap *trap, const struct block *b, uint32_t insns);

/* profile_stack.c */
struct stack *profile_stack(struct hart *h, enum world world);
struct node *profile_node(struct hart *h, enum world world);
void profile_call(struct hart *h, struct block *by);
void profile_return(struct hart *h, const struct block *by, uint64_t pc);
void profile_trap(struct hart *h, enum world to, const struct trap *trap);
void profile_trap_return(struct hart *h, const struct block *by, const struct block *to);
void profile_enter(struct hart *h, struct stack *s);
void profile_leave(struct stack *s);
void profile_switch_thread(struct hart *h, uint64_t prev, uint64_t next);
void profile_switch_task(struct hart *h, uint64_t prev, uint64_t next);
void profile_write_nodes(FILE *out);

#endif
