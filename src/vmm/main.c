// SPDX-License-Identifier: MIT
/*
 * main.c - the command line.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "vmm.h"

#define NOT_GIVEN UINT_MAX /* --save-rounds */

static const char help[] =
	"usage: vmm [options] IMAGE\n"
	"\n"
	"Run IMAGE, a RISC-V Image (Linux, or any flat binary with an Image header), in a virtual\n"
	"machine, through /dev/kvm. The console is standard input and output.\n"
	"\n"
	"  --vcpus N            virtual harts, 1 to 64 (1)\n"
	"  --pin                pin the Nth vCPU to the Nth processor that the VMM may use,\n"
	"                       wrapping around\n"
	"  --memory SIZE        guest memory, with K, M, G or T (512M)\n"
	"  --small-pages        back it with 4 KiB pages (MADV_NOHUGEPAGE), for measurements\n"
	"  --mergeable          let Linux merge equal pages of it (KSM: MADV_MERGEABLE)\n"
	"  --populate           allocate all guest memory before the guest starts\n"
	"  --initrd FILE        initial RAM disk\n"
	"  --append STRING      kernel command line (console=ttyS0)\n"
	"  --disk FILE          add a raw disk, file or block device; the first is /dev/vda, the\n"
	"                       next vdb, ...; may be repeated\n"
	"  --irqchip NAME       the interrupt controller: user_plic (in the VMM), kernel_plic,\n"
	"                       aia_emul, aia_hwaccel or aia_direct; a host with a toggle\n"
	"                       'irqchip' sets the default (user_plic)\n"
	"  --no-ioeventfd       notify disks by an exit to the VMM, for measurements\n"
	"  --watchdog SECONDS   end a guest that only faults in its trap handler (10; 0: never)\n"
	"  --no-sandbox         allow the VMM every system call while the guest runs, for\n"
	"                       measurements and debugging\n"
	"  --no-console-input   do not read standard input\n"
	"  --dump-dtb FILE      save the guest's device tree (not with --restore)\n"
	"  --sbi LIST           SBI extensions to enable, or with - to disable: susp,fwft,-time\n"
	"  --nested             give the guest the H extension, for guests of its own\n"
	"  --linux-6.12         give the VM only extensions that KVM of Linux 6.12 knows, so that\n"
	"                       it can be saved and restored there\n"
	"  --save FILE          save the machine on request (SIGUSR2, Ctrl-A S, the test device)\n"
	"                       and exit; FILE may be a block device\n"
	"  --save-at MS         ... also MS milliseconds after the start\n"
	"  --save-on TEXT       ... also when the guest prints TEXT within a line\n"
	"  --save-rounds N      write memory in at most N rounds while the guest runs (8; 0: stop\n"
	"                       the guest first)\n"
	"  --restore FILE       resume a saved machine, with the same disks; IMAGE, --initrd and\n"
	"                       --append are used only for a reboot\n"
	"  --markers            write device events to the host's trace (trace_marker)\n"
	"  --stats              at the end, print KVM's counters of exits, summed over all vCPUs:\n"
	"                       lines 'vmm: counter NAME N' on standard error\n"
	"  --quiet              print only the guest's output and errors\n"
	"  --help               print this help\n";

static const struct {
	const char *name, *help;
} devices[] = {
#define DEVICE(name, NAME, base, size, irq, help) { #name, help },
#include "device.def"
#undef DEVICE
};

static const char help_end[] =
	"\n"
	"On a terminal, Ctrl-A X ends the machine, Ctrl-A S saves it, Ctrl-A Ctrl-A sends Ctrl-A.\n"
	"\n"
	"Exit status:\n"
	"  0    the guest powered off or was saved, or Ctrl-A X\n"
	"  N    the guest wrote (N << 16) | 0x3333 to its test finisher at 0x100000\n"
	"  100  wrong options\n"
	"  101  a file could not be used, memory could not be allocated, or KVM failed\n"
	"  102  a vCPU cannot continue; the registers are printed\n"
	"  103  the guest reported a crash (kernel panic, SBI shutdown because of a failure)\n"
	"  104  the watchdog ended the guest\n"
	"  105  the sandbox refused a system call of the VMM\n"
	"  128+ a signal ended the VMM\n";

