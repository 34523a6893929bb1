// SPDX-License-Identifier: MIT
/*
 * sbi_sta.c - steal time: the host tells each vCPU how long the vCPU was ready to run but had no
 * hart.
 *
 * There is steal time only if the VM has more vCPUs than the host has harts. With reboot=1, the guest
 * reboots once while steal time is on.
 */
#include "rt.h"

#define NO_MEMORY 0x7f00000000UL
#define BUSY_MS   400UL
#define LIMIT_MS  10000UL /* for a busy machine, on which the harts rarely run at the same time */
#define WAIT_MS   20000UL

/* SBI STA FID 0 */
struct sta {
	u32 sequence, flags;
	u64 steal; /* ns */
	u8 preempted, pad[47];
} __attribute__((aligned(64)));

static struct sta areas[MAX_HARTS];
static bool crowded; /* vCPUs share a hart */
static unsigned long ends, limit, errors, odd, too_much, seen_preempted, clean;

static long set_shmem(unsigned long lo, unsigned long hi, unsigned long flags)
{
	struct sbiret ret = sbi_call(SBI_EXT_STA, SBI_STA_SET_SHMEM, lo, hi, flags);

	return ret.value ? 99 : ret.error;
}

/* Retry, because a vCPU that loses its hart between the call and the check finds an update. */
static bool is_taken_and_zeroed(struct sta *sta)
{
	int tries;

	for (tries = 0; tries < 10; tries++) {
		memset(sta, 0x55, sizeof(*sta));
		if (set_shmem((unsigned long)sta, 0, 0) || sta->flags || sta->pad[0] ||
		    sta->pad[46])
			return false;
		if (!sta->sequence && !sta->steal && !sta->preempted)
			return true;
	}
	return false;
}

static void test_arguments(void)
{
	struct sta *sta = &areas[0];
	unsigned long area = (unsigned long)sta;

	ok_eq((unsigned long)set_shmem(area, 0, 1), (unsigned long)SBI_ERR_INVALID_PARAM,
	      "flags other than 0 are invalid");
	ok_eq((unsigned long)set_shmem(area + 16, 0, 0), (unsigned long)SBI_ERR_INVALID_PARAM,
	      "an address that is not a multiple of 64 is invalid");
	ok_eq((unsigned long)set_shmem(NO_MEMORY, 0, 0), (unsigned long)SBI_ERR_INVALID_ADDRESS,
	      "an address without memory is an invalid address");
	ok_eq((unsigned long)set_shmem(area, 1, 0), (unsigned long)SBI_ERR_INVALID_ADDRESS,
	      "an address with upper bits on RV64 is invalid");
	ok_eq((unsigned long)set_shmem(~63UL, 0, 0), (unsigned long)SBI_ERR_INVALID_ADDRESS,
	      "the last 64 bytes of the address space are invalid");
	ok_sbi(sbi_call(SBI_EXT_STA, 1, area, 0, 0), SBI_ERR_NOT_SUPPORTED,
	       "an unknown function of STA is not supported");
	ok(is_taken_and_zeroed(sta), "a valid address is accepted and its 64 bytes are zeroed");
	ok(!set_shmem(~0UL, ~0UL, 0), "an address of all ones disables steal time");
}

/* Return the steal time from a structure that may be updated meanwhile. */
static u64 read_steal(const volatile struct sta *sta)
{
	u32 sequence;
	u64 steal;

	do {
		sequence = sta->sequence;
		fence_rw();
		steal = sta->steal;
		fence_rw();
	} while (sequence & 1 || sequence != sta->sequence);
	return steal;
}

/* Has happened what test_busy() claims of vCPUs that share a hart? */
static bool has_seen_enough(void)
{
	int told = 0, i;

	if (!crowded)
		return true;
	for (i = 0; i < nr_harts; i++)
		told += READ_ONCE(areas[i].steal) != 0;
	return told >= nr_harts / 2 && (READ_ONCE(seen_preempted) || on_linux());
}

/*
 * Run on every hart until `ends`, or longer if it has not seen enough: check the hart's own structure
 * and read those of the others.
 */
