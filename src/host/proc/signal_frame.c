// SPDX-License-Identifier: MIT
/*
 * signal_frame.c - a signal handler's frame on the user stack, and the return from it.
 *
 * The layout is that of riscv64 Linux, because handlers and libraries read it:
 *
 *   sp ->  siginfo (128 bytes)
 *          ucontext: flags, link, stack, mask (padded to 128 bytes),
 *                    mcontext: pc, x1 … x31; FP registers in the `d` format, fcsr;
 *                    at its end an extension header that is all zeroes: END
 *
 * The handler returns to mm->sigreturn, a page with `li a7, 139; ecall`.
 */
#include <linux/errno.h>
#include <asm/sigcontext.h>
#include <string.h>
#include "hv/bits.h"
#include "mm/mm.h"
#include "signal_impl.h"
#include "syscall.h"
#include "mm/uaccess.h"

#include <asm/ucontext.h> /* after sigcontext.h, which it needs and does not include */

struct rt_sigframe {
	siginfo_t info;
	struct ucontext uc;
};

_Static_assert(sizeof(siginfo_t) == 128, "siginfo is not Linux's");
_Static_assert(__builtin_offsetof(struct ucontext, uc_mcontext) == 176, "ucontext is not Linux's");

static bool on_altstack(unsigned long sp)
{
	const struct thread_signals *sig = &current->sig;

	return sig->altstack_size && sp > sig->altstack_sp &&
	       sp - sig->altstack_sp <= sig->altstack_size;
}

/* Return the address of the new frame, or 0 if it does not fit on the alternate stack. */
static unsigned long frame_address(const struct trap_frame *frame, const struct sig_action *action)
{
	const struct thread_signals *sig = &current->sig;
	unsigned long sp = frame->sp;
	bool alt = on_altstack(sp);

	if (!alt && (action->flags & SA_ONSTACK) && sig->altstack_size) {
		sp = sig->altstack_sp + sig->altstack_size;
		alt = true;
	}
	sp = ALIGN_DOWN(sp - sizeof(struct rt_sigframe), 16);
	if (alt && (sp < sig->altstack_sp || sp > sig->altstack_sp + sig->altstack_size))
		return 0;
	return sp;
}

static void save_regs(struct sigcontext *sc, const struct trap_frame *frame)
{
	unsigned long *regs = (unsigned long *)&sc->sc_regs;

	_Static_assert(sizeof(sc->sc_regs) == 32 * sizeof(long), "pc and x1 to x31");
	regs[0] = frame->epc;
	memcpy(regs + 1, frame->x, sizeof(frame->x));
	fpu_save(current);
	memcpy(sc->sc_fpregs.d.f, current->fp.f, sizeof(current->fp.f));
	sc->sc_fpregs.d.fcsr = current->fp.fcsr;
}

static void save_altstack(stack_t *st, unsigned long sp)
{
	st->ss_sp = (void *)current->sig.altstack_sp;
	st->ss_size = current->sig.altstack_size;
	st->ss_flags = !st->ss_size ? SS_DISABLE : on_altstack(sp) ? SS_ONSTACK : 0;
	st->ss_flags |= current->sig.altstack_flags;
}

int signal_push_frame(struct trap_frame *frame, const siginfo_t *info,
		      const struct sig_action *action, u64 restore_mask)
{
	struct rt_sigframe sf;
	unsigned long sp = frame_address(frame, action);

	if (!sp)
		return -EFAULT;
	memset(&sf, 0, sizeof(sf));
	sf.info = *info;
	save_altstack(&sf.uc.uc_stack, frame->sp);
	memcpy(&sf.uc.uc_sigmask, &restore_mask, sizeof(restore_mask));
	save_regs(&sf.uc.uc_mcontext, frame);
	if (copy_to_user(sp, &sf, sizeof(sf)) < 0)
		return -EFAULT;
	if ((current->sig.altstack_flags & (int)SS_AUTODISARM) && on_altstack(sp))
		current->sig.altstack_size = 0;
	frame->epc = action->handler;
	frame->ra = current_process->mm->sigreturn;
	frame->sp = sp;
	frame->a0 = (unsigned long)info->si_signo;
	frame->a1 = sp + __builtin_offsetof(struct rt_sigframe, info);
	frame->a2 = sp + __builtin_offsetof(struct rt_sigframe, uc);
	return 0;
}

/* The extension area must be as the kernel wrote it: only the END header. */
static bool extension_ok(const struct sigcontext *sc)
{
	const struct __riscv_extra_ext_header *ext = &sc->sc_extdesc;

	return ext->reserved == 0 && ext->hdr.magic == END_MAGIC && ext->hdr.size == END_HDR_SIZE;
}

static void restore_regs(struct trap_frame *frame, const struct sigcontext *sc)
{
	const unsigned long *regs = (const unsigned long *)&sc->sc_regs;

	frame->epc = regs[0];
	memcpy(frame->x, regs + 1, sizeof(frame->x));
	memcpy(current->fp.f, sc->sc_fpregs.d.f, sizeof(current->fp.f));
	current->fp.fcsr = sc->sc_fpregs.d.fcsr & 0xff;
	fpu_discard(current);
}

static void restore_altstack(const stack_t *st)
{
	int mode = st->ss_flags & ~(int)SS_AUTODISARM;

	if (mode & SS_DISABLE) {
		current->sig.altstack_size = 0;
	} else if (st->ss_size >= MINSIGSTKSZ) {
		current->sig.altstack_sp = (unsigned long)st->ss_sp;
		current->sig.altstack_size = st->ss_size;
	}
	current->sig.altstack_flags = st->ss_flags & (int)SS_AUTODISARM;
}

long sys_rt_sigreturn(struct trap_frame *frame)
{
	struct rt_sigframe sf;
	u64 mask;

	if (frame->sp % 16 || copy_from_user(&sf, frame->sp, sizeof(sf)) < 0 ||
	    !extension_ok(&sf.uc.uc_mcontext)) {
		signal_fault(frame, SIGSEGV, SI_KERNEL, frame->sp);
		return 0;
	}
	memcpy(&mask, &sf.uc.uc_sigmask, sizeof(mask));
	signal_set_blocked(mask);
	restore_regs(frame, &sf.uc.uc_mcontext);
	restore_altstack(&sf.uc.uc_stack);
	return (long)frame->a0; /* the interrupted code's a0 */
}
