"""Every table; importing this package fills the metadata."""

from crm.models import (
    campaigns,
    care,
    cases,
    catalogue,
    conversations,
    housekeeping,
    inbox,
    integration,
    knowledge,
    messaging,
    people,
    privacy,
    review,
    service,
    staff,
    talk,
    training,
)
from crm.models.base import Base

__all__ = [
    "Base",
    "campaigns",
    "care",
    "cases",
    "catalogue",
    "conversations",
    "housekeeping",
    "inbox",
    "integration",
    "knowledge",
    "messaging",
    "people",
    "privacy",
    "review",
    "service",
    "staff",
    "talk",
    "training",
]
