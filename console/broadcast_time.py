"""The moment a marketer chooses, on the shop's clock."""

from datetime import datetime

from nicegui import ui

from console.language import _
from crm.settings import settings


def chosen_moment(written: object) -> datetime | None:
    """The browser's `2026-11-24T09:00`, meant on the shop's clock; None, and the person is told, when it is none."""
    try:
        return datetime.fromisoformat(str(written or "")).replace(tzinfo=settings().zone)
    except ValueError:
        ui.notify(_("Choose the day and the time first."), type="warning", position="top")
        return None
