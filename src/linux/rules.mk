# SPDX-License-Identifier: MIT
#
# rules.mk - the module for Debian's riscv64 kernel: $(O)/hyperscope.ko (docs/linux-module.md).
# Included by the top Makefile. Nothing else depends on the module.
#
# Kbuild writes its objects beside the sources, so it is given a tree of links in $(O)/linux-module. It
# must not see this make's variables: O, for example, has another meaning there.

LINUX_HEADERS ?= $(O)/linux_headers/headers
MODULE_TREE := $(O)/linux-module
MODULE_FOLDERS := src/kvm src/linux src/include src/host/libc src/host/trace trace

.PHONY: linux-module-only
linux-module-only: $(O)/hyperscope.ko

# Kbuild finds out what has changed.
$(O)/hyperscope.ko: look-at-flags
	for folder in $(MODULE_FOLDERS); do \
		mkdir -p $(MODULE_TREE)/$$folder && cp -asf $(TOP)/$$folder/. $(MODULE_TREE)/$$folder/ || exit 1; \
	done
	$(call say,KBUILD)env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make $(if $(V),,-s) -j2 --no-print-directory \
		-C $(LINUX_HEADERS) M=$(MODULE_TREE)/src/linux ARCH=riscv \
		CROSS_COMPILE=$(CROSS_COMPILE) CC=$(CROSS_COMPILE)gcc HV_UAPI_INCLUDE='$(UAPI_INCLUDE)' modules
	$(STRIP_RV) -g -o $@ $(MODULE_TREE)/src/linux/hyperscope.ko
