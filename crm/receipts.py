"""Run an effect once a turn, however often the turn is run."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from crm import clock
from crm.models.messaging import ActionReceipt


def once(session: Session, turn_id: str, action: str, effect: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Runs `effect` in this transaction unless (`turn_id`, `action`) already did; returns its JSON-able result."""
    receipt = session.get(ActionReceipt, (turn_id, action))
    if receipt is None:
        receipt = ActionReceipt(turn_id=turn_id, action=action, result=effect(), at=clock.now())
        session.add(receipt)
        session.flush()
    return receipt.result
