import base64
import json
import pickle
import shelve

import yaml
from flask import request


def pickle_from_request(path):
    # ruleid: gk-python-pickle-from-request, gk-python-pickle
    cart = pickle.loads(request.get_data())
    raw = base64.b64decode(request.cookies["cart"])
    # ruleid: gk-python-pickle-from-request, gk-python-pickle
    cart = pickle.loads(raw)
    # ok: gk-python-pickle-from-request, gk-python-pickle
    cart = json.loads(request.get_data())
    # ok: gk-python-pickle-from-request
    # ruleid: gk-python-pickle
    return pickle.loads(path.read_bytes())


def shelf(path):
    # ruleid: gk-python-pickle
    with shelve.open(path) as kept:
        return kept


# ok: gk-python-pickle
saved = pickle.dumps({"a": 1})


def read_yaml(text):
    # ruleid: gk-python-yaml-load
    yaml.load(text)
    # ruleid: gk-python-yaml-load
    yaml.load(text, Loader=yaml.Loader)
    # ruleid: gk-python-yaml-load
    yaml.unsafe_load(text)
    # ok: gk-python-yaml-load
    yaml.load(text, Loader=yaml.SafeLoader)
    # ok: gk-python-yaml-load
    yaml.safe_load(text)
