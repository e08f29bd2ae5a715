"""Orders: place one, read one, take a cart out as a file and bring it back, fetch a receipt."""

import pickle
from pathlib import Path

from flask import Blueprint, abort, current_app, jsonify, render_template_string, request, session

from shop.accounts import customers_only
from shop.cart import priced
from shop.database import connection

pages = Blueprint("orders", __name__)


@pages.post("/orders")
@customers_only
def place():
    """The cart becomes an order, and the stock goes down."""
    lines = priced(session.get("cart", {}))
    if not lines:
        abort(400, "the cart is empty")
    cents = sum(line["cents"] * line["quantity"] for line in lines)
    with connection() as database:
        order = database.execute(
            "insert into orders (customer, cents) values (?, ?)", (session["customer"], cents)
        ).lastrowid
        for line in lines:
            values = (line["quantity"], line["product"], line["quantity"])
            taken = database.execute(
                "update products set stock = stock - ? where id = ? and stock >= ?", values
            )
            if taken.rowcount == 0:
                abort(409, f"{line['title']} is sold out")
            database.execute(
                "insert into order_lines (order_id, product, quantity, cents) values (?, ?, ?, ?)",
                (order, line["product"], line["quantity"], line["cents"]),
            )
    session.pop("cart")
    receipt = "".join(f"{line['quantity']} x {line['title']}\n" for line in lines)
    _receipts().joinpath(f"{order}.txt").write_text(receipt + f"total {cents / 100:.2f}\n")
    return jsonify(order=order, cents=cents), 201


@pages.get("/orders/<int:number>")
@customers_only
def show(number: int):
    """One of the customer's own orders."""
    mine = (number, session["customer"])
    row = connection().execute("select * from orders where id = ? and customer = ?", mine).fetchone()
    if row is None:
        abort(404)
    return jsonify(dict(row))


@pages.get("/receipt")
@customers_only
def receipt():
    """The receipt that was asked for, as text."""
    name = request.args["name"]
    with open(f"{_receipts()}/{name}", encoding="utf-8") as file:
        return file.read(), {"Content-Type": "text/plain"}


@pages.get("/cart/export")
def export_cart():
    """The cart as a file, to be kept or sent to a friend."""
    return pickle.dumps(session.get("cart", {})), {"Content-Type": "application/octet-stream"}


@pages.post("/cart/import")
def import_cart():
    """The cart out of a file made by the export."""
    session["cart"] = pickle.loads(request.get_data())
    return jsonify(lines=priced(session["cart"]))


@pages.get("/thanks")
def thanks():
    """A few words after an order."""
    name = request.args.get("name", "reader")
    return render_template_string(f"<p>Thank you, {name}. Your books are on their way.</p>")


def _receipts() -> Path:
    return current_app.config["DATA"] / "receipts"
