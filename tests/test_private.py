"""What lcagent keeps is its user's own."""

import os
from pathlib import Path

import pytest

from lcagent.models.serving.vllm_server import ServerStatus, write_status
from lcagent.private import private_file, private_folder

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_folders_and_files_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "new" / "home" / "logs")
    file = private_file(folder / "a.log")
    assert [mode(p) for p in (folder, folder.parent, folder.parent.parent, file)] == [0o700] * 3 + [0o600]


def test_what_an_earlier_version_left_open_is_closed_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o755)
    (folder / "lcagent.db").write_text("kept")
    (folder / "lcagent.db").chmod(0o644)
    file = private_file(private_folder(folder) / "lcagent.db")
    assert (mode(folder), mode(file), file.read_text()) == (0o700, 0o600, "kept")


@pytest.mark.parametrize("bits", [0o1777, 0o2775])
def test_a_folder_that_is_shared_on_purpose_stays_so(tmp_path: Path, bits: int) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(bits)
    assert mode(private_folder(folder)) == mode(folder) == bits


def test_the_folder_that_one_works_in_stays_as_it_is(tmp_path: Path, monkeypatch) -> None:
    work = tmp_path / "project"
    (work / "inside").mkdir(parents=True, mode=0o755)
    monkeypatch.chdir(work / "inside")
    before = mode(work)
    private_folder(Path())
    private_folder(work)
    assert mode(work) == before


def test_what_servers_leave_behind_is_private(tmp_path: Path) -> None:
    write_status(tmp_path / "vllm.json", ServerStatus(1, 2, "model", 3, "log", "ended"))
    assert mode(tmp_path / "vllm.json") == 0o600
