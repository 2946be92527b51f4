"""Settings of sealed storage, and the keyring made from them."""

from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from pydantic import SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from telehealth.platform.clock import Clock, SystemClock
from telehealth.platform.db import Database
from telehealth.platform.sealing.aws_kms import AwsKmsProvider, KmsAccess
from telehealth.platform.sealing.errors import ProviderUnsafe
from telehealth.platform.sealing.keyring import Keyring
from telehealth.platform.sealing.providers import KeyProvider, LocalFileProvider, Mode
from telehealth.platform.sealing.vault_transit import VaultTransitProvider


class ProviderKind(StrEnum):
    """Who holds the root key."""

    LOCAL_FILE = "local-file"
    AWS_KMS = "aws-kms"
    VAULT_TRANSIT = "vault-transit"


class SealingSettings(BaseSettings):
    """Settings that every process with a database has; every name is prefixed ``TELEHEALTH_``."""

    model_config = SettingsConfigDict(env_prefix="TELEHEALTH_", frozen=True, extra="forbid")

    mode: Mode
    """`production`, `development` or `demo`; production refuses what the others take."""

    keys_database_url: SecretStr
    """Database of the wrapped keys; never the one of the data, and backed up apart from it."""

    key_provider: ProviderKind
    """`local-file` (refused in production), `aws-kms` or `vault-transit`."""

    root_key_file: Path | None = None
    """For `local-file`: made by `telehealth keys make-root`; mode 0600."""

    kms_url: str | None = None
    """For `aws-kms`: endpoint, such as `https://kms.us-east-2.amazonaws.com`."""

    kms_region: str | None = None
    """For `aws-kms`: region that requests are signed for."""

    kms_key: str | None = None
    """For `aws-kms`: ARN or alias of the root key."""

    kms_access_key: str | None = None
    """For `aws-kms`: access key id of the service."""

    kms_secret_key: SecretStr | None = None
    """For `aws-kms`: its secret."""

    vault_url: str | None = None
    """For `vault-transit`: address of the server, such as `https://vault.example.org:8200`."""

    vault_key: str | None = None
    """For `vault-transit`: name of the root key in the `transit` engine (`aes256-gcm96`)."""

    vault_token: SecretStr | None = None
    """For `vault-transit`: token whose policy allows encrypt and decrypt with that key alone."""

    @model_validator(mode="after")
    def _names_its_provider(self) -> "SealingSettings":
        """Refuse a provider whose own settings are missing, and the file in production."""
        needed = {
            ProviderKind.LOCAL_FILE: ("root_key_file",),
            ProviderKind.AWS_KMS: (
                "kms_url",
                "kms_region",
                "kms_key",
                "kms_access_key",
                "kms_secret_key",
            ),
            ProviderKind.VAULT_TRANSIT: ("vault_url", "vault_key", "vault_token"),
        }[self.key_provider]
        if missing := [name for name in needed if getattr(self, name) is None]:
            raise ValueError(f"{self.key_provider.value} needs {', '.join(missing)}")
        if self.mode is Mode.PRODUCTION and self.key_provider is ProviderKind.LOCAL_FILE:
            raise ValueError("key provider local-file is refused in production")
        return self


def provider_from(settings: SealingSettings) -> KeyProvider:
    """Make the key provider.

    Raises:
        ProviderUnsafe: It may not be used here.
    """
    match settings.key_provider:
        case ProviderKind.LOCAL_FILE:
            return LocalFileProvider(_given(settings.root_key_file), mode=settings.mode)
        case ProviderKind.AWS_KMS:
            access = KmsAccess(
                url=_given(settings.kms_url),
                region=_given(settings.kms_region),
                key=_given(settings.kms_key),
                access_key=_given(settings.kms_access_key),
                secret_key=_given(settings.kms_secret_key),
            )
            return AwsKmsProvider(access, clock=SystemClock())
        case ProviderKind.VAULT_TRANSIT:
            return VaultTransitProvider(
                _given(settings.vault_url),
                key=_given(settings.vault_key),
                token=_given(settings.vault_token),
            )


def keyring_from(settings: SealingSettings, *, data_url: str, clock: Clock) -> Keyring:
    """Make the keyring of a process.

    Raises:
        ProviderUnsafe: The provider may not be used here, or keys would lie with the data.
    """
    keys_url = settings.keys_database_url.get_secret_value()
    if keys_url == data_url:
        raise ProviderUnsafe("the keys need a database of their own, apart from the data")
    return Keyring(provider_from(settings), Database(keys_url), clock=clock)


Given = TypeVar("Given")


def _given(value: Given | None) -> Given:
    if value is None:  # pragma: no cover  (the settings were validated)
        raise ProviderUnsafe("a setting of the key provider is missing")
    return value
