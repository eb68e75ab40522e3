"""Pictures that are made here: the square code that a phone reads."""

import segno


def qr(content: str) -> str:
    """A QR code as a data: address of an SVG picture, which runs no script in an <img>."""
    return segno.make(content, error="m").svg_data_uri(scale=5, border=3, light="#fff", dark="#1d2524")


def spelled(secret: str) -> str:
    """A secret in groups of four, for typing it."""
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
