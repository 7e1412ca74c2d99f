"""A service on Django, which gunicorn serves."""

import json

import django
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import RawPostDataException
from django.urls import path

from flask_app import OURS, document, parameters

settings.configure(
    ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    APPEND_SLASH=False, SECRET_KEY="of a test", USE_X_FORWARDED_HOST=True, LOGGING_CONFIG=None,
)
django.setup()


def reading(request, route=None, profile="", **_):
    read = {"routes": [], "stores": [], "keys": [], "fixed": [], "hosts": [], "ours": []}
    read["verb"], read["path"] = request.method, request.path_info
    verb = "GET" if request.method == "HEAD" else request.method
    if route and verb in route[0]:
        read["routes"].append(f"{verb} {profile} {route[1]}")
    try:
        document(read, json.loads(request.body))
    except (ValueError, RecursionError, RawPostDataException, SuspiciousOperation):
        pass
    parameters(read, "query", request.GET)
    try:
        parameters(read, "form", request.POST)
        parameters(read, "file", request.FILES)
    except (MultiPartParserError, SuspiciousOperation, UnicodeError):
        pass
    for name in OURS:
        value = request.headers.get("X-Latchkey-" + name)
        read["ours"] += [[name, value]] if value is not None else []
    for kind, name in (("stores", "X-Store"), ("keys", "X-Api-Key")):
        value = request.headers.get(name)
        read[kind] += [["header", value]] if value is not None else []
    bearer = request.META.get("HTTP_AUTHORIZATION", "")
    if bearer[:7].lower() == "bearer ":
        read["keys"].append(["bearer", bearer[7:]])
    try:
        read["hosts"] += [request.get_host(), request.get_host().split(":")[0]]
    except SuspiciousOperation:
        pass
    return JsonResponse(read)


def routed(verbs, tail):
    return lambda request, **found: reading(request, (verbs, tail), **found)


def order(request, number, **found):
    return reading(request, (("GET", "POST", "PUT", "DELETE"), "/orders/{id}"), **found)


def create_or_order(request, **found):
    if request.method == "POST":
        return reading(request, (("POST",), "/orders/create"), **found)
    return order(request, "create", **found)


def history_or_order(request, **found):
    if request.method in ("GET", "HEAD"):
        return reading(request, (("GET",), "/orders/history"), **found)
    return order(request, "history", **found)


ORDERS = "<slug:profile>/v<int:version>/orders"
urlpatterns = [
    path(ORDERS, routed(("GET",), "/orders")),
    path(ORDERS + "/history", history_or_order),
    path(ORDERS + "/create", create_or_order),
    path(ORDERS + "/<str:number>", order),
]
handler404 = lambda request, exception: reading(request)
app = get_wsgi_application()
