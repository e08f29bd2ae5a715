"""Run the shop: `python -m shop`, then open http://127.0.0.1:8000/."""

from pathlib import Path

from shop import create_app

if __name__ == "__main__":
    create_app(Path("data")).run(host="0.0.0.0", port=8000, debug=True)
