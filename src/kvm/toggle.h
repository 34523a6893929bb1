// SPDX-License-Identifier: MIT
/*
 * toggle.h - the ids of the toggles; toggle.def has their names, values and questions.
 */
#ifndef KVM_TOGGLE_H
#define KVM_TOGGLE_H

struct kvm;

enum toggle_id {
#define TOGGLE(name, values, initial, question) TOGGLE_##name,
#include "toggle.def"
#undef TOGGLE
	TOGGLE_COUNT
};

/*
 * Replace the initial value from toggle.def. Called before toggle_init(), which applies boot
 * arguments.
 */
void toggle_set_initial(enum toggle_id id, unsigned int value);
int toggle_init(void);
void toggle_vm_init(struct kvm *vm); /* copies the settings, which the VM then keeps */

#endif
