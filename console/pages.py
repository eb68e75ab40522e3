"""Every page of the console; importing this module registers them, each with its guard."""

from console import (
    broadcast,
    broadcast_deliveries,
    broadcast_new,
    broadcasts,
    complaint,
    complaints,
    conversation,
    customers,
    home,
    queue,
)

__all__ = [
    "broadcast",
    "broadcast_deliveries",
    "broadcast_new",
    "broadcasts",
    "complaint",
    "complaints",
    "conversation",
    "customers",
    "home",
    "queue",
]
