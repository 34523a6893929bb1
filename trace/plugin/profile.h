/* SPDX-License-Identifier: MIT */
/*
 * profile.h - definitions shared by the parts of the plugin profile.so: blocks, stacks, harts.
 *
 * A world is a privilege mode; its number is the mode's, plus 4 if V = 1. Each world has its own
 * stack of calls: M's belongs to a hart, those of HS and U to a thread, those of VS and VU to a
 * task:
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
	WORLD_UNKNOWN = 8 /* for a block that has not run yet */
};
#define WORLD_V 4

/* How a block ends. */
enum ending {
	END_OTHER,
	END_CALL,
	END_RETURN,
	END_TRAP_RETURN
};

/*
 * A chain of calls: the address of its last call, and the chain before that call. A root has no
 * parent.
 */
struct node {
	struct node *parent;
	uint64_t site;
	struct node *next; /* in the hash table's bucket */
	uint32_t number;
	uint8_t world;
};

/* One translation: instructions that run in sequence unless a trap intervenes. */
struct block {
	uint64_t pc;
	uint32_t n;
	uint32_t number; /* 0: not counted yet */
	uint8_t world;   /* QEMU never shares a translation between modes */
	uint8_t ending;
	bool vector; /* a trap begins here: pc was in stvec or mtvec when the block first ran */
	bool waits;  /* has a WFI */
	bool counter_used,
		counter_written; /* the last instruction accesses a counter; may change it */
	uint64_t last;           /* address of the last instruction */
	uint64_t behind;         /* address after the last instruction */
	uint32_t *words;         /* the instructions, one word each */
	struct {
		struct node *node;
		uint64_t *times;
	} counted; /* cache: where the block was counted last */
	struct {
		struct node *from, *to;
	} called;
};

#define MAX_FRAMES 512

struct frame {
	uint64_t resume; /* the return address; for a trap, the address at which it was taken */
	struct node *node;
	bool trap;
};

struct stack {
	struct node *node; /* the current chain of calls; NULL: nothing was called yet */
	uint64_t left;     /* the address at which a trap took the hart out of this world */
	unsigned int depth;
	unsigned int beyond; /* calls that did not fit into frames[] */
	bool exec;           /* left by execve */
	/*
	 * While the function that while= names runs on this stack: the number of frames below the
	 * function, and the hart that runs it.
	 */
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
	struct block *block; /* the current one */
	uint64_t at;         /* instructions that had begun before the block */
	bool counts;         /* count the block, see wanted() */
	bool unsure;         /* QEMU may not have counted all of the block, see begin_turn() */
	bool switched;       /* no return since a switch: a new thread has no frame to return to */
	struct stack m;
	struct thread *thread;
	unsigned int within; /* number of its stacks in which the function that while= names runs */
	struct {
		bool known;
		uint64_t offset;
	} counters[2]; /* cycle, instret: their difference from our count */
};

/* A trap's CSRs, and a7. */
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
