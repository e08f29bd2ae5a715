"""A small book shop: catalogue, cart, accounts, orders, and a desk for the staff."""

from pathlib import Path

from flask import Flask

from shop import accounts, cart, catalogue, database, desk, orders


def create_app(data: Path) -> Flask:
    """The shop, with its database, receipts and log in the folder `data`."""
    app = Flask(__name__)
    app.secret_key = "not-a-real-key-but-hard-coded-all-the-same"
    app.config["DATA"] = data
    data.mkdir(parents=True, exist_ok=True)
    (data / "receipts").mkdir(exist_ok=True)
    database.prepare(app)
    for part in (catalogue, accounts, cart, orders, desk):
        app.register_blueprint(part.pages)
    return app
