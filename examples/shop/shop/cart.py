"""The cart, kept in the visitor's signed session cookie as {product number: quantity}."""

from flask import Blueprint, abort, jsonify, request, session

from shop.database import connection

pages = Blueprint("cart", __name__)


@pages.get("/cart")
def show():
    """The lines of the cart and their sum."""
    lines = priced(session.get("cart", {}))
    return jsonify(lines=lines, cents=sum(line["cents"] * line["quantity"] for line in lines))


@pages.post("/cart")
def add():
    """The cart with one more line."""
    number, quantity = request.form.get("product", type=int), request.form.get("quantity", 1, type=int)
    row = connection().execute("select stock from products where id = ?", (number,)).fetchone()
    if row is None:
        abort(404, "no such book")
    cart = session.get("cart", {})
    wanted = cart.get(str(number), 0) + quantity
    if quantity < 1 or wanted > row["stock"]:
        abort(409, f"{row['stock']} in stock")
    session["cart"] = {**cart, str(number): wanted}
    return show()


def priced(cart: dict[str, int]) -> list[dict]:
    """The lines of a cart with title and price, in the order they were added."""
    lines = []
    for number, quantity in cart.items():
        row = (
            connection().execute("select title, cents from products where id = ?", (int(number),)).fetchone()
        )
        if row is not None:
            lines.append(
                {"product": int(number), "title": row["title"], "cents": row["cents"], "quantity": quantity}
            )
    return lines
