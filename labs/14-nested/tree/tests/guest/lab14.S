// SPDX-License-Identifier: MIT
/*
 * lab14.S - the world switch of lab14.c, and the code that its guest executes: those of the payload
 * nested
 */
#include "nested/switch.S"
#include "nested/code.S"
