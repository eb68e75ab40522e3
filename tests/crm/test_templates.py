import string
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from crm import clock, templates
from crm.models.people import Address, Customer

DATA = Path(__file__).parents[2] / "data" / "templates"
VALUES = {
    "code": "KN-2026-000123",
    "said": "Bên em đổi máy mới",
    "time": "15:30 ngày 24/11/2026",
    "before": "13:30 ngày 24/11/2026",
    "about": "hỏi kho rồi báo lại",
    "score": "2",
}


def texts(raw: object) -> Iterator[str]:
    if isinstance(raw, str):
        yield raw
    elif isinstance(raw, list):
        for item in raw:
            yield from texts(item)
    elif isinstance(raw, dict):
        for item in raw.values():
            yield from texts(item)


ALL = [text for name in ("messages", "greetings") for text in texts(yaml.safe_load((DATA / f"{name}.yml").read_text()))]


@pytest.mark.parametrize("address", list(Address))
@pytest.mark.parametrize("name", ["Nguyễn Thị Hạnh", ""])
def test_every_text_reads_without_a_hole_for_everyone(address: Address, name: str) -> None:
    customer = Customer(name=name, name_folded="", address=address, created_at=clock.now())
    for text in ALL:
        said = templates.fill(text, customer, **VALUES)
        assert "{" not in said
        assert "  " not in said
        assert not any(f" {mark}" in said for mark in ",.!?")
        assert len(said) <= 4096


def test_a_missing_value_is_an_error_and_not_a_hole() -> None:
    customer = Customer(name="Hạnh", name_folded="hanh", address=Address.CHI, created_at=clock.now())
    with pytest.raises(KeyError):
        templates.message("complaint_resolved", customer, code="KN-1")


def test_no_text_asks_for_a_word_nobody_gives() -> None:
    known = {"address", "Address", "self", "Self", "name", "shop", "hotline", "hours", *VALUES}
    used = {field for text in ALL for _, field, _, _ in string.Formatter().parse(text) if field}
    assert used <= known


def test_no_text_lies_unused() -> None:
    root = DATA.parents[1]
    code = "".join(path.read_text() for room in ("bot", "crm") for path in (root / room).rglob("*.py"))
    assert [key for key in yaml.safe_load((DATA / "messages.yml").read_text()) if f'"{key}"' not in code] == []
