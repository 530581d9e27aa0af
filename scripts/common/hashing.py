"""Keyed hashes: deterministic choices that depend on no order, worker count or hash seed."""

import hashlib

_SPAN = 1 << 64


def keyed_hash(seed: int, purpose: str, *parts: str) -> int:
    """Return a 64-bit BLAKE2b hash of `parts`, independent for each (`seed`, `purpose`).

    Returns:
        An integer in [0, 2**64).
    """
    encoded = (part.encode("utf-8", "surrogatepass") for part in parts)
    message = b"".join(b"%d:%b" % (len(part), part) for part in encoded)
    key = f"{purpose}:{seed}".encode()
    return int.from_bytes(hashlib.blake2b(message, digest_size=8, key=key).digest(), "big")


def keyed_fraction(seed: int, purpose: str, *parts: str) -> float:
    """Return the leading 53 bits of `keyed_hash` as a number in [0, 1)."""
    return (keyed_hash(seed, purpose, *parts) >> 11) / (1 << 53)


def range_of_part(part: int, parts: int) -> tuple[int, int]:
    """Return the half-open range of 64-bit hashes that part `part` of `parts` holds."""
    return -(-part * _SPAN // parts), -(-(part + 1) * _SPAN // parts)
