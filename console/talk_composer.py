"""Where staff write: a reply, with ready answers, files and a later time, or a note for colleagues."""

import json
import time
from collections.abc import Sequence

from nicegui import events, ui
from sqlalchemy.orm import Session

from console import desk, talk_dialogs
from console.bubbles import Bubbles
from console.desk import act
from console.language import _
from console.pieces import Canvas, attribute, box, button, symbol, text
from console.talk import Sight, Talk
from console.talk_canned import Picker
from console.talk_files import Staged
from crm import canned, escalations, notes, scheduled_replies, typing_state
from crm.canned import Filled
from crm.models.staff import Staff

MOST_CHARACTERS = 4000  # Telegram takes 4,096
TYPING_EVERY_S = 4.0
SEND_ON_ENTER = "(e) => trianTalk.enter(e, emit)"  # static/talk.js
REPLY, NOTE = ".reply textarea", ".note-box textarea"
# Puts the cursor on the first variable that is still to be filled in, else to the end.
GO_TO_HOLE = """(() => {
    const area = document.querySelector('.reply textarea');
    if (!area) return;
    area.focus();
    const hole = /\\{[A-Za-z]+\\}/.exec(area.value);
    if (hole) area.setSelectionRange(hole.index, hole.index + hole[0].length);
    else area.setSelectionRange(area.value.length, area.value.length);
})()"""


