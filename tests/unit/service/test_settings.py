"""Settings of the server: defaults, the environment, and refusals in words."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from gatekeeper.errors import UsageError
from gatekeeper.service.settings import PREFIX, ServerSettings, server_settings
from gatekeeper_api.assemble import providers_of, verifier_of


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment without settings but a home."""
    import os

    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GATEKEEPER_HOME", str(tmp_path))
    return tmp_path


def test_without_settings_everything_is_in_one_folder_and_only_this_machine_is_served(home: Path) -> None:
    """The embedded default."""
    settings = server_settings()
    folder = home / "data" / "server"
    assert settings.data == folder
    assert settings.spool == folder / "spool"
    assert settings.blobs == str(folder / "blobs")
    assert settings.database_url.get_secret_value() == f"sqlite:///{folder}/gatekeeper.sqlite"
    assert (settings.host, settings.port, settings.is_local) == ("127.0.0.1", 8080, True)
    assert not settings.metrics_public
    assert not settings.accept_forks


def test_database_and_blobs_follow_the_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """One variable moves all."""
    monkeypatch.setenv("GATEKEEPER_DATA", "/srv/gate")
    settings = server_settings()
    assert settings.blobs == "/srv/gate/blobs"
    assert settings.database_url.get_secret_value() == "sqlite:////srv/gate/gatekeeper.sqlite"


def test_a_flag_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is a flag that was not given."""
    monkeypatch.setenv("GATEKEEPER_PORT", "9000")
    assert server_settings(port=None).port == 9000
    assert server_settings(port=9001).port == 9001


PROVIDER = {"name": "gitlab", "issuer": "https://gitlab.test", "client_id": "gate"}


def test_login_providers_are_a_json_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with what its groups mean; without a secret the client is a public one."""
    grants = [{"group": "qa", "role": "qa-lead", "scopes": ["approval:give"], "projects": ["pay/*"]}]
    monkeypatch.setenv("GATEKEEPER_LOGIN_PROVIDERS", json.dumps([PROVIDER | {"grants": grants}]))
    client = providers_of(server_settings()).named("gitlab").client
    assert (client.issuer, client.client_id, client.secret()) == ("https://gitlab.test", "gate", None)
    (meaning,) = client.meanings
    assert (meaning.group, meaning.holding.role, meaning.holding.projects) == ("qa", "qa-lead", ("pay/*",))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Git Lab"},
        {"name": ""},
        {"issuer": ""},
        {"issuer": "http://gitlab.test"},
        {"issuer": "https://ann:pw@gitlab.test"},
        {"issuer": "file:///etc/passwd"},
        {"client_id": ""},
        {"secret": "hunter2"},
        {"grants": [{"group": "qa", "projects": ["*"]}]},
        {"grants": [{"group": "qa", "role": "QA", "projects": ["*"]}]},
        {"grants": [{"group": "qa", "role": "qa", "projects": []}]},
        {"grants": [{"group": "", "role": "qa", "projects": ["*"]}]},
        {"grants": [{"group": "qa", "scopes": ["sign"], "projects": ["*"]}]},
        {"grants": [{"group": "qa", "scopes": ["admin"], "projects": ["pay/*"]}]},
    ],
    ids=str,
)
def test_a_login_provider_that_cannot_be_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    """At the start, by the name of the variable, and never with a secret that stood there by mistake."""
    monkeypatch.setenv("GATEKEEPER_LOGIN_PROVIDERS", json.dumps([PROVIDER | change]))
    with pytest.raises(UsageError, match="GATEKEEPER_LOGIN_PROVIDERS") as refused:
        providers_of(server_settings())
    assert "hunter2" not in refused.value.message + refused.value.hint


def test_two_login_providers_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody could say which is meant."""
    monkeypatch.setenv("GATEKEEPER_LOGIN_PROVIDERS", json.dumps([PROVIDER, PROVIDER]))
    with pytest.raises(UsageError, match="configured twice"):
        providers_of(server_settings())


def test_issuers_are_a_json_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with what its tokens must say."""
    monkeypatch.setenv(
        "GATEKEEPER_ISSUERS",
        '[{"issuer": "https://ci.test", "provider": "gitlab", "audience": "https://gate.test"}]',
    )
    (issuer,) = server_settings().issuers
    assert (issuer.issuer, issuer.provider, issuer.jwks_uri) == ("https://ci.test", "gitlab", None)


def test_the_age_of_an_id_token_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where jobs run for hours, the token that they got at their start still counts at their end."""
    monkeypatch.setenv(
        "GATEKEEPER_ISSUERS",
        '[{"issuer": "https://ci.test", "provider": "gitlab", "audience": "https://gate.test", '
        '"max_age_s": 14400}]',
    )
    (issuer,) = verifier_of(server_settings()).issuers
    assert issuer.max_age_s == 14400


@pytest.mark.parametrize(
    ("name", "value", "shown", "allowed"),
    [
        ("PORT", "99999", "'99999'", "0 to 65535"),
        ("PORT", "http", "'http'", "0 to 65535"),
        ("METRICS_PUBLIC", "perhaps", "'perhaps'", "true or false"),
        ("LOG_FORMAT", "xml", "'xml'", "json or text"),
        ("PARSER_MEMORY_MB", "1", "'1'", "128 or more"),
        ("MAX_BODY_BYTES", "x" * 500, "x...", "1024 or more"),
        ("ISSUERS", "[{", "is not JSON", "a JSON list"),
        (
            "ISSUERS",
            '[{"issuer": "a", "provider": "gitlab", "audience": "b", "max_age_s": 1}]',
            "60",
            "a JSON list",
        ),
        ("ISSUERS", '[{"issuer": "a"}]', "at 0.provider (Field required)", "a JSON list"),
        ("DATABASE_URL", "mysql://root:hunter2@db/x", "not shown", "postgresql://"),
    ],
)
def test_a_bad_value_is_refused_with_variable_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, shown: str, allowed: str
) -> None:
    """As a mistake of usage, never with a traceback of pydantic."""
    monkeypatch.setenv(f"GATEKEEPER_{name}", value)
    with pytest.raises(UsageError) as refused:
        server_settings()
    assert refused.value.code == "bad-setting"
    assert f"GATEKEEPER_{name}" in refused.value.message
    assert shown in refused.value.message
    assert allowed in refused.value.hint
    assert len(refused.value.message) < 300
    assert "more setting" not in refused.value.message
    assert refused.value.__suppress_context__


def test_a_password_is_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the refusal, and not when the settings are printed."""
    monkeypatch.setenv("GATEKEEPER_DATABASE_URL", "mysql://root:hunter2@db/x")
    with pytest.raises(UsageError) as refused:
        server_settings()
    assert "hunter2" not in refused.value.message + refused.value.hint
    good = ServerSettings(database_url="postgresql://u:hunter2@db/x", s3_secret_access_key="hunter2")  # type: ignore[arg-type]  # noqa: S106
    assert "hunter2" not in repr(good) + str(good)


def test_settings_never_change() -> None:
    """They are built once and passed down."""
    with pytest.raises(ValidationError):
        server_settings().port = 1  # type: ignore[misc]


def test_every_limit_has_words_for_what_is_allowed() -> None:
    """A refusal can always say it."""
    numbers = [field for field in ServerSettings.model_fields.values() if field.annotation in (int, bool)]
    assert len(numbers) > 15
    assert all(field.description for field in numbers)
