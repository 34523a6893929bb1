// SPDX-License-Identifier: MIT
/*
 * vmm.h - declarations that the files of the VMM share: one virtual machine and its parts.
 *
 * The VMM is an ordinary Linux program with one thread for each vCPU and each disk, one for the
 * console, and the main thread, which boots the machine, waits until something stops it, and
 * boots it again after a reboot. --save-at and --doorbell add one thread each. The VMM runs
 * unchanged on Linux KVM and on hyperscope.
 *
 * Locks, outermost first: virtio io_lock, console's in_lock > device lock (uart, virtio, device.def) >
 * plic > console's lock.
 * No other lock is taken while the machine's lock is held.
 */
#ifndef VMM_H
#define VMM_H

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>
#include <sys/ioctl.h>
#include <errno.h>
#include <linux/kvm.h>
#include "irqchip.h"
#include "lock.h"
#include "platform.h"

/* The VMM's exit status, unless the guest chooses one itself (finisher code). See --help. */
enum exit_status {
	STATUS_POWEROFF = 0,
	STATUS_USAGE = 100,    /* wrong options */
	STATUS_SETUP = 101,    /* a file was unusable, memory ran out, or KVM returned an error */
	STATUS_VCPU = 102,     /* a vCPU cannot continue */
	STATUS_PANIC = 103,    /* the guest reported that it crashed */
	STATUS_WATCHDOG = 104, /* a vCPU only takes faults in its own trap handler */
	STATUS_SANDBOX = 105,  /* the VMM made a system call that its sandbox refuses */
};

struct options {
	unsigned int vcpus;
	bool pin; /* pin each vCPU's thread to one processor */
	u64 ram_size;
	bool small_pages, mergeable, populate;
	const char *image;
	const char *initrd;
	const char *append;
	const char *dump_dtb;
	const char *sbi; /* the checked list of --sbi, or NULL */
	bool nested;     /* give the guest the H extension */
	bool linux_6_12; /* give the VM only what Linux 6.12 knows */
	const char *disks[MAX_DISKS];
	unsigned int nr_disks;
	bool no_ioeventfd;
	unsigned int watchdog; /* seconds; 0 is off */
	bool quiet;
	bool input;
	const char *save;         /* --save, or NULL */
	unsigned int save_rounds; /* maximum number of rounds before the guest is stopped */
	unsigned int save_at;     /* ms after the start; 0: --save-at was not given */
	const char *save_on;      /* save when the guest prints this, or NULL */
	const char *restore;      /* --restore, or NULL */
	bool device[NR_DEVICES];  /* by row of device.def */
	bool no_sandbox;
	bool markers;
	bool stats;                        /* print KVM's counters at the end */
	const struct irqchip_ops *irqchip; /* --irqchip, or NULL */
};

struct virtio_device; /* virtio.h */

/* ---- message.c: messages on standard error, each after the guest's output so far ---- */

extern bool quiet;
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);
__attribute__((format(printf, 1, 2))) void inform(const char *format, ...);
__attribute__((format(printf, 1, 2))) void guest_error(const char *format, ...);
void guest_reboots(void);
__attribute__((format(printf, 2, 3), noreturn)) void die(enum exit_status status,
							 const char *format, ...);

/* ---- sandbox.c ---- */

/* Call first of all: closes inherited descriptors but 0 to 2 and limits what malloc() does. */
void sandbox_prepare(void);
/*
 * Empty the capability bounding set, so that execve() would give no capabilities. Called before
 * the first thread is created: threads inherit the set. Only a VMM with CAP_SETPCAP can do this.
 */
void sandbox_begin(void);
/*
 * Start a thread without capabilities: fn(arg). Called by the main thread only. Returns 0 or an
 * errno.
 */
int thread_create(pthread_t *thread, void *(*fn)(void *), void *arg);
/*
 * Give up all rights that are not needed while the guest runs, for all threads. Called when the
 * machine is complete and the vCPUs are parked.
 */
void sandbox_enter(struct machine *m);

/* ---- kvm.c ---- */

/* For an ioctl that has to succeed: if it fails, print the ioctl's name and errno, and die. */
#define kvm_call(fd, request, arg) kvm_call_named(fd, request, #request, (unsigned long)(arg))
int kvm_call_named(int fd, unsigned long request, const char *name, unsigned long arg);
static inline int kvm_try(int fd, unsigned long request, unsigned long arg) /* or -errno */
{
	int result = ioctl(fd, request, arg);

	return result < 0 ? -errno : result;
}

void kvm_open(struct machine *m);
int kvm_capability(const struct machine *m, unsigned int capability);

/*
 * Register ids (type, subtype, index) without the size, for registers as wide as an unsigned long.
 */
#define REG_CONFIG(name) (KVM_REG_RISCV_CONFIG | KVM_REG_RISCV_CONFIG_REG(name))
#define REG_CORE(index)  (KVM_REG_RISCV_CORE | (index))
#define REG_CSR(index)   (KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_GENERAL | (index))
#define REG_ISA(ext)     (KVM_REG_RISCV_ISA_EXT | KVM_REG_RISCV_ISA_SINGLE | (ext))
/*
 * Later than Linux 6.12's headers: extension Zicbop, and its register in struct kvm_riscv_config.
 */
