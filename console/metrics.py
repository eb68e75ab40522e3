"""`/metrics` for Prometheus: to this machine, or to whoever shows the token; figures only, nobody's data."""

import hmac
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from ipaddress import ip_address

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import PlainTextResponse, Response

from crm import clock, metrics
from crm.db import Database, database
from crm.settings import settings

router = APIRouter()
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0)
# A turn's moment is taken a little before it is committed: what is read is read again for so long.
OVERLAP = timedelta(minutes=1)
_FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip", "via")


class Figures(Collector):
    """What `crm.metrics` reads, in Prometheus's terms."""

    def __init__(self, store: Database) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        """Called by the registry at each scrape."""
        with self._store.read() as session:
            found = metrics.figures(session, clock.now())
        for figure in found:
            family = CounterMetricFamily if figure.counts_up else GaugeMetricFamily
            metric = family(figure.name, figure.help, labels=figure.labels)
            for labels, value in figure.samples:
                metric.add_metric(list(labels), value)
            yield metric


class TurnTimes:
    """A histogram of how long people waited, of the turns since this process started."""

    def __init__(self, registry: CollectorRegistry, moment: datetime) -> None:
        help_text = "From an update's arrival to the answer in the outbox."
        self._histogram = Histogram("trian_turn_seconds", help_text, buckets=BUCKETS, registry=registry)
        self._began = self._since = moment
        self._seen: dict[int, datetime] = {}

    def catch_up(self, store: Database, moment: datetime) -> None:
        """Adds the turns that ended since the last time."""
        with store.read() as session:
            times = metrics.turn_times(session, max(self._began, self._since - OVERLAP))
        for each in times:
            if each.inbound_id not in self._seen:
                self._histogram.observe(each.seconds)
                self._seen[each.inbound_id] = each.done_at
        self._since = moment
        self._seen = {number: at for number, at in self._seen.items() if at >= moment - 2 * OVERLAP}


class Exposition:
    """One process's answer to a scrape; two scrapes at once take turns."""

    def __init__(self, store: Database) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._registry = CollectorRegistry()
        self._registry.register(Figures(store))
        self._turns = TurnTimes(self._registry, clock.now())

    def text(self) -> bytes:
        """Prometheus's text format. Raises what the database raises."""
        with self._lock:
            self._turns.catch_up(self._store, clock.now())
            return generate_latest(self._registry)


_made: list[Exposition] = []


@router.get("/metrics")
def scrape(request: Request) -> Response:
    """The figures; 403 for strangers, 503 while the database does not answer."""
    if not _may_read(request):
        return PlainTextResponse("Only from this machine, or with the token of `trian metrics-token`.", 403)
    try:
        return Response(
            _exposition().text(), headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"}
        )
    except Exception as error:
        return PlainTextResponse(f"the database does not answer: {type(error).__name__}", 503)


def _exposition() -> Exposition:
    if not _made:
        _made.append(Exposition(database(settings().database_url)))
    return _made[0]


def _may_read(request: Request) -> bool:
    """A proxy on this machine speaks for others, and names them: only what it did not forward counts as ours."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return hmac.compare_digest(token.strip().encode(), settings().derived_secret("metrics").encode())
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False
