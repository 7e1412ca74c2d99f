"""A service on Flask, which gunicorn serves."""

import json

from flask import Flask, request
from werkzeug.exceptions import HTTPException

app = Flask(__name__)
OURS = ("key-id", "store", "stores", "scope", "revision")


def leaves(value):
    """Returns every scalar within a value, as text."""
    if value is None:
        return []
    if isinstance(value, dict):
        return [leaf for member in value.values() for leaf in leaves(member)]
    if isinstance(value, list):
        return [leaf for member in value for leaf in leaves(member)]
    return [str(value)]


def order_of(text):
    try:
        order = json.loads(text)
        return leaves(order.get("site")) if isinstance(order, dict) else []
    except ValueError:
        return []


def parameters(read, source, values):
    """Adds what a MultiDict of parameters holds of what matters: the first value, and all of them."""
    for name in ("site", "filter[sites]", "filter[sites][]", "filter[sites][0]"):
        label = source if name == "site" else source + " filter"
        read["stores"] += [[label, str(value)] for value in values.getlist(name)]
    for value in values.getlist("order"):
        read["stores"] += [[source + " order", site] for site in order_of(str(value))]
    read["keys"] += [[source, str(value)] for value in values.getlist("apiKey")]
    read["fixed"] += [[source, str(value)] for value in values.getlist("siteBy")]


def document(read, body):
    if not isinstance(body, dict):
        return
    inner = body.get("filter")
    order = body.get("order")
    read["stores"] += [["json", leaf] for leaf in leaves(body.get("site"))]
    if isinstance(inner, dict):
        read["stores"] += [["json filter", leaf] for leaf in leaves(inner.get("sites"))]
    if isinstance(order, dict):
        read["stores"] += [["json order", leaf] for leaf in leaves(order.get("site"))]
    read["keys"] += [["json", leaf] for leaf in leaves(body.get("apiKey"))]
    read["fixed"] += [["json", leaf] for leaf in leaves(body.get("siteBy"))]


def reading(route=None, profile=""):
    read = {"routes": [], "stores": [], "keys": [], "fixed": [], "hosts": [], "ours": []}
    read["verb"], read["path"] = request.method, request.path
    verb = "GET" if request.method == "HEAD" else request.method
    if route:
        read["routes"].append(f"{verb} {profile} {route}")
    raw = request.get_data(cache=True, parse_form_data=False)
    parameters(read, "query", request.args)
    try:
        parameters(read, "form", request.form)
        parameters(read, "file", request.files)
        parameters(read, "merged", request.values)
    except HTTPException:
        pass
    try:
        document(read, json.loads(raw))
    except (ValueError, RecursionError):
        pass
    for name in OURS:
        read["ours"] += [[name, value] for value in request.headers.getlist("X-Latchkey-" + name)]
        value = request.environ.get("HTTP_X_LATCHKEY_" + name.upper().replace("-", "_"))
        read["ours"] += [[name, value]] if value is not None else []
    read["stores"] += [["header", value] for value in request.headers.getlist("X-Store")]
    read["keys"] += [["header", value] for value in request.headers.getlist("X-Api-Key")]
    bearer = request.headers.get("Authorization", "")
    if bearer[:7].lower() == "bearer ":
        read["keys"].append(["bearer", bearer[7:]])
    read["hosts"] += [request.host, request.host.split(":")[0]]
    return read


ORDERS = "/<profile>/v<int:version>/orders"


@app.get(ORDERS)
def orders(profile, version):
    return reading("/orders", profile)


@app.get(ORDERS + "/history")
def history(profile, version):
    return reading("/orders/history", profile)


@app.post(ORDERS + "/create")
def create(profile, version):
    return reading("/orders/create", profile)


@app.route(ORDERS + "/<number>", methods=["GET", "POST", "PUT", "DELETE"])
def order(profile, version, number):
    return reading("/orders/{id}", profile)


@app.errorhandler(404)
@app.errorhandler(405)
def nothing(error):
    return reading()