#define ISA_ZICBOP                   71
#define REG_CONFIG_ZICBOP_BLOCK_SIZE (KVM_REG_RISCV_CONFIG | 7)
#define REG_SBI(ext)                 (KVM_REG_RISCV_SBI_EXT | KVM_REG_RISCV_SBI_SINGLE | (ext))
int kvm_get_reg(int vcpu_fd, u64 reg, unsigned long *value);
int kvm_set_reg(int vcpu_fd, u64 reg, unsigned long value);
/* The timer's registers are 64 bits wide on every XLEN. */
int kvm_get_timer(int vcpu_fd, unsigned int index, u64 *value);
int kvm_set_timer(int vcpu_fd, unsigned int index, u64 value);

/*
 * Registers of any width, by the ids of KVM_GET_REG_LIST. kvm_list_regs() returns -E2BIG if `list`
 * is too short.
 */
int kvm_get_any_reg(int vcpu_fd, u64 id, void *value);
int kvm_set_any_reg(int vcpu_fd, u64 id, const void *value);
int kvm_list_regs(int vcpu_fd, struct kvm_reg_list *list);
int kvm_set_mp_state(int vcpu_fd, u32 state);

/* ---- clock.c ---- */

u64 clock_now(void); /* the host's time, in ticks */

/* ---- bus.c: the devices by address ---- */

struct region {
	const char *name;
	gpa_t base;
	u64 size;
	void *device;
	u64 (*read)(void *device, u64 offset, unsigned int len);
	void (*write)(void *device, u64 offset, u64 value, unsigned int len);
};

#define BUS_REGIONS (4 + NR_DEVICES + MAX_DISKS)

struct bus {
	struct region regions[BUS_REGIONS];
	unsigned int nr_regions;
};

void bus_add(struct bus *bus, const struct region *region);
u64 bus_read(struct bus *bus, gpa_t gpa, unsigned int len);
void bus_write(struct bus *bus, gpa_t gpa, u64 value, unsigned int len);
/*
 * Call `seen` for every access from now on; for a write, call it before the device gets the value.
 * bus_watch() may be called once, after all devices have been added and before any vCPU runs.
 */
typedef void bus_watcher(const struct region *region, u64 offset, bool write, unsigned int len,
			 u64 value);
void bus_watch(struct bus *bus, bus_watcher *seen);

/* ---- marker.c: the VMM's events in the host's trace ---- */

extern bool markers_on;                /* does not change while a vCPU runs */
void markers_start(struct machine *m); /* --markers; dies if trace_marker cannot be opened */
/* Write one event if markers are on. May be called from any thread. */
__attribute__((format(printf, 1, 2))) void marker(const char *format, ...);

/* ---- console.c: the VMM's standard input and output as the guest's terminal ---- */

#define SAVE_ON_MAX 255 /* bytes of --save-on */

void console_start(struct machine *m);
void console_listen(void); /* when the machine starts or resumes */
void console_drain(void);  /* wait until the input read before the machine stopped is in the ring */
void console_restore_terminal(void);
void console_reset(void);
void console_write(const void *text, size_t len);
void console_flush(void);
bool console_has_input(void);
int console_read(void); /* a byte or -1 */

/* ---- uart.c ---- */

struct uart {
	struct machine *machine;
	struct lock lock;
	u8 ier, fcr, lcr, mcr, scr, dll, dlm;
	bool thre_pending; /* "transmitter empty" has not been read from IIR yet */
	bool irq;          /* the line, as last reported to the PLIC */
};

void uart_init(struct uart *uart, struct machine *m);
void uart_reset(struct uart *uart);
void uart_input_arrived(struct uart *uart);
/* Set the interrupt line from the restored registers and the restored input. */
void uart_restored(struct uart *uart);

/* ---- syscon.c: power off, reset, exit code ---- */

void syscon_init(struct machine *m);

/* ---- the devices of device.def, each in its own file ---- */

#define DEVICE(name, NAME, base, size, irq, help) void name##_init(struct machine *m);
#include "device.def"
#undef DEVICE

/* ---- load.c, fdt.c ---- */

struct layout {
	gpa_t entry;
	gpa_t kernel_end;
	gpa_t initrd, initrd_end; /* equal if there is no initrd */
	gpa_t dtb;
};

#define DTB_MAX (128 * 1024)

/* Open the guest's files; die if one cannot be opened. */
void load_open(const struct machine *m);
void load_guest(struct machine *m, struct layout *layout);
/* Bytes for the device tree. With 64 vCPUs of `-cpu max`, it has 74 KiB. */
unsigned int dtb_room(const struct machine *m);
/* Build the device tree in `buffer`, which has dtb_room() bytes. Returns its length. */
size_t fdt_build(struct machine *m, const struct layout *layout, void *buffer);

