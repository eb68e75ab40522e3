"""Care: why a person is called, complaints."""

from enum import StrEnum

from console.language import _
from crm.models.care import ComplaintCategory, ComplaintState, Severity
from crm.models.conversations import EscalationReason


def words() -> dict[type[StrEnum], dict[StrEnum, str]]:
    return {
        EscalationReason: {
            EscalationReason.ASKED: _("Asked for a person"),
            EscalationReason.LOW_RATING: _("Low rating"),
            EscalationReason.NOT_UNDERSTOOD: _("Not understood"),
            EscalationReason.NOT_HELPFUL: _("Guide did not help"),
            EscalationReason.TECHNICAL: _("Technical problem"),
        },
        ComplaintState: {
            ComplaintState.NEW: _("New"),
            ComplaintState.ACKNOWLEDGED: _("Acknowledged"),
            ComplaintState.IN_PROGRESS: _("In progress"),
            ComplaintState.WAITING: _("Waiting for the customer"),
            ComplaintState.RESOLVED: _("Resolved"),
            ComplaintState.CLOSED: _("Closed"),
        },
        ComplaintCategory: {
            ComplaintCategory.PRODUCT_FAULT: _("Product fault"),
            ComplaintCategory.DELIVERY: _("Delivery"),
            ComplaintCategory.STAFF_ATTITUDE: _("Staff attitude"),
            ComplaintCategory.WARRANTY: _("Warranty"),
            ComplaintCategory.PRICE_PAYMENT: _("Price and payment"),
            ComplaintCategory.OTHER: _("Other"),
        },
        Severity: {
            Severity.LOW: _("Minor"),
            Severity.NORMAL: _("Normal"),
            Severity.HIGH: _("Serious"),
        },
    }
