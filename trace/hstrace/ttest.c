// SPDX-License-Identifier: MIT
/*
 * ttest.c - Welch's t-test: do two sets of runs differ by more than chance?
 *
 * A permutation test would need no assumptions. For three runs against three, however, its p-value
 * is never below 2/20, so at a level of 5 % it would never find a difference. The compared values
 * are counts, and means over many exits; their distribution is close enough to normal. Many rows
 * are compared at once, so Holm's correction is used: it keeps the probability of any false
 * positive among them at or below the significance level.
 */
#include <math.h>
#include <stdlib.h>
#include "diff.h"

#define STEPS 2000 /* of Simpson's rule; even */

/* Return the integral of cos(x)^(nu - 1) from `from` to pi/2, where cos is 0. */
static double tail(double nu, double from)
{
	double step = (acos(0) - from) / STEPS, sum = pow(cos(from), nu - 1);

	for (int i = 1; i < STEPS; i++)
		sum += (i % 2 ? 4 : 2) * pow(cos(from + i * step), nu - 1);
	return (sum + (nu > 1 ? 0 : 1)) * step / 3;
}

/*
 * Return the two-sided p-value of t in Student's distribution with nu degrees of freedom.
 * Substituting t = sqrt(nu) tan(x) makes the density proportional to cos(x)^(nu - 1).
 */
static double student(double t, double nu)
{
	return tail(nu, atan(fabs(t) / sqrt(nu))) / tail(nu, 0);
}

double hst_mean(const double *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i];
	return n ? sum / (double)n : 0;
}

/* Return the variance of the mean of x. */
static double variance(const double *x, size_t n)
{
	double mean = hst_mean(x, n), sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (x[i] - mean) * (x[i] - mean);
	return sum / (double)(n - 1) / (double)n;
}

double hst_welch(const double *a, size_t n, const double *b, size_t m)
{
	double va, vb, difference = hst_mean(a, n) - hst_mean(b, m), nu;

	if (n < 2 || m < 2)
		return 1;
	va = variance(a, n);
	vb = variance(b, m);
	if (va + vb <= 1e-20 * difference * difference || va + vb == 0)
		return difference == 0 ? 1 : 0; /* runs that repeat exactly */
	nu = (va + vb) * (va + vb) / (va * va / (double)(n - 1) + vb * vb / (double)(m - 1));
	return student(difference / sqrt(va + vb), nu);
}

static int ascending(const void *a, const void *b)
{
	double x = **(double *const *)a, y = **(double *const *)b;

	return x < y ? -1 : x > y;
}

void hst_holm(double **p, size_t n)
{
	double least = 0;

	if (n)
		qsort(p, n, sizeof(*p), ascending);
	for (size_t i = 0; i < n; i++) {
		double adjusted = *p[i] * (double)(n - i);

		least = adjusted > least ? adjusted : least;
		*p[i] = least < 1 ? least : 1;
	}
}
