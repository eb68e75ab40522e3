"""The review queue: what people decide about messages that were not understood or not answered well."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import audit, clock
from crm.errors import IllegalTransition, InvalidInput, NotFound, PermissionDenied
from crm.masking import masked
from crm.models.review import NluExample, ReviewEntry, ReviewReason, ReviewSighting, ReviewState
from crm.models.staff import Role, Staff

MAX_SPELLINGS = 5
SIGHTINGS_READ = 200
LONGEST_EXAMPLE = 300
_MAY = (Role.AGENT, Role.LEAD, Role.ADMIN, Role.OWNER)
_LEGAL = {
    ReviewState.OPEN: {ReviewState.ASSIGNED, ReviewState.ANSWERED, ReviewState.DISMISSED},
    ReviewState.ASSIGNED: {ReviewState.OPEN},
    ReviewState.ANSWERED: {ReviewState.OPEN},
    ReviewState.DISMISSED: {ReviewState.OPEN},
}


def change(session: Session, entry: ReviewEntry, to: ReviewState, staff: Staff | None, **detail: object) -> None:
    """Every legal change of an entry's state, with its line in the audit log; `staff` None: it came again by itself.

    Raises:
        IllegalTransition: a decided entry must be undone before it is decided anew.
        PermissionDenied: `staff` does not decide what the assistant learns.
    """
    if staff is not None and not (staff.active and staff.role in _MAY):
        raise PermissionDenied(f"{staff.username} ({staff.role}) may not decide what the assistant learns")
    if to not in _LEGAL[entry.state]:
        raise IllegalTransition(f"entry {entry.id} is {entry.state.value}, not open; `undo` it first")
    before, entry.state = entry.state, to
    entry.staff_id = staff.id if staff else None
    entry.decided_at = None if to is ReviewState.OPEN else clock.now()
    if to is ReviewState.OPEN:
        entry.intent = entry.article = None
    audit.record(session, staff, f"review_{to.value}", "review", entry.id, before=before.value, **detail)


def listing(
    session: Session,
    state: ReviewState | None = ReviewState.OPEN,
    reason: ReviewReason | None = None,
    since: datetime | None = None,
    limit: int = 20,
) -> list[ReviewEntry]:
    """The entries, most frequent first. `reason`: seen for it at least once; `since`: seen again since then."""
    wanted = select(ReviewEntry)
    if state is not None:
        wanted = wanted.where(ReviewEntry.state == state)
    if since is not None:
        wanted = wanted.where(ReviewEntry.last_at >= since)
    if reason is not None:
        seen = select(ReviewSighting.id).where(
            ReviewSighting.entry_id == ReviewEntry.id, ReviewSighting.reason == reason
        )
        wanted = wanted.where(seen.exists())
    order = (ReviewEntry.count.desc(), ReviewEntry.last_at.desc(), ReviewEntry.id)
    return list(session.scalars(wanted.order_by(*order).limit(limit)))


def sightings(session: Session, entry: ReviewEntry, limit: int = 20) -> list[ReviewSighting]:
    """The messages behind an entry, the newest first."""
    mine = select(ReviewSighting).where(ReviewSighting.entry_id == entry.id)
    return list(session.scalars(mine.order_by(ReviewSighting.id.desc()).limit(limit)))


def newest(session: Session, entries: Sequence[ReviewEntry]) -> dict[int, ReviewSighting]:
    """The newest message behind each entry, by the entry's id; an entry whose messages are forgotten has none."""
    last = select(func.max(ReviewSighting.id)).where(ReviewSighting.entry_id.in_([entry.id for entry in entries]))
    found = session.scalars(select(ReviewSighting).where(ReviewSighting.id.in_(last.group_by(ReviewSighting.entry_id))))
    return {sighting.entry_id: sighting for sighting in found if sighting.entry_id is not None}


def counts(session: Session) -> dict[ReviewState, int]:
    """How many entries are in each state."""
    counted = select(ReviewEntry.state, func.count()).group_by(ReviewEntry.state)
    return dict.fromkeys(ReviewState, 0) | dict(session.execute(counted).all())


