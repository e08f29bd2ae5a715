"""Which server is asked, and with which credential."""

from pathlib import Path

import httpx
import pytest
import respx

from gatekeeper.cli.server import NoServer, resolved, timing_from
from gatekeeper.client.errors import BadAddress, Unauthorised, Unreachable
from gatekeeper.errors import UsageError

URL = "https://gate.example.com"
GITHUB = {
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://token.example.com/jobs/1?api-version=2",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token",
}


def credential(environ: dict[str, str], token_file: Path | None = None) -> tuple[str | None, str]:
    """The credential and where it came from."""
    address, origin = resolved(URL, token_file, environ=environ)
    return address.credential, origin


def test_the_flag_wins_over_the_environment() -> None:
    """And one of them must be there."""
    environ = {"GATEKEEPER_URL": "https://other.example.com", "GATEKEEPER_TOKEN": "gk_1"}
    assert resolved(URL, None, environ=environ)[0].url == URL
    assert resolved(None, None, environ=environ)[0].url == "https://other.example.com"
    with pytest.raises(NoServer) as caught:
        resolved(None, None, environ={"GATEKEEPER_TOKEN": "gk_1"})
    assert "GATEKEEPER_URL" in caught.value.hint


def test_the_identity_of_the_job_wins_over_a_token(tmp_path: Path) -> None:
    """It proves more; a file that somebody names wins over both."""
    environ = {"GATEKEEPER_TOKEN": "gk_1", "GATEKEEPER_ID_TOKEN": "a.b.c"}
    assert credential(environ) == ("a.b.c", "GATEKEEPER_ID_TOKEN")
    assert credential({"GATEKEEPER_TOKEN": " gk_1\n"}) == ("gk_1", "GATEKEEPER_TOKEN")
    file = tmp_path / "token"
    file.write_text("gk_2\n")
    assert credential(environ, file) == ("gk_2", f"the token of {file}")


def test_without_a_credential_the_ways_to_get_one_are_said(tmp_path: Path) -> None:
    """For each CI system."""
    with pytest.raises(Unauthorised) as caught:
        credential({})
    assert "id_tokens" in caught.value.hint
    assert "id-token: write" in caught.value.hint
    empty = tmp_path / "token"
    empty.write_text("\n")
    for file in (empty, tmp_path / "none"):
        with pytest.raises(UsageError):
            credential({}, file)


@respx.mock
def test_github_makes_an_identity_for_this_server() -> None:
    """The audience is the server, so that nobody else can use it; a token of one's own goes before."""
    route = respx.get("https://token.example.com/jobs/1", params={"api-version": "2", "audience": URL}).mock(
        return_value=httpx.Response(200, json={"value": "a.b.c"})
    )
    assert credential(GITHUB) == ("a.b.c", "the id_token of the GitHub job")
    assert route.calls.last.request.headers["authorization"] == "Bearer request-token"
    assert credential(GITHUB | {"GATEKEEPER_TOKEN": "gk_1"})[0] == "gk_1"


@respx.mock
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(403), Unauthorised),
        (httpx.Response(200, json={}), Unreachable),
        (httpx.Response(200, text="<html>"), Unreachable),
        (httpx.Response(200, json={"value": 7}), Unauthorised),
    ],
)
def test_an_identity_that_github_does_not_give_is_none(
    answer: httpx.Response, error: type[Exception]
) -> None:
    """Whatever it answers."""
    respx.get("https://token.example.com/jobs/1").mock(return_value=answer)
    with pytest.raises(error):
        credential(GITHUB)


def test_the_request_token_is_not_sent_in_the_clear() -> None:
    """It stands for the job."""
    with pytest.raises(BadAddress):
        credential(GITHUB | {"ACTIONS_ID_TOKEN_REQUEST_URL": "http://token.example.com/jobs/1"})


def test_plain_http_needs_a_word() -> None:
    """`GATEKEEPER_ALLOW_HTTP=1`, and nothing else."""
    environ = {"GATEKEEPER_URL": "http://gate.example.com", "GATEKEEPER_TOKEN": "gk_1"}
    for value in ({}, {"GATEKEEPER_ALLOW_HTTP": "yes"}):
        with pytest.raises(BadAddress):
            resolved(None, None, environ=environ | value)
    allowed = environ | {"GATEKEEPER_ALLOW_HTTP": "1"}
    assert resolved(None, None, environ=allowed)[0].url == "http://gate.example.com"


def test_the_time_of_one_call_can_be_set() -> None:
    """As a duration."""
    assert timing_from({}).total_s == 300
    assert timing_from({"GATEKEEPER_TIMEOUT": "30s"}).total_s == 30
    with pytest.raises(UsageError, match="GATEKEEPER_TIMEOUT"):
        timing_from({"GATEKEEPER_TIMEOUT": "soon"})
