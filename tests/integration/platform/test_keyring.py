"""The keyring on both databases: a silent provider, a full memory, a key used up, other parties."""

from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import select, text

from telehealth.identity.tables import Person
from telehealth.platform.clock import SystemClock
from telehealth.platform.sealing.aws_kms import AwsKmsProvider, KmsAccess
from telehealth.platform.sealing.errors import KeysUnavailable, ProviderUnsafe, SealedUnreadable
from telehealth.platform.sealing.keyring import Keyring, Limits
from telehealth.platform.sealing.providers import KeyProvider, LocalFileProvider, Mode
from telehealth.platform.sealing.vault_transit import VaultTransitProvider
from tests.support.key_servers import (
    ACCESS_KEY,
    VAULT_TOKEN,
    FakeAwsKms,
    FakeKeyServer,
    FakeVault,
    Fault,
)
from tests.support.requirements import Figure
from tests.support.sealed_rows import add_clinic, given_of, person
from tests.support.sealing import make_keyring, open_database, root_key_file


def vault_provider(vault: FakeVault) -> VaultTransitProvider:
    return VaultTransitProvider(vault.url, key="telehealth", token=SecretStr(VAULT_TOKEN))


@pytest.mark.requirement("CRY-06")
async def test_with_the_provider_down_keys_at_hand_serve_ten_minutes_and_no_longer(
    database_url: str, figure: Figure
) -> None:
    vault, at = FakeVault(), [1000.0]
    async with vault.listening():
        keyring = make_keyring(
            database_url, provider=vault_provider(vault), monotonic=lambda: at[0]
        )
        database = open_database(database_url, keyring=keyring)
        clinic_id = await add_clinic(database)
        one = person(clinic_id, "One")
        async with database.unit_of_work() as uow:
            uow.session.add(one)
        vault.is_down = True

        at[0] += 599
        assert await given_of(database, one.id) == "One"
        at[0] += 2
        with pytest.raises(KeysUnavailable):
            await given_of(database, one.id)
        with pytest.raises(KeysUnavailable):
            async with database.unit_of_work() as uow:
                uow.session.add(person(clinic_id, "NeverWritten"))
        async with database.reading() as session:
            assert await session.scalar(text("SELECT count(*) FROM people")) == 1

        vault.is_down = False
        assert await given_of(database, one.id) == "One"
        await database.close()
    figure("served at 599 s, refused at 601 s, nothing written, served again when back")


async def test_an_ageing_key_is_renewed_between_transactions(database_url: str) -> None:
    vault, at = FakeVault(), [1000.0]
    async with vault.listening():
        keyring = make_keyring(
            database_url, provider=vault_provider(vault), monotonic=lambda: at[0]
        )
        database = open_database(database_url, keyring=keyring)
        one = person(await add_clinic(database), "One")
        async with database.unit_of_work() as uow:
            uow.session.add(one)
        at[0] += 400
        await keyring.freshen()
        assert vault.asked == ["encrypt", "decrypt", "decrypt"]
        vault.is_down = True
        at[0] += 400

        assert await given_of(database, one.id) == "One"
        await database.close()


async def test_no_more_keys_are_kept_than_allowed(database_url: str) -> None:
    keyring = make_keyring(database_url, limits=Limits(keys=5))
    database = open_database(database_url, keyring=keyring)
    clinic_id = await add_clinic(database)
    async with database.unit_of_work() as uow:
        uow.session.add_all([person(clinic_id, f"P{number}") for number in range(20)])

    async with database.reading() as session:
        people = (await session.scalars(select(Person))).all()
        assert {each.given for each in people} == {f"P{number}" for number in range(20)}
    assert len(keyring._held) <= 5
    await database.close()


async def test_a_key_is_replaced_at_its_use_limit(database_url: str) -> None:
    keyring: Keyring = make_keyring(database_url, limits=Limits(uses=40, block=10))
    clinic_id = UUID(int=1)

    used = [(await keyring.sealer(clinic_id, "group:x"))[0] for _ in range(100)]

    assert [used.count(key_id) for key_id in dict.fromkeys(used)] == [40, 40, 20]
    await keyring.close()


async def test_the_pepper_is_drawn_once(database_url: str) -> None:
    one, other = make_keyring(database_url), make_keyring(database_url)

    key_id, pepper = await one.password_pepper()

    assert len(pepper) == 32
    assert await other.password_pepper() == (key_id, pepper)
    assert await other.password_pepper_of(key_id) == pepper
    await one.close()
    await other.close()


def provider_of(server: FakeKeyServer, *, right: bool = True) -> KeyProvider:
    """Make the provider that speaks a fake's protocol, with the right or a wrong secret."""
    if isinstance(server, FakeVault):
        token = SecretStr(VAULT_TOKEN if right else "hvs.wrong")
        return VaultTransitProvider(server.url, key="telehealth", token=token)
    access = KmsAccess(
        url=server.url,
        region="us-east-2",
        key="alias/telehealth",
        access_key=ACCESS_KEY if right else "AKIAWRONG",
        secret_key=SecretStr("invented"),
    )
    return AwsKmsProvider(access, clock=SystemClock())


@pytest.mark.parametrize("kind", [FakeVault, FakeAwsKms])
async def test_a_provider_wraps_for_one_clinic_and_key(kind: type[FakeKeyServer]) -> None:
    server, clinic, key_id = kind(), uuid4(), uuid4()
    async with server.listening():
        provider = provider_of(server)
        plain, wrapped = await provider.generate(clinic_id=clinic, key_id=key_id)
        again = await provider.wrap(plain, clinic_id=clinic, key_id=key_id)

        assert len(plain) == 32
        assert plain not in wrapped
        for each in (wrapped, again):
            assert await provider.unwrap(each, clinic_id=clinic, key_id=key_id) == plain
        with pytest.raises(SealedUnreadable):
            await provider.unwrap(wrapped, clinic_id=uuid4(), key_id=key_id)
        with pytest.raises(SealedUnreadable):
            await provider.unwrap(wrapped, clinic_id=clinic, key_id=uuid4())
        await provider.close()


@pytest.mark.requirement("CRY-06")
@pytest.mark.parametrize("kind", [FakeVault, FakeAwsKms])
@pytest.mark.parametrize("fault", Fault)
async def test_whatever_a_provider_does_wrong_is_keys_unavailable(
    kind: type[FakeKeyServer], fault: Fault
) -> None:
    server, ids = kind(), {"clinic_id": uuid4(), "key_id": uuid4()}
    async with server.listening():
        provider = provider_of(server)
        _, wrapped = await provider.generate(**ids)
        server.faults.append(fault)
        with pytest.raises(KeysUnavailable):
            await provider.unwrap(wrapped, **ids)

        assert len(await provider.unwrap(wrapped, **ids)) == 32
        wrong = provider_of(server, right=False)
        with pytest.raises(KeysUnavailable):
            await wrong.unwrap(wrapped, **ids)
        await wrong.close()
        await provider.close()


def test_a_root_key_in_a_file_is_refused_in_production(sqlite_url: str) -> None:
    path = root_key_file(sqlite_url)

    with pytest.raises(ProviderUnsafe, match="production"):
        LocalFileProvider(path, mode=Mode.PRODUCTION)
    path.chmod(0o644)
    with pytest.raises(ProviderUnsafe, match="chmod 600"):
        LocalFileProvider(path, mode=Mode.DEVELOPMENT)
    path.chmod(0o600)
    path.write_text("{}")
    with pytest.raises(ProviderUnsafe, match="no root key"):
        LocalFileProvider(path, mode=Mode.DEVELOPMENT)
