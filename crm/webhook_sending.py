"""One try of a webhook: signed, to an address that was looked up and checked just before, without any redirect."""

import asyncio
import ipaddress
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import urlsplit

import httpx
from standardwebhooks import Webhook

from crm import clock
from crm.webhook_delivery import Attempt, Outcome

TIMEOUT_S = 10.0
READ = 500
AGENT = "tri-an-webhooks/1"


class Forbidden(Exception):
    """The host leads to an address to which nothing is sent."""


def send(attempt: Attempt, *, private: bool) -> Outcome:
    """Tries once, TIMEOUT_S at the most; never raises. `private`: addresses of private networks are allowed."""
    try:
        address = _address(attempt.url, private=private)
        return asyncio.run(_post(attempt, address))
    except Forbidden as error:
        return Outcome(None, str(error))
    except TimeoutError:
        return Outcome(None, f"no answer within {TIMEOUT_S:g} s")
    except OSError as error:
        return Outcome(None, f"{type(error).__name__}: {error.strerror or error}")
    except httpx.HTTPError as error:
        return Outcome(None, f"{type(error).__name__}: {error}")


def headers(attempt: Attempt, moment: datetime) -> dict[str, str]:
    """Id, time and signature as Standard Webhooks has them."""
    signature = Webhook(attempt.secret).sign(attempt.key, moment.astimezone(UTC), attempt.body)
    return {
        "content-type": "application/json",
        "user-agent": AGENT,
        "webhook-id": attempt.key,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signature,
    }


def _address(url: str, *, private: bool) -> str:
    """The address that the host has now; one private address among several is enough to refuse."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    addresses = [str(each[4][0]) for each in found]
    if not private and (parts.scheme != "https" or not all(_is_public(address) for address in addresses)):
        raise Forbidden("the host leads into a private network, where nothing is sent")
    return addresses[0]


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return _is_public(str(parsed.ipv4_mapped))
        if parsed.sixtofour is not None or parsed.teredo is not None:
            return False  # carry an IPv4 address inside that would be reached instead
    return parsed.is_global and not parsed.is_multicast


async def _post(attempt: Attempt, address: str) -> Outcome:
    """Connects to the checked address itself: looking the name up again could give another one.

    One deadline holds for the whole exchange: httpx waits so long for each piece, and a receiver may dribble them.
    """
    until = asyncio.get_running_loop().time() + TIMEOUT_S
    async with httpx.AsyncClient(timeout=TIMEOUT_S, verify=_trusted(), trust_env=False) as client:
        async with asyncio.timeout_at(until):
            answer = await client.send(_request(attempt, address), stream=True, follow_redirects=False)
        try:
            told = await _beginning(answer, until)
        finally:
            await answer.aclose()
    return Outcome(answer.status_code, told.decode("utf-8", "replace").replace("\x00", ""))


def _request(attempt: Attempt, address: str) -> httpx.Request:
    parts = urlsplit(attempt.url)
    url = httpx.URL(attempt.url).copy_with(host=address)
    named = headers(attempt, clock.now()) | {"host": parts.netloc}
    sni = {"sni_hostname": parts.hostname} if parts.scheme == "https" else {}
    limits = {"timeout": httpx.Timeout(TIMEOUT_S).as_dict()}
    return httpx.Request("POST", url, content=attempt.body.encode(), headers=named, extensions=sni | limits)


async def _beginning(answer: httpx.Response, until: float) -> bytes:
    """The first READ bytes, as far as they come in time: the status has said already whether it was taken."""
    read = b""
    with suppress(TimeoutError):
        async with asyncio.timeout_at(until):
            async for piece in answer.aiter_raw():
                read += piece
                if len(read) >= READ:
                    break
    return read[:READ]


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()