enum {
	OPT_VCPUS = 1,
	OPT_PIN,
	OPT_MEMORY,
	OPT_SMALL_PAGES,
	OPT_MERGEABLE,
	OPT_POPULATE,
	OPT_INITRD,
	OPT_APPEND,
	OPT_DISK,
	OPT_IRQCHIP,
	OPT_NO_IOEVENTFD,
	OPT_WATCHDOG,
	OPT_NO_SANDBOX,
	OPT_NO_INPUT,
	OPT_DUMP_DTB,
	OPT_SBI,
	OPT_NESTED,
	OPT_LINUX_6_12,
	OPT_SAVE,
	OPT_SAVE_AT,
	OPT_SAVE_ON,
	OPT_SAVE_ROUNDS,
	OPT_RESTORE,
	OPT_MARKERS,
	OPT_STATS,
	OPT_QUIET,
	OPT_HELP,
	/* Former names; without them, getopt_long() would take --mem as short for --memory. */
	OPT_OLD_SMP,
	OPT_OLD_MEM,
	OPT_DEVICE, /* plus DEVICE_name: one for each row of device.def */
};

static const struct option long_options[] = {
	{ "vcpus", required_argument, NULL, OPT_VCPUS },
	{ "pin", no_argument, NULL, OPT_PIN },
	{ "memory", required_argument, NULL, OPT_MEMORY },
	{ "small-pages", no_argument, NULL, OPT_SMALL_PAGES },
	{ "mergeable", no_argument, NULL, OPT_MERGEABLE },
	{ "populate", no_argument, NULL, OPT_POPULATE },
	{ "initrd", required_argument, NULL, OPT_INITRD },
	{ "append", required_argument, NULL, OPT_APPEND },
	{ "disk", required_argument, NULL, OPT_DISK },
	{ "irqchip", required_argument, NULL, OPT_IRQCHIP },
	{ "no-ioeventfd", no_argument, NULL, OPT_NO_IOEVENTFD },
	{ "watchdog", required_argument, NULL, OPT_WATCHDOG },
	{ "no-sandbox", no_argument, NULL, OPT_NO_SANDBOX },
	{ "no-console-input", no_argument, NULL, OPT_NO_INPUT },
	{ "dump-dtb", required_argument, NULL, OPT_DUMP_DTB },
	{ "sbi", required_argument, NULL, OPT_SBI },
	{ "nested", no_argument, NULL, OPT_NESTED },
	{ "linux-6.12", no_argument, NULL, OPT_LINUX_6_12 },
	{ "save", required_argument, NULL, OPT_SAVE },
	{ "save-at", required_argument, NULL, OPT_SAVE_AT },
	{ "save-on", required_argument, NULL, OPT_SAVE_ON },
	{ "save-rounds", required_argument, NULL, OPT_SAVE_ROUNDS },
	{ "restore", required_argument, NULL, OPT_RESTORE },
	{ "markers", no_argument, NULL, OPT_MARKERS },
	{ "stats", no_argument, NULL, OPT_STATS },
#define DEVICE(name, NAME, base, size, irq, help) \
	{ #name, no_argument, NULL, OPT_DEVICE + DEVICE_##name },
#include "device.def"
#undef DEVICE
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "smp", required_argument, NULL, OPT_OLD_SMP },
	{ "mem", required_argument, NULL, OPT_OLD_MEM },
	{ 0 },
};

static u64 parse_number(const char *text, const char *option, char **end)
{
	u64 value;

	errno = 0;
	value = strtoull(text, end, 0);
	if (errno == ERANGE)
		die(STATUS_USAGE, "%s %s: too large", option, text);
	if (*end == text || text[0] == '-' || errno)
		die(STATUS_USAGE, "%s %s: not a number, or negative", option, text);
	return value;
}

static unsigned int parse_count(const char *text, const char *option, u64 min, u64 max)
{
	char *end;
	u64 value = parse_number(text, option, &end);

	if (*end)
		die(STATUS_USAGE, "%s %s: not a number", option, text);
	if (value < min || value > max)
		die(STATUS_USAGE, "%s %s: must be %llu to %llu", option, text,
		    (unsigned long long)min, (unsigned long long)max);
	return (unsigned int)value;
}

static u64 parse_size(const char *text, const char *option)
{
	static const char units[] = "KMGT";
	char *end;
	u64 value = parse_number(text, option, &end);
	const char *unit = *end && *end != ' ' ? strchr(units, *end & ~0x20) : NULL;

	if (*end && (!unit || end[1]))
		die(STATUS_USAGE, "%s %s: not a size, such as 512M; units are K, M, G, T", option,
		    text);
	for (; unit && unit >= units; unit--) {
		if (value > ULLONG_MAX / 1024)
			die(STATUS_USAGE, "%s %s: too large", option, text);
		value *= 1024;
	}
	if (value < RAM_MIN || !IS_ALIGNED(value, SZ_4K))
		die(STATUS_USAGE, "%s %s: must be at least 1M and a multiple of 4K", option, text);
	if (value > RAM_MAX)
		die(STATUS_USAGE, "%s %s: too large", option, text);
	return value;
}