class Composer:
    """Draws into the place it was made in. Who does not hold the conversation can only leave notes."""

    def __init__(self, talk: Talk, bubbles: Bubbles) -> None:
        self.talk, self.bubbles = talk, bubbles
        self.held = False
        self._noting = False
        self._typed_at = 0.0
        with box("talk-compose") as self._place:
            self._build()
        writer = f"typed {talk.visit.visitor.staff_id} {talk.conversation_id}"
        ui.run_javascript(f"trianTalk.keep({json.dumps(writer)})")

    def show(self, sight: Sight) -> None:
        """Brings what may be done here up to date."""
        self.held = sight.held_by(self.talk.visit)
        self._switch(self._noting)
        typist = sight.typist
        other = typist is not None and typist[0] != self.talk.visit.visitor.staff_id
        words = _("{name} is typing…").format(name=typist[1]) if typist is not None and other else ""
        self._typing.show(words, lambda: _say_typing(words))

    async def begin_note(self) -> None:
        """Opens the note."""
        self._switch(noting=True)
        self._note.run_method("focus")

    async def open_picker(self) -> None:
        """Opens the ready answers."""
        if self.held:
            self._switch(noting=False)
            await self.picker.open()

    def _build(self) -> None:
        with box("compose-tabs"):
            self._reply_tab = button(_("Reply"), self._begin_reply, "tab-btn reply-tab", "reply")
            self._note_tab = button(_("Note for colleagues"), self.begin_note, "tab-btn note-tab", "lock")
            self._typing = Canvas("compose-typing")
        with box("reply") as self._reply_place:
            self.picker = Picker(self.talk, self._insert, _go_to_hole)
            self._holes = Canvas("holes")
            self.staged = Staged()
            self._reply = ui.textarea(placeholder=_("Write to the customer… (/ for ready answers, Enter sends)"))
            self._reply.props(f"autogrow borderless dense maxlength={MOST_CHARACTERS}")
            self._reply.on("keydown", self._entered, js_handler=SEND_ON_ENTER)
            self._reply.on_value_change(self._changed)
            self._draw_tools()
        with box("note-place") as self._note_place:
            self._note = ui.textarea(placeholder=_("Colleagues read this; customers only in a copy of their data."))
            self._note.props(f"autogrow borderless dense maxlength={notes.LONGEST}").classes("note-box")
            self._note.on("keydown", self._noted, js_handler=SEND_ON_ENTER)
            with box("compose-tools"):
                self._colleagues = box("variables")
                button(_("Keep the note"), self._keep_note, "primary", "lock").classes("keep-note")
        self._note_place.set_visibility(False)

    def _draw_tools(self) -> None:
        with box("compose-tools"):
            for words, icon, work, name in (
                (_("Ready answers (Ctrl+K)"), "bolt", self.open_picker, "canned-open"),
                (_("Attach a photo or file"), "attach_file", self.staged.pick, "attach"),
                (_("Send later"), "schedule_send", self._plan, "plan"),
            ):
                tool = attribute(button("", work, f"quiet tool {name}", icon), title=words, aria_label=words)
                tool.classes("tool")
            text(_("Enter sends · Shift+Enter: new line"), "dim small compose-hint", "span")
            button(_("Send"), self._pressed, "primary", "send").classes("send")

    def _switch(self, noting: bool) -> None:
        self._noting = noting
        shows_note = noting
        self._reply_place.set_visibility(self.held and not shows_note)
        self._note_place.set_visibility(shows_note)
        self._reply_tab.set_visibility(self.held)
        for tab, chosen in ((self._reply_tab, self.held and not shows_note), (self._note_tab, shows_note)):
            tab.classes(add="on") if chosen else tab.classes(remove="on")
            attribute(tab, aria_pressed="true" if chosen else "false")

    async def _begin_reply(self) -> None:
        self._switch(noting=False)
        self._reply.run_method("focus")

    async def _changed(self, event: events.ValueChangeEventArguments[str | None]) -> None:
        words = event.value or ""
        if words == "/":
            self._reply.value = ""
            await self.picker.open()
            return
        self._show_holes(words)
        if words and self.held and time.monotonic() - self._typed_at > TYPING_EVERY_S:
            self._typed_at = time.monotonic()
            number = self.talk.conversation_id
            await act("show_typing", lambda session, staff: typing_state.mark(session, number, staff))

    def _show_holes(self, words: str) -> None:
        missing = talk_dialogs.missing_in(words)

        def draw() -> None:
            if missing:
                symbol("edit_note")
                text(_("Fill in before sending: {fields}").format(fields=talk_dialogs.names(missing)), tag="span")

        self._holes.show(missing, draw)

    async def _insert(self, filled: Filled) -> None:
        before = (self._reply.value or "").rstrip()
        self._reply.value = f"{before}\n{filled.text}" if before else filled.text
        _go_to_hole()

    async def _pressed(self) -> None:
        await self._send(self._reply.value or "")

    async def _entered(self, event: events.GenericEventArguments) -> None:
        await self._send(str(event.args))

    async def _send(self, words: str) -> None:
        _in_page("take", REPLY, words)
        words, file = words.strip(), self.staged.take()
        if not words and file is None:
            return
        self.bubbles.ghost(words or (file.name if file else ""))

        contents = await self.staged.contents(words, file)

        def work(session: Session, staff: Staff) -> None:
            canned.refuse_holes(words)
            alive = self.talk.alive(session)
            for content in contents or ():
                escalations.say(session, alive, staff, content)
            typing_state.stop(session, self.talk.conversation_id, staff)

        sent = contents is not None and bool(await act("reply", work))
        if not sent:  # nothing that was typed is lost
            _in_page("putBack", REPLY, words)
            self.staged.put_back(file)
            self.bubbles.forget_ghosts()
        self._typed_at = 0.0
        await self.talk.changed()

    async def _plan(self) -> None:
        with self.talk.visit.client:
            chosen = await talk_dialogs.plan(self._reply.value or "")
        if chosen is None:
            return
        number = self.talk.conversation_id

        def work(session: Session, staff: Staff) -> None:
            scheduled_replies.plan(session, number, staff, chosen.words, chosen.at, if_quiet=chosen.if_quiet)

        if await act("plan_reply", work):
            self._reply.value = ""
        else:
            self._reply.value = chosen.words
        await self.talk.changed()

    async def _noted(self, event: events.GenericEventArguments) -> None:
        await self._write_note(str(event.args))

    async def _keep_note(self) -> None:
        await self._write_note(self._note.value or "")

    async def _write_note(self, words: str) -> None:
        _in_page("take", NOTE, words)
        if not words.strip():
            return
        number = self.talk.conversation_id
        kept = await act("write_note", lambda session, staff: notes.write(session, number, staff, words))
        if not kept:
            _in_page("putBack", NOTE, words)
        await self.talk.changed()

    async def name_colleagues(self) -> None:
        """Offers the colleagues who can be called by name."""
        staff_id = self.talk.visit.visitor.staff_id
        people: Sequence[Staff] = await desk.look(lambda session: notes.others(session, staff_id))
        with self._colleagues:
            for each in people[:8]:
                chip = attribute(box("chip", "button"), type="button", title=_("Tell {name}").format(name=each.name))
                with chip:
                    text("@" + each.username, tag="span")
                chip.on("click", lambda each=each: self._call(each))

    def _call(self, colleague: Staff) -> None:
        words = (self._note.value or "").rstrip()
        self._note.value = f"{words} @{colleague.username} ".lstrip()
        self._note.run_method("focus")


def _in_page(work: str, field: str, words: str) -> None:
    """Takes words out of a field, or puts them back: in the page, which alone knows the last letter that was typed."""
    ui.run_javascript(f"trianTalk.{work}({json.dumps(field)}, {json.dumps(words)})")


def _say_typing(words: str) -> None:
    text(words, "dim small typing")


def _go_to_hole() -> None:
    ui.run_javascript(GO_TO_HOLE)
