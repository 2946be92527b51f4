"""Signing keys for tests."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from telehealth.platform.clock import Clock
from telehealth.platform.signing import KeyState, SigningKey, TokenSigner


def key_for_tests(seed: int = 1, state: KeyState = KeyState.ACTIVE) -> SigningKey:
    """Make the same key for the same seed."""
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return SigningKey.of(private, state)


def signer_for_tests(clock: Clock) -> TokenSigner:
    """Make a signer with one key."""
    return TokenSigner([key_for_tests()], clock=clock)
