"""The folder in which a child works. What lies in it was written by somebody not trusted."""

from __future__ import annotations

import logging
import os
import re
import shutil
import stat
import tempfile
import weakref
from pathlib import Path
from typing import BinaryIO

from workers.sandbox.confinement import NOBODY

logger = logging.getLogger(__name__)

_INPUT_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class Scratch:
    """A folder for one message's files, inside one folder for the life of the sandbox."""

    def __init__(self) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="sandbox-"))
        self.base.chmod(0o711)
        self.inputs = self.base / "inputs"
        self.inputs.mkdir(mode=0o755)
        weakref.finalize(self, shutil.rmtree, self.base, ignore_errors=True)
        self._is_nobodys = False
        self.folder = self._make()

    def give_to_nobody(self) -> None:
        """The children run as nobody: from now on they own the folder."""
        self._is_nobodys = True
        os.chown(self.folder, NOBODY, NOBODY)

    def reset(self) -> None:
        """Have an empty folder and no inputs. Where files can't be removed they stay and a new folder is taken."""
        for path in self.inputs.iterdir():
            path.unlink()
        if any(self.folder.iterdir()):
            _remove(self.folder)
            self.folder = self._make()

    def remove(self) -> None:
        _remove(self.base)

    def open_input(self, name: str) -> BinaryIO:
        """Open a new file of the folder `inputs` for writing; the children may read it and change nothing there.

        That folder is not theirs, and read-only in their mount namespace. Raises ValueError for what is no file name,
        FileExistsError for a name that is taken.
        """
        if not _INPUT_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of an input")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.fdopen(os.open(self.inputs / name, flags, 0o644), "wb")

    def remove_input(self, name: str) -> None:
        (self.inputs / name).unlink(missing_ok=True)

    def open_output(self, name: str) -> BinaryIO:
        """Open a regular file of the folder for reading; follow no link of either kind.

        Raises FileNotFoundError, or PermissionError for anything but a regular file.
        """
        if "/" in name or name in ("", ".", ".."):
            raise PermissionError(f"{name!r} is no file of the scratch folder")
        try:
            descriptor = os.open(self.folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise PermissionError(f"{name!r} is no regular file") from error
        information = os.fstat(descriptor)
        if not stat.S_ISREG(information.st_mode) or information.st_nlink != 1:
            os.close(descriptor)
            raise PermissionError(f"{name!r} is no regular file of its own")
        return os.fdopen(descriptor, "rb")

    def _make(self) -> Path:
        folder = Path(tempfile.mkdtemp(dir=self.base))
        if self._is_nobodys:
            os.chown(folder, NOBODY, NOBODY)
        return folder


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except (OSError, RecursionError) as error:
        logger.warning("a scratch folder stays behind: %s", type(error).__name__)
