from datetime import datetime

import pytest

from crm.models.care import Severity
from crm.promises import answer_by, is_staffed
from crm.settings import settings
from crm.shop import shop


@pytest.mark.parametrize(
    ("reported", "severity", "promised"),
    [
        ("2026-11-23 09:00", Severity.HIGH, "2026-11-23 13:00"),
        ("2026-11-23 19:30", Severity.HIGH, "2026-11-24 10:30"),
        ("2026-11-23 09:00", Severity.NORMAL, "2026-11-24 09:00"),
        ("2026-11-23 23:50", Severity.HIGH, "2026-11-24 12:00"),
        ("2026-11-23 05:00", Severity.NORMAL, "2026-11-23 21:00"),
        ("2026-12-31 20:59", Severity.LOW, "2027-01-02 20:59"),
    ],
)
def test_a_promise_counts_the_hours_in_which_somebody_works(reported: str, severity: Severity, promised: str) -> None:
    zone = settings().zone
    moment = datetime.fromisoformat(reported).replace(tzinfo=zone)
    assert answer_by(moment, severity, zone, shop()).astimezone(zone).strftime("%Y-%m-%d %H:%M") == promised


@pytest.mark.parametrize(("at", "staffed"), [("07:59", False), ("08:00", True), ("20:59", True), ("21:00", False)])
def test_when_people_are_there(at: str, staffed: bool) -> None:
    moment = datetime.fromisoformat(f"2026-11-23 {at}").replace(tzinfo=settings().zone)
    assert is_staffed(moment, settings().zone, shop()) is staffed
