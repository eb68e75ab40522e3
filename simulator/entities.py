"""Message formatting: HTML and MarkdownV2 into plain text and entities, counted in UTF-16 units as Telegram does.

Source of the rules: https://core.telegram.org/bots/api#formatting-options
"""

from __future__ import annotations

import html
import re
from typing import Any

from simulator.errors import ApiError, bad_request

Json = dict[str, Any]

_TAGS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "code": "code", "pre": "pre",
    "a": "text_link", "blockquote": "blockquote", "tg-spoiler": "spoiler", "span": "spoiler",
    "tg-emoji": "custom_emoji",
}  # fmt: skip
_HTML_TOKEN = re.compile(
    r"<(?P<close>/?)(?P<tag>[^<>]*)>|&(?P<ref>#\d+|#x[0-9a-fA-F]+|lt|gt|amp|quot);|(?P<raw>[^<&]+|.)", re.S
)
_ATTRIBUTE = re.compile(r"""([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+))""")
_DETECTED = (
    ("bot_command", re.compile(r"(?<![\w/<])/[A-Za-z0-9_]{1,64}(?:@\w{3,32})?(?![\w/])")),
    ("url", re.compile(r"\bhttps?://[^\s<>\"]+[^\s<>\".,;:!?)]")),
    ("mention", re.compile(r"(?<!\w)@[A-Za-z]\w{3,31}\b")),
)
_MARKS = {"*": "bold", "_": "italic", "__": "underline", "~": "strikethrough", "||": "spoiler"}
_RESERVED = set("_*[]()~`>#+-=|{}.!")


def utf16_length(text: str) -> int:
    """Length in UTF-16 code units, the unit of Telegram's offsets and limits."""
    return len(text) + sum(ord(char) > 0xFFFF for char in text)


def _wrong(what: str) -> ApiError:
    return bad_request(f"can't parse entities: {what}")


class _Builder:
    """Collects plain text and the entities opened and closed over it."""

    def __init__(self) -> None:
        self.text = ""
        self.open: list[tuple[str, Json]] = []
        self.entities: list[Json] = []

    def start(self, name: str, kind: str, **extra: str) -> None:
        self.open.append((name, {"type": kind, "offset": utf16_length(self.text), **extra}))

    def end(self, **extra: str) -> None:
        entity = self.open.pop()[1] | extra
        entity["length"] = utf16_length(self.text) - entity["offset"]
        if entity["length"]:
            self.entities.append(entity)

    def result(self) -> tuple[str, list[Json]]:
        return self.text, sorted(self.entities, key=lambda e: (e["offset"], -e["length"]))


def _byte_offset(text: str, index: int) -> int:
    return len(text[:index].encode())


def _open_tag(build: _Builder, tag: str, at: int) -> None:
    name, _, rest = tag.strip().lower().partition(" ")
    attributes = {m[1].lower(): html.unescape(m[2] or m[3] or m[4] or "") for m in _ATTRIBUTE.finditer(tag)}
    if name not in _TAGS or (name == "span" and attributes.get("class") != "tg-spoiler"):
        raise _wrong(f'Unsupported start tag "{name}" at byte offset {at}')
    if name == "a":
        build.start(name, "text_link", url=attributes.get("href", ""))
    elif name == "tg-emoji":
        build.start(name, "custom_emoji", custom_emoji_id=attributes.get("emoji-id", ""))
    else:
        expandable = name == "blockquote" and "expandable" in rest
        build.start(name, "expandable_blockquote" if expandable else _TAGS[name])


def parse_html(source: str) -> tuple[str, list[Json]]:
    """Plain text and entities of Telegram HTML; ApiError 400 with Telegram's words for broken markup."""
    build = _Builder()
    for token in _HTML_TOKEN.finditer(source):
        at = _byte_offset(source, token.start())
        if token["tag"] is None:
            if token["raw"] == "<":
                raise _wrong(f"Unclosed start tag at byte offset {at}")
            build.text += html.unescape(token[0]) if token["ref"] else token[0]
        elif token["close"]:
            name = token["tag"].strip().lower()
            if not build.open:
                raise _wrong(f"Unexpected end tag at byte offset {at}")
            if name and name != build.open[-1][0]:
                expected = build.open[-1][0]
                raise _wrong(f'Unmatched end tag at byte offset {at}, expected "</{expected}>", found "</{name}>"')
            build.end()
        else:
            _open_tag(build, token["tag"], at)
    if build.open:
        raise _wrong(f'Can\'t find end tag corresponding to start tag "{build.open[-1][0]}"')
    return build.result()


