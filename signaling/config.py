"""Environment of a signaling node; read once by the composition root."""

from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

TURN_SAFE_FROM: Final = (4, 10, 0)
"""First coturn without a known way past its deny list (CVE-2026-27624 and its successors)."""
_TURN_SECRET_LEAST: Final = 32

HostPort = Annotated[str, Field(pattern=r"^(\[[0-9a-f:]+\]|[^:\[\]]+):[0-9]{1,5}$")]


class SignalingSettings(BaseSettings):
    """Settings of `signaling serve`; every name is prefixed ``SIGNALING_``."""

    model_config = SettingsConfigDict(env_prefix="SIGNALING_", frozen=True, extra="forbid")

    node: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
    """Name of this node; a restart under the same name sweeps what the last process left."""

    listen: HostPort
    """`host:port` of `/v1/socket`, behind the TLS proxy."""

    internal_listen: HostPort
    """`host:port` of `/control/visit`, probes and metrics, on the internal network only."""

    allowed_origins: Annotated[list[str], Field(min_length=1, max_length=64)]
    """Origins whose pages may open a socket; an upgrade without an Origin is refused."""

    redis_url: SecretStr
    """Redis of presence; secret because it may hold a password."""

    visit_service_url: Annotated[str, Field(pattern=r"^https?://")]
    """The visit service's internal port."""

    visit_service_key: SecretStr
    """base64url text of 32 random bytes; we prove ourselves to the visit service with it."""

    key: SecretStr
    """base64url text of 32 random bytes; the visit service proves itself to us with it."""

    media_control_key: SecretStr
    """base64url text of 32 random bytes; we prove ourselves to media nodes with it."""

    spool: Path
    """Directory of presence events the visit service has not acknowledged yet."""

    sockets_max: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    """Sockets of this node; one more is answered 503."""

    proxy_depth: Annotated[int, Field(ge=0, le=4)] = 0
    """How many proxies of ours stand before us; each adds one address to X-Forwarded-For.  With 0
    the peer's own address counts: behind a proxy everybody would share one budget of upgrades."""

    waiting_max: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Sockets that have not shown a ticket yet."""

    turn_urls: Annotated[list[str], Field(max_length=8)] = []
    """`turn:` and `turns:` addresses of our coturn; empty: browsers that cannot reach the media
    port by UDP cannot call."""

    turn_secret: SecretStr | None = None
    """coturn's `static-auth-secret`, 32 characters or more; given exactly with `turn_urls`."""

    turn_version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")] | None = None
    """Version of that coturn, told by the operator, since it does not tell it itself."""

    turn_accepts_old: bool = False
    """Accept a coturn before 4.10.0, whose known flaws only a host firewall then holds."""

    twilio_account_sid: Annotated[str, Field(pattern=r"^AC[0-9a-f]{32}$")] | None = None
    """Account whose Network Traversal tokens are offered beside our relay."""

    twilio_auth_token: SecretStr | None = None
    """Given exactly with the account."""

    twilio_has_agreement: bool = False
    """A business associate agreement covers the account; without it the node does not start."""

    twilio_base_url: Annotated[str, Field(pattern=r"^https?://")] = "https://api.twilio.com"
    """Where the tokens are asked for."""

    drain_limit_s: Annotated[float, Field(ge=0.0, le=60.0)] = 5.0
    """Seconds peers are given after SIGTERM to read their goodbye."""

    @model_validator(mode="after")
    def _relays_are_whole(self) -> Self:
        if bool(self.turn_urls) != (self.turn_secret is not None):
            raise ValueError("turn_urls and turn_secret are given together")
        if self.turn_secret and len(self.turn_secret.get_secret_value()) < _TURN_SECRET_LEAST:
            raise ValueError("turn_secret has at least 32 characters")
        if any(not url.startswith(("turn:", "turns:")) for url in self.turn_urls):
            raise ValueError("a relay's address begins with turn: or turns:")
        if (self.twilio_account_sid is None) != (self.twilio_auth_token is None):
            raise ValueError("the Twilio account and its token are given together")
        if self.twilio_account_sid and not self.twilio_has_agreement:
            raise ValueError("Twilio is used only under a business associate agreement")
        return self

    @property
    def is_relay_safe(self) -> bool:
        """Say whether our relay is one without known flaws, or accepted with them."""
        if not self.turn_urls or self.turn_accepts_old:
            return True
        told = self.turn_version or "0.0.0"
        return tuple(int(part) for part in told.split(".")) >= TURN_SAFE_FROM
