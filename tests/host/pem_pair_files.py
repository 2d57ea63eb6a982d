# pem_pair_files - a client's certificate and key in files of all kinds: right ones, wrong ones.
# SPDX-License-Identifier: MIT


from pem_made import (
    crl,
    labelled,
    line_by_line,
    locked,
    openssh,
    openssl,
    p12,
    p12_text,
    within,
    without,
)

# name: (certificate, key) of a client. These connect.
GOOD_PAIR = {
    "PKCS#8": lambda k: (k.client, k.client_key),
    "PKCS#1": lambda k: (
        k.client,
        openssl("rsa", "-traditional", "-in", k.path("client.key")),
    ),
    "marks and CR LF": lambda k: (
        b"\xef\xbb\xbf" + k.client.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + k.client_key.replace(b"\n", b"\r\n"),
    ),
    "CR": lambda k: (k.client.replace(b"\n", b"\r"), k.client_key.replace(b"\n", b"\r")),
    "pkcs12 with bag attributes": lambda k: (
        p12_text(k, "-clcerts", "-nokeys"),
        p12_text(k, "-nocerts", "-noenc"),
    ),
    "key and certificate in the key's file": lambda k: (k.client, k.client + k.client_key),
    "with its CA": lambda k: (k.client + k.ca, k.client_key),
    "through an intermediate": lambda k: (k.below + k.inner, k.below_key),
    "openssl -text": lambda k: (
        openssl("x509", "-text", "-in", k.path("client.pem")),
        openssl("pkey", "-text", "-in", k.path("client.key")),
    ),
}  # fmt: skip

