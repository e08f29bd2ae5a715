"""`gatekeeper policy backtest` over an export: what it says, what it draws, and what it refuses."""

import io
import json
import tarfile
import xml.etree.ElementTree as Xml
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from recorded_history import AT, OLD, History, policy_text

from gatekeeper.cli import export_archive
from gatekeeper.cli.export_archive import pack, unpack
from gatekeeper.cli.export_folder import ExportDamaged, ExportFolder, ExportWriter
from gatekeeper.cli.main import main
from gatekeeper.cli.render.backtest_page import as_page
from gatekeeper.cli.render.backtest_picture import as_picture
from gatekeeper.cli.render.backtest_words import as_table
from gatekeeper.decision import Outcome
from gatekeeper.policy.backtest import Backtest, Retried, Turn, backtest, counted

TIGHT = OLD.replace('">= 70", warn: ">= 60"', '">= 90", warn: ">= 80"')
HOSTILE = "<script>alert(1)</script>\x1b[31m&'\""
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def history() -> History:
    """Six decisions over fifty days."""
    made = History()
    for day, covered in enumerate((95, 75, 75, 65, 50)):
        made.decided(covered, days=10 * day, project="pay/api" if day % 2 else "web/shop")
    made.decided(75, days=50, project="ops/x")
    return made


