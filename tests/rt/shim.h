// SPDX-License-Identifier: MIT
/* shim.h - included first in the files of src/guest: the build machine's assembler accepts `wfi`. */
__asm__(".macro wfi\n"
	".endm\n");
