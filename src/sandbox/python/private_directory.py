"""Provides the only directory that a program may write to: a memory file system of 16 MiB and 256 files, emptied after
every run.

Mounting it needs a mount namespace, which root creates directly and an ordinary user creates inside a user namespace.
Without either (a container without CAP_SYS_ADMIN, a kernel that denies user namespaces) the size of the directory
cannot be limited, and programs start in an empty directory that they cannot write to.
"""

import ctypes
import os

from guard import libc

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWIPC = 0x20000, 0x10000000, 0x40000000, 0x08000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE, MNT_DETACH = 2, 4, 8, 0x4000, 1 << 18, 2
FIRST_SPARE_UID, SPARE_UIDS, NOBODY = 1_900_000_000, 100_000, 65534
CAPACITY = "size=16m,nr_inodes=256,mode=0700"


class PrivateDirectory:
    """A directory that runs use one after another. `writable` is its path, or None if its size could not be limited."""

    def __init__(self, path, capped, own_user_namespace):
        self.path = path
        self.writable = path if capped else None
        self.own_user_namespace = own_user_namespace
        self._mounted = self._rules_made = False

    def refresh(self, uid):
        """Empties the directory; returns True if the directory is new."""
        if self.writable is None:
            first, self._rules_made = not self._rules_made, True
            return first
        if self._mounted and not os.listdir(self.path):
            return False
        if self._mounted and libc.umount2(self.path.encode(), MNT_DETACH) != 0:
            raise OSError(ctypes.get_errno(), f"umount {self.path}")
        self._mounted = _mount(self.path)
        if not self._mounted:
            raise OSError(ctypes.get_errno(), f"mount {self.path}")
        if uid is not None:
            os.chown(self.path, uid, uid)
        return True

    def describe(self):
        """Returns a description of the directory, which is recorded in the run."""
        return {"writableDirectory": self.writable is not None, "userNamespace": self.own_user_namespace}


def open_directory(path):
    """Makes `path` private to this process and limits its size, if the machine allows it."""
    if os.geteuid() == 0:  # programs run as a spare user, which a user namespace of one user cannot map
        capped = libc.unshare(CLONE_NEWNS) == 0 and _try_mount(path)
        libc.unshare(CLONE_NEWNET | CLONE_NEWIPC)
        return PrivateDirectory(path, capped, False)
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
        return PrivateDirectory(path, False, False)
    try:
        for name, line in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(line)
    except OSError:
        return PrivateDirectory(path, False, True)
    libc.unshare(CLONE_NEWNET | CLONE_NEWIPC)
    return PrivateDirectory(path, _try_mount(path), True)


def spare_uid():
    """Returns a user id that owns no files: far above real ids, or that of `nobody` if the container maps only a few
    ids."""
    wanted = FIRST_SPARE_UID + os.getpid() % SPARE_UIDS
    with open("/proc/self/uid_map") as file:
        ranges = [[int(part) for part in line.split()] for line in file]
    return wanted if any(first <= wanted < first + count for first, _, count in ranges) else NOBODY


def _try_mount(path):
    """Returns whether mounting works; removes the mount again."""
    private = libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) == 0
    return private and _mount(path) and libc.umount2(path.encode(), MNT_DETACH) == 0


def _mount(path):
    return libc.mount(b"tmpfs", path.encode(), b"tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, CAPACITY.encode()) == 0
