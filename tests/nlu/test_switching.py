"""Real models change places under real turns; what is damaged, false or of another version stays out (FAULTS, 18)."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from server import ROOT, ask, free_port, start, stop, wait_for_health, wait_until_healthy

from nlu.fingerprint import model_name, write_current
from nlu.train import train_model

OLD, NEW = "a" * 64, "b" * 64
STRANGE = "tuyệt cú mèo luôn á"
LESSON = 'version: "3.1"\nnlu:\n  - intent: thank\n    examples: |\n' + f"      - {STRANGE}\n" * 3
CHATS = 4
TURNS = 10


@pytest.fixture(scope="session")
def learnt_path(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second model, which knows one sentence more."""
    folder = tmp_path_factory.mktemp("learnt")
    (folder / "learned.yml").write_text(LESSON, encoding="utf-8")
    train_model(project, folder / model_name(NEW), folder / "learned.yml")
    return folder / model_name(NEW)


@pytest.fixture
def folder(model_path: Path, learnt_path: Path, tmp_path: Path) -> Path:
    for name in ("credentials.yml", "endpoints.yml"):
        shutil.copy(ROOT / name, tmp_path)
    models = tmp_path / "models"
    models.mkdir()
    shutil.copy(model_path, models / model_name(OLD))
    shutil.copy(learnt_path, models / model_name(NEW))
    write_current(models, OLD)
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    process = start(folder, port)
    try:
        wait_until_healthy(process, port)
        yield process, port
    finally:
        stop(process)


@dataclass
class Customers:
    """Several chats that write without a pause until told to stop; `answers`: (chat, number, model, texts)."""

    port: int
    answers: list[tuple[int, int, str, int]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0

    def __enter__(self) -> Customers:
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(chat,)) for chat in range(CHATS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(20)

    def wait_for(self, turns: int) -> None:
        """Wait until every chat was answered `turns` more times, however busy the machine is."""
        before = Counter(chat for chat, *_ in self.answers)
        deadline = time.monotonic() + 60
        while any(Counter(of for of, *_ in self.answers)[chat] < before[chat] + turns for chat in range(CHATS)):
            assert time.monotonic() < deadline, self.failures
            time.sleep(0.05)

    def _write(self, chat: int) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            turn = {"conversation_id": f"chat-{chat}", "turn_id": f"{chat}-{number}", "text": "xin chào shop"}
            began = time.monotonic()
            try:
                answer = ask(self.port, "turn", turn)
                self.answers.append((chat, number, answer["model"], len(answer["messages"])))
            except Exception as error:
                self.failures.append(f"{chat}-{number}: {error!r}")
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)


def test_a_switch_loses_no_turn_and_the_new_model_is_understood(
    folder: Path, server: tuple[subprocess.Popen[bytes], int]
) -> None:
    _, port = server
    models = folder / "models"
    before = ask(port, "turn", {"conversation_id": "s", "turn_id": "s1", "text": STRANGE})
    with Customers(port) as customers:
        customers.wait_for(TURNS)
        write_current(models, NEW)
        wait_for_health(port, model=model_name(NEW), refused_model=None, status="ok")
        customers.wait_for(TURNS)
        after = ask(port, "turn", {"conversation_id": "s", "turn_id": "s2", "text": STRANGE})
        write_current(models, OLD)
        wait_for_health(port, model=model_name(OLD))
        customers.wait_for(TURNS)
    again = ask(port, "turn", {"conversation_id": "s", "turn_id": "s3", "text": STRANGE})
    assert customers.failures == []
    assert customers.slowest_s < 5
    assert len(customers.answers) >= 3 * CHATS * TURNS
    assert {texts for *_, texts in customers.answers} == {1}, "every turn got its one answer"
    for chat in range(CHATS):
        numbers = [number for of, number, *_ in customers.answers if of == chat]
        assert numbers == list(range(1, len(numbers) + 1))
        names = [name for of, _, name, _ in customers.answers if of == chat]
        assert set(names) == {model_name(OLD), model_name(NEW)}
    assert after["intent"]["name"] == "thank"
    assert after["intent"]["confidence"] > before["ranking"][0]["confidence"]
    assert again["ranking"] == before["ranking"]
    assert ask(port, "turn", {"conversation_id": "s", "turn_id": "s2", "text": STRANGE})["replayed"]


def of_another_version(path: Path) -> None:
    """The model with another Rasa's number in its metadata."""
    with tarfile.open(path) as archive:
        parts = [(one, archive.extractfile(one)) for one in archive.getmembers()]
        contents = [(one, file.read() if file else None) for one, file in parts]
    with tarfile.open(path, "w:gz") as archive:
        for one, content in contents:
            if one.name.lstrip("./") == "metadata.json" and content is not None:
                facts = json.loads(content)
                facts["rasa_open_source_version"] = "3.6.20"
                content = json.dumps(facts).encode()
                one.size = len(content)
            archive.addfile(one, io.BytesIO(content) if content is not None else None)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def tamper(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def test_what_is_not_the_trained_model_stays_out(folder: Path, server: tuple[subprocess.Popen[bytes], int]) -> None:
    process, port = server
    models, learnt = folder / "models", folder / "models" / model_name(NEW)
    whole = learnt.read_bytes()
    for harm, reason, recorded in (
        (truncate, "checksum", True),
        (tamper, "checksum", True),
        (truncate, "cannot be read", False),
        (of_another_version, "trained by Rasa 3.6.20", False),
    ):
        write_current(models, OLD)
        wait_for_health(port, refused_model=None)
        learnt.write_bytes(whole)
        (folder / "next").mkdir()
        shutil.copy(models / "current.json", folder / "next")
        shutil.copy(learnt, folder / "next")
        if not recorded:  # harmed before the record was written: the checksum agrees
            harm(folder / "next" / learnt.name)
        write_current(folder / "next", NEW)
        if recorded:
            harm(folder / "next" / learnt.name)
        (folder / "next" / learnt.name).replace(learnt)
        (folder / "next" / "current.json").replace(models / "current.json")
        health = wait_for_health(port, status="degraded", model=model_name(OLD))
        assert reason in health["refused_model"], health
        turn = {"conversation_id": "c", "turn_id": f"{harm.__name__}-{recorded}", "text": "xin chào shop"}
        assert ask(port, "turn", turn)["messages"]
        shutil.rmtree(folder / "next")
    log = (folder / "log").read_text(encoding="utf-8")
    assert log.count("stays out") == 4
    assert "ERROR nlu.switching" in log
    learnt.write_bytes(whole)
    write_current(models, NEW)
    wait_for_health(port, model=model_name(NEW), refused_model=None, status="ok")
    tamper(models / model_name(NEW))
    assert "checksum" in wait_for_health(port, status="degraded")["refused_model"], "the next start needs the file"
    process.terminate()
    process.wait(15)


def test_a_start_with_a_damaged_model_serves_the_one_before(folder: Path) -> None:
    write_current(folder / "models", NEW)
    truncate(folder / "models" / model_name(NEW))
    port = free_port()
    process = start(folder, port)
    try:
        health = wait_until_healthy(process, port)
        assert health["model"] == model_name(OLD)
        assert health["status"] == "degraded"
        assert "checksum" in health["refused_model"]
    finally:
        stop(process)
