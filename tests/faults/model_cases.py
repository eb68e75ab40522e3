"""A model file that must not go on line (FAULTS.md 18)."""

import hashlib
import json
import random
import shutil
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx

from operations.processes import ROOT
from tests.faults.case import Tally, case
from tests.faults.crowd import Crowd
from tests.faults.world import World

NOTICES_WITHIN_S = 60.0
RECORD = "current.json"


@case(18, "model truncated, tampered, of another version", tries=6, short=0)
def bad_models(world: World, tries: int, dice: random.Random) -> Tally:
    """Recorded as the one in use while the old one serves: it stays out, that is logged, and health says so."""
    tally = Tally()
    models = world.var / "models"
    models.mkdir()
    for path in [ROOT / "models" / RECORD, ROOT / "models" / _facts(ROOT / "models")["model"]]:
        shutil.copy(path, models)
    world.use_rasa()
    world.start("actions", ready=False)
    crowd = Crowd(world, 3)
    world.start("rasa", TRIAN_MODELS_DIR=str(models))
    world.start("bot")
    serving = _health(world)["model"]
    spoilers: list[Callable[[Path, random.Random], None]] = [_truncate, _tamper, _of_another_version]
    for number in range(tries):
        spoil = spoilers[number % len(spoilers)]
        name = _record_another(models, number, spoil, dice)
        refused = world.reaches(partial(_refuses, world, name), NOTICES_WITHIN_S)
        tally.expect(refused, f"{spoil.__name__}: health does not say that {name} is refused: {_health(world)}")
        tally.equal(_health(world)["model"], serving, f"{spoil.__name__}: the model that serves")
        tally.equal(_health(world)["status"], "degraded", f"{spoil.__name__}: health")
        tally.expect(name in world.said("rasa"), f"{spoil.__name__}: the refusal is not logged")
        for chat in crowd.chats:
            crowd.written.append("chào shop")
            world.telegram.write(chat, "chào shop")
        tally.expect(world.settle(60), f"{spoil.__name__}: the answers did not come to rest")
        tally.equal(len(_answered(world, crowd)), 3, f"{spoil.__name__}: people answered")
        tally.tries += 1
    world.audit().into(tally)
    return tally


def _answered(world: World, crowd: Crowd) -> list[int]:
    answered = [
        chat for chat in crowd.chats if any("trục trặc" not in t for t in world.telegram.texts(chat, crowd.mark.call))
    ]
    crowd.mark = world.mark()
    return answered


def _health(world: World) -> dict[str, str]:
    url = f"http://127.0.0.1:{world.rasa_port}/webhooks/trian/health"
    facts: dict[str, str] = httpx.get(url, timeout=30).json()
    return facts


def _refuses(world: World, name: str) -> bool:
    return name in str(_health(world)["refused_model"])


def _facts(models: Path) -> dict[str, str]:
    facts: dict[str, str] = json.loads((models / RECORD).read_text(encoding="utf-8"))
    return facts


def _record_another(
    models: Path, number: int, spoil: Callable[[Path, random.Random], None], dice: random.Random
) -> str:
    """Records a spoiled copy of the model as the one in use. Its checksum is the spoiled file's own unless tampered."""
    facts = _facts(ROOT / "models")
    name = f"trian-{number:012x}.tar.gz"
    path = models / name
    shutil.copy(models / facts["model"], path)
    spoil(path, dice)
    facts["model"] = name
    if spoil is not _tamper:
        facts["sha256"] = _checksum(path)
    draft = models / "draft.json"
    draft.write_text(json.dumps(facts), encoding="utf-8")
    draft.replace(models / RECORD)
    return name


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _truncate(path: Path, dice: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: dice.randrange(1, len(content) - 1)])


def _tamper(path: Path, dice: random.Random) -> None:
    content = bytearray(path.read_bytes())
    place = dice.randrange(len(content))
    content[place] ^= 1 << dice.randrange(8)
    path.write_bytes(content)


def _of_another_version(path: Path, dice: random.Random) -> None:
    """Says of itself that a later Rasa trained it."""
    folder = path.with_suffix(".unpacked")
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    record = folder / "metadata.json"
    record.write_text(
        record.read_text(encoding="utf-8").replace("3.6.21", f"3.{dice.randrange(7, 99)}.0"), encoding="utf-8"
    )
    with tarfile.open(path, "w:gz") as archive:
        for part in sorted(folder.iterdir()):
            archive.add(part, arcname=part.name)
    shutil.rmtree(folder)
