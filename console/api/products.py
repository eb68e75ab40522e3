"""Products: read, made, changed. The assistant knows a new name within a minute."""

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.responses import Response

from console.api.calls import After, Limit, Page, Resource, act, look, page, tagged
from console.api.purchases import DEAREST
from crm import audit, catalogue, key_pages, product_records
from crm.api_tokens import Scope
from crm.errors import NotFound
from crm.models.catalogue import Product
from crm.models.staff import Staff
from crm.product_records import ProductRecord
from crm.records import Outcome

resource = Resource("products")


class ProductIn(BaseModel):
    """What is left out or null stays as it is; a new product needs name and price (in đồng)."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    name: str | None = Field(default=None, min_length=1, max_length=200)
    price: int | None = Field(default=None, ge=0, le=DEAREST)
    category: str | None = Field(default=None, max_length=64)
    warranty_months: int | None = Field(default=None, ge=0, le=1200)
    in_stock: bool | None = None
    description: str | None = Field(default=None, max_length=10_000)
    aliases: list[str] | None = Field(default=None, max_length=100, description="Names that customers use.")


class ProductOut(BaseModel):
    id: int
    sku: str
    name: str
    price: int
    category: str
    warranty_months: int
    in_stock: bool
    description: str
    aliases: list[str]

    @classmethod
    def of(cls, product: Product) -> "ProductOut":
        return cls.model_validate(product, from_attributes=True)


@resource.route("GET", "/products", Scope.PRODUCTS_READ)
def listing(after: After = 0, limit: Limit = 50, name: str = "") -> Page[ProductOut]:
    """Products by their number; `name` looks for a part of it, accents aside."""
    return page(look(lambda s: key_pages.products(s, after, limit + 1, name=name)), limit, ProductOut.of)


@resource.route("GET", "/products/{sku}", Scope.PRODUCTS_READ)
def one(sku: str, response: Response) -> ProductOut:
    """One product."""
    found = look(lambda s: catalogue.by_sku(s, sku))
    if found is None:
        raise NotFound(f"product {sku}")
    return tagged(response, ProductOut.of(found))


@resource.route("PUT", "/products/{sku}", Scope.PRODUCTS_WRITE)
def put(sku: str, given: ProductIn, request: Request, response: Response) -> ProductOut:
    """Makes the product (201) or brings it up to date (200)."""

    def work(session: Session, staff: Staff) -> tuple[Outcome, ProductOut]:
        outcome, product = product_records.upsert(session, ProductRecord(sku=sku[:64], **given.model_dump()))
        if outcome is not Outcome.UNCHANGED:
            audit.record(session, staff, f"product_{outcome.value}", "product", product.id, sku=product.sku)
        return outcome, ProductOut.of(product)

    outcome, shown = act(request, work)
    response.status_code = 201 if outcome is Outcome.CREATED else 200
    return tagged(response, shown)