static void add_disk(struct options *options, const char *path)
{
	if (options->nr_disks == MAX_DISKS)
		die(STATUS_USAGE, "--disk %s: too many disks; at most %d are possible", path,
		    MAX_DISKS);
	options->disks[options->nr_disks++] = path;
}

static __attribute__((noreturn)) void show_help(void)
{
	fputs(help, stdout);
	for (unsigned int i = 0; i < NR_DEVICES; i++)
		printf("  --%-18s %s\n", devices[i].name, devices[i].help);
	fputs(help_end, stdout);
	exit(STATUS_POWEROFF);
}

/* Return the member that an option without a value sets, or NULL. */
static bool *flag_of(struct options *options, int option)
{
	switch (option) {
	case OPT_PIN:
		return &options->pin;
	case OPT_SMALL_PAGES:
		return &options->small_pages;
	case OPT_MERGEABLE:
		return &options->mergeable;
	case OPT_POPULATE:
		return &options->populate;
	case OPT_NO_IOEVENTFD:
		return &options->no_ioeventfd;
	case OPT_NO_SANDBOX:
		return &options->no_sandbox;
	case OPT_LINUX_6_12:
		return &options->linux_6_12;
	case OPT_NESTED:
		return &options->nested;
	case OPT_MARKERS:
		return &options->markers;
	case OPT_STATS:
		return &options->stats;
	case OPT_QUIET:
		return &options->quiet;
	default:
		return option >= OPT_DEVICE ? &options->device[option - OPT_DEVICE] : NULL;
	}
}

static void parse_option(struct options *options, int option)
{
	bool *flag = flag_of(options, option);

	if (flag)
		*flag = true;
	switch (option) {
	case OPT_VCPUS:
		options->vcpus = parse_count(optarg, "--vcpus", 1, MAX_VCPUS);
		break;
	case OPT_MEMORY:
		options->ram_size = parse_size(optarg, "--memory");
		break;
	case OPT_INITRD:
		options->initrd = optarg;
		break;
	case OPT_APPEND:
		options->append = optarg;
		break;
	case OPT_DISK:
		add_disk(options, optarg);
		break;
	case OPT_IRQCHIP:
		options->irqchip = irqchip_parse(optarg);
		break;
	case OPT_WATCHDOG:
		options->watchdog = parse_count(optarg, "--watchdog", 0, 1000000);
		break;
	case OPT_NO_INPUT:
		options->input = false;
		break;
	case OPT_DUMP_DTB:
		options->dump_dtb = optarg;
		break;
	case OPT_SBI:
		options->sbi = sbi_parse_list(optarg);
		break;
	case OPT_SAVE:
		if (!*optarg)
			die(STATUS_USAGE, "--save: the name of FILE is empty");
		options->save = optarg;
		break;
	case OPT_SAVE_AT:
		options->save_at = parse_count(optarg, "--save-at", 1, 1000000000);
		break;
	case OPT_SAVE_ON:
		if (!*optarg || strlen(optarg) > SAVE_ON_MAX || strpbrk(optarg, "\r\n"))
			die(STATUS_USAGE,
			    "--save-on: TEXT must be a part of one line, 1 to %d bytes",
			    SAVE_ON_MAX);
		options->save_on = optarg;
		break;
	case OPT_SAVE_ROUNDS:
		options->save_rounds = parse_count(optarg, "--save-rounds", 0, 1000);
		break;
	case OPT_RESTORE:
		options->restore = optarg;
		break;
	case OPT_OLD_SMP:
		die(STATUS_USAGE, "unknown option --smp; its name is now --vcpus");
	case OPT_OLD_MEM:
		die(STATUS_USAGE, "unknown option --mem; its name is now --memory");
	case OPT_HELP:
		show_help();
	}
}

/* Refuse what follows IMAGE. For an option, show its value too, if it has one. */
static void refuse_rest(const char *image, char **rest)
{
	bool value = rest[1] && rest[1][0] != '-';

	if (rest[0][0] == '-')
		die(STATUS_USAGE, "%s%s%s comes after IMAGE %s; put every option before IMAGE",
		    rest[0], value ? " " : "", value ? rest[1] : "", image);
	die(STATUS_USAGE, "only one IMAGE is allowed: unexpected %s after %s", rest[0], image);
}

