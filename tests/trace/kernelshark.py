#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kernelshark.py - print what KernelShark reads from a trace.dat, using its library libkshark.

usage: kernelshark.py FILE

Prints one line per entry in the format of kshark_dump_entry(): stream; nanoseconds; task; hart; latency; event;
fields; visibility. readers.py parses the lines.
"""
import ctypes
import sys

lib = ctypes.CDLL('libkshark.so.2')
entries_p = ctypes.POINTER(ctypes.c_void_p)
lib.kshark_instance.restype = ctypes.c_bool
lib.kshark_open.argtypes = ctypes.c_void_p, ctypes.c_char_p
lib.kshark_load_entries.argtypes = ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(entries_p)
lib.kshark_load_entries.restype = ctypes.c_ssize_t
lib.kshark_dump_entry.argtypes = ctypes.c_void_p,
lib.kshark_dump_entry.restype = ctypes.c_void_p
libc = ctypes.CDLL(None)
libc.free.argtypes = ctypes.c_void_p,

context, entries = ctypes.c_void_p(), entries_p()
if not lib.kshark_instance(ctypes.byref(context)):
    sys.exit('libkshark does not start')
stream = lib.kshark_open(context, sys.argv[1].encode())
if stream < 0:
    sys.exit('libkshark does not open %s' % sys.argv[1])
for i in range(lib.kshark_load_entries(context, stream, ctypes.byref(entries))):
    text = lib.kshark_dump_entry(entries[i])
    print(ctypes.string_at(text).decode())
    libc.free(text)