@pytest.fixture
def export(history: History, tmp_path: Path) -> Path:
    """The six as an export."""
    folder = tmp_path / "export"
    history.write(ExportWriter(folder))
    return folder


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A policy that demands more."""
    path = tmp_path / "tight.yaml"
    path.write_bytes(policy_text(TIGHT))
    return path


def said(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str]:
    """The exit code of the command, and what it wrote."""
    code = main(["policy", "backtest", *map(str, args)])
    out, err = capsys.readouterr()
    return code, out + err


def test_the_table_tells_what_flips_and_why(
    capsys: pytest.CaptureFixture[str], policy: Path, export: Path
) -> None:
    """Counts by outcome, rule and project, and the decisions themselves."""
    code, out = said(capsys, policy, export)
    assert code == 0
    assert "policy example over 6 decisions: 4 pass-to-fail, 2 unchanged" in out
    assert "2026-06-01 to 2026-07-21" in out
    assert "coverage" in out
    assert "\x1b" not in out


def test_json_holds_every_decision(capsys: pytest.CaptureFixture[str], policy: Path, export: Path) -> None:
    """And its counts agree with them."""
    code, out = said(capsys, policy, export, "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert len(found["decisions"]) == found["total"] == 6
    assert found["turns"]["pass-to-fail"] == sum(one["turn"] == "pass-to-fail" for one in found["decisions"])


def test_html_is_one_page_without_scripts(
    capsys: pytest.CaptureFixture[str], policy: Path, export: Path, tmp_path: Path
) -> None:
    """With the picture in it."""
    page = tmp_path / "page.html"
    assert said(capsys, policy, export, "--format", "html", "--output", page) == (0, "")
    text = page.read_text()
    assert "<svg" in text
    assert "<script" not in text
    assert "src=" not in text


@pytest.mark.parametrize("view", [as_table, as_page, as_picture])
def test_hostile_words_stay_words(history: History, view: Callable[[Backtest], str]) -> None:
    """Of a project, a stage or a rule, should one ever hold them."""
    done = [
        Retried(
            id="dec_x", project=HOSTILE, stage=HOSTILE, as_of=AT, before=Outcome.PASS, after=Outcome.FAIL,
            turn=Turn.PASS_TO_FAIL, rules=(HOSTILE,),
        )
    ]  # fmt: skip
    text = view(counted(history.policy, done))
    assert "\x1b" not in text
    assert view is as_table or "<script" not in text


def test_the_picture_has_a_mark_for_every_decision(
    capsys: pytest.CaptureFixture[str], policy: Path, export: Path, tmp_path: Path
) -> None:
    """Those that change have a shape, a colour and words; those that do not are dots of one path."""
    picture = tmp_path / "flips.svg"
    said(capsys, policy, export, "--picture", picture)
    root = Xml.parse(picture).getroot()  # noqa: S314 - we drew it
    titles = [one.text or "" for one in root.iter(f"{SVG}title")]
    assert titles[0] == "Backtest of policy example: 6 decisions, 4 change"
    assert sum("pass-to-fail (coverage)" in words for words in titles) == 4
    (dots,) = (one for one in root.iter(f"{SVG}path") if one.get("stroke-linecap"))
    assert dots.get("d", "").count("M") == 2
    assert not list(root.iter(f"{SVG}script"))


def test_every_turn_has_a_shape_of_its_own(history: History) -> None:
    """Colour alone carries nothing: without it the marks of the legend still differ."""
    import re

    empty = backtest(history.policy, [], history.shelf)
    marks = re.findall(r"<(?:path|circle) [^>]*>", as_picture(empty))
    shapes = {re.sub(r"#[0-9a-f]{6}", "", re.sub(r"M[0-9. ]+|c[xy]='[^']*'", "", one)) for one in marks}
    assert len(marks) == len(shapes) == 6


@pytest.mark.parametrize(
    ("args", "total"),
    [
        (("--last", "2"), 2),
        (("--since", "2026-07-01"), 3),
        (("--last", "99"), 6),
        (("--since", "2027-01-01"), 0),
    ],
)
def test_a_part_of_the_history_can_be_chosen(
    capsys: pytest.CaptureFixture[str], policy: Path, export: Path, args: tuple[str, ...], total: int
) -> None:
    """The newest ones, or those since a day."""
    _, out = said(capsys, policy, export, "--format", "json", *args)
    assert json.loads(out)["total"] == total


@pytest.mark.parametrize(
    ("rules", "fail_on", "code"),
    [
        (TIGHT, "nothing", 0),
        (TIGHT, "pass-to-fail", 1),
        (OLD, "any", 0),
        (OLD.replace('">= 70", warn: ">= 60"', '">= 40"'), "pass-to-fail", 0),
        (OLD.replace('">= 70", warn: ">= 60"', '">= 40"'), "any", 1),
    ],
)
def test_the_exit_code_can_stop_a_pipeline(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, export: Path, rules: str, fail_on: str, code: int
) -> None:
    """Only when it is asked to."""
    path = tmp_path / "p.yaml"
    path.write_bytes(policy_text(rules))
    assert said(capsys, path, export, "--fail-on", fail_on)[0] == code


def test_what_cannot_be_replayed_fails_any(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, export: Path
) -> None:
    """A document that is gone: the decision is counted, named with its reason, and not called unchanged."""
    path = tmp_path / "p.yaml"
    path.write_bytes(policy_text(OLD))
    next((export / "documents").iterdir()).unlink()
    code, out = said(capsys, path, export, "--fail-on", "any")
    assert code == 1
    assert "not-replayable" in out
    assert "replay-document-gone" in out


def test_the_archive_says_the_same(
    capsys: pytest.CaptureFixture[str], policy: Path, export: Path, tmp_path: Path
) -> None:
    """Packing loses nothing, and two packings are the same bytes."""
    one, two = tmp_path / "a.tar.zst", tmp_path / "b.tar.zst"
    pack(export, one)
    pack(export, two)
    assert one.read_bytes() == two.read_bytes()
    assert said(capsys, policy, one, "--format", "json") == said(capsys, policy, export, "--format", "json")


@pytest.mark.parametrize(
    "words", [("nowhere",), ("{export}", "--last", "0"), ("{export}", "--since", "soon")]
)
def test_a_wrong_command_line_is_refused(
    capsys: pytest.CaptureFixture[str], policy: Path, export: Path, words: tuple[str, ...]
) -> None:
    """With exit code 2."""
    assert said(capsys, policy, *(word.format(export=export) for word in words))[0] == 2


def test_last_and_since_exclude_each_other(
    capsys: pytest.CaptureFixture[str], policy: Path, export: Path
) -> None:
    """Nobody could say which one counts."""
    assert said(capsys, policy, export, "--last", "3", "--since", "2026-06-01")[0] == 2


def change_document(export: Path) -> None:
    """One byte of a document."""
    path = next((export / "documents").iterdir())
    path.write_bytes(path.read_bytes().replace(b"gatekeeper", b"gatekeepeR"))


def change_policy(export: Path) -> None:
    """A limit in the policy that decided."""
    path = next((export / "policies").iterdir())
    path.write_bytes(path.read_bytes().replace(b"60", b"10"))


def change_inputs(export: Path) -> None:
    """Inputs of another time."""
    path = next((export / "decisions").iterdir()) / "inputs.json"
    path.write_bytes(path.read_bytes().replace(b"2026-", b"2025-"))


def swap_decision(export: Path) -> None:
    """A decision under the name of another."""
    one, two, *_ = sorted((export / "decisions").iterdir())
    (one / "decision.json").write_bytes((two / "decision.json").read_bytes())


def take_decision(export: Path) -> None:
    """One decision fewer than there were."""
    one = next((export / "decisions").iterdir())
    for path in one.iterdir():
        path.unlink()
    one.rmdir()


def link_decision(export: Path) -> None:
    """A link out of the export."""
    path = next((export / "decisions").iterdir()) / "decision.json"
    path.unlink()
    path.symlink_to("/etc/hostname")


def nest_decision(export: Path) -> None:
    """JSON that goes too deep."""
    path = next((export / "decisions").iterdir()) / "inputs.json"
    path.write_bytes(b'{"policy_digest":' + b"[" * 200_000)


def name_decision(export: Path) -> None:
    """A folder that is no decision."""
    (export / "decisions" / "dec_../x").parent.mkdir()
    about = json.loads((export / "export.json").read_text())
    (export / "export.json").write_text(json.dumps(about | {"decisions": about["decisions"] + 1}))


def version_export(export: Path) -> None:
    """An export of another version."""
    (export / "export.json").write_text('{"schema":"gatekeeper/decisions/v9","decisions":6}')


@pytest.mark.parametrize(
    "spoil",
    [
        change_document, change_policy, change_inputs, swap_decision, take_decision, link_decision,
        nest_decision, name_decision, version_export,
    ],
)  # fmt: skip
def test_an_export_that_was_changed_is_refused(
    capsys: pytest.CaptureFixture[str], policy: Path, export: Path, spoil: Callable[[Path], None]
) -> None:
    """Nothing of it is believed."""
    spoil(export)
    code, out = said(capsys, policy, export)
    assert code == 1
    assert out.startswith("error: ")
    assert "Traceback" not in out


def test_a_replay_proves_what_the_digests_of_files_do_not(export: Path) -> None:
    """An outcome that was written into a decision by hand is not what its policy gives."""
    for path in (export / "decisions").glob("*/decision.json"):
        path.write_bytes(path.read_bytes().replace(b'"outcome":"fail"', b'"outcome":"pass"'))
    folder = ExportFolder(export)
    (name,) = (path.stem for path in export.glob("policies/*"))
    policy = folder.policy(f"sha256:{name}")
    assert policy is not None
    found = backtest(policy, folder.kept(folder.places()), folder)
    assert found.reasons == {"replay-outputs-differ": 1}


def archive_of(*members: tuple[str, bytes, bytes]) -> bytes:
    """A `.tar.zst` with members of (name, type, content or link target)."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            if kind == tarfile.REGTYPE:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                info.linkname = content.decode()
                tar.addfile(info)
    return zstandard.ZstdCompressor().compress(target.getvalue())


