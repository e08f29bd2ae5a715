"""The bytes of a commit prove its tree, and nothing else does."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.git_objects import MAX_BYTES, CommitNotProven, tree_in_commit

TREE, PARENT = "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "b" * 40
PERSON = b"Mara <mara@example.com> 1763892000 +0100"


def commit(*lines: bytes, message: bytes = b"subject\n\nbody\n") -> bytes:
    """A commit object with these lines before its message."""
    return b"".join(line + b"\n" for line in lines) + b"\n" + message


def id_of(raw: bytes, algorithm: str = "sha1") -> str:
    """The id that git gives these bytes."""
    return hashlib.new(algorithm, b"commit %d\0" % len(raw) + raw).hexdigest()


def refusal(raw: bytes, commit_id: str | None = None) -> str:
    """Why the bytes prove nothing."""
    with pytest.raises(CommitNotProven) as caught:
        tree_in_commit(commit_id or id_of(raw), raw)
    assert caught.value.hint
    return caught.value.message


PLAIN = commit(b"tree " + TREE.encode(), b"author " + PERSON, b"committer " + PERSON)


@pytest.mark.parametrize(
    "raw",
    [
        PLAIN,
        commit(
            f"tree {TREE}".encode(),
            f"parent {PARENT}".encode(),
            f"parent {PARENT}".encode(),
            b"author " + PERSON,
        ),
        commit(f"tree {TREE}".encode(), b"author " + PERSON, message=b""),
        commit(f"tree {TREE}".encode(), b"author " + PERSON, message=f"tree {'0' * 40}\n".encode()),
        commit(
            f"tree {TREE}".encode(),
            b"author " + PERSON,
            b"gpgsig -----BEGIN",
            f" tree {'0' * 40}".encode(),
            b" x",
        ),
        commit(
            f"tree {TREE}".encode(), b"author " + PERSON, b"treeish 1", message="支付 ✓\r\n\tok\n".encode()
        ),
    ],
    ids=["plain", "merge", "empty message", "tree in the message", "tree in the signature", "other words"],
)
def test_the_tree_of_a_commit(raw: bytes) -> None:
    """The first line's tree is the commit's, whatever stands in message and signature."""
    assert tree_in_commit(id_of(raw), raw) == TREE


def test_sha256() -> None:
    """In a repository of SHA-256 both ids have 64 digits, and any bytes may be in the message."""
    tree = "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"
    raw = commit(b"tree " + tree.encode(), b"author " + PERSON, message=b"\xff\x00\x01")
    assert tree_in_commit(id_of(raw, "sha256"), raw) == tree


@given(st.integers(0, len(PLAIN) - 1), st.integers(1, 255))
def test_any_other_byte_is_another_commit(position: int, flip: int) -> None:
    """A changed byte anywhere is refused."""
    raw = PLAIN[:position] + bytes([PLAIN[position] ^ flip]) + PLAIN[position + 1 :]
    assert "the bytes are those of commit" in refusal(raw, id_of(PLAIN))


@pytest.mark.parametrize("raw", [b"", PLAIN[:-1], PLAIN + b"\n", b"commit 7\0" + PLAIN])
def test_other_bytes(raw: bytes) -> None:
    """Fewer, more or framed bytes are those of another commit."""
    message = refusal(raw, id_of(PLAIN))
    assert id_of(PLAIN) in message
    assert id_of(raw) in message


def test_an_object_of_another_type() -> None:
    """A blob with the text of a commit has another id, since the type is part of what is hashed."""
    blob = hashlib.sha1(b"blob %d\0" % len(PLAIN) + PLAIN, usedforsecurity=False).hexdigest()
    assert "the bytes are those of commit" in refusal(PLAIN, blob)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (commit(b"author " + PERSON, b"tree " + TREE.encode()), "does not begin with"),
        (commit(b"tree " + TREE[:-1].encode(), b"author " + PERSON), "does not begin with"),
        (commit(b"tree " + TREE.upper().encode(), b"author " + PERSON), "does not begin with"),
        (commit(b"tree  " + TREE.encode(), b"author " + PERSON), "does not begin with"),
        (commit(b"tree " + b"a" * 64, b"author " + PERSON), "does not begin with"),
        (commit(b"tree " + TREE.encode() + b"\r", b"author " + PERSON), "does not begin with"),
        (b"\n" + PLAIN, "does not begin with"),
        (b"tree " + TREE.encode() + b"\nauthor " + PERSON + b"\n", "does not begin with"),
        (commit(b"tree " + TREE.encode()), "neither a parent nor an author"),
        (commit(b"tree " + TREE.encode(), b"x", b"author " + PERSON), "neither a parent nor an author"),
        (commit(b"tree " + TREE.encode(), b"tree " + b"0" * 40, b"author " + PERSON), "neither a parent"),
        (commit(b"tree " + TREE.encode(), b"author " + PERSON, b"tree " + b"0" * 40), "more than once"),
        (commit(b"tree " + TREE.encode(), b"author " + PERSON, b"tree"), "more than once"),
        (commit(b"tree " + TREE.encode(), b"author \xe9"), "not UTF-8"),
        (commit(b"tree " + TREE.encode(), b"author " + PERSON, message=b"a\0b"), r"control character '\x00'"),
        (commit(b"tree " + TREE.encode(), b"author " + PERSON, message=b"\x7f"), "control character"),
    ],
)
def test_bytes_that_are_no_commit(raw: bytes, message: str) -> None:
    """Bytes with the right id that git would not write as a commit prove nothing."""
    assert message in refusal(raw)


@pytest.mark.parametrize(
    "commit_id", ["", "HEAD", id_of(PLAIN)[:12], id_of(PLAIN).upper(), id_of(PLAIN) + "\n", "x" * 9999]
)
def test_ids_that_are_not_full(commit_id: str) -> None:
    """A short, upper-case or symbolic id is refused, cut to what can be read."""
    message = refusal(PLAIN, commit_id or " ")
    assert "is no full git id" in message
    assert len(message) < 200


def test_a_commit_that_is_too_large() -> None:
    """64 KiB are read, one byte more is not."""
    head = commit(b"tree " + TREE.encode(), b"author " + PERSON, message=b"")
    full = head + b"m" * (MAX_BYTES - len(head))
    assert tree_in_commit(id_of(full), full) == TREE
    assert "65,537 bytes; the limit is 65,536" in refusal(full + b"m")
