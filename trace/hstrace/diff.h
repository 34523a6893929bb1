// SPDX-License-Identifier: MIT
/* diff.h - statistics for comparing runs: mean, Welch's t-test, Holm's correction. */
#ifndef HST_DIFF_H
#define HST_DIFF_H

#include "table.h"

#define HST_MAX_RUNS 64 /* per side */

double hst_mean(const double *x, size_t n);
/* Return the two-sided p-value of Welch's t-test, or 1 if a side has fewer than two values. */
double hst_welch(const double *a, size_t n, const double *b, size_t m);
/* Correct n p-values of one comparison in place, with Holm's method. Sorts the pointers in p[]. */
void hst_holm(double **p, size_t n);

#endif
