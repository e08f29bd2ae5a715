"""The books on offer."""

from flask import Blueprint, abort, jsonify, render_template, request

from shop.database import connection

pages = Blueprint("catalogue", __name__)


@pages.get("/")
def front_page():
    """The page that a visitor sees first."""
    books = connection().execute("select * from products order by title").fetchall()
    return render_template("books.html", books=books)


@pages.get("/products/<int:number>")
def product(number: int):
    """One book."""
    row = connection().execute("select * from products where id = ?", (number,)).fetchone()
    if row is None:
        abort(404)
    return jsonify(dict(row))


@pages.get("/search")
def search():
    """The books whose title or author contains the words asked for."""
    words = request.args.get("q", "")
    rows = connection().execute(
        f"select * from products where title like '%{words}%' or author like '%{words}%' order by title"
    )
    return jsonify([dict(row) for row in rows])
