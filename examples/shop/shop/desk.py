"""The staff's desk: find customers, read the log, fetch a supplier's price list."""

import subprocess

import requests
from flask import Blueprint, abort, current_app, jsonify, request

from shop.accounts import staff_only
from shop.database import connection

pages = Blueprint("desk", __name__, url_prefix="/desk")


@pages.get("/customers")
@staff_only
def customers():
    """The customers whose e-mail address contains the words asked for."""
    query = "select id, email from customers where email like '%" + request.args.get("q", "") + "%'"
    return jsonify([dict(row) for row in connection().execute(query)])


@pages.get("/log")
@staff_only
def log():
    """The lines of the shop's log that contain the words asked for."""
    words = request.args.get("q", "")
    found = subprocess.run(
        f"grep -i '{words}' shop.log", shell=True, cwd=current_app.config["DATA"], capture_output=True
    )
    return found.stdout, {"Content-Type": "text/plain"}


@pages.post("/prices")
@staff_only
def prices():
    """New prices from a supplier's list: a JSON object of product number and cents."""
    answer = requests.get(request.form["url"], verify=False)
    if answer.status_code != 200:
        abort(502, "the supplier did not answer")
    changed = 0
    with connection() as database:
        for number, cents in answer.json().items():
            changed += database.execute(
                "update products set cents = ? where id = ?", (cents, number)
            ).rowcount
    return jsonify(changed=changed)
