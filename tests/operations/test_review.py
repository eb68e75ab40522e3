import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from crm import authored_articles, examples, sightings
from crm.db import Database
from crm.models.knowledge import AuthoredArticle
from crm.models.review import ReviewEntry, ReviewState
from crm.models.staff import Role
from crm.settings import Settings, settings
from crm.sightings import Heard
from operations import learning, review
from operations.learning import NotLearnt
from tests.crm import factories

pytestmark = pytest.mark.usefixtures("embedded")

UNSURE = Heard("nlu_fallback", 0.3, [{"name": "warranty", "confidence": 0.31}], "trian-1.tar.gz")
ARTICLE = "---\ntitle: Treo tivi\ntopic: policy\n---\nShop treo tivi miễn phí trong nội thành.\n"


@pytest.fixture
def store(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """What the command line works on."""
    monkeypatch.setenv("TRIAN_DATABASE_URL", database.engine.url.render_as_string(hide_password=False))
    settings.cache_clear()
    with database.begin() as session:
        factories.agent(session)
        talk = factories.conversation(session)
        ids = {"customer_id": talk.customer_id, "conversation_id": talk.id}
        for number, text in enumerate(["treo tivi dùm đc hông", "treo tivi dum dc k shop", "lấy sỉ sao"]):
            sightings.notice(session, text, UNSURE, turn_id=f"t{number}", **ids)
    yield database
    settings.cache_clear()


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(review.app, arguments)
    assert result.exit_code == code, result.output + repr(result.exception)
    return result.output + str(result.exception or "")


def entry(store: Database, text: str) -> ReviewEntry:
    with store.read() as session:
        return next(one for one in session.scalars(select(ReviewEntry)) if one.text == text)


def test_the_queue_is_listed_most_frequent_first_and_filtered(store: Database) -> None:
    rows = run("review").splitlines()
    assert "treo tivi dùm đc hông" in rows[1]
    assert rows[1].split()[1] == "2"
    assert "warranty 0.31" in rows[1]
    assert rows[-1] == "2 open"
    assert len(run("review", "--limit", "1").splitlines()) == 3
    assert run("review", "--reason", "unanswered").splitlines()[-1] == "0 open"
    assert run("review", "--since", "2999-01-01").splitlines()[-1] == "0 open"
    shown = run("show", str(entry(store, "treo tivi dùm đc hông").id))
    assert "treo tivi dum dc k shop" in shown
    assert "trian-1.tar.gz" in shown


def test_an_entry_is_assigned_undone_and_dismissed(store: Database) -> None:
    run("review")
    number = str(entry(store, "lấy sỉ sao").id)
    assert "no intent ask_prise" in run("assign", number, "ask_prise", "--by", "lan", code=1)
    assert "staff nobody" in run("assign", number, "ask_price", "--by", "nobody", code=1)
    assert "ask_price ← lấy sỉ sao" in run("assign", number, "ask_price", "--by", "lan")
    assert "→ ask_price" in run("review", "--state", "assigned")
    run("undo", number, "--by", "lan")
    with store.read() as session:
        assert examples.active(session) == []
    run("dismiss", number, "--by", "lan")
    assert entry(store, "lấy sỉ sao").state is ReviewState.DISMISSED


def test_marketing_decides_nothing_of_what_is_learnt(store: Database) -> None:
    with store.begin() as session:
        factories.agent(session, "minh", Role.MARKETING)
    run("review")
    number = str(entry(store, "lấy sỉ sao").id)
    for command in (["assign", number, "ask_price"], ["dismiss", number], ["article", number, "--title", "x"]):
        assert "may not" in run(*command, "--by", "minh", code=1)
    assert entry(store, "lấy sỉ sao").state is ReviewState.OPEN


@pytest.mark.parametrize("from_file", [True, False])
def test_an_article_answers_an_entry(store: Database, tmp_path: Path, from_file: bool) -> None:
    run("review")
    number = str(entry(store, "treo tivi dùm đc hông").id)
    path = tmp_path / "treo-tivi.md"
    path.write_text(ARTICLE, encoding="utf-8")
    given = [str(path)] if from_file else ["--title", "Treo tivi", "--body", "Shop treo tivi miễn phí."]
    assert "is published" in run("article", number, *given, "--by", "lan")
    slug = "treo-tivi" if from_file else f"hoi-dap/{number}"
    with store.read() as session:
        (published,) = authored_articles.published(session)
        assert (published.slug, published.title, published.sku) == (slug, "Treo tivi", None)
    answered = entry(store, "treo tivi dùm đc hông")
    assert (answered.state, answered.article) == (ReviewState.ANSWERED, slug)
    assert "undo" in run("article", number, *given, "--by", "lan", code=1)
    with store.read() as session:
        assert len(session.scalars(select(AuthoredArticle)).all()) == 1, "a refused article is not published"


@pytest.fixture
def rasa() -> Iterator[tuple[Settings, list[dict[str, str | None]]]]:
    """A server that says the next of the list at each request for its health, and goes on with the last."""
    answers: list[dict[str, str | None]] = []

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answers.pop(0) if len(answers) > 1 else answers[0]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Settings(rasa_url=f"http://127.0.0.1:{server.server_port}"), answers
    server.shutdown()
    server.server_close()


def test_a_new_model_is_waited_for(rasa: tuple[Settings, list[dict[str, str | None]]]) -> None:
    chosen, answers = rasa
    answers += [{"model": "a", "refused_model": None}, {"model": "a", "refused_model": "x: no"}, {"model": "b"}]
    assert "serves b" in learning.follow(chosen, "b", 5)
    answers[:] = [{"model": "a", "refused_model": "b: the checksum differs"}]
    with pytest.raises(NotLearnt, match="goes on with a: b: the checksum differs"):
        learning.follow(chosen, "b", 5)
    answers[:] = [{"model": "a", "refused_model": None}]
    with pytest.raises(NotLearnt, match="still serves a"):
        learning.follow(chosen, "b", 0.3)


def test_without_a_running_rasa_nothing_is_waited_for() -> None:
    assert "when it starts" in learning.follow(Settings(rasa_url="http://127.0.0.1:9"), "b", 5)


def test_an_article_that_answers_already_is_found_by_the_entrys_words(store: Database) -> None:
    words = "lỡ bóc hộp rồi gửi lại lấy tiền về được hông"
    with store.begin() as session:
        talk = factories.conversation(session, 77)
        sightings.notice(session, words, UNSURE, turn_id="t77", customer_id=talk.customer_id, conversation_id=talk.id)
    run("review")
    number = str(entry(store, words).id)
    assert "cua-hang/doi-tra.md" in run("show", number)
    assert "khong-co.md#1" in run("answer", number, "khong-co.md#1", "--by", "lan", code=1)
    assert "version 1, is found by it" in run("answer", number, "cua-hang/doi-tra.md#1", "--by", "lan")
    with store.read() as session:
        assert words in session.scalars(select(AuthoredArticle)).one().body
    assert entry(store, words).state is ReviewState.ANSWERED
