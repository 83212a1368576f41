"""What the environment says about the network (proxies, certificates), for every HTTP client of the house.

Requests to this machine never leave it, whatever proxy is set. What a variable breaks is said with its name.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from bioreview_bench.errors import BenchError, InputError, printable

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY")


def is_this_machine(host: str) -> bool:
    """True for this machine's own loopback: localhost, 127.0.0.0/8 and ::1."""
    host = host.strip("[]").rstrip(".").casefold()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    inner = getattr(address, "ipv4_mapped", None)
    return (inner or address).is_loopback


def follows_environment(url: str) -> bool:
    """Whether a client for this address takes proxies and certificates from the environment (`trust_env`)."""
    return not is_this_machine(urlsplit(url).hostname or "")


@contextmanager
def environment_errors() -> Iterator[None]:
    """Raise InputError naming the variable for what an HTTP client makes of a broken environment in the block."""
    try:
        yield
    except BenchError:
        raise
    except (ImportError, OSError, ValueError) as error:
        known = _broken_variable(error)
        if known is None:
            raise
        raise known from error


def _broken_variable(error: Exception) -> InputError | None:
    proxies = {name: value for name, value in os.environ.items() if name.upper() in _PROXIES and value}
    if isinstance(error, ImportError):
        socks = next((name for name, value in proxies.items() if value.casefold().startswith("socks")), None)
        if socks is None:
            return None
        return InputError(
            f"The environment variable {socks} names a SOCKS proxy, and the package for those is not installed.",
            remedy=f"pip install socksio, or unset {socks}",
        )
    if isinstance(error, OSError):
        named = [name for name in _CERTIFICATES if os.environ.get(name)]
        wrong = [name for name in named if not os.access(os.environ[name], os.R_OK)]
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLCertVerificationError):
            wrong = wrong or named
        if not wrong:
            return None
        return InputError(
            f"The environment variable {wrong[0]} names {printable(os.environ[wrong[0]])}, and no certificates can be "
            "read there.",
            remedy=f"unset {wrong[0]}, or let it name a file of certificates",
        )
    if isinstance(error, ValueError) and proxies and "proxy" in str(error).casefold():
        name = next(iter(proxies))
        return InputError(
            f"The environment variable {name} names no proxy: {printable(error)}.", remedy=f"unset {name}"
        )
    return None
