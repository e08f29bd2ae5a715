"""Data to stdout, talk to stderr, and nothing that steers a terminal."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.cli.output import CannotWrite, clean, escaped, one_line, put, put_or_save, remove, say

ATTACKS = ["\x1b[2J", "\x1b]8;;http://evil\x07", "\x9b31m", "a\rb", "\u202egnp.exe", "\u200b", "\x00", "\x08"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_clean_takes_the_power_of_control_characters(attack: str) -> None:
    """No escape, no carriage return, no text direction gets through, and the removal is seen."""
    cleaned = clean(attack)
    assert "\ufffd" in cleaned
    assert not set(cleaned) & set("\x1b\x07\x9b\r\u202e\u200b\x00\x08")


def test_clean_keeps_words_of_every_script() -> None:
    """Chinese, accents, emoji, tabs and newlines stay."""
    text = "质量门\tnaïve\n🚦"
    assert clean(text) == text


@given(st.text())
def test_clean_is_stable(text: str) -> None:
    """Cleaning twice changes nothing more, and the result can be encoded."""
    assert clean(clean(text)) == clean(text)
    clean(text).encode()


def test_one_line_cuts_with_an_ellipsis() -> None:
    """Long and multi-line text becomes one short line."""
    assert one_line("a\n  b\t c") == "a b c"
    assert one_line("x" * 300, 10) == "xxxxxxx..."


def test_talk_and_data_take_their_own_streams(capsys: pytest.CaptureFixture[str]) -> None:
    """`put` writes data, `say` talks."""
    put("data\n")
    say("talk", hint="next")
    assert capsys.readouterr() == ("data\n", "talk\nhint: next\n")


def test_a_file_is_replaced_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The new content stands in the file, nothing else is left beside it, stdout stays empty."""
    folder = tmp_path / "deep"
    put_or_save("one\n", folder / "gate.xml")
    put_or_save("two\n", folder / "gate.xml")
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("gate.xml", "two\n")]
    assert capsys.readouterr().out == ""


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """No traceback, and nothing half written is left."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(CannotWrite, match="folder cannot be written"):
        put_or_save("text", tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_process_without_stdout_still_answers() -> None:
    """`gatekeeper metrics >&-` has nowhere to write and ends with its own code."""
    gatekeeper = Path(sys.executable).with_name("gatekeeper")
    done = subprocess.run(
        ["sh", "-c", f"'{gatekeeper}' metrics >&-"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_pipe_is_written_to_and_never_replaced(tmp_path: Path) -> None:
    """So are devices: as root, /dev/stdout would become a file and the next program lose its output."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    remove(pipe)
    assert pipe.is_fifo()
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    put_or_save("words", pipe)
    reader.join()
    assert (read, pipe.is_fifo()) == (["words"], True)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it leads to is replaced."""
    (tmp_path / "old.json").write_text("old")
    link = tmp_path / "latest.json"
    link.symlink_to("old.json")
    put_or_save("new", link)
    assert link.is_symlink()
    assert (tmp_path / "old.json").read_text() == "new"
    remove(link)
    assert not (tmp_path / "old.json").exists()


@pytest.mark.parametrize("attack", [*ATTACKS, "\U000e0041", "\x7f"])
def test_json_steers_no_terminal_and_keeps_its_values(attack: str) -> None:
    """JSON escapes only the first 32 characters by itself; a terminal obeys more."""
    text = escaped(json.dumps({"k": attack}, indent=2, ensure_ascii=False))
    assert json.loads(text) == {"k": attack}
    assert clean(text) == text
