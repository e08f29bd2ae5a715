"""Real remedies, carried out on the shop: after each, the same pipeline passes the rule that failed.

Needs the network for the shop's libraries, as the demo does.
"""

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.decision import Decision, RuleResult, decision_from
from gatekeeper.settings import Settings

RULES = """
schema: gatekeeper/v1
policy: remedies
owner: tests
stages: [test]
evidence:
  sca: {allow: {database-partial: any}}
rules:
  - {id: mended, metric: tests.failed, pass: "== 0"}
  - {id: covered, metric: coverage.line, pass: ">= 85"}
  - {id: upgraded, metric: sca.total, pass: "== 0"}
  - id: fixed
    expr: 'sast.findings.all(f, f.rule != "B324")'
    needs: [sast.findings]
    message: A weak hash protects something
"""

MORE_TESTS = """
from shop.database import connection


def registered(visitor, email="ada@reader.example", staff=False):
    assert visitor.post("/register", data={"email": email, "password": "twelve letters"}).status_code == 201
    if staff:
        with visitor.application.app_context(), connection() as database:
            database.execute("update customers set is_staff = 1 where email = ?", (email,))


def test_an_order_is_placed_and_read(visitor):
    registered(visitor)
    assert visitor.post("/orders").status_code == 400
    visitor.post("/cart", data={"product": 2, "quantity": 1})
    placed = visitor.post("/orders")
    assert (placed.status_code, placed.json["cents"]) == (201, 1590)
    number = placed.json["order"]
    assert visitor.get(f"/orders/{number}").json["cents"] == 1590
    assert visitor.get("/orders/999").status_code == 404
    assert "Middlemarch" in visitor.get("/receipt", query_string={"name": f"{number}.txt"}).text


def test_a_cart_is_taken_out_and_brought_back(visitor):
    visitor.post("/cart", data={"product": 2, "quantity": 1})
    taken = visitor.get("/cart/export").data
    assert visitor.post("/cart/import", data=taken).json["lines"][0]["title"] == "Middlemarch"
    assert "Thank you, ada" in visitor.get("/thanks", query_string={"name": "ada"}).text


def test_logging_in_and_out(visitor):
    registered(visitor)
    assert visitor.post("/logout").status_code == 204
    assert visitor.get("/desk/customers").status_code == 401
    words = {"email": "ada@reader.example", "password": "wrong words"}
    assert visitor.post("/login", data=words).status_code == 401
    assert visitor.post("/login", data=words | {"password": "twelve letters"}).status_code == 200
    assert visitor.post("/register", data=words).status_code == 409


def test_the_desk_is_for_staff(visitor):
    registered(visitor)
    assert visitor.get("/desk/customers").status_code == 403
    registered(visitor, "bob@shop.example", staff=True)
    found = visitor.get("/desk/customers", query_string={"q": "ada"}).json
    assert [row["email"] for row in found] == ["ada@reader.example"]
    assert visitor.get("/desk/log", query_string={"q": "x"}).status_code == 200
"""


class Pipeline:
    """What a job of the shop does: test it, scan it, ask the gate."""

    def __init__(self, workshop: Any, python: Path) -> None:
        self.folder: Path = workshop.folder
        self.workshop, self.python, self._runs = workshop, python, 0

    def judged(self, rule: str, *, tools: tuple[str, ...] = ()) -> tuple[RuleResult, Decision]:
        """The result of one rule after a fresh run; without `tools` the tests run and no scanner."""
        self._runs += 1
        reports = f"reports-{self._runs}"
        (self.folder / reports).mkdir()
        if tools:
            chosen = [word for tool in tools for word in ("--tool", tool)]
            self.workshop.run(*gatekeeper("scan", "shop", "--output", reports, *chosen))
        else:
            self.workshop.run(
                self.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--disable-warnings",
                f"--junit-xml=../{reports}/junit.xml", "--cov=shop",
                f"--cov-report=json:../{reports}/coverage.json", cwd="shop", allowed=(0, 1),
            )  # fmt: skip
        answer = f"{reports}.json"
        words = ("evaluate", reports, "--stage", "test", "--policy", "rules.yaml", "--format", "json")
        self.workshop.run(*gatekeeper(*words, "--output", answer), allowed=(0, 1))
        decision = decision_from((self.folder / answer).read_bytes())
        return next(result for result in decision.rules if result.id == rule), decision


