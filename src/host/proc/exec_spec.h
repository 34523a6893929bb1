// SPDX-License-Identifier: MIT
/*
 * exec_spec.h - the program that the launcher asks the host to run: the contents of /.hs/exec.
 *
 * exec_file.c reads the file, the file layer opens the three standard files that /.hs/exec names,
 * and process.c starts the program. All strings live as long as the host.
 */
#ifndef HOST_EXEC_SPEC_H
#define HOST_EXEC_SPEC_H

#include "hv/types.h"

#define EXEC_SPEC_STRINGS 512 /* maximum number of arguments, and of environment strings */

struct exec_spec {
	int argc, envc;
	char *argv[EXEC_SPEC_STRINGS + 1]; /* NULL-terminated; argv[0] is the program's path */
	char *envp[EXEC_SPEC_STRINGS + 1];
	/* port "hs.0" …, "file:/path", "null", "console": the UART, or "log": lines of the log */
	const char *stdio[3];
	bool tty[3];             /* whether this standard file is the launcher's terminal */
	unsigned int rows, cols; /* size of the launcher's terminal; 0: unknown */
	const char *cwd;
	bool from_file; /* /.hs/exec exists; otherwise run /init on the console */
};

/*
 * exec_file.c: read /.hs/exec or, if there is no such file, fill in /init on the console. Returns 0
 * or -errno; if the contents are malformed, this is logged.
 */
int exec_spec_read(struct exec_spec *spec);

#endif