# name: ((certificate, key), which of them, words that must stand in the error). Nothing is sent.
BAD_PAIR = {
    "encrypted PKCS#8": (
        lambda k: (k.client, locked(k, "pkcs8", "-topk8")),
        "key",
        "encrypted|openssl pkey -in {} -out new.key",
    ),
    "encrypted PKCS#1": (
        lambda k: (k.client, locked(k, "rsa", "-traditional", "-aes128")),
        "key",
        "encrypted|openssl pkey -in {} -out new.key",
    ),
    "encrypted PKCS#8, DER": (
        lambda k: (k.client, locked(k, "pkcs8", "-topk8", "-outform", "DER")),
        "key",
        "encrypted|openssl pkey -inform DER -in {} -out new.key",
    ),
    "key in DER": (
        lambda k: (k.client, openssl("pkey", "-in", k.path("client.key"), "-outform", "DER")),
        "key",
        "is DER|openssl pkey -inform DER -in {} -out new.key",
    ),
    "PKCS#1 in DER": (
        lambda k: (
            k.client,
            openssl("rsa", "-traditional", "-in", k.path("client.key"), "-outform", "DER"),
        ),
        "key",
        "is DER|openssl pkey -inform DER -in {} -out new.key",
    ),
    "key in PKCS#12": (
        lambda k: (k.client, p12(k)),
        "key",
        "PKCS#12|openssl pkcs12 -in {} -nocerts -nodes -out new.key",
    ),
    "certificate in PKCS#12": (
        lambda k: (p12(k), k.client_key),
        "cert",
        "PKCS#12|openssl pkcs12 -in {} -clcerts -nokeys -out new.pem",
    ),
    "PuTTY 2": (
        lambda k: (k.client, b"PuTTY-User-Key-File-2: ssh-rsa\r\nEncryption: none\r\n"),
        "key",
        "PuTTY's own form|puttygen {} -O private-openssh -o",
    ),
    "PuTTY 3": (
        lambda k: (k.client, b"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: aes256-cbc\n"),
        "key",
        "PuTTY's own form|puttygen {} -O private-openssh -o",
    ),
    "SSH2": (
        lambda k: (k.client, b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: x\nAA==\n"),
        "key",
        "PuTTY's own form|puttygen",
    ),
    "PVK": (
        lambda k: (k.client, b"\x1e\xf1\xb5\xb0" + bytes(60)),
        "key",
        "PVK|openssl rsa -inform PVK -in {}",
    ),
    "encrypted, CR": (
        lambda k: (k.client, locked(k, "rsa", "-traditional", "-aes256").replace(b"\n", b"\r")),
        "key",
        "encrypted|openssl pkey -in {}",
    ),
    "encrypted by scrypt": (
        lambda k: (k.client, locked(k, "pkcs8", "-topk8", "-scrypt")),
        "key",
        "encrypted|openssl pkey -in {} -out new.key",
    ),
    "headers of RFC 1421, clear": (
        lambda k: (k.client, within(k.client_key, b"Proc-Type: 4,CLEAR\n\n")),
        "key",
        "headers or remarks within|sed '/[:#]/d' {} > new.key",
    ),
    "key quoted by mail": (
        lambda k: (k.client, line_by_line(k.client_key, lambda i, row: b"> " + row)),
        "key",
        "quoted, as by mail|sed 's/^[> ]*//' {} > new.key",
    ),
    "key without marks": (
        lambda k: (k.client, b"\n".join(k.client_key.split(b"\n")[1:-2])),
        "key",
        "in base64|base64 -d {} > new.der; openssl pkey -inform DER -in new.der -out new.key",
    ),
    "request as key": (
        lambda k: (k.client, k.path("client.csr").read_bytes()),
        "key",
        "request (CSR), no key|made with",
    ),
    "revocation list as key": (
        lambda k: (k.client, crl(k)),
        "key",
        "revocation list (CRL), no key",
    ),
    "OpenSSH": (lambda k: (k.client, openssh(k)), "key", "OpenSSH|ssh-keygen -p -m PEM"),
    "another key": (lambda k: (k.client, k.stray_key), "key", "does not belong"),
    "the CA's key": (lambda k: (k.client, k.ca_key), "key", "does not belong"),
    "another certificate": (lambda k: (k.server, k.client_key), "key", "does not belong"),
    "the CA first": (lambda k: (k.ca + k.client, k.client_key), "key", "comes first"),
    "two keys": (lambda k: (k.client, k.stray_key + k.client_key), "key", "more than one"),
    "swapped": (lambda k: (k.client_key, k.client), "cert", "is a private key"),
    "the certificate twice": (lambda k: (k.client, k.client), "key", "is a certificate"),
    "certificate in DER as key": (
        lambda k: (k.client, openssl("x509", "-in", k.path("client.pem"), "-outform", "DER")),
        "key",
        "is a certificate",
    ),
    "public key": (
        lambda k: (k.client, openssl("pkey", "-in", k.path("client.key"), "-pubout")),
        "key",
        "is a public key",
    ),
    "public key in DER": (
        lambda k: (
            k.client,
            openssl("pkey", "-in", k.path("client.key"), "-pubout", "-outform", "DER"),
        ),
        "key",
        "is a public key",
    ),
    "request as certificate": (
        lambda k: (k.path("client.csr").read_bytes(), k.client_key),
        "cert",
        "request (CSR)",
    ),
    "combined as certificate": (
        lambda k: (k.client + k.client_key, k.client_key),
        "cert",
        "private key in it|sed '/PRIVATE KEY/,/PRIVATE KEY/d' {} > new.pem",
    ),
    "key with a row missing": (
        lambda k: (k.client, without(k.client_key, 4)),
        "key",
        "damaged|48 bytes are missing",
    ),
    "key cut short": (lambda k: (k.client, k.client_key[:-30]), "key", "cut short"),
    "PKCS#1 named PKCS#8": (
        lambda k: (
            k.client,
            labelled(
                openssl("rsa", "-traditional", "-in", k.path("client.key")),
                b"RSA PRIVATE",
                b"PRIVATE",
            ),
        ),
        "key",
        "is not what its -----BEGIN line says",
    ),
    "PKCS#8 named PKCS#1": (
        lambda k: (k.client, labelled(k.client_key, b"PRIVATE", b"RSA PRIVATE")),
        "key",
        "is not what its -----BEGIN line says",
    ),
    "Ed25519": (lambda k: (k.stray_ca, k.stray_ca_key), "cert", "RSA"),
    "Ed25519 key": (lambda k: (k.client, k.stray_ca_key), "key", "RSA"),
    "RSA key for PSS alone": (lambda k: (k.client, k.pss_key), "key", "RSA"),
    "UTF-16 key": (
        lambda k: (k.client, k.client_key.decode().encode("utf-16")),
        "key",
        "UTF-16|iconv -f UTF-16 -t UTF-8 {} > new.key",
    ),
    "EC certificate, RSA key": (lambda k: (k.ec_client, k.client_key), "key", "does not belong"),
}
