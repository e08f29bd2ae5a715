"""`paths:` of a policy file: the ways through its stages."""

from gatekeeper.evidence import Kind
from gatekeeper.policy import spelling
from gatekeeper.policy.diagnostic import nearest
from gatekeeper.policy.load_signing import read_approvals
from gatekeeper.policy.promotion import STANDARD, Owed, Path
from gatekeeper.policy.section import Section

MAX_GLOB = 200


def read_paths(root: Section, stages: tuple[str, ...]) -> tuple[Path, ...]:
    """The paths by name, the standard one among them; none when the file has no `paths`."""
    found = {name: _path(name, section, stages) for name, section in root.named_sections("paths", "path")}
    if "paths" not in root:
        return ()
    if not found:
        root.fault("paths", "is empty", hint="leave the key out: the standard path is always there")
    found.setdefault(STANDARD, Path(name=STANDARD, stages=stages))
    return tuple(found[name] for name in sorted(found))


def read_globs(section: Section, key: str) -> tuple[str, ...]:
    """Globs without blanks, sorted."""
    globs = section.texts(key)
    for glob in globs or ():
        if len(glob) > MAX_GLOB or any(character.isspace() for character in glob):
            section.fault(key, f"{glob[:MAX_GLOB]!r} is not a glob: no blanks, at most {MAX_GLOB} characters")
    if globs == ():
        section.fault(key, "the list is empty", hint="leave the key out")
    return tuple(sorted(globs or ()))


def _path(name: str, section: Section, stages: tuple[str, ...]) -> Path:
    section.check_name("", name)
    refs = read_globs(section, "refs")
    if name == STANDARD and refs:
        section.fault("refs", "the standard path takes all that no other path claims", hint="remove it")
    elif name != STANDARD and "refs" not in section:
        section.fault("", "needs `refs`: nothing else chooses a path", hint='such as refs: ["hotfix/*"]')
    own = section.texts("stages")
    if own == ():
        section.fault("stages", "there are no stages", hint="leave the key out for all of them")
    for stage in own or ():
        if stage not in stages:
            section.fault("stages", f"unknown stage {stage!r}", hint=nearest(stage, stages))
    without = section.section("without", "without")
    if without is not None and not section.text("loosen_reason", ""):
        section.fault("without", "needs `loosen_reason`", hint="why may this path do without?")
    return Path(
        name=name,
        refs=refs,
        stages=own or stages,
        in_order=section.truth("order") is True,
        without_rules=() if without is None else tuple(sorted(without.names("rules") or ())),
        without_evidence=() if without is None else _kinds(without),
        loosen_reason=section.text("loosen_reason", "") or None,
        approvals=read_approvals(section, stages) if "approvals" in section else None,
        obligations=_obligations(section),
    )


def _kinds(without: Section) -> tuple[Kind, ...]:
    return tuple(sorted(without.choices("evidence", tuple(Kind))))


def _obligations(section: Section) -> tuple[Owed, ...]:
    found: dict[str, Owed] = {}
    for inner in section.sections("obligations", "obligation"):
        owed_id = inner.name("id", "unnamed")
        if owed_id in found:
            inner.fault("id", f"{owed_id!r} is used twice")
        found[owed_id] = Owed(
            id=owed_id,
            title=inner.text("title", owed_id),
            owner_role=inner.name("role", "nobody"),
            within_s=inner.spelled("within", spelling.duration_s, 1),
        )
    return tuple(found[owed_id] for owed_id in sorted(found))