def get(session: Session, entry_id: int) -> ReviewEntry:
    """The entry, locked until the transaction ends. Raises NotFound."""
    entry = session.scalar(select(ReviewEntry).where(ReviewEntry.id == entry_id).with_for_update())
    if entry is None:
        raise NotFound(f"review entry {entry_id}")
    return entry


def assign(
    session: Session, staff: Staff, entry_id: int, intent: str, intents: Collection[str], text: str | None = None
) -> list[NluExample]:
    """Makes the entry's spellings (or `text` in their place) examples of `intent` for the next training.

    Raises:
        InvalidInput: `intent` is none of `intents`, or `text` is no sentence.
        NotFound, IllegalTransition, PermissionDenied: see `get`, `change`.
    """
    if intent not in intents:
        raise InvalidInput("intent", f"there is no intent {intent}")
    entry = get(session, entry_id)
    texts = [masked(" ".join(text.split()))] if text is not None else spellings(session, entry)
    if not all(0 < len(one) <= LONGEST_EXAMPLE for one in texts) or not texts:
        raise InvalidInput("text", f"an example has 1 to {LONGEST_EXAMPLE} characters; give a shorter one with --text")
    change(session, entry, ReviewState.ASSIGNED, staff, intent=intent, examples=len(texts))
    entry.intent = intent
    typed = {} if text is not None else _typed_by(session, entry)
    common = {"intent": intent, "staff_id": staff.id, "at": clock.now(), "entry_id": entry.id}
    examples = [NluExample(text=one, customer_id=typed.get(one.casefold()), **common) for one in texts]
    session.add_all(examples)
    session.flush()
    return examples


def answer(session: Session, staff: Staff, entry_id: int, slug: str) -> ReviewEntry:
    """Notes that the published article `slug` answers the entry.

    Raises NotFound, IllegalTransition, PermissionDenied.
    """
    entry = get(session, entry_id)
    change(session, entry, ReviewState.ANSWERED, staff, article=slug)
    entry.article = slug
    return entry


def dismiss(session: Session, staff: Staff, entry_id: int) -> ReviewEntry:
    """Nothing is to be learnt from the entry; it counts on in silence.

    Raises NotFound, IllegalTransition, PermissionDenied.
    """
    entry = get(session, entry_id)
    change(session, entry, ReviewState.DISMISSED, staff)
    return entry


def undo(session: Session, staff: Staff, entry_id: int) -> ReviewEntry:
    """Opens a decided entry again; its examples are withdrawn, an article stays until it is withdrawn itself.

    Raises NotFound, IllegalTransition (it is open), PermissionDenied.
    """
    entry = get(session, entry_id)
    change(session, entry, ReviewState.OPEN, staff, withdrawn=_withdraw(session, entry, staff))
    return entry


def reopen(session: Session, entry: ReviewEntry) -> None:
    """The decision did not help. The examples stay: they are right, only not enough."""
    change(session, entry, ReviewState.OPEN, None)


def spellings(session: Session, entry: ReviewEntry) -> list[str]:
    """The different ways in which the entry was typed, the newest first."""
    said = [" ".join(sighting.text.split()) for sighting in sightings(session, entry, limit=SIGHTINGS_READ)]
    return _distinct(said)[:MAX_SPELLINGS]


def _typed_by(session: Session, entry: ReviewEntry) -> dict[str, int | None]:
    """Who typed each spelling; None where several did, word for word: then it tells of none of them."""
    people: dict[str, set[int | None]] = {}
    for sighting in sightings(session, entry, limit=SIGHTINGS_READ):
        people.setdefault(" ".join(sighting.text.split()).casefold(), set()).add(sighting.customer_id)
    return {text: next(iter(who)) if len(who) == 1 else None for text, who in people.items()}


def _distinct(texts: Sequence[str]) -> list[str]:
    return list({text.casefold(): text for text in reversed(texts)}.values())[::-1]


def _withdraw(session: Session, entry: ReviewEntry, staff: Staff) -> int:
    live = select(NluExample).where(NluExample.entry_id == entry.id, NluExample.withdrawn_at.is_(None))
    examples = session.scalars(live).all()
    for example in examples:
        example.withdrawn_at, example.withdrawn_by = clock.now(), staff.id
    return len(examples)
