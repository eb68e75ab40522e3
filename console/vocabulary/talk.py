"""A conversation: with what words it is handed back, and what became of a planned reply."""

from enum import StrEnum

from console.language import _
from crm.models.conversations import BackReason
from crm.models.talk import CancelReason, ReplyState


def words() -> dict[type[StrEnum], dict[StrEnum, str]]:
    return {
        BackReason: {
            BackReason.SOLVED: _("Solved"),
            BackReason.WAITING: _("Waiting for goods or an answer from elsewhere"),
            BackReason.INFORMED: _("The customer only wanted to know something"),
            BackReason.OTHER: _("Another reason"),
        },
        ReplyState: {
            ReplyState.WAITING: _("Planned"),
            ReplyState.SENT: _("Has gone out"),
            ReplyState.CANCELLED: _("Called off"),
        },
        CancelReason: {
            CancelReason.BY_STAFF: _("taken back by staff"),
            CancelReason.CUSTOMER_WROTE: _("the customer wrote before"),
            CancelReason.HOLD_ENDED: _("the conversation was handed on before"),
            CancelReason.RESTORED: _("a backup had been put back"),
        },
    }
