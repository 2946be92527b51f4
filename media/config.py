"""Environment of a media node; read once by the composition root."""

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class MediaSettings(BaseSettings):
    """Settings of `media serve`; every name is prefixed ``MEDIA_``."""

    model_config = SettingsConfigDict(env_prefix="MEDIA_", frozen=True, extra="forbid")

    node_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
    """Name of this node: its place in the registry and the audience of control tokens."""

    listen_address: IPv4Address
    """Address the UDP socket is bound to.  Never a wildcard: replies leave from it."""

    port: Annotated[int, Field(ge=0, le=65_535)]
    """UDP port of this process; 0 lets the system choose, for tests and the demo."""

    public_address: IPv4Address
    """Address put in our host candidate.  No default: guessing it breaks calls quietly."""

    listen_address_v6: IPv6Address | None = None
    """Second socket on the same port, for IPv6; None where the host has none."""

    public_address_v6: IPv6Address | None = None
    """Address of the IPv6 host candidate; given exactly when `listen_address_v6` is."""

    control_listen: Annotated[str, Field(pattern=r"^(\[[0-9a-f:]+\]|[^:\[\]]+):[0-9]{1,5}$")]
    """`host:port` of the control socket, on the internal network only."""

    control_url: Annotated[str, Field(pattern=r"^wss?://")]
    """Where signaling reaches the control socket; told in the registry."""

    control_key: SecretStr
    """base64url text of 32 random bytes; authenticates signaling.  No default, anywhere."""

    redis_url: SecretStr
    """Redis of the registry; secret because it may hold a password."""

    rooms_max: Annotated[int, Field(ge=1, le=2_000)] = 80
    """Rooms admitted at once, whatever the load."""

    load_max: Annotated[float, Field(ge=0.0, le=1.0)] = 0.7
    """Share of a core, as projected, above which no new room is taken; a join to a running room is
    taken up to 0.15 more.  0 leaves load out of it: the other limits alone count."""

    peers_max: Annotated[int, Field(ge=1, le=2_000)] = 400
    """Peers admitted at once; bounds memory."""

    drain_limit_s: Annotated[float, Field(ge=0.0, le=120.0)] = 8.0
    """Seconds running rooms are given after SIGTERM to move to another node or to end, before they
    are told they are lost.  An empty node ends at once.  Moves begin 0.2 s apart and take up to
    6 s: 30 s or more suits a node with many rooms."""

    operator_socket: Path | None = None
    """Unix socket of the operator's door (`media inspect-room`, `media drain`), mode 0600: who may
    open the file may ask.  None: there is no door."""

    record_folder: Path | None = None
    """Folder for recordings of the pure machines' inputs, switched on and off through the
    operator's door.  They hold no media, key, address or name.  None: nothing can be recorded."""

    @model_validator(mode="after")
    def _no_wildcard(self) -> Self:
        if self.listen_address.is_unspecified or (
            self.listen_address_v6 is not None and self.listen_address_v6.is_unspecified
        ):
            raise ValueError("a wildcard cannot be listened on")
        if (self.listen_address_v6 is None) != (self.public_address_v6 is None):
            raise ValueError("both IPv6 addresses or none")
        return self
