"""What the API's resources do, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from crm import clock, consents, merges, personal_data_erase
from crm.api_tokens import Scope
from crm.db import Database
from crm.models.care import Rating
from crm.models.catalogue import Purchase
from crm.models.conversations import Author, Direction, Message
from crm.models.messaging import Outbox, OutboxKind
from crm.models.people import AuditEntry, Customer, Purpose, Stage
from crm.models.staff import Staff
from tests.console.api_client import client, issued, use
from tests.crm import factories

NOON = "2027-03-01T12:00:00+07:00"


@pytest.fixture
def api(database: Database, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    use(monkeypatch, database)
    return client(issued(database)[1])


def _audited(database: Database) -> list[tuple[str, str]]:
    with database.read() as session:
        rows = select(AuditEntry.action, Staff.name).join(Staff, Staff.id == AuditEntry.staff_id)
        return [(action, name) for action, name in session.execute(rows.order_by(AuditEntry.id))]


def test_a_customer_is_made_found_and_changed_by_one_who_has_seen_it(api: TestClient, database: Database) -> None:
    given = {"external_id": "KH-1", "name": "Trần Thị Mai", "phone": "+84 912 345 678", "email": "mai@example.org"}
    made = api.post("/v1/customers", json={**given, "birthday": {"day": 2, "month": 9, "year": 1990}})
    assert (made.status_code, made.json()["phone"]) == (201, "0912345678")
    again = api.post("/v1/customers", json=given)
    assert (again.status_code, again.json()["id"]) == (200, made.json()["id"])
    found = api.get("/v1/customers", params={"phone": "0912 345 678"}).json()
    assert [each["external_id"] for each in found["items"]] == ["KH-1"]
    path, seen = f"/v1/customers/{made.json()['id']}", again.headers["etag"]
    assert api.get(path).headers["etag"] == seen
    assert api.patch(path, json={"tier": "gold"}).status_code == 428
    changed = api.patch(path, json={"tier": "gold"}, headers={"if-match": seen})
    assert (changed.status_code, changed.json()["tier"], changed.json()["name"]) == (200, "gold", "Trần Thị Mai")
    late = api.patch(path, json={"tier": "silver"}, headers={"if-match": seen})
    assert (late.status_code, late.json()["code"]) == (412, "changed")
    assert api.get(path).json()["tier"] == "gold"
    assert [line for line in _audited(database) if line[0].startswith("customer_")] == [
        ("customer_created", "API · Hệ thống bán hàng"),
        ("customer_updated", "API · Hệ thống bán hàng"),
    ]


def test_what_cannot_be_used_is_named_and_nothing_is_written(api: TestClient, database: Database) -> None:
    for given, where in (
        ({"name": "A", "phone": "12"}, "body.phone"),
        ({"name": "A", "external_id": "1", "email": "x"}, "body.email"),
        ({"name": "A", "external_id": "1", "points": 5}, "body.points"),
        ({"name": "A" * 101, "external_id": "1"}, "body.name"),
    ):
        answer = api.post("/v1/customers", json=given)
        assert answer.status_code == 422
        assert [each["where"] for each in answer.json()["errors"]] == [where]
        assert answer.headers["content-type"] == "application/problem+json"
    assert api.post("/v1/customers", json={"name": "Không có khoá"}).json()["code"] == "no_key"
    assert api.post("/v1/customers", json={"phone": "0912345678"}).json()["code"] == "missing"
    impossible = {"external_id": "1", "name": "A", "birthday": {"day": 31, "month": 2}}
    assert api.post("/v1/customers", json=impossible).status_code == 422
    assert api.get("/v1/customers/999").json()["code"] == "not_found"
    assert api.get("/v1/customers", params={"limit": 1000}).status_code == 422
    assert api.get("/v1/nowhere").json()["status"] == 404
    assert api.delete("/v1/customers").status_code == 405
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Customer)) == 0


def test_lists_are_paged_by_key_without_a_gap(api: TestClient) -> None:
    for number in range(5):
        api.post("/v1/customers", json={"external_id": str(number), "name": f"Khách {number}"})
    seen, after = [], 0
    for size in (2, 2, 1):
        got = api.get("/v1/customers", params={"limit": 2, "after": after}).json()
        assert len(got["items"]) == size
        seen += [each["external_id"] for each in got["items"]]
        after = got["next"]
    assert (seen, after) == (["0", "1", "2", "3", "4"], None)


def _order(key: str, **more: object) -> dict[str, object]:
    whole: dict[str, object] = {"external_id": key, "customer_external_id": "KH-1", "purchased_at": NOON}
    return {**whole, "items": [{"product": "TL-01", "quantity": 2}], **more}


@pytest.fixture
def shop(api: TestClient) -> TestClient:
    """With one customer, KH-1, and one product, TL-01."""
    api.post("/v1/customers", json={"external_id": "KH-1", "name": "Trần Thị Mai", "phone": "0912345678"})
    assert api.put("/v1/products/TL-01", json={"name": "Tủ lạnh Mát", "price": 9_900_000}).status_code == 201
    return api


def test_purchases_pushed_again_change_nothing_and_each_row_has_its_outcome(
    shop: TestClient, database: Database
) -> None:
    rows = [
        _order("1", order_code="DH-000777"),
        _order("2", customer_external_id="KH-9"),
        _order("3", items=[{"product": "tủ lạnh mát", "unit_price": 9_000_000}]),
        _order("4", items=[{"product": "KHÔNG CÓ"}]),
        _order("5", order_code="DH 000777"),
    ]
    first = shop.put("/v1/purchases", json={"purchases": rows}).json()
    assert [each["outcome"] for each in first["results"]] == ["created", "refused", "created", "refused", "refused"]
    reasons = [each["problems"][0]["reason"] for each in first["results"] if each["problems"]]
    assert reasons == ["unknown_customer", "unknown_product", "code_taken"]
    assert first["counts"] == {"created": 2, "updated": 0, "unchanged": 0, "refused": 3}
    second = shop.put("/v1/purchases", json={"purchases": rows}).json()
    assert second["counts"] == {"created": 0, "updated": 0, "unchanged": 2, "refused": 3}
    moved = _order("1", order_code="DH-000777", status="cancelled", items=[{"product": "TL-01", "quantity": 1}])
    assert shop.put("/v1/purchases", json={"purchases": [moved]}).json()["counts"]["updated"] == 1
    listed = shop.get("/v1/purchases").json()["items"]
    assert [(each["order_code"], each["status"], each["items"][0]["unit_price"]) for each in listed] == [
        ("DH000777", "cancelled", 9_900_000),
        ("3", "delivered", 9_000_000),
    ]
    assert listed[0]["items"][0]["quantity"] == 1
    with database.read() as session:
        assert session.scalar(select(Customer.stage)) is Stage.CURRENT
    assert _audited(database).count(("purchases_pushed", "API · Hệ thống bán hàng")) == 3


def test_an_order_pushed_again_keeps_what_was_paid_when_the_price_has_changed(shop: TestClient) -> None:
    order = {"purchases": [_order("1", items=[{"product": "TL-01"}])]}
    shop.put("/v1/purchases", json=order)
    shop.put("/v1/products/TL-01", json={"name": "Tủ lạnh Mát", "price": 7_900_000})
    assert shop.put("/v1/purchases", json=order).json()["counts"]["unchanged"] == 1
    more = {"purchases": [_order("1", items=[{"product": "TL-01"}, {"product": "TL-01", "quantity": 2}])]}
    assert shop.put("/v1/purchases", json=more).json()["counts"]["updated"] == 1
    items = shop.get("/v1/purchases").json()["items"][0]["items"]
    assert [item["unit_price"] for item in items] == [9_900_000, 7_900_000]


def test_a_push_may_have_a_thousand_orders_and_no_more(shop: TestClient, database: Database) -> None:
    rows = [_order(str(number)) for number in range(1001)]
    assert shop.put("/v1/purchases", json={"purchases": rows}).status_code == 422
    done = shop.put("/v1/purchases", json={"purchases": rows[:1000]}).json()
    assert done["counts"]["created"] == 1000
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Purchase)) == 1000


def test_a_product_is_changed_and_found_by_part_of_its_name(shop: TestClient) -> None:
    changed = shop.put("/v1/products/TL-01", json={"price": 9_500_000, "aliases": ["tủ mát"]})
    assert (changed.status_code, changed.json()["name"], changed.json()["price"]) == (200, "Tủ lạnh Mát", 9_500_000)
    assert [each["sku"] for each in shop.get("/v1/products", params={"name": "lanh mat"}).json()["items"]] == ["TL-01"]
    assert shop.put("/v1/products/MOI", json={"name": "Thiếu giá"}).json()["field"] == "price"
    assert shop.get("/v1/products/KHONG").status_code == 404


def test_a_complaint_goes_its_legal_way_only(shop: TestClient, database: Database) -> None:
    customer = shop.get("/v1/customers").json()["items"][0]["id"]
    made = shop.post("/v1/complaints", json={"customer_id": customer, "description": "Tủ kêu to", "severity": "high"})
    assert (made.status_code, made.json()["state"]) == (201, "new")
    path, seen = f"/v1/complaints/{made.json()['id']}", made.headers["etag"]
    begun = shop.post(f"{path}/steps", json={"to": "in_progress"}, headers={"if-match": seen})
    assert begun.json()["state"] == "in_progress"
    assert (
        shop.post(f"{path}/steps", json={"to": "resolved", "resolution": "x"}, headers={"if-match": seen}).status_code
        == 412
    )
    assert shop.post(f"{path}/steps", json={"to": "resolved"}).json()["field"] == "resolution"
    answered = shop.post(f"{path}/steps", json={"to": "resolved", "resolution": "Đã thay chân đế."}).json()
    assert (answered["state"], answered["resolution"]) == ("resolved", "Đã thay chân đế.")
    assert shop.post(f"{path}/steps", json={"to": "new"}).status_code == 409
    assert next(each["to_state"] for each in shop.get(f"{path}/events").json()) == "new"
    assert [each["id"] for each in shop.get("/v1/complaints", params={"state": "resolved"}).json()["items"]]
    assert shop.post("/v1/complaints", json={"customer_id": 999, "description": "x"}).status_code == 404
    wrong = {"customer_id": customer, "description": "x", "purchase_id": 999}
    assert shop.post("/v1/complaints", json=wrong).json()["field"] == "purchase_id"
    assert {"complaint_opened", "complaint_resolved"} <= {action for action, _ in _audited(database)}


def test_who_may_only_write_reads_nothing_back(shop: TestClient, database: Database) -> None:
    customer = shop.get("/v1/customers").json()["items"][0]["id"]
    own = shop.post("/v1/complaints", json={"customer_id": customer, "description": "Tủ kêu to"})
    blind = client(issued(database, (Scope.CUSTOMERS_WRITE, Scope.COMPLAINTS_WRITE))[1])
    path = f"/v1/customers/{customer}"
    for answer in (
        blind.patch(path, json={}, headers={"if-match": "*"}),
        blind.post("/v1/customers", json={"phone": "0912345678"}),
        blind.post("/v1/customers", json={"external_id": "KH-1", "tier": "gold"}),
    ):
        assert (answer.status_code, answer.json()) == (200, {"id": customer})
    assert shop.get(path).headers["etag"] == answer.headers["etag"]
    assert shop.get(path).json()["tier"] == "gold"
    case = f"/v1/complaints/{own.json()['id']}/steps"
    step = blind.post(case, json={"to": "in_progress"}, headers={"if-match": own.headers["etag"]})
    assert (step.status_code, step.json()) == (200, {"id": own.json()["id"]})
    opened = blind.post("/v1/complaints", json={"customer_id": customer, "description": "Lại kêu"})
    assert (opened.status_code, list(opened.json())) == (201, ["id"])
    told = shop.get("/v1/openapi.json").json()["paths"]["/v1/customers"]["post"]["responses"]["200"]
    assert "Written" in str(told)


def test_a_complaint_is_not_opened_for_somebody_who_is_gone(api: TestClient, database: Database) -> None:
    with database.begin() as session:
        kept, gone, erased = (factories.conversation(session, number).customer_id for number in (1, 2, 3))
        merges.merge(session, kept, gone, factories.agent(session), versions=(1, 1), take=set())
        personal_data_erase.erase_rows(session, erased, None)
    given = {"description": "Tủ kêu to", "customer_id": gone}
    assert api.post("/v1/complaints", json=given).json()["customer_id"] == kept
    assert api.post("/v1/complaints", json={**given, "customer_id": erased}).status_code == 404


def test_conversations_and_ratings_are_read(api: TestClient, database: Database) -> None:
    with database.begin() as session:
        talk = factories.conversation(session)
        more = {"conversation_id": talk.id, "at": clock.now()}
        session.add(Message(direction=Direction.IN, author=Author.CUSTOMER, text="Alo shop", **more))
        session.add(Rating(customer_id=talk.customer_id, score=4, at=clock.now()))
        number = talk.id
    listed = api.get("/v1/conversations").json()["items"]
    assert [(each["id"], each["mode"], each["reachable"]) for each in listed] == [(number, "assistant", True)]
    words = api.get(f"/v1/conversations/{number}/messages").json()["items"]
    assert [(each["text"], each["direction"]) for each in words] == [("Alo shop", "in")]
    assert api.get("/v1/conversations/999/messages").status_code == 404
    assert [each["score"] for each in api.get("/v1/ratings").json()["items"]] == [4]


def test_a_message_is_queued_once_for_its_key(api: TestClient, database: Database) -> None:
    with database.begin() as session:
        customer = factories.conversation(session).customer_id
    given = {"customer_id": customer, "text": "Đơn của chị đã tới kho."}
    asked = [api.post("/v1/outgoing-messages", json=given, headers={"idempotency-key": "a"}) for _ in range(3)]
    assert [answer.status_code for answer in asked] == [202, 200, 200]
    assert {answer.json()["id"] for answer in asked} == {asked[0].json()["id"]}
    other = api.post("/v1/outgoing-messages", json={**given, "text": "Khác"}, headers={"idempotency-key": "a"})
    assert (other.status_code, other.json()["field"]) == (422, "Idempotency-Key")
    assert api.post("/v1/outgoing-messages", json=given).status_code == 422
    path = f"/v1/outgoing-messages/{asked[0].json()['id']}"
    assert api.get(path).json()["state"] == "queued"
    assert client(issued(database)[1]).get(path).status_code == 404, "another token's message"
    with database.begin() as session:
        rows = list(session.scalars(select(Outbox)))
        assert [(row.kind, row.body["text"]) for row in rows] == [(OutboxKind.CARE, given["text"])]
        session.delete(session.scalars(select(Message)).one())
        session.flush()
        session.delete(rows[0])
    assert api.get(path).json()["state"] == "forgotten"


def test_the_policy_says_no_to_the_api_too(api: TestClient, database: Database) -> None:
    with database.begin() as session:
        talk = factories.conversation(session)
        account, customer = talk.account, talk.customer_id
        alone = Customer(name="Chưa nhắn tin", name_folded="chua nhan tin", created_at=clock.now())
        session.add(alone)
        session.flush()
        lonely = alone.id
    given = {"customer_id": customer, "purpose": "marketing", "text": "Giảm giá cho {address} {name}"}

    def ask(key: str, **more: object) -> dict[str, object]:
        answer = api.post("/v1/outgoing-messages", json={**given, **more}, headers={"idempotency-key": key})
        shown: dict[str, object] = answer.json()
        return shown

    assert (ask("1")["queued"], ask("1")["reason"]) == (False, "no_consent")
    assert ask("2", customer_id=lonely)["reason"] == "no_account"
    with database.begin() as session:
        consents.record(session, customer, Purpose.MARKETING, granted=True, channel="telegram")
    assert ask("1")["reason"] == "no_consent", "the same key, the same answer"
    assert ask("3")["queued"] is True
    with database.begin() as session:
        row = session.scalars(select(Outbox)).one()
        assert row.kind is OutboxKind.MARKETING
        assert row.body["text"].startswith("[QC] Giảm giá cho chị Hạnh")
        session.merge(account).reachable = False
    assert ask("4", purpose="service")["reason"] == "unreachable"
    past = (clock.now() - timedelta(minutes=1)).isoformat()
    assert ask("5", purpose="service", expires_at=past)["field"] == "expires_at"
    assert ask("6", text="{unknown}")["field"] == "text"
    assert ask("7", customer_id=999)["status"] == 404


def test_the_same_order_pushed_twice_at_once_is_one_order(shop: TestClient, database: Database) -> None:
    rows = {"purchases": [_order(str(number)) for number in range(30)]}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: shop.put("/v1/purchases", json=rows), range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    counts = [answer.json()["counts"] for answer in answers]
    assert sum(each["created"] for each in counts) == 30
    assert sum(each["refused"] for each in counts) == 0
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Purchase)) == 30
