"""In a real browser: people, my account, the audit log; and what a socket may."""

import ast
import csv
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

import crm
from console import audit_words
from crm import audit, cells, clock, staff
from crm.models.people import AuditEntry
from crm.models.staff import Role, Staff
from tests.browser import profile, visit
from tests.console.steps import PASSWORD, Desk, log_in, visitor


def test_an_admin_adds_a_person_raises_them_and_shuts_them_out(page: Page, desk: Desk, browser: Browser) -> None:
    log_in(page, desk, "quan")
    visit(page, f"{desk.url}/staff/new")
    page.get_by_label("Họ tên").fill("<script>alert(1)</script>")
    page.get_by_label("Tên đăng nhập").fill("hoa")
    expect(page.locator("[data-role=owner]")).to_have_count(0)  # an admin makes no owner
    page.get_by_role("button", name="Thêm", exact=True).click()
    address = page.locator("[data-link=password]").inner_text()
    with profile(browser) as other:
        other.goto(address)
        expect(other.locator("main")).to_contain_text("<script>alert(1)</script>")
        other.fill("[name=password]", PASSWORD)
        other.fill("[name=again]", PASSWORD)
        other.click("button.primary")
        log_in(other, desk, "hoa")

        visit(page, f"{desk.url}/staff")
        page.locator("[data-staff=hoa]").click()
        page.locator("[data-role=lead]").click()
        page.get_by_role("button", name="Lưu", exact=True).click()
        page.get_by_role("alertdialog").get_by_role("button", name="Đổi vai trò").click()
        expect(page.locator(".pill", has_text="Trưởng nhóm")).to_have_count(1)
        other.wait_for_url("**/login*")  # the open page of the old role is gone

    page.get_by_role("button", name="Khoá tài khoản").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Khoá tài khoản").click()
    expect(page.get_by_role("button", name="Mở lại tài khoản")).to_be_visible()
    with desk.database.read() as session:
        hoa = staff.find(session, "hoa")
        assert (hoa.role, hoa.active) == (Role.LEAD, False)

    visit(page, f"{desk.url}/audit")
    for action in ("staff_disable", "staff_role", "staff_add"):
        expect(page.locator(f"[data-action={action}]").first).to_be_visible()
    page.locator("[name=action]").select_option("staff_role")
    page.get_by_role("button", name="Xem", exact=True).click()
    page.wait_for_url("**/audit?*action=staff_role*")
    expect(page.locator("[data-action=staff_role]").first).to_be_visible()
    expect(page.locator("[data-action=staff_disable]")).to_have_count(0)


def test_my_own_password_and_an_end_of_my_other_log_ins(page: Page, desk: Desk) -> None:
    with desk.database.begin() as session:
        staff.add(session, "xuan", "Xuân", Role.MARKETING, PASSWORD)
    with visitor(desk, "xuan") as elsewhere:
        log_in(page, desk, "xuan")
        visit(page, f"{desk.url}/account")
        new = "mùa xuân đến rồi đó"
        page.get_by_label("Mật khẩu hiện tại").fill("sai-mat-khau")
        page.get_by_label("Mật khẩu mới", exact=True).fill(new)
        page.get_by_label("Nhập lại mật khẩu mới").fill(new)
        page.get_by_role("button", name="Đổi mật khẩu").click()
        expect(page.get_by_text("Mật khẩu hiện tại chưa đúng")).to_be_visible()
        page.get_by_label("Mật khẩu hiện tại").fill(PASSWORD)
        page.get_by_role("button", name="Đổi mật khẩu").click()
        expect(page.get_by_text("Đã đổi mật khẩu")).to_be_visible()
        assert elsewhere.get("/account").status_code == 303
        visit(page, f"{desk.url}/account")  # this browser goes on
        with desk.database.begin() as session:
            assert staff.verify(session, "xuan", new) is not None


def test_a_socket_speaks_for_no_page_of_another_person(page: Page, desk: Desk, browser: Browser) -> None:
    """What an admin's page sends, sent by an agent's: refused; nor does the agent's socket hear that page's news."""
    with desk.database.begin() as session:
        number = staff.add(session, "dinh", "Đinh", Role.AGENT, PASSWORD).id
    log_in(page, desk, "quan")
    visit(page, f"{desk.url}/staff/{number}")
    page.evaluate(_RECORD)
    page.get_by_role("button", name="Liên kết đặt mật khẩu mới").click()
    expect(page.locator("[data-link=password]")).to_be_visible()
    sent = page.evaluate("window.recorded.find(each => each[0] === 'event')[1]")
    assert _links_given(desk, number) == 1

    with profile(browser) as other:
        log_in(other, desk, "lan")
        other.evaluate("message => window.socket.emit('event', message)", sent)
        shake = {"client_id": sent["client_id"], "tab_id": "x", "document_id": "y", "next_message_id": 0}
        joined = "shake => new Promise(done => window.socket.emit('handshake', shake, done))"
        assert other.evaluate(joined, shake) is False
        other.evaluate("message => window.socket.emit('event', message)", sent)
        # The socket's messages are handled in their order: after this answer those before have been.
        assert other.evaluate(joined, shake) is False
    assert _links_given(desk, number) == 1
    page.get_by_role("button", name="Liên kết đặt mật khẩu mới").click()
    expect(page.locator("[data-link=password]")).to_be_visible()
    page.wait_for_function("window.recorded.filter(each => each[0] === 'event').length >= 2")


_RECORD = """() => {
  window.recorded = [];
  const emit = window.socket.emit.bind(window.socket);
  window.socket.emit = (...message) => { window.recorded.push(message); return emit(...message); };
}"""


def _links_given(desk: Desk, number: int) -> int:
    given = select(AuditEntry).where(AuditEntry.action == "staff_password_link", AuditEntry.subject_id == number)
    with desk.database.read() as session:
        return len(session.scalars(given).all())


def test_the_export_needs_an_audited_press_and_defuses_formulas(page: Page, desk: Desk) -> None:
    with desk.database.begin() as session:
        evil = Staff(
            username="evil", name='=cmd|"/c calc"!A0', role=Role.AGENT, password_hash="!", created_at=clock.now()
        )
        session.add(evil)
        session.flush()
        audit.record(session, evil, "claim", "escalation", 1, note="@SUM(1)")
    with visitor(desk, "quan") as client:
        assert client.get("/audit.csv").status_code == 403
        assert client.get("/audit.csv", params={"ticket": "99999999999.00"}).status_code == 403
    log_in(page, desk, "quan")
    visit(page, f"{desk.url}/audit?action=claim")
    with page.expect_download() as download:
        page.get_by_role("button", name="Tải bảng về máy").click()
    rows = list(csv.reader(Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()))
    mine = next(row for row in rows if "cmd" in row[1])
    assert mine[1].startswith("'=cmd")
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    with desk.database.read() as session:
        assert session.scalars(select(AuditEntry).where(AuditEntry.action == "audit_export")).first() is not None


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "\n=1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert cells.safe(cell) == f"'{cell}"
    assert cells.safe("chữ = thường") == "chữ = thường"


def test_every_action_written_down_has_words() -> None:
    """Every code that stands as it is in `audit.record(…)` somewhere in the CRM."""
    unknown = {code for code in _recorded() if audit_words.action(code) == code}
    assert unknown == set()


def _recorded() -> set[str]:
    found = set()
    for path in Path(crm.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("audit.record", "record"):
                action = node.args[2] if len(node.args) > 2 else None
                found |= (
                    {each.value for each in ast.walk(action) if isinstance(each, ast.Constant)} if action else set()
                )
    return {each for each in found if isinstance(each, str) and not each.endswith("_")}
