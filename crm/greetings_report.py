"""The dry run of a day's greetings, for the command line."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from sqlalchemy.orm import Session

from crm import greetings, holidays, lunar

_WHY = {
    greetings.Standing.SEND: "send",
    greetings.Standing.ALREADY: "not sent: already greeted that day",
    greetings.Standing.NO_ACCOUNT: "not sent: has never written to this bot",
    greetings.Standing.UNREACHABLE: "not sent: blocked the bot or is gone",
    greetings.Standing.NO_CONSENT: "not sent: did not agree to greetings",
}


def lines(session: Session, day: date) -> Iterator[str]:
    """Who would be greeted on `day`, with what, and who not and why; the totals last. Writes nothing."""
    moon = lunar.to_lunar(day)
    leap = " (leap month)" if moon.leap else ""
    kept = ", ".join(f"{each.key} ({each.name})" for each in holidays.kept_on(day)) or "no holiday"
    yield f"{day.isoformat()} · lunar {moon.day}/{moon.month}/{moon.year}{leap} · {kept}"
    totals: Counter[greetings.Standing] = Counter()
    for planned in greetings.plan(session, day):
        totals[planned.standing] += 1
        yield f"#{planned.customer_id} {planned.name or '(no name)'} · {planned.occasion} · {_WHY[planned.standing]}"
        yield from (f"    {line}" for line in planned.text.splitlines())
    yield f"{totals.total()} concerned, {totals[greetings.Standing.SEND]} to be greeted"
    for standing, count in totals.most_common():
        if standing is not greetings.Standing.SEND:
            yield f"    {count} {_WHY[standing]}"
