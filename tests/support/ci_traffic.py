"""What many pipelines send to a server in a busy hour, made from a seed: reports, links, questions."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import httpx

POLICY = b"""\
schema: gatekeeper/v1
policy: traffic
owner: security
stages: [develop, test]
rules:
  - id: tests-pass
    metric: tests.failed
    pass: "== 0"
  - id: tests-exist
    metric: tests.passed
    pass: ">= 1"
  - id: tests-broken
    metric: tests.errors
    pass: "== 0"
  - id: sast-critical
    metric: sast.critical
    pass: "== 0"
    from: test
  - id: sast-high
    metric: sast.high
    pass: "<= 1"
    from: test
  - id: sast-unknown
    metric: sast.unknown
    pass: "== 0"
    from: test
  - id: tests-not-fewer
    metric: tests.total
    no_worse_than: {by: 50%}
    on_no_baseline: skip
"""
STAGES = ("develop", "test")
REF = "main"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A commit of a project, with its tree."""

    project: str
    commit: str
    tree: str


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One report of one run. `once`: when the answer is lost, nobody sends it again."""

    source: Source
    kind: str
    name: str
    job: str
    run: str
    data: bytes
    artifact: str | None = None
    set: str | None = None
    part: str | None = None
    readable: bool = True
    once: bool = False

    @property
    def sha256(self) -> str:
        """Of the bytes."""
        return hashlib.sha256(self.data).hexdigest()

    def send(self, client: httpx.Client, url: str) -> httpx.Response:
        """The answer, whatever it says."""
        words = {
            "project": self.source.project, "commit": self.source.commit, "tree": self.source.tree,
            "artifact": self.artifact, "kind": self.kind, "name": self.name, "job": self.job,
            "run": self.run, "attempt": "1", "ref": REF, "set": self.set, "part": self.part,
        }  # fmt: skip
        said = {name: value for name, value in words.items() if value is not None}
        headers = {"content-type": "application/octet-stream"}
        return client.post(f"{url}/api/v1/evidence", params=said, content=self.data, headers=headers)

    def is_answer(self, response: httpx.Response) -> bool:
        """True when the server has taken it; refused and kept, for what nobody can read."""
        if self.readable:
            return response.status_code in (200, 201)
        return response.status_code == 422 and response.json()["code"] == "report-unreadable"


@dataclass(frozen=True, kw_only=True)
class Link:
    """The artifact was built from the source."""

    source: Source
    artifact: str
    once: bool = False

    def send(self, client: httpx.Client, url: str) -> httpx.Response:
        """The answer, whatever it says."""
        source = self.source
        words = {"project": source.project, "commit": source.commit, "tree": source.tree, "ref": REF}
        return client.post(f"{url}/api/v1/builds", json=words | {"artifact": self.artifact})

    def is_answer(self, response: httpx.Response) -> bool:
        """True when it is linked."""
        return response.status_code in (200, 201)


@dataclass(frozen=True, kw_only=True)
class Question:
    """May this enter the stage? To be recorded, or with `looks` only to be answered."""

    source: Source
    stage: str
    artifact: str | None = None
    looks: bool = False
    once: bool = False

    def send(self, client: httpx.Client, url: str) -> httpx.Response:
        """The answer, whatever it says."""
        words = {"project": self.source.project, "stage": self.stage}
        if self.artifact is None:
            words |= {"commit": self.source.commit, "tree": self.source.tree}
        else:
            words |= {"artifact": self.artifact}
        if self.looks:
            return client.get(f"{url}/api/v1/gate", params=words)
        return client.post(f"{url}/api/v1/decisions", json=words)

    def is_answer(self, response: httpx.Response) -> bool:
        """True when it was answered, perhaps with `pending`."""
        return response.status_code in (200, 202) or (response.status_code == 201 and not self.looks)


Wish = Upload | Link | Question


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Wishes in the order in which clients take them; the same wish may stand there twice."""

    sources: tuple[Source, ...]
    wishes: tuple[Wish, ...]

    @property
    def projects(self) -> tuple[str, ...]:
        """Their paths."""
        return tuple(sorted({one.project for one in self.sources}))


