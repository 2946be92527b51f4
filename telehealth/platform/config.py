"""Settings of the visit service and of its worker; read once, by the composition roots.

No secret and no network address has a default: a guessed one would work quietly and wrongly.
"""

from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from telehealth.platform.sealing.settings import SealingSettings

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


class DatabaseSettings(BaseSettings):
    """Environment of `telehealth migrate` and `telehealth audit verify`."""

    model_config = SettingsConfigDict(env_prefix="TELEHEALTH_", frozen=True, extra="forbid")

    database_url: SecretStr
    """`sqlite+aiosqlite:///file` or `postgresql+psycopg://…`; may hold a password."""


class KeyCommandSettings(SealingSettings, BaseSettings):
    """Environment of the `telehealth keys` commands that touch data."""

    model_config = SettingsConfigDict(env_prefix="TELEHEALTH_", frozen=True, extra="forbid")

    database_url: SecretStr
    """`sqlite+aiosqlite:///file` or `postgresql+psycopg://…`; may hold a password."""


class SsoSettings(BaseModel):
    """One OpenID provider, for the staff of one clinic."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clinic_id: UUID
    """Whose staff sign in there."""

    issuer: str
    """Exactly as the provider writes it; https, or http on this machine."""

    client_id: str
    """Our name there."""

    client_secret: SecretStr
    """What we prove ourselves with there."""

    algorithm: Literal["RS256", "PS256", "ES256", "EdDSA"] = "RS256"
    """The one algorithm of its ID tokens."""

    links_by_email: bool = False
    """Whether an address it has verified may link an account, once."""

    second_factor_acr: frozenset[str] = frozenset()
    """Values of `acr` that count as a second factor; none by default."""

    second_factor_amr: frozenset[str] = frozenset()
    """Values of `amr` that count as a second factor; none by default."""

    @field_validator("issuer")
    @classmethod
    def _is_secure(cls, value: str) -> str:
        """Refuse an issuer that anybody on the way could be."""
        parts = urlsplit(value)
        is_here = parts.scheme == "http" and parts.netloc.split(":")[0] in _LOOPBACK
        if not parts.netloc or parts.query or parts.fragment:
            raise ValueError("an issuer is scheme://host[:port][/path]")
        if parts.scheme != "https" and not is_here:
            raise ValueError("plain http is for this machine only")
        return value


class VisitServiceSettings(SealingSettings, BaseSettings):
    """Environment of `telehealth serve`; every name is prefixed ``TELEHEALTH_``."""

    model_config = SettingsConfigDict(env_prefix="TELEHEALTH_", frozen=True, extra="forbid")

    database_url: SecretStr
    """`sqlite+aiosqlite:///file` or `postgresql+psycopg://…`; may hold a password."""

    listen: str
    """`host:port` of pages and REST."""

    internal_listen: str
    """`host:port` for signaling and probes; never reachable from outside."""

    public_origin: str
    """Scheme, host and port as browsers say them; the only Host answered."""

    allowed_origins: list[str]
    """Origins whose pages may send unsafe requests; usually the public origin alone."""

    signaling_socket_url: str
    """`wss://…/v1/socket`, given to browsers with a ticket and named in `connect-src`."""

    keys_file: Path
    """Token-signing keys; mode 0600.  Made by `telehealth keys make`."""

    service_key: SecretStr
    """Base64url of 32 random bytes; signaling proves itself with it on the internal port."""

    staff_second_factor: Literal["required", "offered"] = "required"
    """`required`: staff without a second factor may do nothing but add one.  `offered` is for the
    demo: a password alone lets in."""

    refusal_after_s: Annotated[float, Field(ge=0, le=5)] = 1.0
    """A refused sign-in is answered this long after it came, so that its time tells nothing."""

    nudge_socket: Path | None = None
    """The worker's Unix datagram socket; without one it looks each second."""

    trusted_proxies: list[str] = []
    """Addresses whose X-Forwarded-For is believed; none by default."""

    redis_url: SecretStr
    """Where requests are counted; `redis://â¦` or `unix:///â¦`, may hold a password."""

    sso: list[SsoSettings] = []
    """OpenID providers for staff, one a clinic; JSON.  None by default."""

    sign_in_per_minute: Annotated[int, Field(ge=1)] = 30
    """Tries at sign-in or at a link of one address in a minute; a clinic may share one address."""

    stop_within_s: Annotated[float, Field(gt=0)] = 8.0
    """Time for running requests after SIGTERM; the platform kills at 10 s."""

    deployment: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] | None = None
    """Name of this installation, as the worker has it.  Without one: no FHIR audit export."""

    audit_heads_folder: Path | None = None
    """The folder that the worker appends signed heads to; read for the auditor's check."""

    audit_public_keys: Path | None = None
    """Public keys of those heads, from `telehealth keys public`."""

    @field_validator("sso")
    @classmethod
    def _one_a_clinic(cls, value: list[SsoSettings]) -> list[SsoSettings]:
        """Refuse two providers of one clinic: an answer of one could pass for the other's."""
        if len({each.clinic_id for each in value}) != len(value):
            raise ValueError("one provider a clinic")
        return value

    @field_validator("public_origin")
    @classmethod
    def _is_origin(cls, value: str) -> str:
        """Refuse what is no origin, and cookies without TLS anywhere but on this machine."""
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.username:
            raise ValueError("an origin is scheme://host[:port]")
        if value != f"{parts.scheme}://{parts.netloc}":
            raise ValueError("an origin has no path")
        if parts.scheme == "http" and parts.netloc.split(":")[0] not in _LOOPBACK:
            raise ValueError("plain http is for this machine only")
        return value


