# SPDX-License-Identifier: MIT
#
# rules.mk - the module for Debian's riscv64 kernel: $(O)/hyperscope.ko, or, with KERNEL=newest,
# $(O)/hyperscope_newest.ko (docs/linux-module.md). Included by the top Makefile. Nothing else depends
# on the module.
#
# Kbuild writes its objects beside the sources, so it is given a tree of links in $(O)/linux-module. It
# must not see this make's variables: O, for example, has another meaning there.

KERNEL ?= stable
MODULE_SUFFIX = $(filter-out _stable,_$(KERNEL))
LINUX_HEADERS ?= $(O)/linux_headers$(MODULE_SUFFIX)/headers
MODULE_TREE = $(O)/linux-module$(MODULE_SUFFIX)
MODULE = $(O)/hyperscope$(MODULE_SUFFIX).ko
MODULE_FOLDERS := src/kvm src/linux src/include src/host/libc src/host/trace trace

.PHONY: linux-module-only
linux-module-only: $(MODULE)

# Kbuild finds out what has changed.
$(MODULE): look-at-flags
	for folder in $(MODULE_FOLDERS); do \
		mkdir -p $(MODULE_TREE)/$$folder && cp -asf $(TOP)/$$folder/. $(MODULE_TREE)/$$folder/ || exit 1; \
	done
	$(call say,KBUILD)env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make $(if $(V),,-s) -j2 --no-print-directory \
		-C $(LINUX_HEADERS) M=$(MODULE_TREE)/src/linux ARCH=riscv \
		CROSS_COMPILE=$(CROSS_COMPILE) CC=$(CROSS_COMPILE)gcc HV_UAPI_INCLUDE='$(UAPI_INCLUDE)' modules
	$(STRIP_RV) -g -o $@ $(MODULE_TREE)/src/linux/hyperscope.ko
