"""Settings of the core: where local state lives. Built once at the edge and passed down."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Folders for what may be fetched again (`cache`) and what may not (`data`)."""

    cache: Path
    data: Path

    @property
    def tools(self) -> Path:
        """The scanners' own environments."""
        return self.cache / "tools"

    @property
    def advisories(self) -> Path:
        """The advisory mirror."""
        return self.data / "advisories"


def config_folder(environ: Mapping[str, str], *, home: Path) -> Path:
    """Where what belongs to the user alone is kept, by the same rules."""
    if own := environ.get("GATEKEEPER_HOME"):
        return Path(own) / "config"
    return Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "gatekeeper"


def settings_from(environ: Mapping[str, str], *, home: Path) -> Settings:
    """Settings by the XDG base directory rules; `GATEKEEPER_HOME` puts everything into one folder."""
    if own := environ.get("GATEKEEPER_HOME"):
        root = Path(own)
        return Settings(cache=root / "cache", data=root / "data")
    cache = Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "gatekeeper"
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "gatekeeper"
    return Settings(cache=cache, data=data)
