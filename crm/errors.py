"""One family of errors. Each carries a sentence key that an edge (bot, console, command line) turns into words."""


class TrianError(Exception):
    """Something the product refuses or cannot do; the message says what to do about it, in English, for the log."""


class NotFound(TrianError):
    """The row asked for does not exist, or no longer does."""


class InvalidInput(TrianError):
    """A value from outside cannot be used; `field` names it.

    Args:
        field: name of the offending value, as the caller knows it.
        message: what is wrong and what would be right.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class IllegalTransition(TrianError):
    """A state change that the life of the thing does not allow (a closed complaint cannot be resolved)."""


class AlreadyHeld(TrianError):
    """Another member of staff holds this conversation."""


class TrainingUnderWay(TrianError):
    """The understanding is trained, or its model changed, already; one at a time."""


class LeaseLost(TrianError):
    """This process acted on a lease that another has taken over; its write was not made."""


class PermissionDenied(TrianError):
    """The member of staff has no right to do this."""


class SettingsProblem(TrianError):
    """A setting is missing or cannot work; the message names the setting and what to put there."""
