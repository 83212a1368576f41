"""The one normalisation of concern texts."""

import unicodedata


def normalise(text: str) -> str:
    """NFC, white space folded to single spaces, ends trimmed (scoring specification, section 1)."""
    # Most texts are normal: a space is the only white space that is printable, and looking is faster than folding.
    if "  " not in text and text.isprintable() and unicodedata.is_normalized("NFC", text):
        return text.strip(" ")
    return " ".join(unicodedata.normalize("NFC", text).split())
