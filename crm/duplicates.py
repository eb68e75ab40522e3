"""Records that may be one person's. Found by grouping over indexes, never by comparing everybody with everybody."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, joinedload

from crm import audit, clock
from crm.errors import IllegalTransition, NotFound
from crm.models.people import ChannelAccount, Customer, Occasion
from crm.models.privacy import DuplicatePair, LikenessReason, PairState
from crm.models.staff import Staff

MOST_ALIKE = 20  # more who share a name or a number share a common name, or a shop's own number
BATCH = 500
LEGAL = {
    PairState.OPEN: {PairState.DISMISSED, PairState.MERGED},
    PairState.DISMISSED: {PairState.OPEN, PairState.MERGED},
    PairState.MERGED: {PairState.OPEN},  # the merge was undone
}
Pair = tuple[int, int]


def find(session: Session) -> int:
    """Notes the pairs that are not noted yet; how many. The surest reason of each counts."""
    reasons: dict[Pair, LikenessReason] = {}
    for reason, pairs in _searches(session):
        for pair in pairs:
            reasons.setdefault(pair, reason)
    known = _known(session, reasons)
    new = [pair for pair in sorted(reasons) if pair not in known]
    moment = clock.now()
    session.add_all(
        DuplicatePair(first_id=a, second_id=b, reason=reasons[a, b], state=PairState.OPEN, found_at=moment)
        for a, b in new
    )
    session.flush()
    return len(new)


def listing(session: Session, after: int = 0, limit: int = 50) -> list[DuplicatePair]:
    """Pairs that nobody has decided yet, by number beyond `after`."""
    people = (joinedload(DuplicatePair.first), joinedload(DuplicatePair.second))
    wanted = select(DuplicatePair).where(DuplicatePair.state == PairState.OPEN, DuplicatePair.id > after)
    return list(session.scalars(wanted.options(*people).order_by(DuplicatePair.id).limit(limit)))


def of_customer(session: Session, customer_id: int) -> list[DuplicatePair]:
    """The undecided pairs that the customer is one of."""
    mine = or_(DuplicatePair.first_id == customer_id, DuplicatePair.second_id == customer_id)
    people = (joinedload(DuplicatePair.first), joinedload(DuplicatePair.second))
    return list(
        session.scalars(select(DuplicatePair).where(mine, DuplicatePair.state == PairState.OPEN).options(*people))
    )


def count(session: Session) -> int:
    """How many pairs wait for a decision."""
    return session.scalar(select(func.count()).where(DuplicatePair.state == PairState.OPEN)) or 0


def move(session: Session, pair_id: int, to: PairState, staff: Staff) -> None:
    """The one function through which a pair changes state. Raises NotFound, IllegalTransition."""
    pair = session.get(DuplicatePair, pair_id, with_for_update=True, populate_existing=True)
    if pair is None:
        raise NotFound(f"pair {pair_id}")
    if to not in LEGAL[pair.state]:
        raise IllegalTransition(f"pair {pair_id}: {pair.state} -> {to}")
    pair.state, pair.decided_by, pair.decided_at = to, staff.id, clock.now()
    audit.record(session, staff, f"duplicate_{to.value}", "duplicate_pair", pair_id)
    session.flush()


def settle(session: Session, first: int, second: int, to: PairState, staff: Staff) -> None:
    """Moves the pair of the two customers, where there is one."""
    pair = select(DuplicatePair.id).where(
        DuplicatePair.first_id == min(first, second), DuplicatePair.second_id == max(first, second)
    )
    pair_id = session.scalar(pair)
    if pair_id is not None:
        move(session, pair_id, to, staff)


def _searches(session: Session) -> Iterator[tuple[LikenessReason, Iterable[Pair]]]:
    yield LikenessReason.CHAT, _same_chat(session)
    yield LikenessReason.PHONE, _same(session, Customer.phone)
    yield LikenessReason.EMAIL, _same(session, Customer.email)
    yield LikenessReason.EXTERNAL_ID, _same(session, func.lower(func.trim(Customer.external_id)))
    yield from _same_name(session)


def _same(session: Session, value: ColumnElement[Any] | Any) -> list[Pair]:
    here = (value.is_not(None), value != "", Customer.gone_at.is_(None))
    shared = select(value).where(*here).group_by(value).having(func.count().between(2, MOST_ALIKE))
    rows = session.execute(select(value, Customer.id).where(*here, value.in_(shared)))
    return _pairs((shared_value, number) for shared_value, number in rows)


def _same_chat(session: Session) -> list[Pair]:
    """On Telegram a private chat has the person's own number under every bot."""
    here = (ChannelAccount.channel == "telegram", ChannelAccount.chat_id > 0)
    chats = select(ChannelAccount.chat_id).where(*here).group_by(ChannelAccount.chat_id)
    shared = chats.having(func.count(ChannelAccount.customer_id.distinct()) > 1)
    rows = session.execute(
        select(ChannelAccount.chat_id, ChannelAccount.customer_id).where(*here, ChannelAccount.chat_id.in_(shared))
    )
    return _pairs((chat, number) for chat, number in rows)


def _same_name(session: Session) -> Iterator[tuple[LikenessReason, list[Pair]]]:
    """Of the same whole name: those whose numbers differ by a slip of the finger, and those with the same birthday."""
    here = (Customer.name_folded.like("% %"), Customer.gone_at.is_(None))
    shared = select(Customer.name_folded).where(*here).group_by(Customer.name_folded)
    shared = shared.having(func.count().between(2, MOST_ALIKE))
    day = (Occasion.calendar, Occasion.day, Occasion.month)
    rows = session.execute(
        select(Customer.name_folded, Customer.id, Customer.phone, *day)
        .outerjoin(Occasion, Occasion.customer_id == Customer.id)
        .where(*here, Customer.name_folded.in_(shared))
    )
    alike: defaultdict[str, list[Any]] = defaultdict(list)
    for row in rows:
        alike[row.name_folded].append(row)
    couples = [couple for people in alike.values() for couple in combinations(people, 2)]
    yield LikenessReason.NAME_AND_PHONE, [_pair(a.id, b.id) for a, b in couples if _slip(a.phone, b.phone)]
    same_day = [_pair(a.id, b.id) for a, b in couples if a.day and (a[3:] == b[3:])]
    yield LikenessReason.NAME_AND_BIRTHDAY, same_day


def _slip(one: str | None, other: str | None) -> bool:
    """Whether one figure differs, or two neighbours are exchanged."""
    if not one or not other or len(one) != len(other):
        return False
    places = [place for place, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
    if len(places) == 2:
        first, second = places
        return second == first + 1 and one[first] == other[second] and one[second] == other[first]
    return len(places) == 1


def _pairs(rows: Iterable[tuple[Any, int]]) -> list[Pair]:
    alike: defaultdict[Any, set[int]] = defaultdict(set)
    for value, number in rows:
        alike[value].add(number)
    return [_pair(a, b) for people in alike.values() for a, b in combinations(sorted(people), 2)]


def _pair(one: int, other: int) -> Pair:
    return (min(one, other), max(one, other))


def _known(session: Session, pairs: Iterable[Pair]) -> set[Pair]:
    firsts = sorted({first for first, _ in pairs})
    known: set[Pair] = set()
    for start in range(0, len(firsts), BATCH):
        some = select(DuplicatePair.first_id, DuplicatePair.second_id)
        rows = session.execute(some.where(DuplicatePair.first_id.in_(firsts[start : start + BATCH])))
        known |= {(first, second) for first, second in rows}
    return known