static void parse_command_line(struct options *options, int argc, char **argv)
{
	int option, at;

	opterr = 0;
	while (at = optind, (option = getopt_long(argc, argv, "+:", long_options, NULL)) != -1) {
		if (option == ':')
			die(STATUS_USAGE, "%s needs a value", argv[at]);
		if (option == '?' && strchr(argv[at], '='))
			die(STATUS_USAGE, "%s: unknown option, or one without a value; see --help",
			    argv[at]);
		if (option == '?')
			die(STATUS_USAGE, "unknown option %s; see --help", argv[at]);
		parse_option(options, option);
	}
	if (optind == argc && !options->restore)
		die(STATUS_USAGE, "no IMAGE given; see --help");
	if (optind + 1 < argc)
		refuse_rest(argv[optind], argv + optind + 1);
	options->image = argv[optind];
	if (options->restore && options->sbi)
		die(STATUS_USAGE, "--sbi cannot be used with --restore");
	if (options->restore && options->nested)
		die(STATUS_USAGE, "--nested cannot be used with --restore: the file determines it");
	if (options->restore && options->initrd && !options->image)
		die(STATUS_USAGE,
		    "--initrd is used only for a reboot after --restore, which needs an IMAGE");
	if (options->restore && options->dump_dtb)
		die(STATUS_USAGE, "--dump-dtb cannot be used with --restore");
	if (options->linux_6_12 && options->sbi)
		die(STATUS_USAGE, "--sbi cannot be used with --linux-6.12");
	if (options->linux_6_12 && options->nested)
		die(STATUS_USAGE,
		    "--nested cannot be used with --linux-6.12, whose KVM has no H extension");
	if ((options->save_at || options->save_on || options->save_rounds != NOT_GIVEN) &&
	    !options->save)
		die(STATUS_USAGE, "--save-at, --save-on and --save-rounds need --save FILE");
}

static bool name_same_file(const char *one, const char *other)
{
	struct stat st, of_other;

	return one && other && stat(one, &st) == 0 && stat(other, &of_other) == 0 &&
	       is_same_file(&st, &of_other);
}

/* Refuse to write `path`, for the option with this value, if it is a file that the machine uses. */
static void refuse_used_file(const struct options *options, const char *path, const char *option,
			     const char *value)
{
	bool used = name_same_file(path, options->image) || name_same_file(path, options->initrd);

	for (unsigned int i = 0; i < options->nr_disks; i++)
		used |= name_same_file(path, options->disks[i]);
	if (used)
		die(STATUS_USAGE,
		    "%s %s: %s is the machine's IMAGE, initrd or disk; name another file", option,
		    value, path);
}

static void refuse_same_file(const struct options *options, const char *path, const char *other,
			     const char *other_path)
{
	bool same = other_path && !strcmp(path, other_path); /* also if it does not exist yet */

	if (same || name_same_file(path, other_path))
		die(STATUS_USAGE, "--save %s: %s is the file of %s; name another file",
		    options->save, path, other);
}

/*
 * FILE.part is written, too, and is removed or renamed at the end. The file of --restore may be saved
 * to again, because it is read completely before FILE is replaced. FILE.part exists when it is
 * compared with the file of --dump-dtb, which is written later.
 */
static void open_save_file(const struct options *options)
{
	char part[4096]; /* save_check() refuses a longer name */

	snprintf(part, sizeof(part), "%s.part", options->save);
	refuse_used_file(options, options->save, "--save", options->save);
	refuse_used_file(options, part, "--save", options->save);
	refuse_same_file(options, part, "--restore", options->restore);
	save_check(options);
	refuse_same_file(options, options->save, "--dump-dtb", options->dump_dtb);
	refuse_same_file(options, part, "--dump-dtb", options->dump_dtb);
}

/*
 * Refuse unusable files of --save and --restore. If --vcpus, --memory or a device was not given,
 * use the restored machine's; without --restore, use the defaults.
 */
static void complete_options(struct options *options)
{
	refuse_used_file(options, options->dump_dtb, "--dump-dtb", options->dump_dtb);
	if (options->save)
		open_save_file(options);
	if (options->restore)
		restore_open(options);
	if (options->save_rounds == NOT_GIVEN)
		options->save_rounds = 8;
	if (!options->vcpus)
		options->vcpus = 1;
	if (!options->ram_size)
		options->ram_size = 512 * MIB;
}

int main(int argc, char **argv)
{
	static struct machine machine = {
		.options = {
			.save_rounds = NOT_GIVEN,
			.append = "console=ttyS0",
			.watchdog = 10,
			.input = true,
		},
	};

	sandbox_prepare();
	parse_command_line(&machine.options, argc, argv);
	quiet = machine.options.quiet;
	complete_options(&machine.options);
	if (!machine.options.no_sandbox)
		sandbox_begin();
	machine_create(&machine);
	return machine_run(&machine);
}
