import threading
import time
from datetime import timedelta

import pytest
import time_machine
import yaml
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import clock, examples, knowledge, likeness, review, sightings
from crm.db import Database
from crm.errors import IllegalTransition, InvalidInput, NotFound
from crm.masking import masked
from crm.models.catalogue import KnowledgeFeedbackKind
from crm.models.people import AuditEntry
from crm.models.review import NluExample, ReviewEntry, ReviewReason, ReviewSighting, ReviewState
from crm.sightings import Heard
from tests.crm import factories

pytestmark = pytest.mark.usefixtures("embedded")

UNSURE = Heard("nlu_fallback", 0.3, [{"name": "warranty", "confidence": 0.3}], "trian-1.tar.gz")
INTENTS = ["warranty", "payment"]


class Queue:
    """Customers write; what was not understood is noticed, and sorted in when somebody looks."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.talk = factories.conversation(session)
        self.turns = 0

    def hear(self, text: str, heard: Heard = UNSURE) -> ReviewSighting | None:
        self.turns += 1
        ids = {"customer_id": self.talk.customer_id, "conversation_id": self.talk.id}
        return sightings.notice(self.session, text, heard, turn_id=f"inbound-{self.turns}", **ids)

    def look(self, **filters: object) -> list[tuple[int, str]]:
        sightings.collect(self.session, "test")
        return [(entry.count, entry.text) for entry in review.listing(self.session, **filters)]  # type: ignore[arg-type]

    def only(self) -> ReviewEntry:
        self.look()
        return self.session.scalars(select(ReviewEntry)).one()


@pytest.fixture
def queue(session: Session) -> Queue:
    return Queue(session)


def test_what_was_understood_or_answers_a_form_is_not_noticed(queue: Queue) -> None:
    assert queue.hear("bảo hành bao lâu", Heard("warranty", 0.9)) is None
    assert queue.hear("kêu to", Heard("nlu_fallback", 0.2, answers_form=True)) is None
    assert queue.hear("", UNSURE) is None
    assert queue.look() == []


def test_near_identical_messages_count_up_one_entry(queue: Queue) -> None:
    for text in (
        "Shop ơi xuất hoá đơn VAT đc ko",
        "xuat hoa don vat dc k shop",
        "shop oi xuất hóa đơn vatt đượccc khôngg ạ???",
        "đá gà ở đâu vậy",
    ):
        queue.hear(text)
    assert [count for count, _ in queue.look()] == [3, 1]
    queue.hear("đá gà ở đâu vậy shop", Heard("out_of_scope", 0.8, [{"name": "out_of_scope", "confidence": 0.8}]))
    assert [count for count, _ in queue.look()] == [3, 2]
    assert [count for count, _ in queue.look(reason=ReviewReason.REJECTED)] == [2]
    assert [count for count, _ in queue.look(limit=1)] == [3]
    assert queue.look(since=clock.now() + timedelta(hours=1)) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("máy giặt không vắt", "máy giặt không xả"),
        ("máy nhà em chạy được", "máy nhà em không chạy được"),
        (
            "hôm qua em mua cái máy giặt ở bên mình về mà nó chạy rồi ạ",
            "hôm qua em mua cái máy giặt ở bên mình về mà nó k chạy rồi ạ",
        ),
        ("nồi nc18 còn hàng ko", "nồi nc10 còn hàng ko"),
        ("có bán lẻ k", "có bán sỉ k"),
    ],
)
def test_another_meaning_is_another_entry(queue: Queue, one: str, other: str) -> None:
    queue.hear(one)
    queue.hear(other)
    assert [count for count, _ in queue.look()] == [1, 1]


def test_personal_numbers_are_masked_in_their_shape(queue: Queue) -> None:
    sighting = queue.hear("gọi mình 0912 345 678 hoặc an.nguyen@gmail.com về đơn DH000123, ship 30k cho cái NC18")
    assert sighting is not None
    assert sighting.text == "gọi mình 0000 000 000 hoặc x@example.com về đơn DH000000, ship 30k cho cái NC18"
    assert masked("KN-2026-000123 stk 1234 5678 9012 zalo @lan.cute") == "KN-0000-000000 stk 0000 0000 0000 zalo @x"
    for phone in ("(090) 512-3456", "0905/123/456", "0905–123–456", "0905,123,456", "0905_123_456", "+84 905.123.456"):
        assert not set("123456789") & set(masked(f"gọi {phone} nha")) - {"8", "4"}, phone
    assert masked("nhắn t.me/lan_nguyen nha") == "nhắn https://example.com nha"
    assert masked("giá 1.290.000 hay 2tr5, giao 25/12/2026") == "giá 1.290.000 hay 2tr5, giao 25/12/2026"
    queue.hear("gọi mình 0987 654 321 nha")
    queue.hear("gọi mình 0911 222 333 nha")
    assert queue.look()[0][0] == 2, "two people's numbers are one message"


def test_unanswered_and_unhelpful_questions_are_taken_from_the_knowledge(queue: Queue) -> None:
    session, customer = queue.session, queue.talk.customer_id
    for kind in (KnowledgeFeedbackKind.UNANSWERED, KnowledgeFeedbackKind.NOT_HELPFUL, KnowledgeFeedbackKind.HELPFUL):
        knowledge.record_feedback(session, customer, kind, "nồi bị trầy lòng", None)
    session.flush()
    assert queue.look() == [(2, "nồi bị trầy lòng")]
    assert queue.look() == [(2, "nồi bị trầy lòng")], "each is taken once"
    assert [count for count, _ in queue.look(reason=ReviewReason.UNANSWERED)] == [2]


def test_an_assigned_entry_becomes_examples_that_name_who_and_when(queue: Queue) -> None:
    session, lan = queue.session, factories.agent(queue.session)
    queue.hear("xuất hoá đơn vat đc ko [gấp]")
    queue.hear("xuat hoa don vat dc k [gap]")
    entry = queue.only()
    with pytest.raises(InvalidInput, match="no intent"):
        review.assign(session, lan, entry.id, "warrantee", INTENTS)
    review.assign(session, lan, entry.id, "payment", INTENTS)
    (block,) = yaml.safe_load(examples.as_training_data(session))["nlu"]
    assert block["intent"] == "payment"
    assert [one["text"] for one in block["examples"]] == [
        "- xuat hoa don vat dc k (gap)\n",
        "- xuất hoá đơn vat đc ko (gấp)\n",
    ]
    assert block["examples"][0]["metadata"]["by"] == "lan"
    assert block["examples"][0]["metadata"]["at"].startswith(f"{clock.now():%Y-%m-%d}")
    assert queue.look() == []
    line = session.scalars(select(AuditEntry).where(AuditEntry.action == "review_assigned")).one()
    assert (line.staff_id, line.subject_id, line.detail["intent"]) == (lan.id, entry.id, "payment")


def test_every_change_of_state_that_is_not_legal_is_refused(queue: Queue) -> None:
    session, lan = queue.session, factories.agent(queue.session)
    queue.hear("abc xyz")
    entry = queue.only()
    with pytest.raises(IllegalTransition):
        review.undo(session, lan, entry.id)
    review.dismiss(session, lan, entry.id)
    for decide in (
        lambda: review.dismiss(session, lan, entry.id),
        lambda: review.assign(session, lan, entry.id, "payment", INTENTS),
        lambda: review.answer(session, lan, entry.id, "x"),
    ):
        with pytest.raises(IllegalTransition, match="undo"):
            decide()
    assert session.scalar(select(func.count(NluExample.id))) == 0
    review.undo(session, lan, entry.id)
    assert review.answer(session, lan, entry.id, "x").state is ReviewState.ANSWERED
    with pytest.raises(NotFound):
        review.dismiss(session, lan, 999)


def test_undo_withdraws_the_examples(queue: Queue) -> None:
    session, lan = queue.session, factories.agent(queue.session)
    queue.hear("abc xyz")
    entry = queue.only()
    review.assign(session, lan, entry.id, "payment", INTENTS, text="cho  trả góp không")
    assert "cho trả góp không" in examples.as_training_data(session)
    review.undo(session, lan, entry.id)
    assert examples.as_training_data(session) == ""
    withdrawn = session.scalars(select(NluExample)).one()
    assert (withdrawn.withdrawn_by, entry.intent, entry.state) == (lan.id, None, ReviewState.OPEN)


def test_what_was_learnt_and_is_still_not_understood_comes_back(queue: Queue) -> None:
    session, lan = queue.session, factories.agent(queue.session)
    queue.hear("abc xyz")
    entry = queue.only()
    (example,) = review.assign(session, lan, entry.id, "payment", INTENTS)
    queue.hear("abc xyz")
    assert queue.look() == [], "the serving model has not learnt it yet"
    examples.mark_trained(session, [example.id], "trian-2.tar.gz")
    queue.hear("abc xyz")
    assert queue.look() == [], "an older model serves again"
    queue.hear("abc xyz", Heard("nlu_fallback", 0.3, UNSURE.ranking, "trian-2.tar.gz"))
    assert queue.look() == [(4, "abc xyz")]
    assert "abc xyz" in examples.as_training_data(session), "the example is right, only not enough"


def test_a_question_that_an_article_did_not_answer_comes_back(queue: Queue) -> None:
    session, lan = queue.session, factories.agent(queue.session)

    def ask() -> None:
        kind = KnowledgeFeedbackKind.UNANSWERED
        knowledge.record_feedback(session, queue.talk.customer_id, kind, "nồi bị trầy lòng", None)

    ask()
    review.answer(session, lan, queue.only().id, "noi/tray")
    queue.hear("nồi bị trầy lòng")
    assert queue.look() == []
    with time_machine.travel(clock.now() + timedelta(minutes=1)):
        ask()
    assert queue.look() == [(3, "nồi bị trầy lòng")]


def test_two_who_look_at_once_sort_each_message_once(database: Database) -> None:
    with database.begin() as session:
        queue = Queue(session)
        for number in range(3):
            queue.hear(f"câu hỏi lạ {number}")
        queue.hear("câu hỏi lạ 1")
        sightings.collect(session, "before")
        queue.hear("câu hỏi lạ 3")
        queue.hear("câu hỏi lạ 0")
    both = threading.Barrier(2)

    def look(owner: str) -> None:
        both.wait()
        with database.begin() as session:
            sightings.collect(session, owner)

    threads = [threading.Thread(target=look, args=(owner,)) for owner in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with database.read() as session:
        assert sorted(session.scalars(select(ReviewEntry.count))) == [1, 1, 2, 2]


def test_many_are_sorted_in_batches(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sightings, "BATCH", 3)
    for number in range(7):
        queue.hear(f"câu hỏi lạ {number}")
    assert [sightings.collect(queue.session, "test") for _ in range(4)] == [3, 3, 1, 0]


def test_the_closest_of_thousands_is_found_quickly() -> None:
    known = [likeness.key(f"câu hỏi số {n} về máy giặt cửa ngang nhà em mua hôm qua") for n in range(5000)]
    wanted = likeness.key("câu hỏi số 4321 về máy giặt cửa ngang nhà em muaa hôm qua")
    began = time.perf_counter()
    assert likeness.closest(wanted, {key: likeness.joined(key) for key in known}) == known[4321]
    assert time.perf_counter() - began < 0.5