def traffic(random: Random, *, requests: int, projects: int = 5, sources: int = 20) -> Traffic:
    """So many wishes about so many sources: 60 % uploads, 10 % links, 30 % questions."""
    all_sources = tuple(
        Source(project=f"team{n % projects}/app", commit=_git_id(random), tree=_git_id(random))
        for n in range(sources)
    )
    artifacts = [
        (source, f"sha256:{random.randbytes(32).hex()}")
        for source in all_sources
        for _ in range(max(1, requests // 10 // sources))
    ]
    wishes: list[Wish] = [Link(source=source, artifact=name) for source, name in artifacts]
    asked = requests * 3 // 10
    wishes += [_question(random, all_sources, artifacts) for _ in range(asked)]
    left = requests - len(wishes)
    uploads = list(_uploads(random, all_sources, artifacts, left - left // 20))
    wishes += uploads
    random.shuffle(wishes)
    for twin in random.sample(uploads, left // 20):  # sent by two clients at nearly the same time
        wishes.insert(wishes.index(twin) + random.randint(0, 3), twin)
    return Traffic(sources=all_sources, wishes=tuple(wishes))


def upload(random: Random, source: Source, number: int) -> Upload:
    """A readable report about the source, with bytes of its own."""
    kind = random.choice(("tests", "sast"))
    make = junit if kind == "tests" else sarif
    return Upload(
        source=source,
        kind=kind,
        name=random.choice(("unit", "e2e")),
        job=f"job{random.randrange(3)}",
        run=str(number),
        data=make(number, bad=random.choice((0, 0, 0, 1, 2))),
    )


def junit(number: int, *, bad: int) -> bytes:
    """A report of tests, `bad` of which fail."""
    good = "".join(f'<testcase name="good{n}"/>' for n in range(3 + number % 4))
    failed = "".join(f'<testcase name="bad{n}"><failure message="no"/></testcase>' for n in range(bad))
    return f'<testsuite name="suite {number}">{good}{failed}</testsuite>'.encode()


def sarif(number: int, *, bad: int) -> bytes:
    """A report of a scan with `bad` findings of level error."""
    results = [
        {
            "ruleId": f"rule-{n}", "level": "error", "message": {"text": f"run {number}"},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": f"src/part{(number + n) % 7}.py"}, "region": {"startLine": n + 1},
            }}],
        }
        for n in range(bad)
    ]  # fmt: skip
    run = {
        "tool": {"driver": {"name": "Semgrep OSS", "semanticVersion": f"1.0.{number}"}},
        "invocations": [{"executionSuccessful": True}],
        "results": results,
    }
    return json.dumps({"version": "2.1.0", "runs": [run]}).encode()


def _uploads(
    random: Random, sources: tuple[Source, ...], artifacts: list[tuple[Source, str]], count: int
) -> Iterator[Upload]:
    """Most of them one by one; some in sets of three, unreadable, about an artifact, or never repeated."""
    number = 0
    while number < count:
        source = random.choice(sources[len(sources) // 4 :])
        one = upload(random, source, number)
        match random.randrange(20):
            case 0 if number + 3 <= count:
                # Only of a few sources: a question about one with an open set is answered with `pending`.
                source = random.choice(sources[: len(sources) // 4])
                for part in (1, 2, 3):
                    yield Upload(
                        source=source, kind="tests", name="shards", job=f"shard{part}", run=f"set{number}",
                        data=junit(number + part, bad=0), set="shards", part=f"{part}/3",
                    )  # fmt: skip
                number += 3
                continue
            case 1:
                yield _changed(one, data=b"{ nobody can read run %d" % number, readable=False)
            case 2 | 3:
                source, artifact = random.choice(artifacts)
                yield _changed(one, source=source, artifact=artifact)
            case 4:
                yield _changed(one, once=True)
            case _:
                yield one
        number += 1


def _changed(one: Upload, **values: object) -> Upload:
    return Upload(**{name: getattr(one, name) for name in Upload.__dataclass_fields__} | values)  # type: ignore[arg-type]


def _question(random: Random, sources: tuple[Source, ...], artifacts: list[tuple[Source, str]]) -> Question:
    stage = random.choice(STAGES)
    if random.random() < 0.3:
        source, artifact = random.choice(artifacts)
        return Question(source=source, stage=stage, artifact=artifact)
    return Question(source=random.choice(sources), stage=stage, looks=random.random() < 0.2)


def _git_id(random: Random) -> str:
    return random.randbytes(20).hex()
