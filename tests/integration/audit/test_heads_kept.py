"""Heads leave the database, and what they show when it was altered."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from telehealth.audit.head_bucket import HeadBucket
from telehealth.audit.head_directory import HeadDirectory
from telehealth.audit.head_keeper import HeadKeeper
from telehealth.audit.heads import SignedHead, read_notes
from telehealth.audit.ports import HeadSink
from telehealth.platform.db import Database
from telehealth.platform.signing import make_key_file, read_key_file
from tests.support.audit_lab import CLINIC, LOG, act, take_guards_away
from tests.support.clock import FakeClock
from tests.support.fake_witness import FakeWitness, running_witness
from tests.support.requirements import Figure


@pytest.fixture
def witness() -> Iterator[FakeWitness]:
    with running_witness() as fake:
        yield fake


class Installation:
    """A database, its head key and its sinks; the keeper is what the worker runs."""

    def __init__(self, database: Database, url: str, folder: Path) -> None:
        self.database, self.url = database, url
        self.clock = FakeClock()
        self.heads, self.key_file = folder / "heads", folder / "audit_key.json"
        make_key_file(self.key_file)
        self.bucket: list[HeadSink] = []

    def keeper(self) -> HeadKeeper:
        """Start the worker's part anew."""
        return HeadKeeper(
            self.database,
            clock=self.clock,
            key=read_key_file(self.key_file)[0],
            log_name=LOG,
            sinks=[HeadDirectory(self.heads), *self.bucket],
        )

    def kept(self) -> list[SignedHead]:
        """Return the heads in the folder."""
        texts = (path.read_text() for path in sorted(self.heads.glob("*/*.heads")))
        return [head for each in texts for head in read_notes(each).heads]

    def verify(self, *more: str, heads: bool = True) -> tuple[int, str]:
        """Run the operator's command; its exit code and what it says."""
        options = ["--heads", str(self.heads), "--key", str(self.key_file)] if heads else []
        done = subprocess.run(
            [sys.executable, "-m", "telehealth.cli", "audit", "verify", *options, *more],
            env={"PATH": "", "TELEHEALTH_DATABASE_URL": self.url},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    async def scalar(self, statement: str) -> object:
        """Look at a value behind the product's back."""
        async with self.database.reading() as session:
            return await session.scalar(text(statement))

    async def alter(self, statement: str) -> None:
        """Alter the trail as somebody could who holds the database."""
        await take_guards_away(self.database)
        async with self.database.unit_of_work() as uow:
            await uow.session.execute(text(statement))


@pytest.fixture
def installed(database: Database, database_url: str, tmp_path: Path) -> Installation:
    return Installation(database, database_url, tmp_path)


async def test_a_chain_that_grows_gets_heads_by_time_and_by_number(
    installed: Installation,
) -> None:
    keeper = installed.keeper()
    await act(installed.database, 3)
    await keeper.look()
    await act(installed.database, 2)
    await keeper.look()
    assert [each.head.size for each in installed.kept()] == [3]

    installed.clock.advance(seconds=60)
    await keeper.look()
    await keeper.look()
    assert [each.head.size for each in installed.kept()] == [3, 5]

    await act(installed.database, 1_000)
    await keeper.look()
    assert [each.head.size for each in installed.kept()] == [3, 5, 1_005]


async def test_one_file_a_clinic_and_day_that_only_its_owner_reads(
    installed: Installation,
) -> None:
    keeper = installed.keeper()
    await act(installed.database, 1)
    await keeper.look()
    installed.clock.advance(days=1)
    await act(installed.database, 1)
    await keeper.look()

    files = sorted(installed.heads.glob("*/*"))

    assert [path.name for path in files] == ["2030-03-04.heads", "2030-03-05.heads"]
    assert {path.parent.name for path in files} == {str(CLINIC)}
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


@pytest.mark.requirement("SEC-AUD-02", "INV-06")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "DELETE FROM audit_entries WHERE seq > 4",
            "truncated: 5 entries, and a head says there were 6",
        ),
        ("DELETE FROM audit_entries", "truncated: 0 entries, and a head says there were 6"),
    ],
)
async def test_the_operator_sees_a_cut_only_by_the_heads(
    installed: Installation, change: str, said: str, figure: Figure
) -> None:
    """The same command without heads finds nothing: exit code 0, then 3."""
    await act(installed.database, 6)
    await installed.keeper().look()
    await installed.alter(change)

    found, words = installed.verify(heads=False)
    # The command records each check, so what comes next is a longer chain.
    with_heads, told = installed.verify()

    assert found == 0, words
    assert with_heads == 3, told
    assert said in told
    figure("command: exit 0 without heads, 3 with them")


async def test_the_command_says_what_it_found(installed: Installation) -> None:
    await act(installed.database, 6)
    await installed.keeper().look()

    whole, told = installed.verify()
    newest, since = installed.verify("--since-newest-head")

    assert (whole, newest) == (0, 0), told + since
    assert f"clinic {CLINIC}: whole, 6 entries" in told
    assert "1 of 1 heads agree" in told
    assert f"clinic {CLINIC}: whole, 7 entries" in since


