import asyncio

import flask
import jinja2
from django.shortcuts import redirect as django_redirect
from django.utils.safestring import mark_safe
from django.views.decorators.csrf import csrf_exempt
from flask import Flask, redirect, render_template, render_template_string, request, url_for
from flask_cors import CORS
from markupsafe import Markup
from starlette.middleware.cors import CORSMiddleware

app = Flask(__name__)


def start():
    # ruleid: gk-python-debugger-on
    app.run(debug=True)
    # ruleid: gk-python-debugger-on
    make_app("data").run(host="127.0.0.1", port=8000, debug=True)
    # ruleid: gk-python-debugger-on
    app.config["DEBUG"] = True
    # ok: gk-python-debugger-on
    app.run(host="127.0.0.1", port=8000)
    # ok: gk-python-debugger-on
    app.run(host="127.0.0.1", port=8000, debug=False)
    # ok: gk-python-debugger-on
    asyncio.run(main(), debug=True)


# ruleid: gk-django-debug
DEBUG = True
# ruleid: gk-django-debug
ALLOWED_HOSTS = ["*"]
# ok: gk-django-debug
DEBUG = False
# ok: gk-django-debug
ALLOWED_HOSTS = ["shop.example"]


def pages(name, environment):
    # ruleid: gk-python-template-from-input
    render_template_string(f"<p>Hello {name}</p>")
    # ruleid: gk-python-template-from-input
    jinja2.Template(request.form["template"]).render()
    # ok: gk-python-template-from-input
    render_template_string("<p>Hello {{ name }}</p>", name=name)
    # ok: gk-python-template-from-input
    render_template("hello.html", name=name)


def environments(loader):
    # ruleid: gk-jinja-autoescape-off
    jinja2.Environment(loader=loader)
    # ok: gk-jinja-autoescape-off
    # ruleid: gk-jinja-autoescape-false
    jinja2.Environment(loader=loader, autoescape=False)
    # ok: gk-jinja-autoescape-off, gk-jinja-autoescape-false
    jinja2.Environment(loader=loader, autoescape=jinja2.select_autoescape())


def markup(name):
    # ruleid: gk-python-markup-from-values
    Markup(f"<b>{name}</b>")
    # ruleid: gk-python-markup-from-values
    mark_safe("<b>%s</b>" % name)
    # ok: gk-python-markup-from-values
    Markup("<b>{}</b>").format(name)
    # ok: gk-python-markup-from-values
    mark_safe("<b>yes</b>")


def redirects():
    # ruleid: gk-python-open-redirect
    redirect(request.args.get("next"))
    target = request.GET["next"]
    # ruleid: gk-python-open-redirect
    django_redirect(target)
    # ok: gk-python-open-redirect
    redirect(url_for("front_page", lang=request.args.get("lang")))
    # ok: gk-python-open-redirect
    redirect("/thanks")


def cookies(response, value):
    # ruleid: gk-python-cookie-open
    response.set_cookie("session", value, httponly=True, secure=False)
    # ok: gk-python-cookie-open
    response.set_cookie("session", value, secure=True, httponly=True, samesite="Lax")


def cors():
    # ruleid: gk-python-cors-everyone
    app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True)
    # ruleid: gk-python-cors-everyone
    CORS(app, supports_credentials=True)
    # ok: gk-python-cors-everyone
    app.add_middleware(CORSMiddleware, allow_origins=["https://shop.example"], allow_credentials=True)
    # ok: gk-python-cors-everyone
    app.add_middleware(CORSMiddleware, allow_origins=["*"])
    # ok: gk-python-cors-everyone
    CORS(app, origins=["https://shop.example"], supports_credentials=True)


def delete(user, order):
    # ruleid: gk-python-assert-for-access
    assert user.is_admin, "for staff"
    # ruleid: gk-python-assert-for-access
    assert user.has_permission("delete", order)
    # ok: gk-python-assert-for-access
    assert order.total > 0
    # ok: gk-python-assert-for-access
    if not user.is_admin:
        flask.abort(403)


# ruleid: gk-django-csrf-exempt
@csrf_exempt
def hook(request):
    return None


# ok: gk-django-csrf-exempt
def page(request):
    return None
