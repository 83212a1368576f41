"""The one normalisation of concern texts."""

import unicodedata


def normalise(text: str) -> str:
    """NFC, white space folded to single spaces, ends trimmed (scoring specification, section 1)."""
    return " ".join(unicodedata.normalize("NFC", text).split())
