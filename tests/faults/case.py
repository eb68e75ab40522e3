"""What a case is, what it counts, and the list of all of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.world import World


@dataclass
class Tally:
    """What came of a case's tries.

    Attributes:
        tries: how often the fault was brought about.
        lost: due and in no final state with a reason, or never handled at all.
        doubled: accepted twice for one outbox row, the one allowed re-send of a reply or care message included.
        doubled_marketing: the same for advertisements, of which none may be.
        unknown: rows of which nobody knows whether they arrived; they are listed and counted.
        unreported: accepted by Telegram, and our tables do not say so (neither sent nor unknown).
        failed: sentences saying what did not hold. Empty: the case stands.
    """

    tries: int = 0
    lost: int = 0
    doubled: int = 0
    doubled_marketing: int = 0
    unknown: int = 0
    unreported: int = 0
    failed: list[str] = field(default_factory=list)

    def expect(self, truth: bool, sentence: str) -> bool:
        """Notes `sentence` as a failure unless `truth`; returns `truth`."""
        if not truth:
            self.failed.append(sentence)
        return truth

    def equal(self, found: object, wanted: object, what: str) -> bool:
        """Notes a failure unless the two are equal."""
        return self.expect(found == wanted, f"{what}: {found!r}, wanted {wanted!r}")

    def add(self, other: Tally) -> None:
        """Takes in the counts of a part."""
        self.tries += other.tries
        self.lost += other.lost
        self.doubled += other.doubled
        self.doubled_marketing += other.doubled_marketing
        self.unknown += other.unknown
        self.unreported += other.unreported
        self.failed += other.failed


Run = Callable[["World", int, random.Random], Tally]


@dataclass(frozen=True)
class Case:
    """One line of FAULTS.md.

    `short`: tries in the short round, 0 where it is left out of it. `short_on`: the only database that the short round
    runs it on, for those that need Rasa itself, whose start takes longer than everything else.
    """

    number: int
    title: str
    run: Run
    tries: int
    short: int
    short_on: str | None = None


CASES: dict[int, Case] = {}


def case(
    number: int, title: str, tries: int = 100, short: int = 2, short_on: str | None = None
) -> Callable[[Run], Run]:
    """Registers the function under it as the case `number`.

    The function gets a fresh world (an empty migrated database, a simulator that nobody has called yet and no other
    process), the number of tries, and dice seeded for this case and database; it stops nothing, the world does that.
    """

    def register(run: Run) -> Run:
        if number in CASES:
            raise ValueError(f"case {number} is there twice")
        CASES[number] = Case(number, title, run, tries, short, short_on)
        return run

    return register


def load() -> None:
    """Imports every file of cases, so that they register themselves."""
    for path in sorted(Path(__file__).parent.glob("*_cases.py")):
        import_module(f"tests.faults.{path.stem}")
