"""A small seeded mutator: bit flips, splices, repeats, lies about length."""

import random


def mutated(source: random.Random, sample: bytes) -> bytes:
    """Return a sample changed in one to four ways."""
    data = bytearray(sample)
    for _ in range(source.randint(1, 4)):
        at = source.randrange(len(data) + 1)
        match source.randrange(6):
            case 0 if data:
                data[at % len(data)] ^= 1 << source.randrange(8)
            case 1:
                del data[at : at + source.randint(1, 8)]
            case 2:
                data[at:at] = source.randbytes(source.randint(1, 8))
            case 3:
                other = source.randrange(len(data) + 1)
                data[at:at] = data[min(at, other) : max(at, other)]
            case 4 if data:
                data[at % len(data)] = source.choice((0x00, 0x7F, 0x80, 0xFF))
            case _:
                data[at:] = b""
    return bytes(data)


def token_swapped(source: random.Random, text: str) -> str:
    """Return a text with lines dropped, doubled, swapped, or a word replaced by another one."""
    lines = text.split("\r\n")
    for _ in range(source.randint(1, 4)):
        at, other = source.randrange(len(lines)), source.randrange(len(lines))
        match source.randrange(5):
            case 0 if len(lines) > 1:
                del lines[at]
            case 1:
                lines.insert(other, lines[at])
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                lines[at] = lines[at][: source.randrange(len(lines[at]) + 1)]
            case _:
                words = text.replace("\r\n", " ").split(" ")
                lines[at] = lines[at].replace(source.choice(words) or "a", source.choice(words), 1)
    return "\r\n".join(lines)
