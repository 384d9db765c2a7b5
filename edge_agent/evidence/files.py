"""The few things done to files that must survive a power cut, behind one small interface so that a cut can be played.

What was written is safe after ``sync``; a name (of a file or folder, new, moved or removed) is safe after
``sync_folder`` of the folder that holds it. That order is the caller's business; see ``EvidenceStore.keep``.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path


class Files:
    """The real thing. All methods raise OSError."""

    def make_folder(self, path: Path) -> None:
        """One new folder in an existing one."""
        path.mkdir(mode=0o750)

    def write(self, path: Path, content: bytes) -> None:
        """A new file, its content synced (fdatasync also syncs the size a reader needs)."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(handle, view) :]
            os.fdatasync(handle)
        finally:
            os.close(handle)

    def move(self, old: Path, new: Path) -> None:
        """Renames within one file system; on reading back there is the old name or the new one, never half of it."""
        old.replace(new)

    def replace(self, path: Path, content: bytes) -> None:
        """A file of ``path``'s name that is the old one or, when this returns, the new one, safe; never half of it."""
        new = path.with_name(f"{path.name}.new")
        self.write(new, content)
        self.move(new, path)
        self.sync_folder(path.parent)

    def sync_folder(self, path: Path) -> None:
        """Makes the names in ``path`` safe."""
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def remove(self, path: Path) -> None:
        """A file or a whole folder; nothing where there is none."""
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
