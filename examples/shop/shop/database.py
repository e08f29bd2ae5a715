"""The shop's SQLite database: its tables, its first rows, and one connection per request."""

import sqlite3
from pathlib import Path

from flask import Flask, current_app, g

from shop.passwords import hashed

TABLES = """
create table if not exists products (
    id integer primary key, title text not null, author text not null,
    cents integer not null, stock integer not null
);
create table if not exists customers (
    id integer primary key, email text not null unique, password text not null,
    is_staff integer not null default 0
);
create table if not exists orders (
    id integer primary key, customer integer not null references customers(id), cents integer not null
);
create table if not exists order_lines (
    order_id integer not null references orders(id),
    product integer not null references products(id),
    quantity integer not null, cents integer not null
);
"""

BOOKS = [
    ("The Trial", "Franz Kafka", 1290, 12),
    ("Middlemarch", "George Eliot", 1590, 4),
    ("The Dream of the Red Chamber", "Cao Xueqin", 3490, 3),
    ("Invisible Cities", "Italo Calvino", 1190, 7),
    ("Snow Country", "Yasunari Kawabata", 1090, 0),
]

STAFF_EMAIL = "desk@shop.example"
STAFF_PASSWORD = "not-a-real-password-either"


def prepare(app: Flask) -> None:
    """Create the tables and, in an empty database, the books and the staff account."""
    with sqlite3.connect(_path(app.config["DATA"])) as connection:
        connection.executescript(TABLES)
        if connection.execute("select count(*) from products").fetchone()[0] == 0:
            connection.executemany(
                "insert into products (title, author, cents, stock) values (?, ?, ?, ?)", BOOKS
            )
            connection.execute(
                "insert into customers (email, password, is_staff) values (?, ?, 1)",
                (STAFF_EMAIL, hashed(STAFF_PASSWORD)),
            )
    connection.close()
    app.teardown_appcontext(_close)


def connection() -> sqlite3.Connection:
    """The connection of this request; rows can be read by column name."""
    if "connection" not in g:
        g.connection = sqlite3.connect(_path(current_app.config["DATA"]))
        g.connection.row_factory = sqlite3.Row
    return g.connection


def _path(data: Path) -> Path:
    return data / "shop.sqlite"


def _close(_error: BaseException | None) -> None:
    if "connection" in g:
        g.pop("connection").close()
