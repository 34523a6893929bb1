# SPDX-License-Identifier: MIT
#
# rules.mk - make targets for the course's labs. Included by the top Makefile.

STUDENT ?=
.PHONY: lab
lab:
	test -n "$(NN)" -a -n "$(DIR)" || { echo "make: NN= and DIR= are needed: make lab NN=03 DIR=../mylab; scripts/hyperscope lab --list has the labs" >&2; exit 2; }
	$(TOP)/scripts/hyperscope lab --out $(O) --student "$(STUDENT)" "$(NN)" "$(DIR)"

# Grade a student's tree with its public tests. make succeeds even if the tree loses points: the
# command then returns 1.
.PHONY: grade
grade:
	$(SETUP) --no-guest run
	$(TOP)/scripts/hyperscope grade --out $(O) $(ARGS) || test $$? = 1

# Check the course's pages and all labs, or only the labs in NN. The starter and the solution of
# each lab, and the solution of another student's variant, are graded like submissions.
.PHONY: course-check
course-check:
	$(SETUP) --no-guest run test
	+$(BUILD) all
	$(TOP)/scripts/hyperscope course --out $(O) $(NN)

# Write the zip of a lab's autograder for Gradescope; KEY=FILE names the key file, from which hidden
# tests are generated.
ZIP ?= $(O)/gradescope-$(NN).zip
.PHONY: gradescope
gradescope:
	test -n "$(NN)" || { echo "make: NN= is needed: make gradescope NN=03 KEY=FILE; scripts/hyperscope lab --list has the labs" >&2; exit 2; }
	mkdir -p $(dir $(ZIP))
	$(TOP)/scripts/hyperscope grade --gradescope "$(ZIP)" --lab "$(NN)" $(KEY:%=--key %)
