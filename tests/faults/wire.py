"""The network between the bot and Telegram: a forwarder that can refuse, fall silent, get stuck or break off.

It forwards whole connections and looks into none; what has been said through it before it falls silent was said.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from enum import StrEnum


class Manner(StrEnum):
    """OPEN: forwards. REFUSE: nobody listens. SILENT: accepts and never answers, standing connections included.
    STUCK: a connection is never even accepted, so that connecting times out. RESET: breaks every connection off."""

    OPEN = "open"
    REFUSE = "refuse"
    SILENT = "silent"
    STUCK = "stuck"
    RESET = "reset"


class Wire:
    """A forwarder on a port of its own to 127.0.0.1:`target`. Threads of the caller's may call every method."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._manner = Manner.OPEN
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._plugs: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="wire", daemon=True).start()
        self.turn(Manner.OPEN)

    def turn(self, manner: Manner) -> None:
        """Behaves like `manner` from now on; connections of the manner before are cut unless it falls silent."""
        asyncio.run_coroutine_threadsafe(self._turn(manner), self._loop).result(timeout=10)

    def close(self) -> None:
        """Ends every connection and the thread."""
        self.turn(Manner.REFUSE)
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _turn(self, manner: Manner) -> None:
        self._manner = manner
        if manner is not Manner.SILENT:
            self._cut()
        await self._stop_listening()
        if manner is Manner.STUCK:
            self._plug()
        elif manner is not Manner.REFUSE:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=256)

    async def _stop_listening(self) -> None:
        for plug in self._plugs:
            plug.close()
        self._plugs = []
        if self._server is not None:
            self._server.close()
            self._server = None

    def _plug(self) -> None:
        """Listens with a queue of one place and fills it: whoever comes now waits for an answer to its first packet."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(0)
        self._plugs = [listener]
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(("127.0.0.1", self.port))
            self._plugs.append(filler)

    def _cut(self) -> None:
        for writer in self._writers:
            _reset(writer)
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        if self._manner is Manner.RESET:
            _reset(writer)
            return
        if self._manner is Manner.SILENT:
            return
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            _reset(writer)
            return
        self._writers.add(there[1])
        for source, sink in ((reader, there[1]), (there[0], writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                if self._manner is Manner.SILENT:
                    continue
                sink.write(data)
                await sink.drain()
        self._writers.discard(sink)
        sink.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Closes with a reset, as a dying peer's machine answers."""
    connection = writer.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
