"""Telegram's stand-in as the simulator's own tests run it: an `address` that serves, and its `control` API."""

from tests.simulator.conftest import address as address
from tests.simulator.conftest import control as control
