// SPDX-License-Identifier: MIT
/* diff.h - what comparing runs takes: a mean, Welch's t-test, Holm's correction. */
#ifndef HST_DIFF_H
#define HST_DIFF_H

#include "table.h"

#define HST_MAX_RUNS 64 /* of a side */

double hst_mean(const double *x, size_t n);
/* How likely such a difference of means is if there is none; 1 if a side has less than two. */
double hst_welch(const double *a, size_t n, const double *b, size_t m);
/* Corrects n such numbers, all found at once; sorts the pointers. */
void hst_holm(double **p, size_t n);

#endif
