"""How python-telegram-bot reaches Telegram: over aiohttp, which costs a tenth of httpx's processor time a call."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import aiohttp
from telegram._utils.defaultvalue import DefaultValue
from telegram._utils.types import ODVInput
from telegram.error import NetworkError, TimedOut
from telegram.request import BaseRequest, RequestData

NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)
# Failures with which a front says that it passed nothing on, or that what it got back is no answer. Every other one
# (500, 504, the 52x of content networks) may come after the call was carried out.
REFUSED = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE)
# Below the shortest time after which a server closes an idle connection (uvicorn's is 5 s): a message sent into a
# connection that is just being closed is one of which nobody knows what became.
KEEP_ALIVE_S = 4.0


class NoVerdict(NetworkError):
    """The answer tells of a failure, and not of whether the call was carried out before it."""


@dataclass(frozen=True)
class _Fields:
    """As much of a RequestData as a call without files needs; that class itself lets nobody make one."""

    json_parameters: dict[str, str]
    contains_files: bool = False


async def call(request: BaseRequest, url: str, fields: dict[str, str], read_timeout_s: float | None = None) -> Any:
    """Calls a method and returns its `result` as it came. Raises TelegramError as python-telegram-bot does."""
    read_timeout = BaseRequest.DEFAULT_NONE if read_timeout_s is None else read_timeout_s
    return await request.post(url, cast("RequestData", _Fields(fields)), read_timeout=read_timeout)


class HttpRequest(BaseRequest):
    """One pool of connections. Raises TimedOut and NetworkError, with aiohttp's own error as their cause."""

    def __init__(self, connections: int, proxy: str | None, timeout_s: float, connect_s: float) -> None:
        """Args: timeout_s: between two pieces of an answer; connect_s: for a free connection and for making one."""
        self._connections = connections
        self._proxy = proxy
        self._timeout_s = timeout_s
        self._connect_s = connect_s
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float | None:
        """Seconds between two pieces of an answer."""
        return self._timeout_s

    async def initialize(self) -> None:
        """Opens the pool; harmless when it is open."""
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=KEEP_ALIVE_S)
            self._session = aiohttp.ClientSession(connector=connector, headers={"User-Agent": self.USER_AGENT})

    async def shutdown(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
        write_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
        connect_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
        pool_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """One call, as python-telegram-bot asks for it: status code and body. Raises NoVerdict besides."""
        if self._session is None:
            raise NetworkError("not initialised")
        read_s = self._timeout_s if isinstance(read_timeout, DefaultValue) else read_timeout or self._timeout_s
        timeout = aiohttp.ClientTimeout(total=read_s + 4 * self._connect_s, connect=self._connect_s, sock_read=read_s)
        try:
            async with self._session.request(
                method, url, data=_form(request_data), proxy=self._proxy, timeout=timeout
            ) as answer:
                if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR and answer.status not in REFUSED:
                    raise NoVerdict(f"{answer.reason} ({answer.status})")
                return answer.status, await answer.read()
        except TimeoutError as error:
            raise TimedOut(type(error).__name__) from error
        except (aiohttp.ClientError, OSError) as error:
            raise NetworkError(type(error).__name__) from error


def _form(request_data: RequestData | None) -> aiohttp.FormData | dict[str, str] | None:
    if request_data is None:
        return None
    if not request_data.contains_files:
        return request_data.json_parameters
    form = aiohttp.FormData(quote_fields=False)  # else a Vietnamese file name arrives as %C3%A1
    for name, value in request_data.json_parameters.items():
        form.add_field(name, value)
    for name, (filename, content, mime) in request_data.multipart_data.items():
        form.add_field(name, content, filename=filename, content_type=mime)
    return form
