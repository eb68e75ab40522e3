"""The catalogue's file is written whole, and only when it changes."""

import json
from pathlib import Path

from sqlalchemy.orm import Session

from crm import catalogue_export, text
from crm.models.catalogue import Product


def _add(session: Session, sku: str, name: str, aliases: list[str]) -> None:
    session.add(
        Product(sku=sku, name=name, name_folded=text.fold(name), aliases=aliases, price=1000, warranty_months=12)
    )
    session.flush()


def test_written_once_and_again_after_a_change(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "var" / "catalogue.json"
    _add(session, "B-2", "Quạt đứng", [])
    _add(session, "A-1", "Nồi cơm", ["nồi", "noi com"])
    assert catalogue_export.write(session, path)
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "products": [
            {"sku": "A-1", "name": "Nồi cơm", "aliases": ["nồi", "noi com"]},
            {"sku": "B-2", "name": "Quạt đứng", "aliases": []},
        ]
    }
    before = path.stat().st_mtime_ns
    assert not catalogue_export.write(session, path)
    assert path.stat().st_mtime_ns == before
    _add(session, "C-3", "Bếp", [])
    assert catalogue_export.write(session, path)
    assert [child.name for child in path.parent.iterdir()] == ["catalogue.json"]
