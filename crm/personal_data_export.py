"""A person's data in one zip: `data.json` with every store, `index.html` to read, and the files they sent."""

import json
import os
import secrets
import zipfile
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import audit, clock, customers, personal_data_files
from crm import tracker_events as tracker
from crm.errors import NotFound
from crm.models.messaging import Inbound, InboundState
from crm.models.people import ChannelAccount, Customer
from crm.models.privacy import DataExport
from crm.models.staff import Staff
from crm.personal_data_map import Found, numbers, places, rows
from crm.settings import settings
from crm.shop import shop
from crm.words import words

FOLDER = "exports"
# How the staff work, and what lets somebody act for the person: not the person's data.
_INTERNAL = frozenset(
    {"customer_merges", "duplicate_pairs", "mentions", "conversation_reads", "typing_signs", "trial_accounts"}
    | {"button_tokens", "staff_notices", "data_exports"}
)
_SECRET = frozenset({"token", "fence", "claimed_by", "dedupe_key"})
Tables = dict[str, list[dict[str, Any]]]


def make(session: Session, customer_id: int, staff: Staff | None, request_id: int | None = None) -> DataExport:
    """Writes the file below var/exports and its row. Raises NotFound: no such customer, or nothing is left of them."""
    customer = customers.get(session, customer_id)
    if customer.gone_at is not None:
        raise NotFound(f"customer {customer_id} is gone")
    moment, found = clock.now(), numbers(session, customer_id)
    name = f"{secrets.token_urlsafe(24)}.zip"
    path = settings().var_dir / FOLDER / name
    _write(path, gather(session, customer, found), personal_data_files.of(session, found), moment)
    export = DataExport(
        customer_id=customer_id,
        request_id=request_id,
        staff_id=staff.id if staff else None,
        name=name,
        bytes=path.stat().st_size,
        made_at=moment,
        expires_at=moment + timedelta(hours=settings().privacy_export_hours),
    )
    session.add(export)
    audit.record(session, staff, "customer_export", "customer", customer_id, bytes=export.bytes)
    session.flush()
    return export


def gather(session: Session, customer: Customer, found: Found) -> dict[str, Any]:
    """Everything as JSON values: the record, every table, what Telegram told, what the assistant remembers."""
    tables = {
        place.table.name: [_plain(row._mapping) for row in rows(session, place, found)]
        for place in places()
        if place.table.name not in _INTERNAL
    }
    record = {column.name: getattr(customer, column.name) for column in Customer.__table__.columns}
    return {
        "made_at": clock.now().isoformat(),
        "shop": shop().name,
        "customer": _plain(record),
        "tables": {name: kept for name, kept in tables.items() if kept},
        "telegram_updates": _updates(session, found),
        "assistant_memory": _memory(found),
    }


def usable(session: Session, name: str) -> tuple[DataExport, Path]:
    """The export that may still be fetched, and its file. Raises NotFound."""
    export = session.scalar(select(DataExport).where(DataExport.name == name, DataExport.expires_at > clock.now()))
    path = personal_data_files.path(settings(), f"{FOLDER}/{name}")
    if export is None or path is None:
        raise NotFound(f"export {name}")
    return export, path


def expire(session: Session, moment: datetime) -> int:
    """Deletes exports whose time is over, and files of which no row tells; how many."""
    over = list(session.scalars(select(DataExport).where(DataExport.expires_at <= moment).limit(200)))
    for export in over:
        (settings().var_dir / FOLDER / export.name).unlink(missing_ok=True)
        session.delete(export)
    session.flush()
    return len(over) + _forget_strays(session, moment)


def _forget_strays(session: Session, moment: datetime) -> int:
    folder = settings().var_dir / FOLDER
    old = (moment - timedelta(hours=1)).timestamp()  # a file is written before its row is committed
    strays = [path for path in folder.glob("*") if path.stat().st_mtime < old] if folder.is_dir() else []
    known = set(session.scalars(select(DataExport.name).where(DataExport.name.in_([path.name for path in strays]))))
    gone = [path for path in strays if path.name not in known]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)


def _write(path: Path, data: dict[str, Any], files: list[str], moment: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("data.json", json.dumps(data, ensure_ascii=False, indent=1))
        packed.writestr("index.html", _page(data, moment))
        for name in files:
            source = personal_data_files.path(settings(), name)
            if source is not None and not name.startswith(f"{FOLDER}/"):
                packed.write(source, f"files/{Path(name).name}")


def _page(data: dict[str, Any], moment: datetime) -> str:
    texts = words("privacy")
    person = [(texts["columns"][key], _said(value)) for key, value in data["customer"].items() if _heads(key) and value]
    tables = [_table(title, data["tables"].get(name, [])) for name, title in texts["tables"].items()]
    return (
        _environment(settings().data_dir / "templates")
        .get_template("personal_data.html")
        .render(
            shop=data["shop"],
            hotline=shop().hotline,
            made_at=clock.vietnamese_moment(moment, settings().zone),
            person=person,
            tables=[table for table in tables if table[2]],
        )
    )


def _table(title: str, kept: list[dict[str, Any]]) -> tuple[str, list[str], list[list[str]]]:
    columns = [name for name in (kept[0] if kept else ()) if _heads(name)]
    heads = [words("privacy")["columns"][name] for name in columns]
    return title, heads, [[_said(row.get(name)) for name in columns] for row in kept]


def _heads(column: str) -> bool:
    return column in words("privacy")["columns"]


def _said(value: Any) -> str:
    texts = words("privacy")
    if value is None or value == "":
        return str(texts["none"])
    if isinstance(value, bool):
        return str(texts["given" if value else "not_given"])
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _updates(session: Session, found: Found) -> list[Any]:
    told: list[Any] = []
    for account in session.scalars(select(ChannelAccount).where(ChannelAccount.id.in_(found["channel_accounts"]))):
        mine = (Inbound.bot_id == account.bot_id, Inbound.state.in_(InboundState), Inbound.chat_id == account.chat_id)
        told += session.scalars(select(Inbound.payload).where(*mine).order_by(Inbound.id))
    return told


def _memory(found: Found) -> list[Any]:
    store = tracker.open_store(settings().tracker_url)
    if store is None:
        return []
    try:
        names = [f"{tracker.PREFIX}{number}" for number in sorted(found["channel_accounts"])]
        events = select(tracker.EVENTS.c.data).where(tracker.EVENTS.c.sender_id.in_(names))
        with store.read() as session:
            return [json.loads(raw) for raw in session.scalars(events.order_by(tracker.EVENTS.c.id)) if raw]
    finally:
        store.dispose()


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    named = {getattr(key, "name", key): value for key, value in row.items()}
    return {key: _json(value) for key, value in named.items() if key not in _SECRET and not key.endswith("staff_id")}


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _json(each) for key, each in value.items() if key not in _SECRET}
    if isinstance(value, list):
        return [_json(each) for each in value]
    if isinstance(value, StrEnum):
        return value.value
    return value.isoformat() if isinstance(value, datetime | date) else value


@lru_cache(maxsize=2)
def _environment(folder: Path) -> Environment:
    return Environment(loader=FileSystemLoader(folder), autoescape=select_autoescape(["html"]))
