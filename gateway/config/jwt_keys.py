"""The public key that checks JSON Web Tokens."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

_ALGORITHMS = {
    rsa.RSAPublicKey: "RS256",
    ec.EllipticCurvePublicKey: "ES256",
    ed25519.Ed25519PublicKey: "EdDSA",
    ed448.Ed448PublicKey: "EdDSA",
}


def algorithm_of(pem: str) -> str:
    """The algorithm of the tokens that this public key checks. Raises ValueError if the key is not a public key of a
    known kind."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    for kind, algorithm in _ALGORITHMS.items():
        if isinstance(key, kind) and not (isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name != "secp256r1"):
            return algorithm
    raise ValueError(
        "JWT_PUBLIC_KEY is not a public key for RS256, ES256 or EdDSA; such a key begins with "
        "-----BEGIN PUBLIC KEY-----; keep its line breaks"
    )
