"""Customers, what they bought, and staff."""

from enum import StrEnum

from console.language import _
from crm.models.catalogue import PurchaseStatus
from crm.models.people import Tier
from crm.models.staff import Role


def words() -> dict[type[StrEnum], dict[StrEnum, str]]:
    return {
        Tier: {
            Tier.NONE: _("No tier"),
            Tier.SILVER: _("Silver"),
            Tier.GOLD: _("Gold"),
            Tier.PLATINUM: _("Platinum"),
        },
        Role: {
            Role.AGENT: _("Support staff"),
            Role.LEAD: _("Support lead"),
            Role.MARKETING: _("Marketing"),
            Role.ADMIN: _("Administrator"),
            Role.OWNER: _("Owner"),
        },
        PurchaseStatus: {
            PurchaseStatus.PROCESSING: _("Being prepared"),
            PurchaseStatus.SHIPPING: _("On its way"),
            PurchaseStatus.DELIVERED: _("Delivered"),
            PurchaseStatus.CANCELLED: _("Cancelled"),
        },
    }