@pytest.mark.parametrize(
    "members",
    [
        [("../evil", tarfile.REGTYPE, b"x")],
        [("/etc/evil", tarfile.REGTYPE, b"x")],
        [("documents/../../evil", tarfile.REGTYPE, b"x")],
        [("export.json", tarfile.SYMTYPE, b"/etc/passwd")],
        [("export.json", tarfile.LNKTYPE, b"/etc/passwd")],
        [("export.json", tarfile.FIFOTYPE, b"")],
        [("export.json", tarfile.REGTYPE, b"{}"), ("export.json", tarfile.REGTYPE, b"{}")],
        [("notes.txt", tarfile.REGTYPE, b"x")],
    ],
    ids=str,
)
def test_a_hostile_archive_writes_nothing_outside(
    tmp_path: Path, members: list[tuple[str, bytes, bytes]]
) -> None:
    """Traversal, links, pipes, a name twice and a name that no export has are refused."""
    archive, folder = tmp_path / "x.tar.zst", tmp_path / "into"
    folder.mkdir()
    archive.write_bytes(archive_of(*members))
    with pytest.raises(ExportDamaged):
        unpack(archive, folder)
    assert {path.name for path in tmp_path.iterdir()} == {"x.tar.zst", "into"}
    assert [path for path in folder.rglob("*") if path.name != "export.json"] == []


def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many bytes out of so few are no export; neither is one file over the limit."""
    monkeypatch.setattr(export_archive, "MAX_FILE_BYTES", 1024 * 1024)
    names = (f"documents/{number:064x}.json" for number in range(64))
    archive = tmp_path / "bomb.tar.zst"
    archive.write_bytes(archive_of(*((name, tarfile.REGTYPE, bytes(1024 * 1024)) for name in names)))
    with pytest.raises(ExportDamaged, match="bomb"):
        unpack(archive, tmp_path)
    archive.write_bytes(archive_of(("export.json", tarfile.REGTYPE, bytes(1024 * 1024 + 1))))
    with pytest.raises(ExportDamaged, match="limit"):
        unpack(archive, tmp_path)


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_an_archive_that_was_cut_or_is_none_is_refused(tmp_path: Path, export: Path, cut: int) -> None:
    """Wherever it ends."""
    archive, folder = tmp_path / "x.tar.zst", tmp_path / "into"
    pack(export, archive)
    data = archive.read_bytes()
    archive.write_bytes(data[:cut] if cut else b"PK\x03\x04" + data)
    folder.mkdir()
    with pytest.raises(ExportDamaged):
        unpack(archive, folder)


def test_an_archive_of_another_tar_is_read(
    capsys: pytest.CaptureFixture[str], policy: Path, export: Path, tmp_path: Path
) -> None:
    """With its folders and its `./` before every name."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT) as tar:
        tar.add(export, ".")
    archive = tmp_path / "gnu.tar.zst"
    archive.write_bytes(zstandard.ZstdCompressor().compress(target.getvalue()))
    assert said(capsys, policy, archive)[0] == 0
