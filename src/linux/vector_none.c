// SPDX-License-Identifier: MIT
/*
 * vector_none.c - in place of vector.c if Linux is configured without vectors: guests lack them, too.
 */
#include "linux.h"

void hv_vector_take(void)
{
}

void vector_give_back(void)
{
}

void vector_probe(void)
{
}

bool vector_is_usable(void)
{
	return false;
}

bool vector_hart_fits(void)
{
	return true;
}
