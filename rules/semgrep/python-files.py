import os
import shutil
import tarfile
import tempfile
from pathlib import Path

from flask import request, send_file, send_from_directory
from lxml import etree
from werkzeug.utils import secure_filename


def path_from_request(folder):
    name = request.args["name"]
    # ruleid: gk-python-path-from-request
    open(f"{folder}/{name}")
    # ruleid: gk-python-path-from-request
    send_file(os.path.join(folder, request.args.get("name")))
    upload = request.files["photo"]
    # ruleid: gk-python-path-from-request
    upload.save(os.path.join(folder, upload.filename))
    # ok: gk-python-path-from-request
    send_from_directory(folder, name)
    # ok: gk-python-path-from-request
    upload.save(os.path.join(folder, secure_filename(upload.filename)))
    # ok: gk-python-path-from-request
    open(os.path.join(folder, f"{int(name)}.txt"))


def temporary():
    # ruleid: gk-python-mktemp
    tempfile.mktemp()
    # ok: gk-python-mktemp
    tempfile.mkstemp()


def extract(path, folder):
    with tarfile.open(path) as tar:
        # ruleid: gk-python-unsafe-extract
        tar.extractall(folder)
        # ok: gk-python-unsafe-extract
        tar.extractall(folder, filter="data")
    # ruleid: gk-python-unsafe-extract
    shutil.unpack_archive(path, folder)
    # ok: gk-python-unsafe-extract
    shutil.unpack_archive(path, folder, filter="data")


def parse(data):
    # ruleid: gk-python-xml-entities
    etree.fromstring(data, etree.XMLParser(resolve_entities=True))
    # ruleid: gk-python-xml-entities
    etree.XMLParser(no_network=False)
    # ok: gk-python-xml-entities
    etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))


def permissions(path):
    # ruleid: gk-python-world-writable
    os.chmod(path, 0o777)
    # ruleid: gk-python-world-writable
    Path(path).chmod(0o666)
    # ok: gk-python-world-writable
    os.chmod(path, 0o600)
    # ok: gk-python-world-writable
    Path(path).chmod(0o755)
