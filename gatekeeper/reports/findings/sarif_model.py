"""The parts of SARIF 2.1.0 that carry evidence, as typed structs; everything else is skipped while decoding.

Lists whose items may be bad one by one are kept as raw bytes: a view into the report, not a copy.
"""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field


class Text(Struct, rename="camel"):
    """3.11 message and 3.12 multiformatMessageString."""

    text: str | None = None
    markdown: str | None = None
    id: str | None = None
    arguments: list[str] | None = None


class Bag(Struct):
    """3.8 property bag: only the names that tools agree on."""

    security_severity: Any = field(default=UNSET, name="security-severity")
    tags: Any = None
    cwe: Any = None
    metrics: Any = None


class ComponentReference(Struct, rename="camel"):
    """3.54."""

    index: int | None = None
    guid: str | None = None
    name: str | None = None


class Reference(Struct, rename="camel"):
    """3.52 reportingDescriptorReference."""

    id: str | None = None
    index: int | None = None
    guid: str | None = None
    tool_component: ComponentReference | None = None


class Relationship(Struct):
    """3.53."""

    target: Reference | None = None


class Configuration(Struct):
    """3.50."""

    level: str | None = None


class Rule(Struct, rename="camel"):
    """3.49 reportingDescriptor: a rule or a notification."""

    id: str = ""
    guid: str | None = None
    default_configuration: Configuration | None = None
    message_strings: dict[str, Text] | None = None
    relationships: list[Relationship] | None = None
    properties: Bag | None = None


class Component(Struct, rename="camel"):
    """3.19 toolComponent."""

    name: str = ""
    guid: str | None = None
    version: str | None = None
    semantic_version: str | None = None
    rules: list[Raw] | None = None
    notifications: list[Raw] | None = None
    global_message_strings: dict[str, Text] | None = None


class Tool(Struct):
    """3.18."""

    driver: Component
    extensions: list[Component] | None = None


class Override(Struct):
    """3.51 configurationOverride."""

    descriptor: Reference | None = None
    configuration: Configuration | None = None


class Notification(Struct):
    """3.58."""

    level: str | None = None
    message: Text | None = None
    descriptor: Reference | None = None


class Invocation(Struct, rename="camel"):
    """3.20."""

    execution_successful: bool | None = None
    start_time_utc: str | None = None
    end_time_utc: str | None = None
    exit_signal_name: str | None = None
    process_start_failure_message: str | None = None
    tool_execution_notifications: list[Notification] | None = None
    tool_configuration_notifications: list[Notification] | None = None
    rule_configuration_overrides: list[Override] | None = None


class ArtifactLocation(Struct, rename="camel"):
    """3.4."""

    uri: str | None = None
    uri_base_id: str | None = None
    index: int | None = None


class Artifact(Struct):
    """3.24."""

    location: ArtifactLocation | None = None


class Region(Struct, rename="camel"):
    """3.30."""

    start_line: int | None = None
    start_column: int | None = None
    end_line: int | None = None
    snippet: Text | None = None


class PhysicalLocation(Struct, rename="camel"):
    """3.29."""

    artifact_location: ArtifactLocation | None = None
    region: Region | None = None


class LogicalLocation(Struct, rename="camel"):
    """3.33."""

    fully_qualified_name: str | None = None
    name: str | None = None


class Location(Struct, rename="camel"):
    """3.28."""

    physical_location: PhysicalLocation | None = None
    logical_locations: list[LogicalLocation] | None = None


class Suppression(Struct):
    """3.35."""

    kind: str | None = None
    status: str | None = None
    justification: str | None = None


class Provenance(Struct, rename="camel"):
    """3.48."""

    invocation_index: int | None = None


class Result(Struct, rename="camel"):
    """3.27."""

    rule_id: str | None = None
    rule_index: int | None = None
    rule: Reference | None = None
    kind: str | None = None
    level: str | None = None
    message: Text | None = None
    locations: list[Raw] | None = None
    fingerprints: dict[str, str] | None = None
    partial_fingerprints: dict[str, str] | None = None
    suppressions: list[Suppression] | None = None
    baseline_state: str | None = None
    taxa: list[Reference] | None = None
    provenance: Provenance | None = None
    properties: Bag | None = None


class ExternalFiles(Struct):
    """3.15: where parts of the run stand in other files."""

    results: list[Raw] | None = None
    invocations: list[Raw] | None = None
    artifacts: list[Raw] | None = None
    extensions: list[Raw] | None = None
    driver: Any = None


class Run(Struct, rename="camel"):
    """3.14."""

    tool: Tool
    results: list[Raw] | None = None
    invocations: list[Invocation] | None = None
    artifacts: list[Artifact] | None = None
    original_uri_base_ids: dict[str, ArtifactLocation] | None = None
    external_property_file_references: ExternalFiles | None = None
    properties: Bag | None = None


class InlineExternal(Struct):
    """4.3: parts of a run at the top of the log."""

    results: list[Raw] | None = None


class Log(Struct, rename="camel"):
    """3.13."""

    version: str | None = None
    runs: list[Run] | UnsetType | None = UNSET
    inline_external_properties: list[InlineExternal] | None = None


RULE = msgspec.json.Decoder(Rule)
RESULT = msgspec.json.Decoder(Result)
LOCATION = msgspec.json.Decoder(Location)
