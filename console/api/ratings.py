"""Ratings: read only."""

from datetime import datetime

from pydantic import BaseModel

from console.api.calls import After, Limit, Page, Resource, look, page
from crm import key_pages
from crm.api_tokens import Scope
from crm.models.care import Rating

resource = Resource("ratings")


class RatingOut(BaseModel):
    """`score` 1 (very bad) to 5 (very good); without `complaint_id` it rates the service as a whole."""

    id: int
    customer_id: int
    complaint_id: int | None
    score: int
    reason: str
    at: datetime

    @classmethod
    def of(cls, rating: Rating) -> "RatingOut":
        return cls.model_validate(rating, from_attributes=True)


@resource.route("GET", "/ratings", Scope.RATINGS_READ)
def listing(after: After = 0, limit: Limit = 50, customer_id: int | None = None) -> Page[RatingOut]:
    """Ratings by their number, of everybody or of one customer."""
    rows = look(lambda s: key_pages.ratings(s, after, limit + 1, customer_id=customer_id))
    return page(rows, limit, RatingOut.of)
