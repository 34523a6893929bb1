/* SPDX-License-Identifier: MIT */
/* taken_over.h - registers of the planted device, shared by taken_over.c and the payload escape. */
#ifndef TAKEN_OVER_H
#define TAKEN_OVER_H

#define TAKEN_OVER_BASE   0x10210000ul
#define TAKEN_OVER_SIZE   0x50
#define TAKEN_OVER_NUMBER 0x30
#define TAKEN_OVER_CALL   0x38
#define TAKEN_OVER_RAM    0x40
#define TAKEN_OVER_SCR    0x48

#define TAKEN_OVER_REFUSED (-1000l) /* no errno of Linux */

#endif
