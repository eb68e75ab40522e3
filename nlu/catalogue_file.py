"""The file of the shop's products (crm.catalogue_export writes it), read again whenever it changes."""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path

from nlu.entities.products import Catalogue

logger = logging.getLogger(__name__)

VARIABLE = "TRIAN_CATALOGUE_FILE"
DEFAULT = Path("var/catalogue.json")
LOOK_EVERY_S = 2.0


class CatalogueFile:
    """Holds the catalogue of one file. Without a readable file there are no products; that is logged once."""

    def __init__(self, path: Path | None = None) -> None:
        """Args: path: default: what TRIAN_CATALOGUE_FILE says, else var/catalogue.json."""
        self.path = path or Path(os.environ.get(VARIABLE) or DEFAULT)
        self._catalogue = Catalogue([])
        self._seen: tuple[int, int] | None = None
        self._complained = False
        self._look_at = 0.0

    def current(self) -> Catalogue:
        """The catalogue as the file has it now, or had it within the last LOOK_EVERY_S seconds."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY_S
            self._refresh()
        return self._catalogue

    def _refresh(self) -> None:
        try:
            facts = self.path.stat()
            seen = (facts.st_mtime_ns, facts.st_size)
            if seen == self._seen:
                return
            self._catalogue = Catalogue(json.loads(self.path.read_text(encoding="utf-8"))["products"])
            self._seen, self._complained = seen, False
        except (OSError, ValueError, KeyError, TypeError) as error:
            if not self._complained:
                logger.warning("no products are recognised in messages: %s cannot be read (%s)", self.path, error)
                self._complained = True
