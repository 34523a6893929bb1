# SPDX-License-Identifier: MIT
#
# rules.mk - the compiler's commands for the proofs, for compile_commands.json: tests/proofs/run
# preprocesses each file with the flags of the folder that its header comment names.

PROOF_SRC := $(wildcard $(TOP)/tests/proofs/*.c)
proof-folder = $(shell sed -n 's/^ \* Folder: *//p' $1)

define proof-syntax
	$(CC_RV) $(FLAGS_$2) -iquote $(firstword $(wildcard $(TOP)/src/$2 $(TOP)/$2)) -iquote $(TOP)/tests/proofs -w -fsyntax-only $1

endef

.PHONY: proofs-syntax
proofs-syntax:
	$(foreach file,$(PROOF_SRC),$(call proof-syntax,$(file),$(call proof-folder,$(file))))
