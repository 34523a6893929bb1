// SPDX-License-Identifier: MIT
/*
 * vmm.h - declarations that the files of the VMM share: one virtual machine and its parts.
 *
 * The VMM is an ordinary Linux program with one thread for each vCPU and each disk, one for the
 * console, and the main thread, which boots the machine, waits until something stops it, and
 * boots it again after a reboot. --save-at and --doorbell add one thread each. The VMM runs
 * unchanged on Linux KVM and on hyperscope.
 *
 * Locks, outermost first: virtio io_lock > device lock (uart, virtio, device.def) > plic > console.
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
#include <stdint.h>
#include <sys/uio.h>
#include <sys/ioctl.h>
#include <errno.h>
#include <linux/kvm.h>
#include "lock.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef u64 gpa_t;

#define ARRAY_SIZE(a)    (sizeof(a) / sizeof((a)[0]))
#define ALIGN_UP(x, a)   (((x) + (a)-1) & ~((u64)(a)-1))
#define ALIGN_DOWN(x, a) ((x) & ~((u64)(a)-1))
#define IS_ALIGNED(x, a) (((x) & ((u64)(a)-1)) == 0)
#define SZ_4K            0x1000ul
#define SZ_2M            0x200000ul
#define MIB              0x100000ul

/* The VMM's own limit on vCPUs; the PLIC specification would allow 15872 contexts. */
#define MAX_VCPUS 64
#define MAX_DISKS 8

/*
 * The memory map of QEMU's `virt`, so that a program written for that machine finds its devices.
 */
#define SYSCON_BASE    0x00100000ul
#define SYSCON_SIZE    0x1000ul
#define PLIC_BASE      0x0c000000ul
#define PLIC_SIZE      0x00600000ul
#define APLIC_BASE     0x0d000000ul
#define APLIC_SIZE     0x4000ul
#define UART_BASE      0x10000000ul
#define UART_SIZE      0x100ul
#define VIRTIO_BASE(n) (0x10001000ul + (n)*0x1000ul)
#define VIRTIO_SIZE    0x1000ul
#define IMSIC_BASE     0x28000000ul /* vCPU n's first page is at IMSIC_BASE + n * aia_imsic_size(m) */
#define RAM_BASE       0x80000000ul

/*
 * The minimum has room for the device tree and a small guest. The maximum is that of one KVM
 * memory slot: INT_MAX pages.
 */
#define RAM_MIN MIB
#define RAM_MAX (0x7ffffffful * SZ_4K)

/* The PLIC's interrupt sources. Source 0 does not exist: a PLIC uses 0 for "none". */
#define UART_IRQ      1
#define VIRTIO_IRQ(n) (2 + (n))
#define PLIC_SOURCES  32

#define IRQ_S_EXT 9 /* the number of the external interrupt in sip and in the device tree */

/*
 * For each device of device.def: its address, size and interrupt source, and its index in
 * options.device[].
 */
enum device_place {
#define DEVICE(name, NAME, base, size, irq, help) \
	NAME##_BASE = base, NAME##_SIZE = size, NAME##_IRQ = irq,
#include "device.def"
#undef DEVICE
};

enum device_number {
#define DEVICE(name, NAME, base, size, irq, help) DEVICE_##name,
#include "device.def"
#undef DEVICE
	NR_DEVICES
};

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

struct machine;
struct state;
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

/* ---- irqchip.c: the interrupt controller, in the VMM or in the kernel ---- */

struct irqchip_ops {
	const char *name;    /* a value of --irqchip; others: of the host's toggle, too */
	const char *section; /* the name of the state: those of equal names can be exchanged */
	bool aplic;          /* an APLIC; otherwise, a PLIC */
	bool imsics;         /* the APLIC sends MSIs to IMSICs */
	void (*init)(struct machine *m);  /* before the vCPUs are created */
	void (*start)(struct machine *m); /* once all vCPUs have been created; or NULL */
	void (*reset)(struct machine *m);
	void (*set_level)(struct machine *m, unsigned int source, bool level);
	void (*state)(struct machine *m, struct state *s);
};

extern const struct irqchip_ops irqchip_user_plic;   /* plic.c */
extern const struct irqchip_ops irqchip_kernel_plic; /* plic_kernel.c */
extern const struct irqchip_ops irqchip_aia_emul, irqchip_aia_hwaccel,
	irqchip_aia_direct; /* aia.c */

const struct irqchip_ops *irqchip_parse(const char *name); /* dies if there is none of this name */
void irqchip_init(struct machine *m);
/* Set or get (request) an attribute of the device fd in the kernel; die if KVM refuses. */
void irqchip_attribute(int fd, unsigned long request, u32 group, u64 number, void *value);
void irqchip_start(struct machine *m);
void irqchip_reset(struct machine *m);
/* A device's line rises or falls. Any thread; see the locks above. */
void irq_set_level(struct machine *m, unsigned int source, bool level);

/* ---- plic.c ---- */

struct plic {
	struct machine *machine;
	int fd; /* plic_kernel.c: the device in the kernel, whose registers replace those below */
	struct lock lock;
	u32 level;      /* the devices' lines now; one bit per source */
	u32 pending;    /* forwarded by the gateway, not claimed yet */
	u32 in_service; /* claimed, not completed yet */
	u32 priority[PLIC_SOURCES];
	struct plic_context {
		u32 enable;
		u32 threshold;
		bool raised; /* the output, as last reported to KVM */
	} context[MAX_VCPUS];
};

void plic_init(struct plic *plic, struct machine *m);
void plic_reset(struct plic *plic);
/* Save or load the registers in `plic`. plic_kernel.c moves them from and to the kernel. */
void plic_registers(struct plic *plic, struct state *s);

/* ---- aia.c ---- */

#define AIA_IDS_MAX 2048

struct aia {
	int fd;         /* the device in the kernel */
	u32 ids;        /* the highest interrupt identity of an IMSIC */
	u32 guest_bits; /* a vCPU's IMSIC has 2^guest_bits pages */
	u32 guest_files; /* and, for the pages after its own, this many guest interrupt files, or none */
	_Atomic u32 level; /* the devices' lines; one bit per source */
};

/* The size of a vCPU's IMSIC in bytes: its own page, and one for each guest interrupt file. */
u32 aia_imsic_size(const struct machine *m);

/* ---- console.c: the VMM's standard input and output as the guest's terminal ---- */

#define SAVE_ON_MAX 255 /* bytes of --save-on */

void console_start(struct machine *m);
void console_listen(void);
void console_restore_terminal(void); /* when the machine starts or resumes */
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
