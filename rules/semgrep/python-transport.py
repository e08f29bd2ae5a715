import ssl
import urllib.request

import paramiko
import requests
from flask import request

SUPPLIERS = {"north": "https://north.example/prices"}


def calls(session):
    # ruleid: gk-python-tls-unverified
    requests.get("https://bank.example", verify=False)
    # ruleid: gk-python-tls-unverified
    session.verify = False
    # ok: gk-python-tls-unverified
    requests.get("https://bank.example", timeout=10)
    # ok: gk-python-tls-unverified
    requests.get("https://bank.example", verify="/etc/ca.pem")


def contexts():
    # ruleid: gk-python-ssl-unverified-context
    context = ssl._create_unverified_context()
    # ruleid: gk-python-ssl-unverified-context
    context.check_hostname = False
    # ok: gk-python-ssl-unverified-context
    context = ssl.create_default_context()
    # ruleid: gk-python-old-tls
    context.minimum_version = ssl.TLSVersion.TLSv1
    # ruleid: gk-python-old-tls
    ssl.SSLContext(ssl.PROTOCOL_TLSv1_1)
    # ok: gk-python-old-tls
    context.minimum_version = ssl.TLSVersion.TLSv1_2


def secure_shell(client):
    # ruleid: gk-python-ssh-any-host-key
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    # ok: gk-python-ssh-any-host-key
    client.set_missing_host_key_policy(paramiko.RejectPolicy())


def fetch():
    # ruleid: gk-python-request-forgery
    requests.get(request.args["url"], timeout=10)
    address = request.form.get("url")
    # ruleid: gk-python-request-forgery
    urllib.request.urlopen(f"https://{address}/prices")
    # ok: gk-python-request-forgery
    requests.get(SUPPLIERS[request.args["supplier"]], timeout=10)
    # ok: gk-python-request-forgery
    requests.get(SUPPLIERS.get(request.form["supplier"]), timeout=10)
    # ok: gk-python-request-forgery
    requests.post("https://bank.example", data=request.form, timeout=10)


def listen(app):
    # ruleid: gk-python-every-interface
    app.run(port=8000, host="0.0.0.0")
    # ok: gk-python-every-interface
    app.run(port=8000, host="127.0.0.1")
