# SPDX-License-Identifier: MIT
#
# rules.mk - the course's labs. Included by the top Makefile.

STUDENT ?=
.PHONY: lab
lab:
	test -n "$(NN)" -a -n "$(DIR)" || { echo "make: NN= and DIR= are needed: make lab NN=03 DIR=../mylab; scripts/lab --list has the labs" >&2; exit 2; }
	$(TOP)/scripts/lab --out $(O) --student "$(STUDENT)" "$(NN)" "$(DIR)"
