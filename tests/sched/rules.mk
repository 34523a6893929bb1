# SPDX-License-Identifier: MIT
#
# rules.mk - the host's mutexes compiled for the build machine, using pthreads: once with ASan and UBSan,
# once with TSan.

SCHED_DIR := $(TOP)/tests/sched
SCHED_PROGS := $(O)/tests/sched/test_mutex $(O)/tests/sched/tsan_mutex
SCHED_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-omit-frame-pointer -ffile-prefix-map=$(TOP)/= $(UAPI_CFLAGS) \
	-include $(SCHED_DIR)/shim.h -iquote $(TOP)/src/host -I$(TOP)/src/include -pthread
SCHED_SANITIZE = $(if $(findstring tsan,$(@F)),-fsanitize=thread,-fsanitize=address,undefined -fno-sanitize-recover=all)
MUTEX ?= $(TOP)/src/host/sched/mutex.c
NATIVE_TESTS += $(SCHED_PROGS)

tests: $(SCHED_PROGS)

# mutants.slow.t sets MUTEX to its own version of mutex.c.
$(SCHED_PROGS): $(SCHED_DIR)/test_mutex.c $(SCHED_DIR)/shim.h $(TOP)/src/host/sched/mutex.c $(TOP)/src/host/sched/wait.h \
		$(wildcard $(TOP)/src/include/hv/*.h) | uapi-present
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(SCHED_CFLAGS) $(SCHED_SANITIZE) $(WARN) -iquote $(TOP)/src/host/sched -o $@ $< $(MUTEX) -lcmocka
