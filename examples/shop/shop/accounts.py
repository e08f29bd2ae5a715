"""Customers: register, log in, log out."""

import functools
import sqlite3

from flask import Blueprint, abort, jsonify, request, session

from shop.database import connection
from shop.passwords import hashed, matches

pages = Blueprint("accounts", __name__)


@pages.post("/register")
def register():
    """A new customer, logged in."""
    email, password = request.form.get("email", ""), request.form.get("password", "")
    if "@" not in email or len(password) < 8:
        abort(400, "an e-mail address and a password of at least 8 characters, please")
    try:
        with connection() as database:
            cursor = database.execute(
                "insert into customers (email, password) values (?, ?)", (email, hashed(password))
            )
    except sqlite3.IntegrityError:
        abort(409, "this e-mail address has an account")
    session["customer"] = cursor.lastrowid
    return jsonify(email=email), 201


@pages.post("/login")
def log_in():
    """The customer, logged in; 401 when e-mail address and password do not belong together."""
    email, password = request.form.get("email", ""), request.form.get("password", "")
    row = connection().execute("select * from customers where email = ?", (email,)).fetchone()
    if row is None or not matches(password, row["password"]):
        abort(401, "no such account, or another password")
    session["customer"] = row["id"]
    return jsonify(email=row["email"])


@pages.post("/logout")
def log_out():
    """Nobody is logged in any more."""
    session.clear()
    return "", 204


def customers_only(page):
    """The page, for people who are logged in."""

    @functools.wraps(page)
    def guarded(*args, **kwargs):
        if "customer" not in session:
            abort(401, "please log in")
        return page(*args, **kwargs)

    return guarded


def staff_only(page):
    """The page, for the shop's own people."""

    @functools.wraps(page)
    @customers_only
    def guarded(*args, **kwargs):
        number = session["customer"]
        row = connection().execute("select is_staff from customers where id = ?", (number,)).fetchone()
        if row is None or not row["is_staff"]:
            abort(403, "for staff")
        return page(*args, **kwargs)

    return guarded
