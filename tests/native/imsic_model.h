// SPDX-License-Identifier: MIT
/*
 * imsic_model.h - a model of an interrupt file, with a flag per identity. It has neither words nor
 * masks, so that a mistake with bits cannot be both in it and in imsic.c.
 */
#ifndef NATIVE_IMSIC_MODEL_H
#define NATIVE_IMSIC_MODEL_H

#include "aia_vm.h"

struct model_file {
	bool delivery, pending[IDS + 1], enabled[IDS + 1];
	unsigned int threshold;
};

/* The identity in stopei, or 0. */
static inline unsigned int model_top(const struct model_file *file)
{
	unsigned int id;

	for (id = 1; id <= IDS; id++) {
		if (file->pending[id] && file->enabled[id] &&
		    (!file->threshold || id < file->threshold))
			return id;
	}
	return 0;
}

#endif
