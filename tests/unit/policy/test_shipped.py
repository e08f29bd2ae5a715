"""The policies that ship, the published schema, and the words."""

import importlib
import inspect
import json
import pkgutil
import re

import jsonschema
import pytest
from ruamel.yaml import YAML

from gatekeeper import policy as package
from gatekeeper.decision import Status
from gatekeeper.messages import render
from gatekeeper.messages.problems import PROBLEMS
from gatekeeper.messages.reasons import REASONS
from gatekeeper.messages.remedies import REMEDIES
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.schema import policy_json_schema
from gatekeeper.policy.testing import never_failed, run_tests
from gatekeeper.resources import rules_folder

SHIPPED = ("base", "novabrain", "strict")


@pytest.fixture(params=SHIPPED)
def shipped(request):
    """A policy that ships."""
    path = rules_folder() / "policies" / f"{request.param}.yaml"
    return load_policy(path.read_bytes(), file=path.name)


def test_every_example_comes_out_as_expected(shipped):
    """The files prove themselves."""
    assert [(o.name, o.differences) for o in run_tests(shipped) if not o.passed] == []


@pytest.mark.parametrize("status", [Status.PASS, Status.FAIL, Status.MISSING])
def test_every_rule_is_seen_with_every_result(shipped, status):
    """Each rule has an example in which it passes, fails, and has no facts."""
    seen = {rule.id for o in run_tests(shipped) for rule in o.decision.rules if rule.status is status}
    assert {rule.id for rule in shipped.rules} - seen == set()
    assert never_failed(shipped) == ()


def test_strict_is_never_looser_than_base():
    """Whatever base blocks, strict blocks too."""
    base, strict = (
        load_policy((rules_folder() / "policies" / f"{name}.yaml").read_bytes(), file=name)
        for name in ("base", "strict")
    )
    limits = {rule.metric.metric for rule in base.rules if rule.mode == "block"}
    assert limits <= {rule.metric.metric for rule in strict.rules if rule.mode == "block"}


def test_the_published_schema_is_the_one_in_use(repository):
    """Editors see what the loader knows."""
    published = json.loads((repository / "docs" / "reference" / "policy.schema.json").read_text())
    assert published == policy_json_schema()
    jsonschema.Draft202012Validator.check_schema(published)


def test_every_key_is_described():
    """An editor can say what each key means."""
    schema = policy_json_schema()
    for section in (schema, *schema["$defs"].values()):
        assert all(key["description"].endswith(".") for key in section["properties"].values())


@pytest.mark.parametrize("name", SHIPPED)
def test_the_schema_accepts_what_ships(name):
    """Files that load are valid for editors too."""
    document = YAML(typ="safe", pure=True).load((rules_folder() / "policies" / f"{name}.yaml").read_text())
    as_editors_see_it = json.loads(json.dumps(document, default=str))  # to them a date is a string
    jsonschema.validate(as_editors_see_it, policy_json_schema())


@pytest.mark.parametrize(
    "change",
    [
        {"extends": "x"},
        {"rules": []},
        {"schema": "v9"},
        {"evidence": {"test": {}}},
        {"on_missing": "skip"},
        {"owner": 3},
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(change):
    """Faults of shape show up while typing."""
    good = {
        "schema": "gatekeeper/v1",
        "policy": "a",
        "owner": "b",
        "rules": [{"id": "t", "metric": "tests.failed"}],
    }
    jsonschema.validate(good, policy_json_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(good | change, policy_json_schema())


PARAMS = {
    "count": 1, "lines": 1, "files": (("a.py", 2),), "problems": (("unparsed", 2), "empty"),
    "packages": (("a 1 -> 2", 2),), "findings": ("B1 a.py:1",), "tests": ("t",), "rules": ("r",),
    "stages": ("develop",),
}  # fmt: skip


@pytest.mark.parametrize(("code", "template"), [*REASONS.items(), *REMEDIES.items()])
def test_every_template_renders(code, template):
    """No placeholder is left over and none is misspelt."""
    names = re.findall(r"{(\w+)", template)
    text = render(code, {name: PARAMS.get(name, "x") for name in names}, REASONS | REMEDIES)
    assert "{" not in text
    assert text


def test_every_code_that_the_engine_uses_has_words():
    """Codes in the source of the engine stand in the tables, and the tables hold nothing else."""
    modules = [
        importlib.import_module(f"{package.__name__}.{m.name}")
        for m in pkgutil.iter_modules(package.__path__)
    ]
    source = "\n".join(inspect.getsource(module) for module in modules)
    quoted = set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', source))
    called = set(re.findall(r'\breason\(\s*"([a-z-]+)"', source))
    helped = set(re.findall(r'\bremedy\(\s*"([a-z-]+)"', source))
    assert called <= set(REASONS)
    assert helped <= set(REMEDIES)
    assert set(REASONS) <= quoted
    assert set(REMEDIES) <= quoted
    assert {"clock-skew", "database-partial"} <= set(PROBLEMS)
