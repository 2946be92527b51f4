from pathlib import Path

import pytest
from pydantic import ValidationError

from telehealth.platform.config import (
    DatabaseSettings,
    VisitServiceSettings,
    WorkerSettings,
    host_and_port,
)

VISIT_SERVICE = {
    "TELEHEALTH_DATABASE_URL": "sqlite+aiosqlite:///x",
    "TELEHEALTH_MODE": "development",
    "TELEHEALTH_KEYS_DATABASE_URL": "sqlite+aiosqlite:///y",
    "TELEHEALTH_KEY_PROVIDER": "local-file",
    "TELEHEALTH_ROOT_KEY_FILE": "root_key.json",
    "TELEHEALTH_LISTEN": "127.0.0.1:8000",
    "TELEHEALTH_INTERNAL_LISTEN": "127.0.0.1:8001",
    "TELEHEALTH_PUBLIC_ORIGIN": "http://localhost:8000",
    "TELEHEALTH_ALLOWED_ORIGINS": '["http://localhost:8000"]',
    "TELEHEALTH_SIGNALING_SOCKET_URL": "ws://localhost:9001/v1/socket",
    "TELEHEALTH_KEYS_FILE": "/keys.json",
    "TELEHEALTH_SERVICE_KEY": "a key nobody shows",
    "TELEHEALTH_REDIS_URL": "redis://localhost",
}
WORKER = {
    "TELEHEALTH_DATABASE_URL": "sqlite+aiosqlite:///x",
    "TELEHEALTH_MODE": "development",
    "TELEHEALTH_KEYS_DATABASE_URL": "sqlite+aiosqlite:///y",
    "TELEHEALTH_KEY_PROVIDER": "local-file",
    "TELEHEALTH_ROOT_KEY_FILE": "root_key.json",
    "TELEHEALTH_SIGNALING_CONTROL_URLS": '["ws://127.0.0.1:9002/control/visit"]',
    "TELEHEALTH_SIGNALING_KEY": "k",
    "TELEHEALTH_EHR_BASE_URL": "https://ehr.example/fhir",
    "TELEHEALTH_EHR_CLIENT_ID": "telehealth",
    "TELEHEALTH_EHR_PATIENT_SYSTEM": "urn:x",
    "TELEHEALTH_DEPLOYMENT": "demo",
}


def set_environment(patch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name in VISIT_SERVICE.keys() | WORKER.keys():
        patch.delenv(name, raising=False)
    for name, value in values.items():
        patch.setenv(name, value)


def test_the_visit_service_reads_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, VISIT_SERVICE)

    settings = VisitServiceSettings()

    assert settings.allowed_origins == ["http://localhost:8000"]
    assert settings.keys_file == Path("/keys.json")
    assert "nobody shows" not in repr(settings)


def test_the_worker_reads_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, WORKER)

    assert WorkerSettings().deployment == "demo"
    assert DatabaseSettings().database_url.get_secret_value() == "sqlite+aiosqlite:///x"


@pytest.mark.parametrize("missing", sorted(VISIT_SERVICE))
def test_no_secret_and_no_address_has_a_default(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    values = {name: value for name, value in VISIT_SERVICE.items() if name != missing}
    set_environment(monkeypatch, values)

    with pytest.raises(ValidationError):
        VisitServiceSettings()


@pytest.mark.parametrize("missing", sorted(WORKER))
def test_nor_has_the_worker_any(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    set_environment(monkeypatch, {k: v for k, v in WORKER.items() if k != missing})

    with pytest.raises(ValidationError):
        WorkerSettings()


def test_settings_do_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, VISIT_SERVICE)
    settings = VisitServiceSettings()

    with pytest.raises(ValidationError):
        setattr(settings, "listen", "127.0.0.1:80")  # noqa: B010  (a type checker refuses it too)


@pytest.mark.parametrize(
    ("origin", "is_good"),
    [
        ("https://clinic.example.org", True),
        ("https://clinic.example.org:8443", True),
        ("http://localhost:8000", True),
        ("http://127.0.0.1:8000", True),
        ("http://clinic.example.org", False),
        ("https://clinic.example.org/", False),
        ("https://clinic.example.org/path", False),
        ("https://me@clinic.example.org", False),
        ("ftp://clinic.example.org", False),
        ("clinic.example.org", False),
        ("https://", False),
    ],
)
def test_a_public_origin_is_an_origin_with_tls(
    monkeypatch: pytest.MonkeyPatch, origin: str, *, is_good: bool
) -> None:
    """Without TLS only on this machine: cookies would travel in the open."""
    set_environment(monkeypatch, {**VISIT_SERVICE, "TELEHEALTH_PUBLIC_ORIGIN": origin})

    if is_good:
        assert VisitServiceSettings().public_origin == origin
    else:
        with pytest.raises(ValidationError):
            VisitServiceSettings()


def test_listening_addresses_are_host_and_port() -> None:
    assert host_and_port("127.0.0.1:80") == ("127.0.0.1", 80)
    assert host_and_port("[::1]:80") == ("::1", 80)
    for wrong in ("80", ":80", "host:", "host:x", "host:65536", "host:-1", ""):
        with pytest.raises(ValueError, match="host:port"):
            host_and_port(wrong)
