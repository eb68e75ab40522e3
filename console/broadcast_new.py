"""A new broadcast, or one that is written further."""

from sqlalchemy.orm import Session

from console import desk, guard, inbox
from console.broadcast_form import Draft, Form
from console.broadcasts import person_of
from console.frame import frame
from console.language import _
from console.visits import Visit
from crm import campaigns
from crm.campaign_states import EDITABLE
from crm.errors import NotFound


@guard.page("/broadcasts/new")
async def page(visit: Visit) -> None:
    """The form beside its live preview."""
    await _show(visit, Draft(), _("New broadcast"), (_("Broadcasts"), "/broadcasts"))


@guard.page("/broadcasts/{campaign_id:int}/edit")
async def edit(visit: Visit, campaign_id: int) -> None:
    """The same form with what was saved; not found while it cannot be edited."""
    draft = await desk.look(lambda session: _read(session, campaign_id))
    await _show(visit, draft, draft.name, (draft.name, f"/broadcasts/{campaign_id}"))


async def _show(visit: Visit, draft: Draft, title: str, back: tuple[str, str]) -> None:
    waiting = await inbox.for_visitor(visit.visitor)
    with frame(visit, title, waiting, back=back):
        form = Form(visit, draft)
        form.build()
    await form.look_again()


def _read(session: Session, campaign_id: int) -> Draft:
    found = campaigns.get(session, campaign_id)
    if found.state not in EDITABLE:
        raise NotFound(f"campaign {campaign_id} is {found.state}: it cannot be edited")
    return Draft.of(found, person_of(session, found))
