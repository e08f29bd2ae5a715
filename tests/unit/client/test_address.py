"""Where a token may be sent."""

import pytest

from gatekeeper.client.address import address_of
from gatekeeper.client.errors import BadAddress


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://gate.example.com", "https://gate.example.com"),
        ("https://gate.example.com/", "https://gate.example.com"),
        ("https://gate.example.com:8443/tools/gate/", "https://gate.example.com:8443/tools/gate"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://localhost:8080 ", "http://localhost:8080"),
    ],
)
def test_a_usable_address(url: str, base: str) -> None:
    """TLS anywhere, plain HTTP on this machine."""
    assert address_of(url, credential="gk_x").url == base


@pytest.mark.parametrize(
    "url",
    [
        "http://gate.example.com",
        "http://10.0.0.7:8080",
        "http://127.0.0.1.evil.example.com",
        "http://localhost.evil.example.com",
    ],
)
def test_a_token_is_not_sent_in_the_clear(url: str) -> None:
    """Unless somebody takes the blame; without a token there is nothing to lose."""
    with pytest.raises(BadAddress, match="not encrypted") as caught:
        address_of(url, credential="gk_x")
    assert "gk_x" not in caught.value.message
    assert address_of(url, credential="gk_x", allow_http=True).url == url
    assert address_of(url, credential=None).url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "gate.example.com",
        "ftp://gate.example.com",
        "https://",
        "https://user:secret@gate.example.com",
        "https://gate.example.com?x=1",
        "https://gate.example.com/#x",
        "https://gate.example.com/api/v1",
        "https://gate.example.com:port",
        "https://[::1",
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    """As a mistake in the command, without showing a password."""
    with pytest.raises(BadAddress) as caught:
        address_of(url, credential=None)
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("token", ["a\nb", "a\x00", "tök"])
def test_a_token_with_stray_characters_is_refused(token: str) -> None:
    """It cannot be a header, and is not shown."""
    with pytest.raises(BadAddress, match="characters") as caught:
        address_of("https://gate.example.com", credential=token)
    assert token not in caught.value.message