static void busy(unsigned long index)
{
	volatile struct sta *mine = &areas[index];
	unsigned long begin = now(), other;

	if (set_shmem((unsigned long)mine, 0, 0))
		__atomic_fetch_add(&errors, 1, __ATOMIC_RELAXED);
	while (now() < READ_ONCE(ends) || (!has_seen_enough() && now() < READ_ONCE(limit))) {
		if (mine->sequence & 1 || mine->preempted || mine->flags)
			__atomic_fetch_add(&odd, 1, __ATOMIC_RELAXED);
		for (other = 0; other < (unsigned long)nr_harts; other++) {
			if (other != index && READ_ONCE(areas[other].preempted))
				__atomic_fetch_add(&seen_preempted, 1, __ATOMIC_RELAXED);
		}
	}
	if (read_steal(mine) / 1000 * (timebase() / 1000000) > now() - begin)
		__atomic_fetch_add(&too_much, 1, __ATOMIC_RELAXED);
	if (set_shmem(~0UL, ~0UL, 0))
		__atomic_fetch_add(&errors, 1, __ATOMIC_RELAXED);
	if (!areas[index].preempted)
		__atomic_fetch_add(&clean, 1, __ATOMIC_RELAXED);
}

static void test_busy(void)
{
	unsigned long i, n = (unsigned long)nr_harts, told = 0, late = 0;

	for (i = 1; i < n; i++)
		late += hart_start((int)i) != 0;
	ends = now() + us_to_ticks(BUSY_MS * 1000);
	limit = now() + us_to_ticks(LIMIT_MS * 1000);
	for (i = 1; i < n; i++)
		hart_run((int)i, busy, i);
	busy(0);
	for (i = 1; i < n; i++)
		late += !hart_wait((int)i, WAIT_MS);
	for (i = 0; i < n; i++) {
		note("hart %lu: %lu us stolen in %lu updates", i,
		     (unsigned long)areas[i].steal / 1000, (unsigned long)areas[i].sequence / 2);
		told += areas[i].steal != 0;
	}
	ok_eq(late + errors, 0, "%lu harts provide their own structures and are busy for %lu ms", n,
	      BUSY_MS);
	ok_eq(odd, 0, "a running hart finds an even sequence and no mark that it is preempted");
	ok_eq(too_much, 0, "no hart's steal time exceeds the time that has passed");
	ok_eq(clean, n, "in the end, no hart is marked preempted");
	if (!crowded) {
		skip("steal time", "the host has a hart for each vCPU");
		return;
	}
	ok(told >= n / 2, "vCPUs that share a hart have steal time");
	if (on_linux())
		skip("the mark of a preempted hart", "Linux 6.12 never sets the mark");
	else
		ok(seen_preempted > 0, "other harts see the mark of a preempted hart");
}

static void spin(unsigned long ticks)
{
	unsigned long end = now() + ticks;

	while (now() < end)
		;
}

static void test_end(void)
{
	struct sta before = areas[0];

	spin(us_to_ticks(50000));
	ok(!memcmp(&before, &areas[0], sizeof(before)),
	   "nothing is written after steal time is disabled");
}

/*
 * Reboot while steal time is on. Memory keeps its contents over a reboot, and this page is beyond the
 * payload. The vCPUs share harts, so the host would report steal time soon.
 */
static void test_reboot(void)
{
	struct {
		struct sta sta;
		u64 rebooted;
	} *kept = (void *)0x81000000;
	struct sta before;
	int late = 0;

	if (kept->rebooted != 1) {
		kept->rebooted = 1;
		if (set_shmem((unsigned long)&kept->sta, 0, 0))
			bail("steal time cannot be switched on");
		sbi_call(SBI_EXT_SRST, SBI_SRST_SYSTEM_RESET, SBI_SRST_TYPE_WARM_REBOOT, 0, 0);
		bail("the guest does not reboot");
	}
	memset(&kept->sta, 0x55, sizeof(kept->sta));
	before = kept->sta;
	for (int i = 1; i < nr_harts; i++)
		late += hart_start(i) != 0;
	for (int i = 1; i < nr_harts; i++)
		hart_run(i, spin, us_to_ticks(BUSY_MS * 1000));
	spin(us_to_ticks(BUSY_MS * 1000));
	for (int i = 1; i < nr_harts; i++)
		late += !hart_wait(i, WAIT_MS);
	ok(!late && !memcmp(&before, &kept->sta, sizeof(before)),
	   "nothing is written where steal time was before a reboot");
}

void payload_main(void)
{
	if (!sbi_has(SBI_EXT_STA)) {
		skip("steal time", "no STA extension here");
		done();
	}
	if (boot_number("reboot", 0)) {
		test_reboot();
		done();
	}
	crowded = boot_number("crowded", 0);
	test_arguments();
	test_busy();
	test_end();
	done();
}
