import pytest

from telehealth.identity.devices import device_of

MOZILLA = "Mozilla/5.0"


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        (f"{MOZILLA} (Windows NT 10.0) Chrome/156.0 Safari/537.36 Edg/156.0", "Edge/Windows"),
        (f"{MOZILLA} (X11; Linux x86_64) Chrome/156.0 Safari/537.36", "Chrome/Linux"),
        (f"{MOZILLA} (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", "Firefox/Linux"),
        (f"{MOZILLA} (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/604.1", "Safari/iPhone"),
        (f"{MOZILLA} (Macintosh; Intel Mac OS X 15_0) Version/19 Safari/605", "Safari/Mac"),
        (
            f"{MOZILLA} (Linux; Android 16) SamsungBrowser/29.0 Chrome/140",
            "Samsung Internet/Android",
        ),
        ("curl/8.0", "unknown/unknown"),
        ("", "unknown/unknown"),
    ],
)
def test_a_browser_is_told_in_two_words(agent: str, told: str) -> None:
    assert device_of(agent) == told


def test_nothing_else_of_what_a_browser_says_is_kept() -> None:
    assert device_of("<script>Ada</script>" * 1000) == "unknown/unknown"
    assert len(device_of("SamsungBrowser CrOS")) <= 40
