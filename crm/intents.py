"""What a message can mean: the intents of the domain that a person may assign."""

from functools import lru_cache
from pathlib import Path

import yaml

_DOMAIN = Path(__file__).resolve().parent.parent / "domain.yml"
_UNSAYABLE = frozenset({"send_photo"})  # no words mean it


@lru_cache(maxsize=1)
def assignable() -> tuple[str, ...]:
    """Their names, in the domain's order."""
    domain = yaml.safe_load(_DOMAIN.read_text(encoding="utf-8"))
    names = (next(iter(one)) if isinstance(one, dict) else str(one) for one in domain["intents"])
    return tuple(name for name in names if name not in _UNSAYABLE)
