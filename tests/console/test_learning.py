"""The assistant learns, in a real browser: a message is given a meaning, an article written, a model trained for."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import delete, select

from crm import authored_articles, sightings, training_jobs
from crm.models.knowledge import AuthoredArticle
from crm.models.review import NluExample, ReviewEntry, ReviewSighting, ReviewState
from crm.models.training import TrainingJob, TrainingKind, TrainingState
from crm.sightings import Heard
from tests.browser import visit
from tests.console.steps import Desk, chat, log_in

RANKING = [
    {"name": "warranty", "confidence": 0.41},
    {"name": "book_service", "confidence": 0.33},
    {"name": "product_usage", "confidence": 0.12},
]
UNSURE = Heard("nlu_fallback", 0.3, RANKING, "trian-1.tar.gz")
FIGURES = {"accuracy": 0.943, "macro_f1": 0.948, "accuracy_no_accents": 0.933, "macro_f1_no_accents": 0.94}
MODEL = {"model": "trian-abc.tar.gz", "trained_at": "2026-11-20T08:00:00+00:00", "figures": FIGURES}


@pytest.fixture(autouse=True)
def _forgotten(desk: Desk) -> Iterator[None]:
    """Each test begins with nothing to decide."""
    yield
    with desk.database.begin() as session:
        for table in (NluExample, ReviewSighting, ReviewEntry, TrainingJob, AuthoredArticle):
            session.execute(delete(table))


def _not_understood(desk: Desk, *texts: str) -> None:
    talk = chat(desk, "Phan Thị Hoa")
    with desk.database.begin() as session:
        for number, text in enumerate(texts):
            ids = {"customer_id": talk.customer_id, "conversation_id": talk.id}
            sightings.notice(session, text, UNSURE, turn_id=f"{talk.id}-{number}", **ids)
        sightings.collect(session, "test")


def _states(desk: Desk) -> dict[str, ReviewState]:
    with desk.database.read() as session:
        return {entry.text: entry.state for entry in session.scalars(select(ReviewEntry))}


def test_a_message_is_decided_by_one_key_and_undone(page: Page, desk: Desk) -> None:
    _not_understood(desk, "máy kêu như máy cày á em", "hôm nay trời đẹp ghê")
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/review")
    page.get_by_text("máy kêu như máy cày á em").click()
    expect(page.locator("[data-guess=warranty]")).to_contain_text("Hỏi bảo hành")
    page.keyboard.press("2")
    expect(page.locator("[data-entry]")).to_have_count(1)
    with desk.database.read() as session:
        example = session.scalars(select(NluExample)).one()
        assert (example.text, example.intent) == ("máy kêu như máy cày á em", "book_service")
    expect(page.locator(".review-card")).to_contain_text("hôm nay trời đẹp ghê")
    page.keyboard.press("x")
    expect(page.get_by_text("Đã xem hết rồi")).to_be_visible()
    assert _states(desk)["hôm nay trời đẹp ghê"] is ReviewState.DISMISSED
    visit(page, f"{desk.url}/review?state=assigned")
    page.get_by_text("máy kêu như máy cày á em").click()
    expect(page.locator(".review-card")).to_contain_text("Đặt lịch kỹ thuật")
    page.keyboard.press("u")
    expect(page.get_by_text("Chưa có gì")).to_be_visible()
    assert _states(desk)["máy kêu như máy cày á em"] is ReviewState.OPEN


def test_what_was_asked_becomes_an_article_with_versions(page: Page, desk: Desk) -> None:
    _not_understood(desk, "shop có treo tivi giùm không")
    log_in(page, desk, "lan")
    visit(page, f"{desk.url}/review")
    page.get_by_text("shop có treo tivi giùm không").click()
    page.get_by_role("link", name="Viết bài mới").click()
    expect(page.locator(".promise")).to_contain_text("shop có treo tivi giùm không")
    page.wait_for_function("window.did_handshake === true")
    page.locator(".title input").fill("Treo tivi tại nhà")
    page.locator(".article-body textarea").fill("Shop treo **miễn phí**.\n\n<img src=x onerror=alert(1)>")
    expect(page.locator(".article-preview strong")).to_have_text("miễn phí")
    assert page.locator(".article-preview img").count() == 0
    page.locator(".article-body textarea").fill("Shop treo tivi **miễn phí** trong nội thành.")
    page.get_by_role("button", name="Đăng bài").click()
    expect(page).to_have_url(f"{desk.url}/review")
    with desk.database.read() as session:
        article = authored_articles.published(session)[0]
        assert article.slug == "hoi-dap/treo-tivi-tai-nha"
        assert "shop có treo tivi giùm không" in article.body
    assert _states(desk) == {"shop có treo tivi giùm không": ReviewState.ANSWERED}
    visit(page, f"{desk.url}/articles")
    page.locator(".search input").fill("treo tivi")
    expect(page.locator(".entry")).to_have_count(1)  # a line that is drawn again under the pointer swallows the press
    page.get_by_role("link", name="Treo tivi tại nhà").click()
    expect(page.locator("[data-version='1']")).to_be_visible()
    page.wait_for_function("window.did_handshake === true")
    page.locator(".article-body textarea").fill("Shop treo tivi **miễn phí** toàn quốc.")
    page.get_by_role("button", name="Đăng bài").click()
    expect(page.locator("[data-version='2']")).to_be_visible()
    page.wait_for_function("window.did_handshake === true")
    page.get_by_role("button", name="Gỡ bài").click()
    page.locator("[role=alertdialog]").get_by_role("button", name="Gỡ bài").click()
    expect(page).to_have_url(f"{desk.url}/articles")
    with desk.database.read() as session:
        assert authored_articles.published(session) == []


def test_a_training_is_asked_for_watched_and_its_model_put_in_use(page: Page, desk: Desk) -> None:
    log_in(page, desk, "quan")
    visit(page, f"{desk.url}/training")
    page.get_by_role("button", name="Huấn luyện bản mới").click()
    expect(page.locator(".running")).to_contain_text("đang chờ bắt đầu")
    with desk.database.begin() as session:
        job = training_jobs.claim(session)
        assert job is not None
        number = job.id
        training_jobs.say(session, number, "nlu: measuring the candidate\n")
    expect(page.locator(".said-log")).to_contain_text("measuring the candidate")
    verdict = {"figures": FIGURES, "to_reach": {**FIGURES, "accuracy": 0.951}, "objections": ["accuracy"], "said": "x"}
    new = {"model": "trian-def.tar.gz", "trained_at": "2026-11-22T08:00:00+00:00", "verdict": verdict}
    with desk.database.begin() as session:
        training_jobs.end(session, number, done=True, shelf={"models": [MODEL], "candidate": new})
    expect(page.locator(".figures")).to_contain_text("94,3 %")
    expect(page.locator(".figures")).to_contain_text("95,1 %")
    page.get_by_role("button", name="Đưa vào dùng").click()
    page.locator("[role=alertdialog]").get_by_role("button", name="Đưa vào dùng").click()
    expect(page.locator(".running")).to_contain_text("Đưa bản mới vào dùng")
    with desk.database.read() as session:
        job = session.scalars(select(TrainingJob).order_by(TrainingJob.id.desc())).first()
        assert job is not None
        assert (job.kind, job.state, job.accept_worse) == (TrainingKind.PROMOTE, TrainingState.ASKED, True)
