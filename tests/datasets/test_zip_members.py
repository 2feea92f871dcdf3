"""Members of archives: read by name, and rejected where they may do harm."""

import stat
import zipfile

import pytest

from movierec.core.errors import MovierecError
from movierec.core.params import PathSource
from movierec.datasets import zip_members
from movierec.datasets.zip_members import open_member
from tests.helpers import archives
from tests.helpers.archives import read_archive

RATINGS = "ml-tiny/ratings.csv"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "films.zip"


def block(path, folder="ml-tiny"):
    return PathSource(
        source="path",
        path=str(path),
        sha256="0" * 64,
        layout="csv",
        folder=folder,
        rating_min=0.5,
        rating_max=5,
        licence="none",
    )


def write(path, member=RATINGS, content=b"text", method=zipfile.ZIP_DEFLATED, mode=0o644):
    """Write an archive of one member."""
    info = zipfile.ZipInfo(member)
    info.compress_type = method
    info.external_attr = mode << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, content)
    return path


def patch(path, offset, value):
    """Change bytes of the member's entry in the archive's directory."""
    content = bytearray(path.read_bytes())
    begin = content.index(b"PK\x01\x02") + offset
    content[begin : begin + len(value)] = value
    path.write_bytes(content)


def refusal(path, name="ratings.csv"):
    with pytest.raises(MovierecError) as caught, open_member(path, block(path), name):
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path}: ")


def test_member(path):
    with open_member(write(path), block(path), "ratings.csv") as stream:
        assert stream.read() == b"text"


def test_member_without_a_folder(path):
    with open_member(write(path, "ratings.csv"), block(path, ""), "ratings.csv") as stream:
        assert stream.read() == b"text"


def test_nothing_is_unpacked(path, monkeypatch):
    archives.write_zip(path, archives.members("csv") | {"../out": b"x", "/etc/out": b"x"})
    for name in ("extract", "extractall"):
        monkeypatch.delattr(zipfile.ZipFile, name)
    assert len(read_archive(path, block(path)).ratings) == 6
    assert [left.name for left in path.parent.iterdir()] == ["films.zip"]


@pytest.mark.parametrize(
    "member", ["/ml-tiny/ratings.csv", "../ml-tiny/ratings.csv", "ml-tiny/../ml-tiny/ratings.csv"]
)
def test_a_member_of_nearly_the_name_is_not_it(path, member):
    write(path, member)
    assert refusal(path).startswith(f"contains {member}, not {RATINGS}; ")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_members_of_one_name_neither_is_read(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(RATINGS, "old")
        archive.writestr(RATINGS, "new")
    assert refusal(path) == f"contains 2 files {RATINGS}; keep one"


def test_link(path):
    write(path, content=b"/etc/passwd", mode=stat.S_IFLNK | 0o777)
    assert refusal(path) == f"{RATINGS} is a link; replace it by the file itself"


def test_encrypted_member(path):
    write(path)
    patch(path, 8, b"\x01\x00")
    assert refusal(path) == f"{RATINGS} is encrypted; decrypt it first"


def test_bomb(path):
    write(path, content=bytes(10_000_000))
    assert refusal(path) == f"{RATINGS} expands to more than 1000 times its size, like a zip bomb"


def test_well_packed_member_is_none(path):
    write(path, content=b"1,2,3.0,4\n" * 1000)
    with open_member(path, block(path), "ratings.csv") as stream:
        assert len(stream.read()) == 10_000


def test_huge_member(path, monkeypatch):
    monkeypatch.setattr(zip_members, "MAX_SIZE", 99)
    write(path, content=bytes(range(100)), method=zipfile.ZIP_STORED)
    assert refusal(path) == f"{RATINGS} is 100 bytes uncompressed, more than the 99 allowed"


def test_bomb_that_lies_about_its_size(path):
    """No more is read than the directory states, so the checksum does not match."""
    write(path, content=bytes(10_000_000))
    patch(path, 24, (5000).to_bytes(4, "little"))
    with open_member(path, block(path), "ratings.csv") as stream, pytest.raises(zipfile.BadZipFile):
        stream.read()


@pytest.mark.parametrize("layout", ["csv", "dat", "100k", "recbole"])
def test_every_layout_refuses_links(tmp_path, layout):
    path = archives.write(tmp_path, layout)
    data = archives.block(layout, path)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in archives.members(layout).items():
            info = zipfile.ZipInfo(name)
            info.external_attr = stat.S_IFLNK << 16
            archive.writestr(info, content)
    with pytest.raises(MovierecError, match=r" is a link; replace it by the file itself$"):
        read_archive(path, data)