/* ---- vcpu.c, registers.c, sbi.c ---- */

/* The registers that the watchdog checks. */
struct trap_sample {
	unsigned long pc, stvec, sepc, scause, stval;
};

struct vcpu {
	struct machine *machine;
	unsigned int id;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	bool parked;         /* under the machine's lock */
	bool parked_stopped; /* HSM had stopped it when it was parked */
	atomic_bool sample_wanted;
	atomic_uint suspicions; /* consecutive samples with the same fault in the trap handler */
	struct trap_sample sample;
	bool stval_changed; /* by the watchdog, after `sample` */
};

void vcpu_create(struct vcpu *vcpu, struct machine *m, unsigned int id);
void vcpu_start_thread(struct vcpu *vcpu);
void vcpu_kick(struct vcpu *vcpu);

/* state_vcpu.c: registers that --linux-6.12 hides from the guest and leaves out of saved files */
bool register_is_hidden(const struct vcpu *vcpu, u64 id);
void vcpu_hide_extensions(struct vcpu *vcpu); /* before the vCPU first runs */

void registers_reset(struct vcpu *vcpu, gpa_t entry, gpa_t dtb);
void registers_dump(struct vcpu *vcpu);
void registers_sample(const struct vcpu *vcpu, struct trap_sample *sample);
void registers_set_stval(const struct vcpu *vcpu, unsigned long stval);

void sbi_handle(struct vcpu *vcpu);
/* sbi_list.c */
const char *sbi_parse_list(const char *list); /* returns the list; dies if it is invalid */
void sbi_apply_list(struct vcpu *vcpu);       /* before the vCPU first runs */

/* ---- watchdog.c ---- */

void watchdog_sample(struct vcpu *vcpu);
void watchdog_forget(struct vcpu *vcpu); /* before the vCPU parks */
void watchdog_tick(struct machine *m);
#define WATCHDOG_SAMPLES 4 /* per period */

/* ---- stats.c ---- */

void stats_print(const struct machine *m); /* all vCPUs are parked */

/* ---- machine.c ---- */

enum stop_reason {
	STOP_NONE,
	STOP_POWEROFF, /* also by the finisher, with any exit code */
	STOP_REBOOT,
	STOP_VCPU, /* this reason and the next two cause a register dump */
	STOP_PANIC,
	STOP_WATCHDOG,
	STOP_QUIT, /* the user, or a signal */
	STOP_SAVE,
};

struct machine {
	struct options options;
	int kvm_fd, vm_fd;
	bool can_reset; /* KVM_MP_STATE_INIT_RECEIVED resets a vCPU */
	u8 *ram;
	u64 ram_size;
	struct bus bus;
	const struct irqchip_ops *irqchip;
	struct plic plic;
	struct aia aia;
	struct uart uart;
	struct virtio_device *disks[MAX_DISKS];
	struct vcpu vcpus[MAX_VCPUS];

	sem_t wake; /* the main thread sleeps here */
	pthread_mutex_t lock;
	pthread_cond_t parked, resumed;
	atomic_bool stopping; /* changed under the lock */
	enum stop_reason stop_reason;
	int stop_status;

	bool save_dropped; /* the machine was stopped for a save, and then for another reason */
	atomic_bool save_wanted;
	atomic_bool disks_held;        /* the main thread has, or waits for, the disks' io_locks */
	u64 saved_time;                /* the guest's clock when the guest was stopped */
	_Atomic(struct dirty *) dirty; /* where devices' writes are logged, or NULL */
};

void machine_create(struct machine *m);
int machine_run(struct machine *m);
void machine_stop(struct machine *m, enum stop_reason reason, int status);
void machine_vcpu_park(struct vcpu *vcpu);
/* Has the machine been stopped? Stops it if a signal asks for this. Called by the main thread. */
bool machine_ends(struct machine *m);

/*
 * Return the VMM's address of the `len` bytes of guest memory at gpa, or NULL if not all are RAM.
 */
void *machine_ram(struct machine *m, gpa_t gpa, u64 len);
/* Switch KVM's log of the vCPUs' writes on or off. Returns 0 or -errno. */
int machine_log_writes(struct machine *m, bool on);

/* ---- dirty.c, save.c, restore.c; the rest of --save is in state.h ---- */

void machine_wrote(struct machine *m, const void *at, u64 len); /* log a device's write */

struct stat;
bool is_same_file(const struct stat *one, const struct stat *other); /* save_file.c */
void save_check(const struct options *options);
void save_start_alarm(struct machine *m);
/*
 * Request a save, which begins when the machine runs: if it is just stopped, for example to reboot,
 * when it runs again. Any thread, also in a signal handler.
 */
static inline void save_later(struct machine *m)
{
	atomic_store(&m->save_wanted, true);
	sem_post(&m->wake);
}
void save_request(struct machine *m);
void save_live(struct machine *m);
bool save_finish(struct machine *m);
void save_give_up(struct machine *m, const char *why);
void save_abandon(struct machine *m);
void restore_open(struct options *options);
void restore(struct machine *m);

#endif
