"""Who may do what: every page, file and action of the console with the roles it is for. What is not here is refused."""

from nicegui.version import __version__

from crm.models.staff import Role

EVERYONE = frozenset(Role)
ADMINS = frozenset({Role.ADMIN, Role.OWNER})
LEADS = ADMINS | {Role.LEAD}
CARE = LEADS | {Role.AGENT}
ADVERTISING = ADMINS | {Role.MARKETING}

PAGES: dict[str, frozenset[Role]] = {
    "/": EVERYONE,
    "/queue": CARE,
    "/conversations/{conversation_id:int}": CARE,
    "/complaints": CARE,
    "/complaints/{complaint_id:int}": CARE,
    "/customers": CARE,
    "/customers/{customer_id:int}": CARE,
    "/broadcasts": ADVERTISING,
    "/broadcasts/new": ADVERTISING,
    "/broadcasts/{campaign_id:int}": ADVERTISING,
    "/broadcasts/{campaign_id:int}/edit": ADVERTISING,
    "/broadcasts/{campaign_id:int}/deliveries": ADVERTISING,
}

FILES: dict[str, frozenset[Role]] = {
    "/attachments/{path:path}": CARE,
    "/broadcasts/{campaign_id:int}/deliveries.csv": ADVERTISING,
}

ACTIONS: dict[str, frozenset[Role]] = {
    "claim": CARE,
    "take_over": CARE,
    "reply": CARE,
    "hand_back": CARE,
    "move_complaint": CARE,
    "resolve_complaint": CARE,
    "save_broadcast": ADVERTISING,
    "approve_broadcast": ADVERTISING,
    "send_broadcast": ADVERTISING,
    "unschedule_broadcast": ADVERTISING,
    "pause_broadcast": ADVERTISING,
    "resume_broadcast": ADVERTISING,
    "stop_broadcast": ADVERTISING,
    "send_broadcast_again": ADVERTISING,
    "export_broadcast": ADVERTISING,
    "try_broadcast": ADVERTISING,
    "link_own_chat": ADVERTISING,
}

# Reached without a log-in: the way in, the watchdog's question, figures (which check who asks by themselves), and files
# that hold nobody's data.
PUBLIC = ("/login", "/logout", "/language", "/health", "/metrics", "/favicon.ico")
PUBLIC_BELOW = ("/static/", f"/_nicegui/{__version__}/")


def is_public(path: str) -> bool:
    """Whether `path` is served to somebody who is not logged in."""
    return path in PUBLIC or path.startswith(PUBLIC_BELOW)