def gatekeeper(*words: str) -> tuple[str | Path, ...]:
    """The command line of this environment."""
    return (Path(sys.executable).parent / "gatekeeper", *words)


@pytest.fixture(scope="module")
def made(
    repository: Path, toolchain_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Pipeline:
    """A copy of the shop in a folder of its own, its environment, and the advisories of the demo."""
    sys.path.insert(0, str(repository / "examples" / "demo"))
    try:
        from narrator import Narrator
        from workshop import Workshop
    finally:
        sys.path.pop(0)
    folder = tmp_path_factory.mktemp("remedies")
    workshop = Workshop(folder, toolchain_settings.cache / "demo", Narrator())
    (folder / "rules.yaml").write_text(RULES)
    pipeline = Pipeline(workshop, workshop.python())
    workshop.run(*gatekeeper("advisories", "import", "advisories", "--partial"))
    return pipeline


def edit(path: Path, old: str, new: str) -> None:
    """Replace what stands in a file exactly once."""
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_a_test_is_mended(made: Pipeline) -> None:
    """The remedy names the test that fails; mended, the rule passes."""
    test = made.folder / "shop" / "tests" / "test_cart.py"
    edit(test, "3 * 1590", "3 * 1599")
    found, _ = made.judged("mended")
    assert (found.status, found.remedy.code) == ("fail", "mend-tests")
    assert found.remedy.params["count"] == 1
    (named,) = found.remedy.params["tests"]
    assert "test_a_book_goes_into_the_cart" in named
    edit(test, "3 * 1599", "3 * 1590")
    assert made.judged("mended")[0].status == "pass"


def test_lines_are_covered(made: Pipeline) -> None:
    """The remedy counts the lines and names the files; tests for these files are enough."""
    found, _ = made.judged("covered")
    assert (found.status, found.remedy.code) == ("fail", "cover-lines")
    files = dict(found.remedy.params["files"])
    assert "shop/orders.py" in files
    assert sum(files.values()) == found.remedy.params["lines"] > 10
    added = made.folder / "shop" / "tests" / "test_more.py"
    added.write_text(MORE_TESTS)
    after, decision = made.judged("covered")
    assert next(rule.status for rule in decision.rules if rule.id == "mended") == "pass"
    assert after.status == "pass", after.message.text


def test_a_finding_is_fixed(made: Pipeline) -> None:
    """The remedy of an expression names the line; the hash that bandit found is replaced there."""
    found, _ = made.judged("fixed", tools=("bandit",))
    assert (found.status, found.remedy.code) == ("fail", "fix-findings")
    (place,) = found.remedy.params["findings"]
    rule, path, line = re.fullmatch(r"(\S+) (\S+):(\d+)", place).groups()
    assert (rule, path) == ("B324", "shop/passwords.py")
    file = made.folder / "shop" / path
    text = file.read_text().splitlines(keepends=True)
    assert "hashlib.md5(password.encode())" in text[int(line) - 1]
    weak, strong = (
        "hashlib.md5(password.encode()).hexdigest()",
        ('hashlib.scrypt(password.encode(), salt=b"of the example", n=2**14, r=8, p=1).hex()'),
    )
    edit(file, weak, strong)
    assert made.judged("fixed", tools=("bandit",))[0].status == "pass"
    assert made.judged("mended")[0].status == "pass"


def test_dependencies_are_upgraded(made: Pipeline) -> None:
    """The upgrades that the remedy names are written into the list; a fresh audit finds nothing."""
    found, _ = made.judged("upgraded", tools=("pip-audit",))
    assert (found.status, found.remedy.code) == ("fail", "upgrade-packages")
    packages = found.remedy.params["packages"]
    assert len(packages) >= 4
    pins = made.folder / "shop" / "requirements.txt"
    for label, _ in packages:
        name, current, arrow, target = label.split()
        assert arrow == "->"
        edit(pins, f"{name}=={current}\n", f"{name}=={target}\n")
    after, _ = made.judged("upgraded", tools=("pip-audit",))
    assert (after.status, after.actual) == ("pass", "0")
    made.python = made.workshop.python()
    assert made.judged("mended")[0].status == "pass", "the shop does not run with these libraries"


def test_what_did_not_run_is_not_passed(made: Pipeline) -> None:
    """A run without scanners leaves their rules missing, whatever earlier runs found."""
    _, decision = made.judged("mended")
    statuses = {rule.id: rule.status for rule in decision.rules}
    assert statuses["upgraded"] == statuses["fixed"] == "missing"
    assert not decision.allowed