def _code(source: str, index: int, build: _Builder) -> int:
    """Takes `code` or ```pre``` starting at `index`; returns the index after it."""
    fence = "```" if source.startswith("```", index) else "`"
    kind = "pre" if fence == "```" else "code"
    match = re.compile(rf"((?:\\.|[^\\])*?){fence}", re.S).match(source, index + len(fence))
    if not match:
        raise _wrong(f"Can't find end of {kind.capitalize()} entity at byte offset {_byte_offset(source, index)}")
    body = match[1]
    language = re.match(r"([\w+-]+)\n", body) if kind == "pre" else None
    build.start(fence, kind, **({"language": language[1]} if language else {}))
    build.text += re.sub(r"\\(.)", r"\1", body[language.end() :] if language else body)
    build.end()
    return match.end()


def _close_link(source: str, index: int, build: _Builder) -> int:
    match = re.compile(r"\]\(((?:\\.|[^\\)])*)\)", re.S).match(source, index)
    if not match:
        raise _wrong(f"Can't find end of a URL at byte offset {_byte_offset(source, index)}")
    build.end(url=re.sub(r"\\(.)", r"\1", match[1]))
    return match.end()


def _mark(source: str, index: int, build: _Builder) -> int:
    """Takes one reserved character at `index` of MarkdownV2; returns the index after it."""
    char = source[index]
    mark = source[index : index + 2] if source[index : index + 2] in ("__", "||") else char
    if char == "`":
        return _code(source, index, build)
    if char == "]" and build.open and build.open[-1][0] == "[":
        return _close_link(source, index, build)
    if char == ">" and (index == 0 or source[index - 1] == "\n"):
        return index + 1  # a quotation: accepted, its entity is not modelled
    if char == "[":
        build.start("[", "text_link")
    elif mark in _MARKS and build.open and build.open[-1][0] == mark:
        build.end()
    elif mark in _MARKS:
        build.start(mark, _MARKS[mark])
    else:
        raise _wrong(f"Character '{char}' is reserved and must be escaped with the preceding '\\'")
    return index + len(mark)


def parse_markdown_v2(source: str) -> tuple[str, list[Json]]:
    """Plain text and entities of MarkdownV2; ApiError 400 with Telegram's words for broken markup."""
    build, index = _Builder(), 0
    while index < len(source):
        char = source[index]
        if char == "\\" and index + 1 < len(source):
            build.text += source[index + 1]
            index += 2
        elif char in _RESERVED:
            index = _mark(source, index, build)
        else:
            build.text += char
            index += 1
    if build.open:
        kind = build.open[-1][1]["type"].replace("_", " ").title().replace(" ", "")
        raise _wrong(f"Can't find end of {kind} entity at byte offset {build.open[-1][1]['offset']}")
    return build.result()


def detect(text: str) -> list[Json]:
    """The entities Telegram finds by itself: commands, addresses, mentions."""
    return [
        {"type": kind, "offset": utf16_length(text[: m.start()]), "length": utf16_length(m[0])}
        for kind, pattern in _DETECTED
        for m in pattern.finditer(text)
    ]


def _trim(text: str, entities: list[Json]) -> tuple[str, list[Json]]:
    lead = utf16_length(text) - utf16_length(text.lstrip())
    text = text.strip()
    size, kept = utf16_length(text), []
    for entity in entities:
        start, end = max(entity["offset"] - lead, 0), min(entity["offset"] + entity["length"] - lead, size)
        if end > start:
            kept.append(entity | {"offset": start, "length": end - start})
    return text, kept


def format_text(source: str, parse_mode: str | None, given: list[Json] | None) -> tuple[str, list[Json]]:
    """What the chat shows: trimmed text and all its entities. Raises ApiError 400 for broken markup."""
    mode = (parse_mode or "").lower()
    if mode == "html":
        text, entities = parse_html(source)
    elif mode == "markdownv2":
        text, entities = parse_markdown_v2(source)
    elif mode:
        raise bad_request("unsupported parse_mode")
    else:
        text, entities = source, list(given or [])
    text, entities = _trim(text, entities)
    taken = [(e["offset"], e["offset"] + e["length"]) for e in entities if e["type"] in ("code", "pre", "text_link")]
    found = [
        e for e in detect(text) if all(e["offset"] >= end or e["offset"] + e["length"] <= start for start, end in taken)
    ]
    known = {(e["type"], e["offset"]) for e in entities}
    return text, entities + [e for e in found if (e["type"], e["offset"]) not in known]
