# SPDX-License-Identifier: MIT
#
# numbers.sh - the row of numbers that lab 1's guest makes (tree/tests/guest/tools.c.in).

numbers()	# N: the N-th number of the variant's seed, from 1 on
{
	python3 -c '
import sys
number, times = (int(word, 0) for word in sys.argv[1:])
for _ in range(times):
    number = (number * 6364136223846793005 + 1442695040888963407) % (1 << 64)
print(number >> 32)' "$(variant seed)" "$1"
}
