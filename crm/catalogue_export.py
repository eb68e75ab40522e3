"""The catalogue as a file, for Rasa's room: it holds no database, and still has to know the products' names."""

import json
import os
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.models.catalogue import Product


def write(session: Session, path: Path) -> bool:
    """Writes sku, name and aliases of every product to `path` (JSON, by sku), if that changes the file.

    The file is replaced in one step: a reader finds the old one or the new one whole. Returns whether it changed.
    Raises OSError where the folder cannot be written.
    """
    content = _content(session)
    if path.is_file() and path.read_text(encoding="utf-8") == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(content, encoding="utf-8")
    draft.replace(path)
    return True


def _content(session: Session) -> str:
    columns = select(Product.sku, Product.name, Product.aliases).order_by(Product.sku)
    products = [{"sku": sku, "name": name, "aliases": aliases} for sku, name, aliases in session.execute(columns)]
    return json.dumps({"products": products}, ensure_ascii=False, indent=1) + "\n"
