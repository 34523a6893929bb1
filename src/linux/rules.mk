# SPDX-License-Identifier: MIT
#
# rules.mk - the module for Debian's riscv64 kernel: $(O)/hyperscope.ko; with KERNEL=newest, for the
# newest one: $(O)/hyperscope_newest.ko; with KERNEL=debug, for a debug kernel:
# $(O)/hyperscope_debug.ko (docs/linux-module.md). Included by the top Makefile. Nothing else depends on
# the module.
#
# Kbuild writes its objects beside the sources, so it is given a tree of links in $(O)/linux-module. It
# must not see this make's variables: O, for example, has another meaning there.

KERNEL ?= stable
MODULE_SUFFIX = $(filter-out _stable,_$(KERNEL))
LINUX_HEADERS ?= $(O)/$(if $(filter debug,$(KERNEL)),linux_debug,linux_headers$(MODULE_SUFFIX))/headers
MODULE_TREE = $(O)/linux-module$(MODULE_SUFFIX)
MODULE = $(O)/hyperscope$(MODULE_SUFFIX).ko
MODULE_FOLDERS := src/kvm src/linux src/include src/host/libc src/host/trace trace $(if $(LAB_SRC),src/host/lib)

.PHONY: linux-module-only
linux-module-only: $(MODULE)

# Kbuild finds out what has changed.
$(MODULE): look-at-flags
	for folder in $(MODULE_FOLDERS); do \
		mkdir -p $(MODULE_TREE)/$$folder && cp -Rsf $(TOP)/$$folder/. $(MODULE_TREE)/$$folder/ || exit 1; \
	done
	find $(MODULE_TREE) -xtype l -delete # links to files that the sources no longer have
	$(call say,KBUILD)env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make $(if $(V),,-s) -j2 --no-print-directory \
		-C $(LINUX_HEADERS) M=$(MODULE_TREE)/src/linux ARCH=riscv \
		CROSS_COMPILE=$(CROSS_COMPILE) CC=$(CROSS_COMPILE)gcc HV_UAPI_INCLUDE='$(UAPI_INCLUDE)' \
		HV_LAB_SRC='$(LAB_SRC)' modules
	$(STRIP_RV) -g -o $@ $(MODULE_TREE)/src/linux/hyperscope.ko

# A Debian package whose sources DKMS builds on the machine on which it is installed.
DKMS_VERSION = $(shell cat $(TOP)/VERSION)
DKMS_TREE = $(O)/hyperscope-dkms
DKMS_SOURCES = $(DKMS_TREE)/usr/src/hyperscope-$(DKMS_VERSION)
.PHONY: linux-module-package
linux-module-package:
	rm -rf $(DKMS_TREE)
	mkdir -p $(DKMS_SOURCES) $(DKMS_TREE)/DEBIAN $(DKMS_TREE)/usr/lib/udev/rules.d $(DKMS_TREE)/usr/share/doc/hyperscope-dkms
	cd $(TOP) && find $(filter-out trace,$(MODULE_FOLDERS)) trace/events.def \( -name '*.[chS]' -o -name '*.def' -o -name Kbuild \) | \
		xargs -I{} install -D -m 644 {} $(DKMS_SOURCES)/{}
	cp $(TOP)/src/linux/dkms/dkms.conf $(DKMS_SOURCES)/
	cp $(TOP)/src/linux/dkms/control $(TOP)/src/linux/dkms/postinst $(TOP)/src/linux/dkms/prerm $(DKMS_TREE)/DEBIAN/
	cp $(TOP)/src/linux/dkms/60-hyperscope.rules $(DKMS_TREE)/usr/lib/udev/rules.d/
	cp $(TOP)/LICENSE $(DKMS_TREE)/usr/share/doc/hyperscope-dkms/copyright
	sed -i -e 's/@VERSION@/$(DKMS_VERSION)/' -e 's/@DEBIAN_VERSION@/$(subst -,~,$(DKMS_VERSION))/' \
		$(DKMS_TREE)/DEBIAN/* $(DKMS_SOURCES)/dkms.conf
	chmod -R u=rwX,go=rX,a-s $(DKMS_TREE)
	chmod 755 $(DKMS_TREE)/DEBIAN/postinst $(DKMS_TREE)/DEBIAN/prerm
	dpkg-deb --root-owner-group --build $(DKMS_TREE) $(O)/hyperscope-dkms.deb >/dev/null
	rm -rf $(DKMS_TREE)
	echo '  DEB    hyperscope-dkms.deb'
