"""What lasts through a power cut."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Makes last what was made, renamed or removed in `folder`: a file's own fsync says nothing of its name.

    Raises OSError.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
