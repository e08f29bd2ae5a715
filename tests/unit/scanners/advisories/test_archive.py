"""Archives that lie, hide or explode."""

import io
import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from gatekeeper_scanners.advisories.archive import Archive, ArchiveLimits, ArchiveRefused, Member

SMALL = ArchiveLimits(
    max_members=5, max_member_bytes=100_000, max_total_bytes=250_000, max_directory_bytes=4_096
)


def members_of(path: Path, limits: ArchiveLimits = SMALL) -> list[Member]:
    """Everything that the archive gives."""
    with Archive(path, limits=limits) as archive:
        found = list(archive.members())
        assert len(found) == archive.count
        return found


def write(
    path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED
) -> Path:
    """A zip file of `entries`."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


def test_members_come_in_order_and_texts_are_left_out(tmp_path: Path) -> None:
    """Folders, README and LICENSE hold no records."""
    path = write(
        tmp_path / "a.zip", ("b/", b""), ("b/2.json", b"two"), ("README.md", b"x"), ("1.json", b"one")
    )
    assert members_of(path) == [Member("b/2.json", b"two"), Member("1.json", b"one")]


@pytest.mark.parametrize("name", ["../1.json", "a/../../1.json", "/etc/1.json", "C:/1.json", "..\\1.json"])
def test_a_name_that_leads_out_refuses_the_archive(tmp_path: Path, name: str) -> None:
    """Nothing is written under the name, and nothing of such an archive is believed."""
    with pytest.raises(ArchiveRefused, match="outside the archive"):
        members_of(write(tmp_path / "a.zip", (name, b"{}")))


def test_a_symbolic_link_refuses_the_archive(tmp_path: Path) -> None:
    """Links and devices have no business among records."""
    link = zipfile.ZipInfo("1.json")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(ArchiveRefused, match="link or device"):
        members_of(write(tmp_path / "a.zip", (link, b"/etc/passwd")))


def test_an_encrypted_member_refuses_the_archive(tmp_path: Path) -> None:
    """It could not be read anyway, and says so at once."""
    path = write(tmp_path / "a.zip", ("1.json", b"{}"))
    data = bytearray(path.read_bytes())
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(ArchiveRefused, match="encrypted"):
        members_of(path)


def test_too_many_members_refuse_the_archive(tmp_path: Path) -> None:
    """The number is that of the table of contents."""
    with pytest.raises(ArchiveRefused, match="holds 6 files; the limit is 5"):
        members_of(write(tmp_path / "a.zip", *((f"{i}.json", b"{}") for i in range(6))))


def test_a_large_table_of_contents_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """Its claimed size is enough; for the 64-bit form too."""
    path = write(tmp_path / "a.zip", *((f"{'x' * 1000}{i}.json", b"") for i in range(5)))
    with pytest.raises(ArchiveRefused, match="table of contents"):
        members_of(path)
    end_64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 1 << 40, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(end_64 + locator + end)
    with pytest.raises(ArchiveRefused, match=r"has 1,099,511,627,776 bytes"):
        members_of(path)


def test_a_bomb_is_refused_by_what_it_unpacks_to(tmp_path: Path) -> None:
    """A member over the limit, a member of absurd ratio, and a sum over the limit."""
    [large] = members_of(write(tmp_path / "a.zip", ("1.json", b"0" * 100_001)))
    assert (large.data, large.refused) == (b"", "larger than 100,000 bytes")
    roomy = ArchiveLimits(max_ratio=500)
    [dense] = members_of(write(tmp_path / "b.zip", ("1.json", b"0" * 3_000_000)), roomy)
    assert dense.refused == "unpacks to more than 500 times its size"
    with pytest.raises(ArchiveRefused, match="more than 250,000 bytes"):
        members_of(write(tmp_path / "c.zip", *((f"{i}.json", b"0" * 90_000) for i in range(3))))


def test_a_header_that_understates_the_size_does_not_help(tmp_path: Path) -> None:
    """The bytes that come out are counted."""
    path = write(tmp_path / "a.zip", ("1.json", b"0" * 100_001))
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, data.rfind(b"PK\x01\x02") + 24, 10)
    path.write_bytes(data)
    [member] = members_of(path)
    assert member.refused
    assert len(member.data) <= 100_000


def test_damaged_and_foreign_members_are_named(tmp_path: Path) -> None:
    """Each is a reason of its own; the others still come."""
    nested = io.BytesIO()
    with zipfile.ZipFile(nested, "w") as inner:
        inner.writestr("x.json", "{}")
    path = write(
        tmp_path / "a.zip",
        ("1.json", b"{}"),
        ("inner.zip", nested.getvalue()),
        ("2.yaml", b"id: x"),
        ("3.json", b"spoiled content"),
        method=zipfile.ZIP_STORED,
    )
    path.write_bytes(path.read_bytes().replace(b"spoiled content", b"spoiled CONTENT"))
    found = {member.name: member.refused for member in members_of(path)}
    assert found["1.json"] == ""
    assert found["inner.zip"] == "an archive inside the archive is not opened"
    assert found["2.yaml"] == "not a .json file"
    assert "Bad CRC" in found["3.json"]


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip" * 1000, b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_zip_is_refused(tmp_path: Path, data: bytes) -> None:
    """With words, not a traceback."""
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(ArchiveRefused):
        members_of(path)


def test_a_cut_off_zip_is_refused(tmp_path: Path) -> None:
    """The usual result of a broken download."""
    path = write(tmp_path / "a.zip", ("1.json", os.urandom(5_000)))
    path.write_bytes(path.read_bytes()[:2_000])
    with pytest.raises(ArchiveRefused, match="cut off"):
        members_of(path)


def test_a_folder_is_read_in_order_and_links_refuse_it(tmp_path: Path) -> None:
    """Records below folders count; a link could lead anywhere."""
    folder = tmp_path / "records"
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "2.json").write_bytes(b"two")
    (folder / "1.json").write_bytes(b"one")
    (folder / "README.md").write_bytes(b"x")
    assert members_of(folder) == [Member("1.json", b"one"), Member("b/2.json", b"two")]
    (folder / "elsewhere").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(ArchiveRefused, match="links are not followed"):
        members_of(folder)


def test_a_path_that_is_neither_is_refused(tmp_path: Path) -> None:
    """A name that does not exist, or a device."""
    with pytest.raises(ArchiveRefused, match="neither a zip file nor a folder"):
        members_of(tmp_path / "missing.zip")
    with pytest.raises(ArchiveRefused, match="neither a zip file nor a folder"):
        members_of(Path("/dev/null"))
