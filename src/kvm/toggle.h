// SPDX-License-Identifier: MIT
/*
 * toggle.h - the toggles, by number: toggle.def has their names, values and questions.
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

int toggle_init(void);
void toggle_vm_init(struct kvm *vm); /* the VM's copy, for its life */

#endif
