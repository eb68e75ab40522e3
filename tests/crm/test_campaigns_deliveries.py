"""The list of who got a broadcast, and the table to take away."""

import csv
import io

import pytest
from sqlalchemy.orm import Session

from crm import campaign_deliveries, campaigns, customers
from crm.campaign_deliveries import Unsent
from crm.cells import safe
from crm.models.messaging import OutboxState
from crm.settings import settings
from tests.crm.broadcasts import marketer, reader, running, settle


def test_each_person_stands_in_one_place_and_the_pages_hold_all(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "canary", 4)
    minh = marketer(session)
    for number in range(1, 8):
        reader(session, number, agreed=number != 7)
    campaign = running(session, minh)
    settle(session, campaign, OutboxState.SENT, 1)
    [failed] = settle(session, campaign, OutboxState.FAILED, 1)
    failed.reason = "bot was blocked by the user"
    session.flush()
    everybody = campaign_deliveries.page(session, campaign)
    assert [each.standing for each in everybody] == [
        OutboxState.SENT,
        OutboxState.FAILED,
        OutboxState.QUEUED,
        OutboxState.QUEUED,
        Unsent.WAITING,
        Unsent.WAITING,
        Unsent.LEFT_OUT,
    ]
    assert (everybody[1].reason, everybody[6].reason) == ("bot was blocked by the user", "no_consent")
    assert (everybody[0].version, everybody[0].attempt, everybody[4].version) == (1, 1, None)
    assert everybody[0].at is not None
    for standing in (*OutboxState, *Unsent):
        mine = [each.id for each in everybody if each.standing is standing]
        assert [each.id for each in campaign_deliveries.page(session, campaign, standing)] == mine
    behind = campaign_deliveries.page(session, campaign, after=everybody[2].id, limit=2)
    assert behind == everybody[3:5]
    campaigns.cancel(session, campaign, minh)
    stopped = campaign_deliveries.page(session, campaign, Unsent.LEFT_OUT)
    assert [each.reason for each in stopped] == [campaigns.STOPPED, campaigns.STOPPED, "no_consent"]
    assert campaign_deliveries.page(session, campaign, Unsent.WAITING) == []


def test_the_table_is_read_back_and_holds_no_formula(session: Session) -> None:
    minh = marketer(session)
    for number, name in enumerate(("=cmd|' /C calc'!A0", 'Lê "Hoa", Thị\nBa', "+84912", "@SUM(1)", "-1", " =1+1"), 1):
        customers.rename(reader(session, number).customer, name)
    campaign = running(session, minh)
    pieces = campaign_deliveries.table(
        lambda after: campaign_deliveries.page(session, campaign, after=after, limit=2),
        ["Khách", "Trạng thái"],
        lambda each: [each.name, each.standing.value],
    )
    whole = "".join(pieces)
    assert whole.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(whole[1:])))
    assert rows[0] == ["Khách", "Trạng thái"]
    names = [row[0] for row in rows[1:]]
    assert names == ["'=cmd|' /C calc'!A0", 'Lê "Hoa", Thị Ba', "'+84912", "'@SUM(1)", "'-1", "'=1+1"]


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "  =1", "\n@x"])
def test_what_a_spreadsheet_would_run_is_text(cell: str) -> None:
    assert safe(cell) == "'" + cell
    assert safe("Lê Hoa 1+1=2") == "Lê Hoa 1+1=2"
