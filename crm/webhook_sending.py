"""One try of a webhook: signed, to an address that was looked up and checked just before, without any redirect."""

import ipaddress
import socket
import ssl
import time
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
    """Tries once; never raises. `private`: addresses of private networks are allowed."""
    try:
        return _post(attempt, _address(attempt.url, private=private))
    except Forbidden as error:
        return Outcome(None, str(error))
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


def _post(attempt: Attempt, address: str) -> Outcome:
    """Connects to the checked address itself: looking the name up again could give another one."""
    parts = urlsplit(attempt.url)
    url = httpx.URL(attempt.url).copy_with(host=address)
    named = headers(attempt, clock.now()) | {"host": parts.netloc}
    sni = {"sni_hostname": parts.hostname} if parts.scheme == "https" else {}
    until = time.monotonic() + TIMEOUT_S
    with httpx.Client(timeout=TIMEOUT_S, verify=_trusted(), trust_env=False, follow_redirects=False) as client:
        body = attempt.body.encode()
        with client.stream("POST", url, content=body, headers=named, extensions=sni) as answer:
            read = b""
            for piece in answer.iter_raw(READ):
                read += piece
                if len(read) >= READ or time.monotonic() > until:
                    break
            return Outcome(answer.status_code, read[:READ].decode("utf-8", "replace").replace("\x00", ""))


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()
