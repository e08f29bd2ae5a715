"""Tests of the settings of the core."""

from pathlib import Path

from gatekeeper.settings import settings_from


def test_one_folder_can_hold_everything() -> None:
    """`GATEKEEPER_HOME` wins over the XDG folders, so that a job can keep its state to itself."""
    environ = {"GATEKEEPER_HOME": "/srv/gate", "XDG_CACHE_HOME": "/elsewhere"}
    settings = settings_from(environ, home=Path("/nobody"))
    assert settings.tools == Path("/srv/gate/cache/tools")
    assert settings.advisories == Path("/srv/gate/data/advisories")


def test_xdg_folders_and_their_defaults() -> None:
    """Without it, cache and data follow the XDG rules; an empty variable counts as unset."""
    assert settings_from({"XDG_CACHE_HOME": "/c", "XDG_DATA_HOME": ""}, home=Path("/h")) == settings_from(
        {"XDG_CACHE_HOME": "/c"}, home=Path("/h")
    )
    settings = settings_from({}, home=Path("/h"))
    assert settings.cache == Path("/h/.cache/gatekeeper")
    assert settings.data == Path("/h/.local/share/gatekeeper")
