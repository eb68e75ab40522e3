"""The API as one application below /api: its routes, each with its scope, behind the gate."""

from importlib.metadata import version

from fastapi import Depends, FastAPI, Security
from fastapi.security import HTTPBearer
from starlette.types import ASGIApp

from console.api import complaints, conversations, customers, errors, messages, products, purchases, ratings
from console.api.calls import SCOPE, allowed
from console.api.tokens import Gate

BELOW = "/api"
RESOURCES = (customers, purchases, products, complaints, conversations, ratings, messages)
ABOUT = (
    "Customers, purchases, products, complaints, conversations, ratings and outgoing messages of the shop. "
    "Times are ISO 8601 with a time zone, sums are whole đồng. See docs/api.md."
)


def create() -> ASGIApp:
    """The application behind its gate: nothing in it answers without a good token, the description included."""
    return Gate(described())


def described() -> FastAPI:
    """The application alone. A route that names no scope is refused to every token."""
    application = FastAPI(
        title="Tri Ân",
        version=version("trian"),
        description=ABOUT,
        docs_url=None,  # its scripts would come from another site
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        dependencies=[Security(HTTPBearer(auto_error=False, description="A token of /integrations")), Depends(allowed)],
    )
    errors.install(application)
    for module in RESOURCES:
        application.include_router(module.resource.router, prefix="/v1")
    return application


def routes() -> list[tuple[str, str, str]]:
    """Every route as (method, path below /api, scope that it needs: empty for none)."""
    paths: dict[str, dict[str, dict[str, str]]] = described().openapi()["paths"]
    return [
        (method.upper(), path, more.get(SCOPE, "")) for path, each in paths.items() for method, more in each.items()
    ]
