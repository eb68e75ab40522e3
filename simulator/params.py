"""The parameters of a Bot API call, whichever way they came: query, JSON, form, multipart."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.datastructures import UploadFile

from simulator.errors import bad_request


class Params:
    """Typed access; a value of the wrong kind is a 400 as Telegram's."""

    def __init__(
        self,
        values: dict[str, Any],
        files: dict[str, bytes] | None = None,
        file_names: dict[str, str] | None = None,
    ) -> None:
        self.values = values
        self.files = files or {}
        self.file_names = file_names or {}

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        return None if value is None else str(value)

    def number(self, name: str) -> int | None:
        value = self.values.get(name)
        if value is None or value == "":
            return None
        try:
            return int(value)
        except (TypeError, ValueError):
            raise bad_request(f'invalid {name} "{value}" specified') from None

    def chat_id(self) -> int | None:
        """The chat a call names by number; None for none and for a @name."""
        raw = self.text("chat_id") or ""
        return int(raw) if re.fullmatch(r"-?[0-9]{1,18}", raw) else None

    def flag(self, name: str) -> bool:
        return str(self.values.get(name, "")).lower() in ("true", "1")

    def json(self, name: str, kind: type) -> Any:
        """A nested object or list, given as itself or as a JSON string; None when absent."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                raise bad_request(f"can't parse {name} JSON object") from None
        if not isinstance(value, kind):
            raise bad_request(f"object expected as {name.replace('_', ' ')}")
        return value


async def read_params(request: Request) -> Params:
    """Everything the call carries; the body wins over the query."""
    values: dict[str, Any] = dict(request.query_params)
    files: dict[str, bytes] = {}
    names: dict[str, str] = {}
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "application/json":
        body = await request.body()
        try:
            parsed = json.loads(body) if body else {}
        except ValueError:
            raise bad_request("can't parse JSON object") from None
        if isinstance(parsed, dict):
            values |= parsed
    elif kind == "application/x-www-form-urlencoded":
        # Not request.form(), which takes ten times as long over the small forms that a bot sends all day.
        values |= parse_qsl((await request.body()).decode("latin-1"), keep_blank_values=True)
    elif kind == "multipart/form-data":
        form = await request.form(max_part_size=50 * 1024 * 1024)
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                files[name], names[name] = await value.read(), value.filename or "file"
            else:
                values[name] = value
    return Params(values, files, names)
