"""The queues of the inbox, and who says something."""

from enum import StrEnum

from console.language import _
from crm.inbox import Queue
from crm.models.conversations import Author


def words() -> dict[type[StrEnum], dict[StrEnum, str]]:
    return {
        Queue: {
            Queue.FOR_ME: _("For me"),
            Queue.UNASSIGNED: _("Unassigned"),
            Queue.MINE: _("Mine"),
            Queue.ALL: _("All of them"),
            Queue.RESOLVED: _("Settled"),
        },
        Author: {
            Author.CUSTOMER: _("Customer"),
            Author.ASSISTANT: _("Assistant"),
            Author.STAFF: _("Staff"),
            Author.SYSTEM: _("System"),
        },
    }
