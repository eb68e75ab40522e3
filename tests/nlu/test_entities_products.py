from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from nlu.catalogue_file import CatalogueFile
from nlu.entities.products import Catalogue
from nlu.entities.reading import read

ROOT = Path(__file__).resolve().parents[2]
DEMO = YAML(typ="safe").load((ROOT / "data/demo/products.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(DEMO)


@pytest.mark.parametrize(
    ("text", "typed", "sku"),
    [
        ("may loc nuoc", "may loc nuoc", "SM-LN09"),
        ("máy lọc nứơc bị rỉ", "máy lọc nứơc", "SM-LN09"),
        ("noi chien ko dau", "noi chien ko dau", "BT-CK55"),
        ("máy giawtj kêu to", "máy giawtj", "NS-MG90"),
        ("maygiat ko vat", "maygiat", "NS-MG90"),
        ("tu lahnh bi chay nuoc", "tu lahnh", "SM-TL320"),
        ("NC 18 giá bn", "NC 18", "BT-NC18"),
        ("ms nc-18", "nc-18", "BT-NC18"),
        ("tủ\u200b lạnh hư", "tủ\u200b lạnh", "SM-TL320"),
    ],
)
def test_misspelt_product(catalogue: Catalogue, text: str, typed: str, sku: str) -> None:
    (found,) = catalogue.find(read(text))
    assert (found.value, text[found.start : found.end]) == (sku, typed)


@pytest.mark.parametrize(
    "text",
    [
        "máy giật điện",
        "ban la ai vay",
        "bạn là robot hả",
        "máy lọc không khí",
        "vợ đang đợi nấu cơm",
        "máy lại mát",
        "",
    ],
)
def test_common_words_are_no_product(catalogue: Catalogue, text: str) -> None:
    assert list(catalogue.find(read(text))) == []


def test_two_products_are_two_entities(catalogue: Catalogue) -> None:
    assert [found.value for found in catalogue.find(read("nồi cơm với máy giặt"))] == ["BT-NC18", "NS-MG90"]


def test_a_name_of_two_products_gives_both_and_further_words_decide() -> None:
    two = [
        {"sku": "A", "name": "Máy giặt Sen 9 kg", "aliases": ["máy giặt"]},
        {"sku": "B", "name": "Máy giặt Mây 11 kg", "aliases": ["máy giặt"]},
    ]
    candidates = list(Catalogue(two).find(read("máy giặt hư")))
    assert [(found.value, found.confidence) for found in candidates] == [("A", 0.5), ("B", 0.5)]
    assert [found.value for found in Catalogue(two).find(read("máy giặt Mây hư"))] == ["B"]


def test_file_is_read_again_when_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlu.catalogue_file.LOOK_EVERY_S", 0)
    path = tmp_path / "catalogue.json"
    path.write_text(json.dumps({"products": DEMO[:1]}), encoding="utf-8")
    file = CatalogueFile(path)
    assert [f.value for f in file.current().find(read("nồi cơm, máy giặt"))] == ["BT-NC18"]
    path.write_text(json.dumps({"products": DEMO[:2]}), encoding="utf-8")
    assert [f.value for f in file.current().find(read("nồi cơm, máy giặt"))] == ["BT-NC18", "NS-MG90"]


def test_missing_file_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("nlu.catalogue_file.LOOK_EVERY_S", 0)
    file = CatalogueFile(tmp_path / "none.json")
    with caplog.at_level(logging.WARNING):
        assert [list(file.current().find(read("nồi cơm"))) for _ in range(3)] == [[], [], []]
    assert len(caplog.records) == 1
