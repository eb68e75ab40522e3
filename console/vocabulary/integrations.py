"""Other systems: what their tokens may do, what webhooks tell, files that were imported."""

from enum import StrEnum

from console.language import _
from crm.api_tokens import Scope
from crm.models.integration import ImportKind, ImportState, WebhookEventType, WebhookState
from crm.records import Outcome


def words() -> dict[type[StrEnum], dict[StrEnum, str]]:
    return {**_tokens_and_webhooks(), **_imports()}


def _tokens_and_webhooks() -> dict[type[StrEnum], dict[StrEnum, str]]:
    return {
        Scope: {
            Scope.CUSTOMERS_READ: _("read customers"),
            Scope.CUSTOMERS_WRITE: _("change customers"),
            Scope.PURCHASES_READ: _("read purchases"),
            Scope.PURCHASES_WRITE: _("push purchases"),
            Scope.PRODUCTS_READ: _("read products"),
            Scope.PRODUCTS_WRITE: _("change products"),
            Scope.COMPLAINTS_READ: _("read complaints"),
            Scope.COMPLAINTS_WRITE: _("open and move complaints"),
            Scope.CONVERSATIONS_READ: _("read conversations"),
            Scope.RATINGS_READ: _("read ratings"),
            Scope.MESSAGES_READ: _("see how far own messages got"),
            Scope.MESSAGES_WRITE: _("send messages"),
        },
        WebhookEventType: {
            WebhookEventType.COMPLAINT_OPENED: _("A complaint is opened"),
            WebhookEventType.COMPLAINT_CHANGED: _("A complaint changes"),
            WebhookEventType.RATING_GIVEN: _("A rating is given"),
            WebhookEventType.RATING_CHANGED: _("A rating changes"),
            WebhookEventType.HANDED_OVER: _("A person is called"),
            WebhookEventType.HANDED_BACK: _("The assistant takes over again"),
            WebhookEventType.CONSENT_WITHDRAWN: _("A customer withdraws consent"),
            WebhookEventType.TEST: _("A trial message"),
        },
        WebhookState: {
            WebhookState.PENDING: _("Being sent now"),
            WebhookState.DELIVERED: _("It was received"),
            WebhookState.FAILED: _("Given up after three days"),
        },
    }


def _imports() -> dict[type[StrEnum], dict[StrEnum, str]]:
    return {
        ImportKind: {
            ImportKind.CUSTOMERS: _("Customers"),
            ImportKind.PURCHASES: _("Purchases, as orders"),
        },
        ImportState: {
            ImportState.CHECKING: _("Being checked"),
            ImportState.CHECKED: _("Checked, not imported yet"),
            ImportState.RUNNING: _("Being imported"),
            ImportState.DONE: _("Imported"),
            ImportState.UNREADABLE: _("Cannot be read"),
            ImportState.CANCELLED: _("Import called off"),
        },
        Outcome: {
            Outcome.CREATED: _("New here"),
            Outcome.UPDATED: _("Brought up to date"),
            Outcome.UNCHANGED: _("As it was"),
            Outcome.REFUSED: _("Rows refused"),
        },
    }
