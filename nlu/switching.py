"""The serving process follows models/current.json: a new model is loaded beside the old one, tried, and takes over.

Requests under way end on the model they began with. A model that is not what the record says stays out.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from pathlib import Path
from typing import Any

import rasa
from rasa.core.agent import Agent
from rasa.core.tracker_store import FailSafeTrackerStore
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.exceptions import UnsupportedModelVersionError
from sanic import Sanic

from nlu.fingerprint import CurrentModel, read_records
from nlu.models import ModelRefused, damage

logger = logging.getLogger(__name__)

POLL_S = 1.0
SMOKE_TEXTS = ("xin chào shop", "cam on nhieu", "bảo hành bao lâu vậy")


def soundness(models: Path, record: CurrentModel) -> None:
    """Raises ModelRefused if the file is gone, not the one that was trained, or of another Rasa version."""
    wrong = damage(models, record)
    if wrong is not None:
        raise ModelRefused(wrong)
    try:
        version = LocalModelStorage.metadata_from_archive(models / record.model).rasa_open_source_version
    except UnsupportedModelVersionError as error:
        version = str(error.model_version)
    except Exception as error:
        raise ModelRefused(f"it cannot be read: {type(error).__name__}: {error}") from error
    if version != rasa.__version__:
        raise ModelRefused(f"it was trained by Rasa {version}, this is {rasa.__version__}")


def choose(models: Path) -> tuple[CurrentModel | None, str | None]:
    """What to start with: the model in use, or, if it is not sound, the newest kept one; and why not the first."""
    refused: str | None = None
    for record in read_records(models):
        try:
            soundness(models, record)
        except ModelRefused as reason:
            logger.error("the model %s stays out: %s", record.model, reason)
            refused = refused or f"{record.model}: {reason}"
        else:
            return record, refused
    return None, refused


class Follower:
    """Keeps `app.ctx.agent` at the model in use. `refused` says which model stays out and why, for health."""

    def __init__(self, models: Path, serving: CurrentModel, refused: str | None = None) -> None:
        self._models = models
        self.serving = serving
        self.refused = refused
        self._seen = self._stamp(next(iter(read_records(models)), serving))

    async def follow(self, app: Sanic[Any, Any]) -> None:
        """Look for another model every POLL_S seconds, until cancelled."""
        while True:
            await asyncio.sleep(POLL_S)
            try:
                await self.look(app)
            except Exception:
                logger.exception("looking for a new model failed")

    async def look(self, app: Sanic[Any, Any]) -> bool:
        """Switch if another model than before is recorded, or its file has changed. Returns whether it switched."""
        records = await asyncio.to_thread(read_records, self._models)
        if not records or self._stamp(records[0]) == self._seen:
            return False
        wanted, self._seen = records[0], self._stamp(records[0])
        agent: Agent = app.ctx.agent
        try:
            if (wanted.model, wanted.sha256) == (self.serving.model, self.serving.sha256):
                await asyncio.to_thread(soundness, self._models, wanted)  # the next start needs the file
                self.refused = None
                return False
            fresh = await asyncio.to_thread(self._load, wanted, agent)
        except Exception as reason:
            self.refused = f"{wanted.model}: {reason}"
            logger.error("the model %s stays out, %s goes on serving: %s", wanted.model, self.serving.model, reason)
            return False
        _share_stores(fresh, agent)
        app.ctx.agent, self.serving, self.refused = fresh, wanted, None
        logger.info("%s serves", wanted.model)
        del agent, fresh
        gc.collect()  # the old model's cycles would keep its memory for a long time
        return True

    def _stamp(self, record: CurrentModel) -> tuple[str, str, int, int]:
        """Changes when another model is recorded, and when the file of the recorded one changes."""
        try:
            facts = (self._models / record.model).stat()
        except OSError:
            return record.model, record.sha256, 0, 0
        return record.model, record.sha256, facts.st_mtime_ns, facts.st_size

    def _load(self, wanted: CurrentModel, old: Agent) -> Agent:
        """Load and try a model, in a thread: it takes about a second, in which the old one goes on answering."""
        soundness(self._models, wanted)
        agent = Agent.load(self._models / wanted.model, lock_store=old.lock_store, action_endpoint=old.action_endpoint)
        for text in SMOKE_TEXTS:
            answer = asyncio.run(agent.parse_message(text))
            ranking = answer.get("intent_ranking") or []
            if not answer["intent"].get("name") or not any(guess["confidence"] > 0 for guess in ranking):
                raise ModelRefused("it understands nothing: a part of it was not trained or not loaded")
        return agent


def _share_stores(fresh: Agent, old: Agent) -> None:
    """Give the new agent the conversations and locks of the old one: a chat's turns stay in order over the switch."""
    store = old.tracker_store
    kept = store if isinstance(store, FailSafeTrackerStore) else FailSafeTrackerStore(store)
    kept.domain = fresh.domain
    fresh.tracker_store = kept
    assert fresh.processor is not None
    fresh.processor.tracker_store = kept
