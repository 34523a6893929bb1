// SPDX-License-Identifier: MIT
/*
 * pci.h - PCI devices of QEMU, for the tests that let a guest use one.
 */
#ifndef KVM_API_PCI_H
#define KVM_API_PCI_H

#include <dirent.h>
#include "vm.h"

#define PCI_DEVICES "/sys/bus/pci/devices"
#define EDU         "0x1234:0x11e8" /* vendor and device */
#define EDU_ID      0x010000edU     /* its register at 0 */

struct pci {
	char name[32]; /* the folder in PCI_DEVICES */
};

static inline int pci_open(const struct pci *pci, const char *file, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", pci->name, file);
	return open(path, flags | O_CLOEXEC);
}

/* Read a file of at most 30 bytes, without its final newline. */
static inline void pci_read(const struct pci *pci, const char *file, char text[32])
{
	int fd = pci_open(pci, file, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, 30);

	close(fd);
	text[n > 0 ? n : 0] = 0;
	text[strcspn(text, "\n")] = 0;
}

static inline void pci_write(const struct pci *pci, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", pci->name, file);
	must(write_file(path, text) == 0, path);
}

/* Find a device by the numbers of its vendor and of itself. Return whether there is one. */
static inline bool pci_find(struct pci *pci, const char *id)
{
	DIR *dir = opendir(PCI_DEVICES);
	struct dirent *entry;
	char vendor[32], device[32], both[72];
	bool found = false;

	while (!found && dir && (entry = readdir(dir))) {
		snprintf(pci->name, sizeof(pci->name), "%.31s", entry->d_name);
		pci_read(pci, "vendor", vendor);
		pci_read(pci, "device", device);
		snprintf(both, sizeof(both), "%s:%s", vendor, device);
		found = strcmp(both, id) == 0;
	}
	if (dir)
		closedir(dir);
	return found;
}

#endif
