"""The web application and its server: Bot API, control API, chat page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from simulator.botapi import BotApi
from simulator.connection import WithTransport
from simulator.control import Control
from simulator.customers import Impossible
from simulator.state import Person, World
from simulator.storage import StateFile
from simulator.updates import Courier

HERE = Path(__file__).parent
CSP = "default-src 'self'; img-src 'self' https: blob: data:; frame-ancestors 'none'; base-uri 'none'"


def add_people(world: World, people: Path) -> None:
    """The people of a JSON list ({"id", "first_name", "last_name"?, "username"?}), when there is nobody yet."""
    if not world.people:
        for person in json.loads(people.read_text(encoding="utf-8")):
            world.people[person["id"]] = Person(**person)


async def page(request: Request) -> Response:
    return FileResponse(HERE / "static" / "index.html", headers={"Content-Security-Policy": CSP})


async def impossible(request: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, 409)


async def health(request: Request) -> Response:
    return JSONResponse({"ok": True})


def create_app(world: World, state_file: StateFile | None = None) -> FastAPI:
    """The application over a world; with a state file it is kept up to date while the application runs."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(Courier(world).run())]
        if state_file:
            tasks.append(asyncio.create_task(state_file.keep()))
        yield
        world.pulse.close()
        await asyncio.gather(*tasks)

    app = FastAPI(title="Telegram simulator", lifespan=lifespan)
    app.include_router(BotApi(world).router)
    app.include_router(Control(world).router)
    app.add_exception_handler(Impossible, impossible)
    app.add_route("/healthz", health)
    app.add_route("/", page)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    return app


class Server(uvicorn.Server):
    """uvicorn that ends open long polls and event streams first, so that SIGTERM takes well under a second."""

    def __init__(self, world: World, host: str, port: int, state_file: StateFile | None = None) -> None:
        self.world = world
        # No access log: the token is in every address.
        super().__init__(
            uvicorn.Config(
                WithTransport(create_app(world, state_file)),
                host=host,
                port=port,
                access_log=False,
                log_level="warning",
                proxy_headers=False,
                timeout_graceful_shutdown=2,
            )
        )

    async def shutdown(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        self.world.hub.tell(None)
        self.world.pulse.close()
        await super().shutdown(None)

    def handle_exit(self, sig: int, frame: object) -> None:
        """Unlike uvicorn's, does not raise the signal again afterwards: a clean stop exits 0."""
        self.force_exit = self.should_exit
        self.should_exit = True
