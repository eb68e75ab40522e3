"""Messages out: the only door to Telegram for what a customer receives."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import structlog
from telegram import Bot
from telegram.error import TelegramError

from bot.arrivals import Arrivals
from bot.freeze import Freeze
from bot.outcomes import Outcomes
from bot.telegram_api import judge, send, wait_of
from bot.vitals import Vitals
from bot.worker import Worker
from crm import clock, crash, dispatch, queues, send_limits
from crm.db import Database
from crm.dispatch import Letter, Outcome, Report
from crm.errors import LeaseLost, TrianError
from crm.send_limits import Kept
from crm.settings import Settings

log = structlog.get_logger()
IDLE_S = 0.25
TICK_S = 0.05
LONGEST_WAIT_S = 1.0
BATCH = 100
MOST_IN_FLIGHT = 200
TOO_LATE_S = 0.5
NOTABLY_LATE_S = 0.05
KEPT_WITHIN_S = 0.002


@dataclass(frozen=True)
class _Flight:
    """A letter, when it is due on this machine's monotonic clock, and its slot on the database's."""

    letter: Letter
    due: float
    slot: float


class Delivery:
    """Claims due messages a little ahead of their slots and carries each at its slot, under the worker's number."""

    def __init__(self, bot: Bot, settings: Settings, database: Database, worker: Worker, vitals: Vitals) -> None:
        self._bot = bot
        self._settings = settings
        self._database = database
        self._worker = worker
        self._vitals = vitals
        self._kept: list[Kept] = []
        self._arrivals = Arrivals()
        self._more = False
        self._freeze = Freeze(database, settings.bot_id)
        self._in_flight: dict[int, tuple[Letter, asyncio.Task[None]]] = {}
        self._outcomes = Outcomes(database, settings.bot_id, self._settled)
        self._wake = asyncio.Event()
        self._last_sent = 0.0
        self._unsure = False
        self._claiming: asyncio.Task[tuple[list[_Flight], float]] | None = None

    def wake(self) -> None:
        """Something new is in the outbox."""
        self._wake.set()

    def in_hand(self) -> list[int]:
        """Numbers of the messages that were claimed here and whose outcome is not written yet."""
        return list(self._in_flight)

    def _letters(self) -> list[Letter]:
        return [letter for letter, _ in list(self._in_flight.values())]

    async def write_outcomes(self) -> None:
        """Writes what became of the messages until cancelled; runs beside `run`."""
        await self._outcomes.run()

    async def run(self) -> None:
        """Sends until cancelled."""
        while True:
            try:
                pause_s = await self._claim()
                self._vitals.mark("delivery")
            except LeaseLost:
                log.warning("nothing is sent until this process has a living number again")
                pause_s = 1.0
            except Exception as error:
                log.exception("outbox not read; trying again")
                self._vitals.trouble("delivery", f"{type(error).__name__}")
                self._unsure, pause_s = True, 1.0
            if pause_s is None:
                await self._rest()
            else:
                await asyncio.sleep(pause_s)

    async def finish(self) -> None:
        """Waits for the calls in flight, so that a clean stop leaves nothing unknown."""
        if self._claiming is not None:
            await asyncio.wait([self._claiming], timeout=10)
        if self._in_flight:
            await asyncio.wait([task for _, task in self._in_flight.values()], timeout=10)
        async with asyncio.timeout(10):
            await self._outcomes.flush()
            await asyncio.to_thread(self._put_back)

    async def _claim(self) -> float | None:
        """Claims what may be sent now; returns seconds to wait before the next time, None: until something comes."""
        room = MOST_IN_FLIGHT - len(self._in_flight)
        if room < MOST_IN_FLIGHT // 4 or not self._worker.held() or self._freeze.left_s:
            return TICK_S
        if not self._more and not await asyncio.to_thread(self._is_any_due):
            return None
        kept, self._kept = self._kept, []
        # A thread cannot be cancelled: what it claims after a stop is put back by `finish`.
        self._claiming = asyncio.create_task(asyncio.to_thread(self._claim_rows, min(room, BATCH), kept))
        letters, wait_s = await asyncio.shield(self._claiming)
        crash.point("delivery.claimed")
        for flight in letters:
            self._in_flight[flight.letter.outbox_id] = flight.letter, asyncio.create_task(self._carry(flight))
        self._more = bool(letters)
        return min(wait_s, LONGEST_WAIT_S) if letters or wait_s else None

    def _is_any_due(self) -> bool:
        with self._database.read() as session:
            return queues.is_any_due(session, self._settings.bot_id, clock.now())

    def _claim_rows(self, room: int, kept: list[Kept]) -> tuple[list[_Flight], float]:
        """Letters with their slots, and seconds until more slots are free."""
        with self._database.begin() as session:
            fence = self._worker.fence
            self._worker.check(session)
            gate = send_limits.gate(session, self._settings.bot_id, self._settings.send_rate)
            here = time.monotonic()
            if self._unsure:
                dispatch.put_back(session, self._settings.bot_id, fence, self._letters())
            gate.learn(kept)
            slots = gate.take(room)
            letters = dispatch.claim(session, self._settings, fence, len(slots)) if slots else []
            gate.give_back(slots[len(letters) :])
            gate.save()
            wait_s = gate.wait_s if len(letters) == len(slots) else 0.0
        self._unsure = False
        pairs = zip(letters, slots, strict=False)
        return [_Flight(letter, here + slot, gate.now + slot) for letter, slot in pairs], wait_s

    def _put_back(self) -> None:
        """Queues again what was claimed and never called."""
        with self._database.begin() as session:
            dispatch.put_back(session, self._settings.bot_id, self._worker.fence, self._letters())

    async def _rest(self) -> None:
        self._wake.clear()
        busy = self._in_flight or time.monotonic() < self._last_sent + self._settings.chat_gap_s + IDLE_S
        try:
            async with asyncio.timeout(TICK_S if busy else IDLE_S):  # not wait_for: see the dispatcher
                await self._wake.wait()
        except TimeoutError:
            return

    async def _carry(self, flight: _Flight) -> None:
        letter = flight.letter
        await self._freeze.look_before(flight.due)
        late_s = max(0.0, time.monotonic() - flight.due)
        refused = self._refusal(letter, late_s)
        if refused is not None:
            self._kept.append(Kept(flight.slot, None))
            self._outcomes.add(refused)
            return
        crash.point("delivery.before_call")
        counts = late_s > NOTABLY_LATE_S and self._settings.chat_gap_s and self._settings.send_rate
        report = await self._call(letter, late_s if counts else 0.0)
        crash.point("delivery.after_call")
        if (arrived_late_s := self._arrivals.late_s(flight.due + late_s, time.monotonic()) + late_s) > KEPT_WITHIN_S:
            self._kept.append(Kept(flight.slot, arrived_late_s))
        self._freeze.heed(report)
        self._outcomes.add(report)

    def _refusal(self, letter: Letter, late_s: float) -> Report | None:
        """Why the call is not made after all: the message then goes back into the queue."""
        if not self._worker.held() or letter.fence != self._worker.fence:
            return Report(letter, Outcome.THROTTLED, "the lease ran out before the call")
        if self._freeze.left_s:
            return Report(
                letter, Outcome.THROTTLED, "not while Telegram is to be left alone", wait_s=self._freeze.left_s
            )
        if late_s > TOO_LATE_S and self._settings.send_rate:
            return Report(letter, Outcome.THROTTLED, "its slot had passed")
        return None

    async def _call(self, letter: Letter, late_s: float) -> Report:
        self._last_sent = time.monotonic()
        try:
            message_id = await send(self._bot, letter, Path(self._settings.var_dir))
        except TelegramError as error:
            wait_s = wait_of(error)
            return Report(letter, judge(error), error.message, wait_s=wait_s, asked_s=wait_s, late_s=late_s)
        except (OSError, TrianError) as error:
            return Report(letter, Outcome.REJECTED, f"{type(error).__name__}: {error}")
        except Exception as error:
            log.exception("call failed", outbox_id=letter.outbox_id)
            return Report(letter, Outcome.AMBIGUOUS, f"{type(error).__name__}: {error}")
        return Report(letter, Outcome.SENT, message_id=message_id, late_s=late_s)

    def _settled(self, report: Report) -> None:
        letter, _ = self._in_flight.get(report.letter.outbox_id, (None, None))
        # What went back into the queue may have been claimed again before this is called: that flight goes on.
        if letter is report.letter:
            del self._in_flight[report.letter.outbox_id]
        self.wake()

    def _photo(self, letter: Letter) -> str | None:
        photo = letter.body.get("photo")
        return str(Path(self._settings.var_dir) / photo) if photo else None
