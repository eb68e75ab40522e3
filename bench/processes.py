"""What running processes use."""

from pathlib import Path

from operations.sandbox import Sandbox

NAMES = ("rasa", "actions", "bot", "scheduler", "console", "simulator")


def resident_mb(system: Sandbox) -> dict[str, float]:
    """Resident memory of each process of a product, in megabytes (10^6 bytes)."""
    return {name: resident(system.pid(name)) for name in NAMES}


def resident(pid: int) -> float:
    """Resident memory of one process in megabytes, read from /proc. Raises ProcessLookupError."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ProcessLookupError(pid)
