"""The Linux calls by which a process gives up what it does not need. Numbers are from the kernel's uapi headers."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import stat
import struct
from pathlib import Path

NOBODY = 65534

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2

CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
_NAMESPACES = CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC
_ANY_NEW_NAMESPACE = 0x7E020000

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, argument: int | ctypes.Structure = 0, third: ctypes.Structure | None = None) -> None:
    """Raise OSError where the kernel refuses."""
    first = ctypes.c_ulong(argument) if isinstance(argument, int) else ctypes.byref(argument)
    second = ctypes.c_ulong(0) if third is None else ctypes.byref(third)
    if _libc.prctl(option, first, second, ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _unshare(flags: int) -> bool:
    return bool(_libc.unshare(ctypes.c_int(flags)) == 0)


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "user_namespace")]


_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_AT_FDCWD, _AT_RECURSIVE, _MOUNT_ATTR_RDONLY = -100, 0x8000, 1
_MOUNT_SETATTR = 442  # on x86_64 and aarch64; Linux 5.12


def make_files_read_only(*, but: str, with_inputs: str) -> bool:
    """In a mount namespace of one's own: every file system read-only, save the folder `but`. False if refused.

    In that folder, `with_inputs` is read-only again.
    """
    folder, inputs = os.fsencode(but), os.fsencode(with_inputs)
    return (
        _mount(b"none", b"/", _MS_REC | _MS_PRIVATE)
        and _mount(folder, folder, _MS_BIND)
        and _set_mount_attributes(b"/", _AT_RECURSIVE, _MountAttributes(set=_MOUNT_ATTR_RDONLY))
        and _set_mount_attributes(folder, 0, _MountAttributes(clear=_MOUNT_ATTR_RDONLY))
        and _mount(inputs, inputs, _MS_BIND)
        and _set_mount_attributes(inputs, 0, _MountAttributes(set=_MOUNT_ATTR_RDONLY))
    )


def _mount(source: bytes, target: bytes, flags: int) -> bool:
    return bool(_libc.mount(source, target, None, ctypes.c_ulong(flags), None) == 0)


def _set_mount_attributes(target: bytes, flags: int, attributes: _MountAttributes) -> bool:
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    call = ctypes.c_long(_MOUNT_SETATTR)
    return bool(_libc.syscall(call, _AT_FDCWD, target, flags, ctypes.byref(attributes), size) == 0)


def enter_namespaces(*, with_user_namespace: bool) -> bool:
    """Leave the network, the mounts and (for children) the process table behind; True where the kernel allowed it.

    With a user namespace of its own, an unprivileged process may do this too, and may no longer look into any process
    outside (ptrace(2): access is refused across user namespaces).
    """
    user, group = os.geteuid(), os.getegid()
    if not _unshare(_NAMESPACES | (CLONE_NEWUSER if with_user_namespace else 0)):
        return False
    if with_user_namespace:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    return True


def become_nobody() -> None:
    """Give up root for the user nobody, in no group. Clears the capabilities and PR_SET_PDEATHSIG too."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def is_readable_by_all(path: Path) -> bool:
    """Whether a user who owns nothing can reach and read `path`."""
    return all(
        folder.stat().st_mode & stat.S_IXOTH for folder in [path, *path.resolve().parents] if folder.is_dir()
    ) and bool(path.stat().st_mode & stat.S_IROTH)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapabilitySets(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("e0", "p0", "i0", "e1", "p1", "i1")]


def drop_capabilities() -> None:
    """Hold no capability in any namespace; with PR_SET_NO_NEW_PRIVS no exec brings one back."""
    header = _CapabilityHeader(0x20080522, 0)
    if _libc.capset(ctypes.byref(header), ctypes.byref(_CapabilitySets())) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def limit(which: int, value: int) -> None:
    """Set a resource limit, or keep a hard limit that is lower already."""
    _, hard = resource.getrlimit(which)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def address_space_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


# --- system calls that no recogniser needs -----------------------------------------------------------------------
# Sockets (also those of io_uring), other processes' memory, new namespaces, mounts, kernel modules, keys, tracing.
# (x86_64, aarch64), from arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
_REFUSED_CALLS = {
    "socket": (41, 198),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "open_by_handle_at": (304, 265),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
}
_ARCHITECTURES = {"x86_64": (0, 0xC000003E, 56), "aarch64": (1, 0xC00000B7, 220)}
_CLONE3 = 435
_X32_BIT = 0x40000000

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_CALL_OFFSET, _ARCHITECTURE_OFFSET, _FIRST_ARGUMENT_OFFSET = 0, 4, 16


class _FilterProgram(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def refuse_system_calls() -> bool:
    """Refuse sockets and the calls above to this process and all it starts; False on an architecture unknown here.

    Needs PR_SET_NO_NEW_PRIVS and no privilege, so that it holds where namespaces are not allowed (a container under
    Docker's default profile, Fargate). A refused call fails with EPERM.
    """
    known = _ARCHITECTURES.get(platform.machine())
    if known is None:
        return False
    column, audit_architecture, clone = known

    def step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
        return struct.pack("=HBBI", code, if_true, if_false, value)

    refuse = step(_RETURN, _ERRNO | errno.EPERM)
    program = [
        step(_LOAD, _ARCHITECTURE_OFFSET),
        step(_JUMP_EQUAL, audit_architecture, 1, 0),
        step(_RETURN, _KILL_PROCESS),
        step(_LOAD, _CALL_OFFSET),
        step(_JUMP_AT_LEAST, _X32_BIT, 0, 1),
        refuse,
    ]
    for numbers in _REFUSED_CALLS.values():
        program += [step(_JUMP_EQUAL, numbers[column], 0, 1), refuse]
    # clone3 hides its flags behind a pointer; ENOSYS makes the C library fall back to clone.
    program += [step(_JUMP_EQUAL, _CLONE3, 0, 1), step(_RETURN, _ERRNO | errno.ENOSYS)]
    program += [
        step(_JUMP_EQUAL, clone, 0, 3),
        step(_LOAD, _FIRST_ARGUMENT_OFFSET),
        step(_JUMP_ANY_BIT, _ANY_NEW_NAMESPACE, 0, 1),
        refuse,
        step(_RETURN, _ALLOW),
    ]
    filter_program = _FilterProgram(len(program), b"".join(program))
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_program)
    return True
