import hashlib
import os
import random
import secrets

import jwt
from Crypto.Cipher import AES, DES
from cryptography.fernet import Fernet


def checksums(data):
    # ruleid: gk-python-weak-hash
    hashlib.md5(data)
    # ruleid: gk-python-weak-hash
    hashlib.new("sha1", data)
    # ok: gk-python-weak-hash
    hashlib.md5(data, usedforsecurity=False)
    # ok: gk-python-weak-hash
    hashlib.sha256(data)


def stored(password, salt, data):
    # ruleid: gk-python-password-fast-hash
    hashlib.sha256(password.encode()).hexdigest()
    # ruleid: gk-python-password-fast-hash
    hashlib.sha512(salt + password)
    # ok: gk-python-password-fast-hash
    hashlib.scrypt(password.encode(), salt=salt, n=16384, r=8, p=1)
    # ok: gk-python-password-fast-hash
    hashlib.sha256(data)


def draws(alphabet):
    # ruleid: gk-python-random-for-secret
    reset_token = "".join(random.choice(alphabet) for _ in range(20))
    # ruleid: gk-python-random-for-secret
    salt = random.getrandbits(64)
    # ok: gk-python-random-for-secret
    api_token = secrets.token_urlsafe()
    # ok: gk-python-random-for-secret
    colour = random.choice(["red", "blue"])


def make_password(alphabet):
    # ruleid: gk-python-random-for-secret
    return "".join(random.sample(alphabet, 12))


def ciphers(key):
    # ruleid: gk-python-weak-cipher
    DES.new(key, DES.MODE_CBC)
    # ruleid: gk-python-weak-cipher
    AES.new(key, AES.MODE_ECB)
    # ok: gk-python-weak-cipher
    AES.new(key, AES.MODE_GCM)
    # ok: gk-python-weak-cipher
    Fernet(key)


# ruleid: gk-python-hard-coded-secret
DB_PASSWORD = "not-a-real-password"
# ruleid: gk-python-hard-coded-secret
app.secret_key = "fake-key-for-the-rule-test"
# ruleid: gk-python-hard-coded-secret
config["API_KEY"] = "fake-fake-fake-fake"
# ruleid: gk-python-hard-coded-secret
connect(host="db", password="not-a-real-password")
# ruleid: gk-python-hard-coded-secret
signing_secret = os.environ.get("SIGNING_SECRET", "fake-default-secret")
# ok: gk-python-hard-coded-secret
DB_PASSWORD = os.environ["DB_PASSWORD"]
# ok: gk-python-hard-coded-secret
PASSWORD = ""
# ok: gk-python-hard-coded-secret
token_url = "https://login.example/token"
# ok: gk-python-hard-coded-secret
password = "changeme"
# ok: gk-python-hard-coded-secret
secret = "${VAULT_SECRET}"
# ok: gk-python-hard-coded-secret
password = "please type your password"


def tokens(token, key):
    # ruleid: gk-python-jwt-unverified
    jwt.decode(token, options={"verify_signature": False})
    # ruleid: gk-python-jwt-unverified
    jwt.decode(token, key, algorithms=["RS256", "none"])
    # ok: gk-python-jwt-unverified
    jwt.decode(token, key, algorithms=["RS256"])
