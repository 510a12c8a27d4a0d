"""Keeps a C library's chatter off the terminal."""

import ctypes
import functools
import os
import platform
import sys


@functools.cache
def silence_c_stderr() -> bool:
    """Point C's ``stderr`` of this process at the null device, for good; returns whether it did.

    PortAudio's ALSA code prints its assertions there, into the middle of a live display, when a
    device goes; the same failure reaches us as a status. Python's own ``sys.stderr`` and anything
    that writes to descriptor 2 are left alone. Only glibc has an assignable ``stderr``.
    """
    if not sys.platform.startswith("linux") or platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    libc.fopen.argtypes = (ctypes.c_char_p, ctypes.c_char_p)
    null = libc.fopen(os.fsencode(os.devnull), b"w")
    if not null:
        return False
    ctypes.c_void_p.in_dll(libc, "stderr").value = null
    return True
