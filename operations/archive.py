"""The file of a backup: a ZIP with a manifest that names every part with its checksum. Whole, or refused."""

import contextlib
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from crm.durable import sync_folder
from crm.errors import TrianError

FORMAT, VERSION = "trian-backup", 1
MANIFEST = "manifest.json"
ROOMS = ("crm", "tracker", "attachments", "models")
_CHUNK = 1 << 20


class BackupRefused(TrianError):
    """The backup or restore was not made, and nothing was changed; the message says why."""


def write(target: Path, parts: Mapping[str, Path], facts: Mapping[str, Any]) -> int:
    """Writes `parts` (name in the archive: file) and `facts` to `target` in one step; returns its size in bytes.

    Readable by its owner only. Killed in between, it leaves `target` as it was, and a draft that the next one replaces.
    Raises BackupRefused where it cannot be written, a full disk included.
    """
    draft = target.with_name(f".{target.name}.partial")
    try:
        with _private(draft) as file:
            _fill(file, parts, facts)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise BackupRefused(f"{target} cannot be written: {error.strerror or error}") from error
    return target.stat().st_size


def unpack(source: Path, folder: Path) -> dict[str, Any]:
    """Unpacks a backup into `folder` and returns its manifest. Raises BackupRefused unless all of it is right."""
    try:
        with zipfile.ZipFile(source) as archive:
            manifest = _manifest(archive, source)
            files = manifest["files"]
            if {*archive.namelist()} != {MANIFEST, *files}:
                raise BackupRefused(f"{source} is damaged: its parts are not those that its manifest names")
            for name, wanted in files.items():
                _unpack_one(archive, name, wanted, folder, source)
    except OSError as error:
        raise BackupRefused(f"{source} cannot be read: {error.strerror or error}") from error
    # zlib and zipfile tell of damage in several ways.
    except (zipfile.BadZipFile, EOFError, ValueError, KeyError, TypeError, NotImplementedError, RuntimeError) as error:
        raise BackupRefused(f"{source} is no whole backup of Tri Ân: truncated, damaged, or another file") from error
    except Exception as error:
        if type(error).__module__ == "zlib":
            raise BackupRefused(f"{source} is damaged") from error
        raise
    return manifest


def _private(path: Path) -> IO[bytes]:
    path.unlink(missing_ok=True)  # a draft that was left may have other rights
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")


def _fill(file: IO[bytes], parts: Mapping[str, Path], facts: Mapping[str, Any]) -> None:
    files: dict[str, dict[str, Any]] = {}
    with zipfile.ZipFile(file, "w") as archive:
        for name, path in parts.items():
            check_name(name)
            with contextlib.suppress(FileNotFoundError):  # a photo that the purge took in the meantime
                files[name] = _add(archive, name, path)
        manifest = {"format": FORMAT, "version": VERSION, **facts, "files": files}
        archive.writestr(_info(MANIFEST), json.dumps(manifest, indent=1, ensure_ascii=False))


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with path.open("rb") as source, archive.open(_info(name), "w", force_zip64=True) as member:
        size = 0
        for chunk in iter(lambda: source.read(_CHUNK), b""):
            digest.update(chunk)
            member.write(chunk)
            size += len(chunk)
        return {"sha256": digest.hexdigest(), "bytes": size, "mtime": os.fstat(source.fileno()).st_mtime}


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, datetime.now(UTC).timetuple()[:6])
    # Pictures and models are compressed already.
    info.compress_type = zipfile.ZIP_STORED if name.startswith(("attachments/", "models/")) else zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    return info


def _manifest(archive: zipfile.ZipFile, source: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(archive.read(MANIFEST))
    if manifest["format"] != FORMAT:
        raise BackupRefused(f"{source} is no backup of Tri Ân")
    if manifest["version"] > VERSION:
        raise BackupRefused(f"{source} was written by a newer release of Tri Ân; restore it with that one")
    for name in manifest["files"]:
        check_name(name)
    return manifest


def check_name(name: str) -> None:
    """Raises ValueError for a name that could lead out of the folder it is unpacked to."""
    room, *rest = name.split("/")
    if room not in ROOMS or not rest or any(part in ("", ".", "..") for part in rest) or "\\" in name or "\0" in name:
        raise ValueError(f"{name} is no name of a part")


def _unpack_one(archive: zipfile.ZipFile, name: str, wanted: Mapping[str, Any], folder: Path, source: Path) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(name) as member, path.open("wb") as file:
        shutil.copyfileobj(member, file, _CHUNK)
    with path.open("rb") as file:
        right = hashlib.file_digest(file, "sha256").hexdigest() == wanted["sha256"]
    if not right or path.stat().st_size != wanted["bytes"]:
        raise BackupRefused(f"{source} is damaged: {name} is not what its manifest says")
    os.utime(path, (wanted["mtime"], wanted["mtime"]))


def walk(folder: Path, room: str) -> Iterator[tuple[str, Path]]:
    """The files below `folder` by their names in the archive."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield f"{room}/{path.relative_to(folder).as_posix()}", path
