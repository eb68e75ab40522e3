"""Every table; importing this package fills the metadata."""

from crm.models import (
    campaigns,
    care,
    catalogue,
    conversations,
    housekeeping,
    knowledge,
    messaging,
    people,
    review,
    staff,
)
from crm.models.base import Base

__all__ = [
    "Base",
    "campaigns",
    "care",
    "catalogue",
    "conversations",
    "housekeeping",
    "knowledge",
    "messaging",
    "people",
    "review",
    "staff",
]
