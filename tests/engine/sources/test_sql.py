"""A database supplies attributes: exactly those that are asked for, by bound parameters, in the types that the schema has."""

from __future__ import annotations

import datetime as dt
import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from abac import Engine
from abac.engine.sources import Absent, Found, Supply
from abac.engine.sources.sql import SqlEntity, SqlSource
from abac.model.values import EntityRef

UTC = dt.timezone.utc
NOON = dt.datetime(2026, 7, 15, 12, tzinfo=UTC)
HOUR = dt.timedelta(hours=1)

POLICY = """package files
record Grant { what: String, until: Instant }
entity Team in Team key id { id: String }
entity User in Team key id {
  id: String, level: Int, credit: Decimal, active: Bool, born: Date, seen: Instant, nick: String?, tags: Set<String>, grants: List<Grant>
}
entity Doc key no { no: Int, owner: User, level: Int }
context { clock at: Instant }
action read: User -> Doc
policy main: first-applicable {
  permit owner when resource.owner == subject
  permit granted for some g in subject.grants when g.what == "all" and now < g.until
  permit staff when subject in Team::"staff" and subject.active and subject.level >= resource.level and "x" in subject.tags
  permit rich when subject.credit > 99.99 and subject.born < 2000-01-01 and subject.seen within last 2 hours and not subject has nick
  deny rest otherwise
}
"""

metadata = sa.MetaData()
users = sa.Table(
    "users", metadata, sa.Column("id", sa.String, primary_key=True), sa.Column("rank", sa.Integer), sa.Column("credit", sa.Numeric(12, 2)),
    sa.Column("active", sa.Boolean), sa.Column("born", sa.Date), sa.Column("seen", sa.DateTime(timezone=True)),
    sa.Column("nick", sa.String),
)  # fmt: skip
tags = sa.Table("tags", metadata, sa.Column("user_id", sa.String), sa.Column("tag", sa.String))
grants = sa.Table(
    "grants", metadata, sa.Column("user_id", sa.String), sa.Column("what", sa.String), sa.Column("ends", sa.DateTime(timezone=True))
)
teams = sa.Table("teams", metadata, sa.Column("id", sa.String, primary_key=True))
members = sa.Table("members", metadata, sa.Column("member", sa.String), sa.Column("team", sa.String))
docs = sa.Table(
    "docs", metadata, sa.Column("no", sa.Integer, primary_key=True), sa.Column("owner", sa.String), sa.Column("rank", sa.Integer)
)
key = sa.bindparam("key")
parents = sa.select(members.c.team).where(members.c.member == key)

ENTITIES = {
    "User": SqlEntity(
        sa.select(
            users.c.rank.label("level"), users.c.credit, users.c.active, users.c.born, users.c.seen, users.c.nick
        ).where(users.c.id == key),
        {
            "tags": sa.select(tags.c.tag).where(tags.c.user_id == key),
            "grants": sa.select(grants.c.what, grants.c.ends.label("until")).where(grants.c.user_id == key).order_by(grants.c.ends),
            "parents": parents,
        },
    ),
    "Team": SqlEntity(sa.select(teams.c.id).where(teams.c.id == key), {"parents": parents}),
    "Doc": SqlEntity(sa.select(docs.c.owner, docs.c.rank.label("level")).where(docs.c.no == key)),
}  # fmt: skip


def fill(database: sa.Engine) -> sa.Engine:
    metadata.create_all(database)
    person: dict[str, Any] = {"rank": 3, "credit": Decimal("1.10"), "active": True, "born": dt.date(2001, 1, 1), "seen": NOON, "nick": None}
    with database.begin() as connection:
        connection.execute(users.insert(), [
            person | {"id": "ann", "rank": 5}, person | {"id": "bob", "credit": Decimal("100.00"), "born": dt.date(1999, 12, 31)},
            person | {"id": "cy", "nick": "c"}, person | {"id": "'; drop table users; --"},
        ])  # fmt: skip
        connection.execute(tags.insert(), [{"user_id": "ann", "tag": "x"}, {"user_id": "ann", "tag": "y"}])
        connection.execute(
            grants.insert(), [{"user_id": "cy", "what": "all", "ends": NOON + HOUR}, {"user_id": "cy", "what": "few", "ends": NOON}]
        )
        connection.execute(
            members.insert(), [{"member": "ann", "team": "web"}, {"member": "web", "team": "staff"}, {"member": "staff", "team": "firm"}]
        )
        connection.execute(teams.insert(), [{"id": "web"}, {"id": "staff"}, {"id": "firm"}])
        connection.execute(docs.insert(), [{"no": 1, "owner": "bob", "rank": 4}, {"no": 2, "owner": "ann", "rank": 9}])
    return database


