// SPDX-License-Identifier: MIT
/*
 * toggle.c - the settings of the toggles: host parameters, copied by each new VM.
 *
 * A setting is changed by writing the name of one of its values. A VM keeps the settings that it
 * was created with, so VMs with different variants can run side by side.
 */
#include <string.h>
#include "kvm.h"
#include "toggle.h"

struct toggle {
	const char *name;
	const char *values; /* separated by one space, in the order of their numbers */
	u8 value;
};

static struct toggle toggles[] = {
#define TOGGLE(name, values, initial, question) { #name, values, initial },
#include "toggle.def"
#undef TOGGLE
};

static struct hv_param params[TOGGLE_COUNT];

/*
 * Return word `index` of a list and store its length in *len. Returns NULL if the list has too few
 * words.
 */
static const char *nth_word(const char *words, unsigned int index, size_t *len)
{
	const char *end;

	for (;; words = end + 1, index--) {
		end = strchr(words, ' ');
		*len = end ? (size_t)(end - words) : strlen(words);
		if (!index)
			return words;
		if (!end)
			return NULL;
	}
}

static int toggle_get(const struct hv_param *param, char *buf, size_t size)
{
	const struct toggle *toggle = param->data;
	size_t len;
	const char *word = nth_word(toggle->values, toggle->value, &len);

	if (!word || len >= size)
		return -EINVAL;
	memcpy(buf, word, len);
	buf[len] = '\0';
	return 0;
}

static int toggle_set(const struct hv_param *param, const char *value)
{
	struct toggle *toggle = param->data;
	const char *word;
	unsigned int i;
	size_t len;

	for (i = 0; (word = nth_word(toggle->values, i, &len)); i++) {
		if (strlen(value) == len && !memcmp(value, word, len)) {
			toggle->value = (u8)i;
			return 0;
		}
	}
	return -EINVAL;
}

void toggle_set_initial(enum toggle_id id, unsigned int value)
{
	toggles[id].value = (u8)value;
}

int toggle_init(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < TOGGLE_COUNT && !err; i++) {
		params[i].name = toggles[i].name;
		params[i].get = toggle_get;
		params[i].set = toggle_set;
		params[i].data = &toggles[i];
		err = hv_param_register(&params[i]);
	}
	return err;
}

void toggle_vm_init(struct kvm *vm)
{
	unsigned int i;

	for (i = 0; i < TOGGLE_COUNT; i++)
		vm->toggle[i] = toggles[i].value;
}
