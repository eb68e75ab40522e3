"""What a browser says it is, in two words."""

from console.language import _

_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"))
_MORE_SYSTEMS = (("Mac OS X", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux"))
# Each of the later ones also says the names of those it wants to be taken for.
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("coc_coc", "Cốc Cốc"), ("Firefox/", "Firefox"))
_MORE_BROWSERS = (("Chrome/", "Chrome"), ("Safari/", "Safari"))


def words(agent: str) -> str:
    """`Chrome · Windows` from a User-Agent; what is not known is called so."""
    browser = next((name for sign, name in (*_BROWSERS, *_MORE_BROWSERS) if sign in agent), _("Unknown browser"))
    system = next((name for sign, name in (*_SYSTEMS, *_MORE_SYSTEMS) if sign in agent), "")
    return f"{browser} · {system}" if system else browser


def icon(agent: str) -> str:
    """The picture of a telephone or a computer."""
    return "smartphone" if any(sign in agent for sign in ("Android", "iPhone", "Mobile")) else "computer"
