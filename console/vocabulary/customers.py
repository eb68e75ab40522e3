"""Customers' records: what they are, why two look like one, and what people ask about their data."""

from enum import StrEnum

from console.language import _
from crm.models.people import CustomerKind, Stage
from crm.models.privacy import LikenessReason, RequestKind, RequestState


def words() -> dict[type[StrEnum], dict[StrEnum, str]]:
    return {
        CustomerKind: {
            CustomerKind.PERSON: _("A person"),
            CustomerKind.COMPANY: _("A company"),
        },
        Stage: {
            Stage.PROSPECTIVE: _("Prospective"),
            Stage.CURRENT: _("Customer"),
        },
        LikenessReason: {
            LikenessReason.PHONE: _("Same phone"),
            LikenessReason.EMAIL: _("Same e-mail"),
            LikenessReason.CHAT: _("Same Telegram account"),
            LikenessReason.EXTERNAL_ID: _("Same number in the shop's system"),
            LikenessReason.NAME_AND_PHONE: _("Same name, phone nearly the same"),
            LikenessReason.NAME_AND_BIRTHDAY: _("Same name and birthday"),
        },
        RequestKind: {
            RequestKind.SEE: _("See the data"),
            RequestKind.CORRECT: _("Correct the data"),
            RequestKind.EXPORT: _("Get a copy"),
            RequestKind.ERASE: _("Erase the data"),
            RequestKind.WITHDRAW: _("Withdraw consent"),
        },
        RequestState: {
            RequestState.RECEIVED: _("Just received"),
            RequestState.IN_PROGRESS: _("Being worked on"),
            RequestState.DONE: _("Done"),
            RequestState.REFUSED: _("Refused"),
        },
    }