async def test_the_command_names_the_first_broken_entry(installed: Installation) -> None:
    await act(installed.database, 6)
    await installed.keeper().look()
    await installed.alter("UPDATE audit_entries SET event = 'x' WHERE seq = 4")

    code, told = installed.verify()

    assert code == 3
    assert f"clinic {CLINIC}: broken at entry 4" in told


async def test_heads_that_prove_nothing_have_an_exit_code_of_their_own(
    installed: Installation,
) -> None:
    await act(installed.database, 2)
    await installed.keeper().look()
    (file,) = installed.heads.glob("*/*")
    file.write_text(file.read_text().replace("\n2\n", "\n1\n"))

    code, told = installed.verify()

    assert code == 4
    assert "no head with a good signature" in told
    assert "1 heads or lines cannot be believed" in told


@pytest.mark.parametrize(
    "options", [["--heads", "x"], ["--key", "x"], ["--heads", "/nowhere", "--key", "/nowhere"]]
)
async def test_wrong_options_are_bad_usage(installed: Installation, options: list[str]) -> None:
    code, _ = installed.verify(*options, heads=False)

    assert code == 2


async def test_a_worker_that_starts_on_a_shorter_chain_signs_nothing(
    installed: Installation,
) -> None:
    """Otherwise it would bless what somebody cut off while it was down."""
    await act(installed.database, 6)
    await installed.keeper().look()
    await installed.alter("DELETE FROM audit_entries WHERE seq > 4")
    installed.clock.advance(minutes=2)
    await act(installed.database, 1)

    await installed.keeper().look()

    assert [each.head.size for each in installed.kept()] == [6]
    assert await installed.scalar("SELECT trouble FROM audit_head_exports") == "chain_altered"


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM audit_entries WHERE seq > 4",
        "UPDATE audit_entries SET seal = previous WHERE seq = 6",
        "UPDATE audit_entries SET event = 'x' WHERE seq = 8",
    ],
)
async def test_a_worker_stops_signing_a_chain_that_is_altered_under_it(
    installed: Installation, change: str
) -> None:
    keeper = installed.keeper()
    await act(installed.database, 6)
    await keeper.look()
    await act(installed.database, 3)
    await installed.alter(change)
    installed.clock.advance(minutes=2)

    await keeper.look()
    await keeper.look()

    assert [each.head.size for each in installed.kept()] == [6]
    assert await installed.scalar("SELECT trouble FROM audit_head_exports") == "chain_altered"


@pytest.mark.parametrize("faults", [[], ["500"], ["drop_before"], ["drop_after"], ["redirect"]])
async def test_every_sink_gets_every_head_whatever_happens_on_the_way(
    installed: Installation, witness: FakeWitness, faults: list[str]
) -> None:
    """A sink that fails holds no other up; an answer that was lost is a head kept once."""
    installed.bucket = [HeadBucket(witness.base_url, token=witness.token)]
    witness.faults = list(faults)
    keeper = installed.keeper()
    await act(installed.database, 3)
    await keeper.look()
    waiting = await installed.scalar(
        "SELECT failing_since IS NOT NULL FROM audit_head_exports WHERE sink = 'bucket'"
    )
    await keeper.look()
    await keeper.close()

    assert bool(waiting) is bool(faults)
    assert [each.note.encode() for each in installed.kept()] == list(witness.objects.values())
    assert await installed.scalar("SELECT count(*) FROM audit_head_exports WHERE size = 3") == 2
    assert await installed.scalar("SELECT count(trouble) FROM audit_head_exports") == 0


async def test_a_sink_that_holds_another_head_of_this_size_is_an_alarm(
    installed: Installation, witness: FakeWitness
) -> None:
    installed.bucket = [HeadBucket(witness.base_url, token=witness.token)]
    witness.objects[f"/heads/{CLINIC}/{3:016}"] = b"something else"
    keeper = installed.keeper()
    await act(installed.database, 3)

    await keeper.look()
    await keeper.close()

    trouble = "SELECT trouble FROM audit_head_exports WHERE sink = 'bucket'"
    assert await installed.scalar(trouble) == "contradicted"


async def test_a_worker_that_starts_again_continues_where_it_stood(
    installed: Installation,
) -> None:
    await act(installed.database, 3)
    await installed.keeper().look()
    await act(installed.database, 3)
    installed.clock.advance(minutes=2)

    await installed.keeper().look()

    assert [each.head.size for each in installed.kept()] == [3, 6]
    code, told = installed.verify()
    assert code == 0, told
    assert "2 of 2 heads agree" in told
    assert timedelta(minutes=2) == installed.kept()[1].head.at - installed.kept()[0].head.at


async def test_the_operator_exports_a_clinic_as_fhir_and_that_is_recorded(
    installed: Installation,
) -> None:
    await act(installed.database, 3)
    options = ["--deployment", "tests", "--origin", "https://visits.example"]

    done = subprocess.run(
        [sys.executable, "-m", "telehealth.cli", "audit", "export", str(CLINIC), *options],
        env={"PATH": "", "TELEHEALTH_DATABASE_URL": installed.url},
        capture_output=True,
        text=True,
        check=True,
    )

    kinds = [json.loads(line)["subtype"][1]["code"] for line in done.stdout.splitlines()]
    assert kinds == ["visit.viewed"] * 3 + ["audit.exported"]