class WorkerSettings(SealingSettings, BaseSettings):
    """Environment of `telehealth work`; every name is prefixed ``TELEHEALTH_``."""

    model_config = SettingsConfigDict(env_prefix="TELEHEALTH_", frozen=True, extra="forbid")

    database_url: SecretStr
    """The visit service's database; may hold a password."""

    nudge_socket: Path | None = None
    """Unix datagram socket on which the visit service says that something is owed."""

    signaling_control_urls: list[str]
    """`ws://…/control/visit` of every signaling node; a list, so that none is forgotten."""

    signaling_key: SecretStr
    """Base64url of 32 random bytes: signaling's secret, with which we prove ourselves."""

    ehr_base_url: str
    """Base of the chart server, such as `https://ehr.example/fhir/R4`."""

    ehr_client_id: str
    """Our name at the chart server."""

    ehr_key_file: Path | None = None
    """Our private key at the chart server (JWK).  Absent only for a server on this machine."""

    ehr_patient_system: str
    """Identifier system of the medical record numbers we keep."""

    public_origin: str = ""
    """Where our pages are; links in texts and e-mails begin with it.  Needed to send any."""

    texts_base_url: str | None = None
    """Twilio's API, or a simulator of it.  Without one no texts are sent."""

    texts_account: str = ""
    """Account SID of the message service."""

    texts_token: SecretStr = SecretStr("")
    """Its auth token."""

    texts_sender: str = ""
    """Number in international form, or messaging service SID, that texts come from."""

    mail_base_url: str | None = None
    """Mail relay that takes HTTP.  Without one no e-mails are sent."""

    mail_token: SecretStr = SecretStr("")
    """Bearer token the mail relay knows us by."""

    mail_sender: str = ""
    """Address that e-mails come from."""

    deployment: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    """Name of this installation in the business identifiers it writes; never change it."""

    audit_key_file: Path | None = None
    """Key that signs the audit trail's heads; apart from the token keys.  Without one: no heads."""

    audit_heads_folder: Path | None = None
    """Folder that signed heads are appended in; a mount of another machine."""

    audit_heads_url: str | None = None
    """Base URL of a bucket under object lock, or a witness, that signed heads are PUT to."""

    audit_heads_token: SecretStr | None = None
    """Bearer token for that URL; its holder may create and not replace."""

    @model_validator(mode="after")
    def _channels_are_whole(self) -> Self:
        """Refuse half a channel: a notice without its sender or link would go nowhere."""
        texts = (self.texts_account, self.texts_token.get_secret_value(), self.texts_sender)
        mail = (self.mail_token.get_secret_value(), self.mail_sender)
        for url, parts in ((self.texts_base_url, texts), (self.mail_base_url, mail)):
            if url is not None and not all((*parts, self.public_origin)):
                raise ValueError("a message channel needs account, token, sender, public origin")
        return self


def host_and_port(listen: str) -> tuple[str, int]:
    """Split `host:port`; IPv6 hosts stand in brackets.

    Raises:
        ValueError: It is something else.
    """
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65_535:  # noqa: PLR2004
        raise ValueError("a listening address is host:port")
    return host.strip("[]"), int(port)
