# SPDX-License-Identifier: MIT
#
# numbers.sh - the sequence of numbers that lab 1's guest computes (tree/tests/guest/tools.c.in)

numbers()	# N: print the N-th number (counted from 1) computed from the variant's seed
{
	python3 -c '
import sys
number, times = (int(word, 0) for word in sys.argv[1:])
for _ in range(times):
    number = (number * 6364136223846793005 + 1442695040888963407) % (1 << 64)
print(number >> 32)' "$(variant seed)" "$1"
}
