"""Files that are long: a dry run of them takes the memory of a few rows, and of no more photos than a batch has."""

import base64
import os
import subprocess
from pathlib import Path

from PIL import Image

from tests.program import PROGRAM, SECRET, crmgraph

CARDS = 8_000
ROWS = 10_000_000
MOST_MB = 200
"""What a program over SQLite takes to begin with is some 90 MB."""


def largest(folder: Path, *arguments: str) -> tuple[str, int]:
    """What `crmgraph import` says, and its largest size in MB."""
    settings = {"CRMGRAPH_DATABASE_URL": f"sqlite:///{folder}/store.db", "CRMGRAPH_SECRET_KEY": SECRET}
    assert crmgraph(folder, "migrate", **settings).returncode == 0
    command = [str(PROGRAM), "import", *arguments, "--dry-run"]
    with (folder / "said").open("w+") as said:
        process = subprocess.Popen(command, env={**os.environ, **settings}, cwd=folder, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    assert process.returncode == 0, text
    return text, usage.ru_maxrss // 1024


def test_an_address_book_with_photos_is_read_in_the_memory_of_a_few_cards(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.frombytes("RGB", (300, 300), os.urandom(270_000)).save(path, "JPEG", quality=70)
    text = base64.b64encode(path.read_bytes()).decode()
    lines = "\r\n ".join(text[n : n + 74] for n in range(0, len(text), 74))
    with (tmp_path / "people.vcf").open("w", newline="") as file:
        for n in range(CARDS):
            own = f"N:Ray{n};Ann;;;\r\nTEL;TYPE=CELL:+49 171 {3_000_000 + n}\r\nEMAIL:a{n}@example.com\r\nUID:u{n}"
            photo = f"PHOTO;ENCODING=b;TYPE=JPEG:{lines}"
            file.write(f"BEGIN:VCARD\r\nVERSION:3.0\r\n{own}\r\n{photo}\r\nEND:VCARD\r\n")
    said, size = largest(tmp_path, "people.vcf")
    assert f"0 accounts, {CARDS} contacts" in said
    assert size < MOST_MB


def test_ten_million_empty_rows_are_one_line_of_the_report(tmp_path: Path) -> None:
    with (tmp_path / "people.csv").open("w") as file:
        file.write("First Name,Last Name,Email\nAda,Eins,ada@example.com\n")
        for _ in range(ROWS // 100_000):
            file.write(",,\n" * 100_000)
        file.write("Ben,Zwei,ben@example.com\n")
    said, size = largest(tmp_path, "people.csv")
    assert "0 accounts, 2 contacts" in said
    assert "Refused 0, skipped 1," in said
    assert size < MOST_MB
