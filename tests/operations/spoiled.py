"""Ways in which the file of a backup can be wrong."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 0xFF
    file.write_bytes(content)


def _cut_end(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def _rewritten(change: Callable[[dict[str, object]], None]) -> Callable[[Path], None]:
    def rewrite(file: Path) -> None:
        with zipfile.ZipFile(file) as old:
            parts = {name: old.read(name) for name in old.namelist()}
        manifest = json.loads(parts["manifest.json"])
        change(manifest)
        parts["manifest.json"] = json.dumps(manifest).encode()
        with zipfile.ZipFile(file, "w") as new:
            for name, content in parts.items():
                new.writestr(name, content)

    return rewrite


def _evil(file: Path) -> None:
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("crm/../../../evil", b"x")


SPOILED: dict[str, Callable[[Path], None]] = {
    "empty": lambda file: file.write_bytes(b"") and None,
    "text": lambda file: file.write_text("đây không phải bản sao lưu") and None,
    "cut in the middle": _cut,
    "cut by a byte": _cut_end,
    "a flipped bit": _flip,
    "a part too many": _evil,
    "of another program": _rewritten(lambda manifest: manifest.update(format="other")),
    "of a newer format": _rewritten(lambda manifest: manifest.update(version=2)),
    "of a newer release": _rewritten(lambda manifest: manifest.update(revision="c99999999999")),
    "of another kind of database": _rewritten(lambda manifest: manifest.update(database="oracle")),
    "without a checksum": _rewritten(lambda manifest: manifest.update(files={"crm/x": {}})),
    "gone": lambda file: file.unlink(),
}
