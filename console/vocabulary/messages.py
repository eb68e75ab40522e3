"""Messages and broadcasts on their way."""

from enum import StrEnum

from console.language import _
from crm.campaign_deliveries import Unsent
from crm.models.campaigns import CampaignState, PauseReason
from crm.models.messaging import OutboxState
from crm.models.people import Purpose


def words() -> dict[type[StrEnum], dict[StrEnum, str]]:
    return {
        OutboxState: {
            OutboxState.QUEUED: _("Waiting to be sent"),
            OutboxState.SENDING: _("Sending"),
            OutboxState.SENT: _("Sent"),
            OutboxState.FAILED: _("Not delivered"),
            OutboxState.UNKNOWN: _("Unclear whether it arrived"),
            OutboxState.SKIPPED: _("Not sent"),
            OutboxState.EXPIRED: _("Too late, not sent"),
        },
        CampaignState: {
            CampaignState.DRAFT: _("Draft"),
            CampaignState.APPROVED: _("Approved"),
            CampaignState.SCHEDULED: _("Scheduled"),
            CampaignState.RUNNING: _("Being sent"),
            CampaignState.PAUSED: _("Paused"),
            CampaignState.FINISHED: _("Finished"),
            CampaignState.CANCELLED: _("Stopped"),
        },
        PauseReason: {
            PauseReason.ERRORS: _("Too many messages went wrong"),
            PauseReason.APPROVAL: _("More people than were approved"),
            PauseReason.MISSED: _("Not started in time"),
        },
        Unsent: {
            Unsent.WAITING: _("Not their turn yet"),
            Unsent.LEFT_OUT: _("Left out"),
        },
        Purpose: {
            Purpose.SERVICE: _("Service"),
            Purpose.GREETINGS: _("Greetings"),
            Purpose.MARKETING: _("Advertising"),
        },
    }
