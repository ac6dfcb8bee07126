"""Files signed with Content Credentials by a chain of certificates that the test makes itself."""

from __future__ import annotations

import datetime
import io
import json


def signed(photo: bytes, *, action: str = "c2pa.created", source_type: str = "digitalCapture") -> bytes:
    """A signed copy of a JPEG; needs c2pa-python and cryptography."""
    return signed_by(chain(), photo, action=action, source_type=source_type)


def signed_by(
    signer: tuple[bytes, bytes], photo: bytes, *, action: str = "c2pa.created", source_type: str = "digitalCapture"
) -> bytes:
    """The same. Args: signer: from :func:`chain`."""
    import c2pa

    certificates, key = signer
    actions = [
        {"action": "c2pa.created", "digitalSourceType": f"http://cv.iptc.org/newscodes/digitalsourcetype/{source_type}"}
    ]
    if action != "c2pa.created":
        actions.append({"action": action})
    manifest = {
        "claim_generator_info": [{"name": "a test", "version": "1"}],
        "title": "signed.jpg",
        "assertions": [{"label": "c2pa.actions", "data": {"actions": actions}}],
    }
    info = c2pa.C2paSignerInfo(alg=b"es256", sign_cert=certificates, private_key=key, ta_url=None)
    result = io.BytesIO()
    with c2pa.Signer.from_info(info) as signer, c2pa.Builder(json.dumps(manifest)) as builder:
        builder.sign(signer, "image/jpeg", io.BytesIO(photo), result)
    return result.getvalue()


def chain() -> tuple[bytes, bytes]:
    """(signer's and authority's certificates, the signer's key), PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def name(text: str) -> x509.Name:
        kinds = (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
        return x509.Name([x509.NameAttribute(kind, text) for kind in kinds])

    def certificate(subject, issuer, key, signing_key, authority_key, extensions):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), False)
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        made = builder.sign(signing_key, hashes.SHA256())
        return made.public_bytes(serialization.Encoding.PEM)

    def usage(*, signs_certificates: bool):
        flags = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
             "decipher_only"), False
        )  # fmt: skip
        return x509.KeyUsage(
            digital_signature=True, key_cert_sign=signs_certificates, crl_sign=signs_certificates, **flags
        )

    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = certificate(
        "test authority", "test authority", authority, authority, authority,
        [(x509.BasicConstraints(ca=True, path_length=None), True), (usage(signs_certificates=True), True)],
    )  # fmt: skip
    own = certificate(
        "test signer", "test authority", key, authority, authority,
        [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (usage(signs_certificates=False), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False),
        ],
    )  # fmt: skip
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return own + root, private
