"""The rules of the outbound client that need no network."""

from ipaddress import ip_address

import httpx
import pytest

from telehealth.platform.egress import EgressRefused, is_local, is_public, partner_client


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("::1", True),
        ("fd00::1", True),
        ("ehr", True),
        ("ehr.local", True),
        ("ehr.internal", True),
        ("ehr.example.org", False),
        ("93.184.216.34", False),
        ("", True),
    ],
)
def test_what_an_operator_configured_as_local_is_local(host: str, *, local: bool) -> None:
    assert is_local(host) is local


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104  (an address to refuse)
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
    ],
)
def test_addresses_of_our_own_network_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_addresses_of_the_internet_are(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/fhir",
        "http://ehr.example.org/fhir",
        "https://ehr.example.org:8443/fhir",
        "https://ehr.example.org@evil.example/",
        "//evil.example/x",
    ],
)
async def test_another_origin_than_the_partners_is_never_called(url: str) -> None:
    async with partner_client(base_url="https://ehr.example.org/fhir") as client:
        with pytest.raises(EgressRefused):
            await client.get(httpx.URL("https://ehr.example.org/fhir").join(url))
