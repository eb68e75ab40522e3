from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from rasa.core.agent import Agent

from nlu.fingerprint import fingerprint, model_name, read_current, write_current
from nlu.train import ModelRefused, ensure_model, is_current, probe


def test_trained_model_parses_with_ranking_entities_and_offsets(trained: Agent) -> None:
    text = "sao chua thay giao hang, don dh000123"
    parsed = asyncio.run(trained.parse_message(text))
    assert parsed["intent"]["name"] == "order_status"
    assert parsed["intent"]["confidence"] == parsed["intent_ranking"][0]["confidence"] > 0.5
    assert parsed["text"] == text
    (entity,) = parsed["entities"]
    assert (entity["entity"], entity["value"], text[entity["start"] : entity["end"]]) == (
        "order_code",
        "DH000123",
        "dh000123",
    )
    assert entity["extractor"] == "VietnameseEntityExtractor"


def test_probes_tell_a_good_model_from_a_bad_one(model_path: Path, tmp_path: Path) -> None:
    probes = tmp_path / "probes.yml"
    probes.write_text("warranty: [bảo hành ở đâu]\n", encoding="utf-8")
    probe(model_path, probes)
    probes.write_text("warranty: [cảm ơn shop nhiều]\n", encoding="utf-8")
    with pytest.raises(ModelRefused, match="thank"):
        probe(model_path, probes)


def test_fingerprint_follows_content(project: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(project, root)
    before = fingerprint(root)
    assert before == fingerprint(project)
    with (root / "data" / "rules" / "rules.yml").open("a", encoding="utf-8") as file:
        file.write("# more\n")
    assert fingerprint(root) != before
    (root / "data" / "demo").mkdir()
    after = fingerprint(root)
    (root / "data" / "demo" / "shop.yml").write_text("name: x\n", encoding="utf-8")
    assert fingerprint(root) == after


def test_model_in_use_is_known_until_the_data_changes(project: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(project, root)
    models = root / "models"
    models.mkdir(exist_ok=True)
    assert not is_current(root, models)
    mark = fingerprint(root)
    write_current(models, mark)
    assert read_current(models) is None, "a record without its file is no model"
    (models / model_name(mark)).touch()
    write_current(models, mark)
    assert is_current(root, models)
    assert ensure_model(root, models) == model_name(mark)
    (root / "data" / "nlu" / "more.yml").write_text('version: "3.1"\n', encoding="utf-8")
    assert not is_current(root, models)
