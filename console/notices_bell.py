"""The bell in the frame: what this person was told and has not read, live; and linking their own Telegram chat."""

from nicegui import ui
from sqlalchemy.orm import Session

from console import desk, own_chat, pulse
from console.desk import act
from console.language import _
from console.notice_words import icon, sentence
from console.pieces import attribute, box, link, moment, symbol, text
from console.visits import Visit
from crm import staff_notices
from crm.models.service import NoticeKind, StaffNotice
from crm.models.staff import Staff

SHOWN = 20
MOST = 99
_LOUD = frozenset({NoticeKind.CLOCK_BREACH, NoticeKind.CLOCK_MANAGER, NoticeKind.PROMISE_BROKEN})


class Bell:
    """The button with its number and the panel below it."""

    def __init__(self, visit: Visit) -> None:
        self._visit, self._me = visit, visit.visitor.staff_id
        self._newest: int | None = None
        with attribute(box("icon-btn bell", "button"), type="button", aria_haspopup="dialog") as self._button:
            attribute(self._button, title=_("Notices"), aria_label=_("Notices"))
            symbol("notifications")
            self._badge = text("", "badge hidden", "span")
            self._menu = ui.menu().props('anchor="bottom right" self="top right"').classes("bell-menu")
            self._menu.on("show", self._opened)
        with self._menu, attribute(box("bell-panel"), role="dialog", aria_label=_("Notices")):
            text(_("Notices"), "bell-head")
            self._list = box("bell-list")
            own_chat.build(visit)

    async def news(self) -> None:
        """Reads the number anew, and says what is new aloud."""
        unread, latest = await desk.look(self._read)
        self._show_number(unread)
        if self._newest is not None:
            for notice in reversed([each for each in latest if each.id > (self._newest or 0)]):
                self._announce(notice)
        self._newest = max([self._newest or 0, *(notice.id for notice in latest)])

    def _read(self, session: Session) -> tuple[int, list[StaffNotice]]:
        return staff_notices.unread(session, self._me), staff_notices.latest(session, self._me, 3)

    def _show_number(self, unread: int) -> None:
        self._badge.text = str(unread) if unread <= MOST else f"{MOST}+"
        self._badge.classes(remove="hidden") if unread else self._badge.classes(add="hidden")
        words = _("Notices: {n} unread").format(n=unread) if unread else _("Notices")
        attribute(self._button, title=words, aria_label=words, data_unread=str(unread)).update()

    def _announce(self, notice: StaffNotice) -> None:
        loud = notice.kind in _LOUD
        ui.notify(
            sentence(notice),
            type="negative" if loud else "info",
            position="top-right",
            timeout=8000,
            close_button=_("Close"),
        )

    async def _opened(self) -> None:
        latest = await desk.look(lambda session: staff_notices.latest(session, self._me, SHOWN))
        self._list.clear()
        with self._list:
            _draw(latest)
        if not any(notice.read_at is None for notice in latest):
            return
        seen = latest[0].id

        def work(session: Session, staff: Staff) -> None:
            staff_notices.mark_read(session, staff, seen)

        if await act("read_notices", work):
            self._show_number(0)


def attach(visit: Visit) -> None:
    """Puts the bell here and keeps it up to date for as long as the page stands open."""
    bell = Bell(visit)
    pulse.pulse.subscribe(visit, pulse.notices(visit.visitor.staff_id), bell.news)


def _draw(latest: list[StaffNotice]) -> None:
    if not latest:
        text(_("Nothing yet. Clocks that run out, promises and mentions of you appear here."), "dim bell-empty")
    for notice in latest:
        with link(notice.target, "bell-notice" + ("" if notice.read_at else " unread")):
            symbol(icon(notice.kind)).classes(f"bell-icon {'loud' if notice.kind in _LOUD else ''}")
            with box("bell-words"):
                text(sentence(notice))
                moment(notice.at, "dim small")