# ── databases ────────────────────────────────────────────────────────────────────────────────────────────


def in_memory(folder: Path) -> sa.Engine:
    """One connection for all threads: every connection to a database in memory is a database of its own."""
    return sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool, connect_args={"check_same_thread": False})


def on_file(folder: Path) -> sa.Engine:
    return sa.create_engine(f"sqlite:///{folder / 'people.db'}")


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL server that was started for these tests."""
    found = shutil.which("initdb") or next(map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None)
    if found is None:
        pytest.skip("there is no PostgreSQL server on this machine")
    pytest.importorskip("psycopg", reason="the driver for PostgreSQL is not installed")
    folder = tmp_path_factory.mktemp("postgres")
    options: dict[str, Any] = {"check": True, "capture_output": True, "cwd": "/"}
    if os.getuid() == 0:  # it refuses to run as root
        try:
            owner = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user `postgres`")
        options["user"], options["group"], options["extra_groups"] = owner.pw_uid, owner.pw_gid, []
        for path in (folder, *folder.parents[:3]):
            path.chmod(0o755)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data, tool = folder / "data", Path(found).parent / "pg_ctl"
    subprocess.run([found, "-D", data, "-U", "abac", "--auth=trust", "--encoding=UTF8", "--no-sync"], **options)
    server = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    subprocess.run([tool, "-D", data, "-w", "-l", folder / "log", "-o", server, "start"], **options | {"capture_output": False})
    try:
        yield f"postgresql+psycopg://abac@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([tool, "-D", data, "-m", "immediate", "stop"], **options)


@pytest.fixture(params=["sqlite in memory", "sqlite on file", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    if request.param == "postgresql":
        made = sa.create_engine(request.getfixturevalue("postgres"))
    else:
        made = {"sqlite in memory": in_memory, "sqlite on file": on_file}[request.param](tmp_path)
    yield fill(made)
    metadata.drop_all(made)
    made.dispose()


def source_of(database: sa.Engine) -> SqlSource:
    return SqlSource("people", database, ENTITIES, naive_is_utc=database.dialect.name == "sqlite")


def engine_of(database: sa.Engine, timeout: dt.timedelta | None = dt.timedelta(seconds=20)) -> Engine:
    source = source_of(database)
    return Engine.from_text(POLICY, sources=[Supply(name, source, keep=HOUR, timeout=timeout) for name in ENTITIES])


# ── what it supplies ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("timeout", [None, dt.timedelta(seconds=20)], ids=["in place", "on threads"])
def test_requests_are_decided_on_what_the_database_holds(database: sa.Engine, timeout: dt.timedelta | None) -> None:
    engine = engine_of(database, timeout)
    expected = {("ann", 2): "owner", ("cy", 1): "granted", ("ann", 1): "staff", ("bob", 2): "rich", ("'; drop table users; --", 1): "rest"}
    for (who, what), rule in expected.items():
        decision = engine.check(who, "read", what, at=NOON)
        assert (decision.rule, decision.unknown) == (rule, ()), who
    assert engine.check("eve", "read", 1).code == engine.check("ann", "read", 3).code == "invalid_request"
    assert engine.statistics.failures == {}
    with database.begin() as connection:
        connection.execute(members.delete().where(members.c.member == "web"))
    engine.invalidate("web")
    assert engine.check("ann", "read", 1).rule == "rest"


def test_every_column_is_read_in_its_type(database: sa.Engine) -> None:
    names = frozenset({"level", "credit", "active", "born", "seen", "nick", "tags", "grants", "parents"})
    found = source_of(database).fetch(EntityRef("User", "cy"), names, NOON)
    assert isinstance(found, Found)
    seen, grants_found = found.values.pop("seen"), found.values.pop("grants")
    assert found.values == {
        "level": 3, "credit": Decimal("1.10"), "active": True, "born": dt.date(2001, 1, 1), "nick": "c", "tags": [], "parents": []
    }  # fmt: skip
    assert type(found.values["active"]) is bool and seen == NOON and seen.tzinfo is not None
    assert [grant["what"] for grant in grants_found] == ["few", "all"] and grants_found[1]["until"] == NOON + HOUR


def test_nothing_is_selected_that_was_not_asked_for(database: sa.Engine) -> None:
    seen: list[str] = []
    sa.event.listen(database, "before_cursor_execute", lambda c, cursor, statement, *rest: seen.append(statement))
    source = source_of(database)
    found = source.fetch(EntityRef("User", "ann"), frozenset({"level"}), NOON)
    assert found == Found({"level": 5})
    assert len(seen) == 1 and "credit" not in seen[0] and "ann" not in seen[0]
    found = source.fetch(EntityRef("User", "ann"), frozenset({"tags"}), NOON)
    assert isinstance(found, Found) and sorted(found.values["tags"]) == ["x", "y"] and len(seen) == 3
    assert source.fetch(EntityRef("User", "eve"), frozenset({"tags"}), NOON) == Absent()
    assert len(seen) == 4


def test_a_key_is_never_part_of_a_statement(database: sa.Engine) -> None:
    engine = engine_of(database)
    for who in ("' or '1'='1", "ann' --", "'; drop table users; --"):
        assert engine.check(who, "read", 1).rule in (None, "rest")
    with database.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(users)).scalar_one() == 4


def test_a_database_that_fails_is_a_source_that_fails(database: sa.Engine, caplog: pytest.LogCaptureFixture) -> None:
    engine = engine_of(database)
    with database.begin() as connection:
        connection.execute(sa.text("alter table tags rename to gone"))
    try:
        decision = engine.check("cy", "read", 2)
        assert decision.rule == "granted" or decision.unknown[0].path.startswith("subject.")
        assert engine.statistics.failures == {"people": 1}
        assert "people failed for User: it raised" in caplog.text and "gone" not in caplog.text
    finally:
        with database.begin() as connection:
            connection.execute(sa.text("alter table gone rename to tags"))


def test_two_rows_for_one_key_are_a_failure(database: sa.Engine) -> None:
    entities = {"User": SqlEntity(sa.select(tags.c.tag.label("nick")).where(tags.c.user_id == key))}
    with pytest.raises(LookupError):
        SqlSource("s", database, entities).fetch(EntityRef("User", "ann"), frozenset({"nick"}), NOON)


def test_datetimes_without_a_zone_are_mistyped_unless_they_are_said_to_be_in_utc(tmp_path: Path) -> None:
    database = fill(on_file(tmp_path))
    for naive_is_utc, cause in ((True, None), (False, "subject.grants[1].until is mistyped")):
        source = SqlSource("people", database, ENTITIES, naive_is_utc=naive_is_utc)
        engine = Engine.from_text(POLICY, sources=[Supply(name, source, keep=HOUR) for name in ENTITIES])
        decision = engine.check("cy", "read", 2, at=NOON)
        assert [str(each) for each in decision.unknown][:1] == ([] if cause is None else [cause]), decision


@pytest.mark.parametrize(
    "make",
    [
        lambda: SqlEntity(sa.select(users.c.nick)),
        lambda: SqlEntity(sa.select(users.c.nick).where(users.c.id == sa.bindparam("id"))),
        lambda: SqlEntity(sa.select(users.c.nick).where(users.c.id == key), {"tags": sa.select(tags.c.tag)}),
        lambda: SqlEntity(sa.select(users.c.nick).where(users.c.id == key), {"nick": sa.select(tags.c.tag).where(tags.c.user_id == key)}),
    ],
)
def test_statements_that_are_not_bound_to_the_key_are_refused(make: Any) -> None:
    with pytest.raises(ValueError):
        make()


def test_keys_of_any_type_are_bound(tmp_path: Path) -> None:
    import ipaddress

    database = on_file(tmp_path)
    with database.begin() as connection:
        connection.execute(sa.text("create table hosts (ip text, level integer)"))
        connection.execute(sa.text("insert into hosts values ('10.0.0.1', 7)"))
    hosts = sa.table("hosts", sa.column("ip", sa.String), sa.column("level", sa.Integer))
    source = SqlSource("hosts", database, {"Host": SqlEntity(sa.select(hosts.c.level).where(hosts.c.ip == key))})
    assert source.fetch(EntityRef("Host", ipaddress.ip_address("10.0.0.1")), frozenset({"level"}), NOON) == Found({"level": 7})


def test_sqlalchemy_is_imported_only_by_those_who_use_it() -> None:
    program = "import sys, abac, abac.engine.sources, abac.engine.checks; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
