"""The folder in which a child works. What lies in it was written by somebody not trusted."""

from __future__ import annotations

import logging
import os
import shutil
import stat
import tempfile
import weakref
from pathlib import Path
from typing import BinaryIO

from workers.sandbox.confinement import NOBODY

logger = logging.getLogger(__name__)


class Scratch:
    """A folder for one message's files, inside one folder for the life of the sandbox."""

    def __init__(self) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="sandbox-"))
        self.base.chmod(0o711)
        weakref.finalize(self, shutil.rmtree, self.base, ignore_errors=True)
        self._is_nobodys = False
        self.folder = self._make()

    def give_to_nobody(self) -> None:
        """The children run as nobody: from now on they own the folder."""
        self._is_nobodys = True
        os.chown(self.folder, NOBODY, NOBODY)

    def reset(self) -> None:
        """Have an empty folder. Where files can't be removed they stay behind and a new folder is taken."""
        if any(self.folder.iterdir()):
            _remove(self.folder)
            self.folder = self._make()

    def remove(self) -> None:
        _remove(self.base)

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
