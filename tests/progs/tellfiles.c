// SPDX-License-Identifier: MIT
/*
 * tellfiles.c - print the arguments, environment, files and terminal that a program gets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static void tell_terminal(void)
{
	struct winsize size;
	struct termios mode;

	if (!ioctl(0, TIOCGWINSZ, &size))
		printf("window %dx%d\n", size.ws_row, size.ws_col);
	if (!tcgetattr(0, &mode))
		printf("canonical %d echo %d\n", !!(mode.c_lflag & ICANON),
		       !!(mode.c_lflag & ECHO));
}

static void tell_file(const char *path)
{
	char text[128] = "";
	FILE *file = fopen(path, "r");

	if (!file) {
		printf("file %s: none\n", path);
		return;
	}
	if (!fgets(text, sizeof(text), file))
		strcpy(text, "(empty)");
	text[strcspn(text, "\n")] = 0;
	printf("file %s: %s\n", path, text);
	fclose(file);
}

int main(int argc, char **argv)
{
	const char *path = getenv("HS_FILE");

	for (int i = 0; i < argc; i++)
		printf("argv[%d]=%s\n", i, argv[i]);
	for (int fd = 0; fd < 3; fd++)
		printf("isatty(%d)=%d\n", fd, isatty(fd));
	printf("HS_WORD=%s\n", getenv("HS_WORD") ? getenv("HS_WORD") : "(unset)");
	if (path)
		tell_file(path);
	if (isatty(0))
		tell_terminal();
	fprintf(stderr, "to stderr\n");
	return 0;
}
