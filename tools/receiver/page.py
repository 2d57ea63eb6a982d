# receiver.page - the page for people, and the API for programs. Nobody sees anything without being
# known.
# SPDX-License-Identifier: MIT

import asyncio
import json
import re
import time
from pathlib import Path

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from qshared.problem import Problem
from receiver import forms, keys, login, messages
from receiver import store as db
from receiver.devices import hashed
from receiver.options import HOURS_MAX
from receiver.plot import Plot
from receiver.requests import Json, Refused, form_of, json_of
from receiver.updates import running_of, uploads_of
from receiver.updates_page import Updates

_FOLDER = Path(__file__).with_name("pages")
_ROWS = 100  # devices on a page
_AHEAD_S = 300  # so far a clock may be ahead
_SET_S = 1577836800  # 2020: before that nobody has set it
_PAIRS = 200  # members of a record about the device
_HOURS = (1, 24, 7 * 24, 31 * 24, 366 * 24)
_FILES = {"style.css": "text/css", "page.js": "text/javascript"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer a form comes with "Origin: null"
    "Cache-Control": "no-store",
}


class Page:
    # .app: for the ASGI server. master: the key that signs. secure: it is reached by HTTPS alone.
    def __init__(self, store, intake, metrics, master, secure):
        self._store = store
        self._intake = intake
        self._metrics = metrics
        self._master = master
        self._secure = secure
        self._logins = login.Logins(store, intake)
        self._env = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FOLDER),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._env.filters["ago"] = _ago
        self._env.filters["utc"] = _utc

        def person(path, function, method="GET"):
            return Route(path, self._guarded(self._as_person(function)), methods=[method])

        def program(path, function, method="GET"):
            return Route(path, self._guarded(self._as_program(function)), methods=[method])

        routes = [
            Route("/login", self._guarded(self._login_form)),
            Route("/login", self._guarded(self._login), methods=["POST"]),
            Route("/static/{name}", self._guarded(self._static)),
            person("/logout", self._logout, "POST"),
            person("/", self._devices),
            person("/devices", self._add, "POST"),
            person("/device/{name}", self._device),
            person("/device/{name}/send", self._send, "POST"),
            program("/api/devices", self._api_devices),
            program("/api/devices", self._api_add, "POST"),
            program("/api/devices/{name}", self._api_device),
            program("/api/devices/{name}/records", self._api_records),
            program("/api/devices/{name}/values", self._api_values),
            program("/api/devices/{name}/messages", self._api_messages),
            program("/api/devices/{name}/messages", self._api_send, "POST"),
            program("/metrics", self._metrics_page),
            *Updates(self, master).routes(person, program),
        ]
        handlers = {404: self._lost, 405: self._lost}
        self.app = Starlette(routes=routes, exception_handlers=handlers)
        self.app.router.redirect_slashes = False

    # --- who asks ---

    def _guarded(self, function):
        # What goes wrong becomes an answer; each answer has the headers.
        async def answer(request):
            try:
                response = await function(request)
            except Refused as e:
                response = self._refusal(request, e.status, str(e), e.headers)
            except Problem as e:
                response = self._refusal(request, 400, str(e))
            except ClientDisconnect:
                response = Response(status_code=400)  # nobody reads it
            except (forms.Bad, *db.NOT_TAKEN):
                text = "There is a character or a number in it that the database can't hold."
                response = self._refusal(request, 400, text)
            except db.Gone:
                text = "The database can't be used just now. Load the page again in a minute."
                response = self._refusal(request, 503, text)
            response.headers.update(_HEADERS)
            return response

        return answer

    def _refusal(self, request, status, text, headers=None):
        if request.url.path.startswith("/api/") or request.url.path == "/metrics":
            return Json({"error": text}, status, headers)
        return self._html("error.html", {"text": text, "user": None}, status, headers)

    async def _lost(self, request, error):
        response = self._refusal(request, error.status_code, "There is nothing here.")
        response.headers.update(_HEADERS)
        return response

    def _as_person(self, function):
        async def answer(request):
            secret = request.cookies.get(login.COOKIE, "")
            user = await run_in_threadpool(self._logins.person, secret)
            if user is None:
                if request.method not in ("GET", "HEAD"):
                    raise Refused(403, "Log in first.")
                return RedirectResponse("/login", 303)
            request.state.user, request.state.secret = user, secret
            if request.method not in ("GET", "HEAD"):
                await self._own_form(request, login.form_token(secret))
            return await function(request)

        return answer

    async def _own_form(self, request, token):
        # The fields of a form that this page has made itself.
        request.state.form = await form_of(request)
        if not login.same(request.state.form.get("token", ""), token):
            raise Refused(403, "This form is not of this session: load the page again.")

    def _as_program(self, function):
        async def answer(request):
            authorization = request.headers.get("authorization", "")
            user = await run_in_threadpool(self._logins.program, authorization)
            if user is None:
                raise Refused(401, "no program has this token", {"WWW-Authenticate": "Bearer"})
            request.state.user = user
            return await function(request)

        return answer

    # --- helpers ---

    def _html(self, name, values, status=200, headers=None):
        trouble = self._intake.trouble
        values = {"now": time.time(), "trouble": trouble, "here": "", **values}
        text = self._env.get_template(name).render(values)
        # Records may hold halves of characters.
        return Response(text.encode("utf-8", "replace"), status, headers, "text/html")

    def page(self, request, template, /, status=200, **values):
        token = login.form_token(request.state.secret)
        values = {"user": request.state.user, "token": token, **values}
        return self._html(template, values, status)

    async def read(self, function, *args):
        def read():
            with self._store.reading() as c:
                return function(c, *args)

        return await run_in_threadpool(read)

    async def write(self, function):
        return await asyncio.wrap_future(self._intake.submit(function))

    async def found(self, request):
        # The row of the device that the path names.
        name = request.path_params["name"]
        row = await self.read(db.by_name, name) if db.NAME.fullmatch(name) else None
        if row is None:
            raise Refused(404, "There is no such device.")
        return row

    # --- for everybody ---

    async def _static(self, request):
        name = request.path_params["name"]
        if name not in _FILES:
            raise Refused(404, "There is nothing here.")
        return Response((_FOLDER / name).read_bytes(), media_type=_FILES[name])

    async def _login_form(self, request):
        return self._html("login.html", {"user": None, "text": "", "name": ""})

    async def _login(self, request):
        form = await form_of(request)
        name, password = form.get("name", "").strip()[:100], form.get("password", "")[:1000]
        address = request.client.host if request.client else ""
        wait = self._logins.wait_s("name " + name, "from " + address)
        if wait:
            text = "Too often wrong: try again in %d s." % (wait + 1)
            headers = {"Retry-After": str(int(wait + 1))}
            values = {"user": None, "text": text, "name": name}
            return self._html("login.html", values, 429, headers)
        secret = await self._logins.enter(name, password, address)
        if secret is None:
            text = "The name or the password is wrong."
            return self._html("login.html", {"user": None, "text": text, "name": name}, 403)
        response = RedirectResponse("/", 303)
        response.set_cookie(
            login.COOKIE,
            secret,
            max_age=login.HOURS * 3600,
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )
        return response

    # --- for people ---

    async def _logout(self, request):
        await run_in_threadpool(self._logins.leave, request.state.secret)
        response = RedirectResponse("/login", 303)
        response.delete_cookie(login.COOKIE)
        return response

    async def _devices(self, request, text="", name="", status=200):
        like = request.query_params.get("q", "")[:64]
        after = request.query_params.get("after", "")[:64]
        silent = "silent" in request.query_params
        skip = request.query_params.get("skip", "")
        skip = int(skip) if silent and re.fullmatch("[0-9]{1,7}", skip) else 0
        rows, gaps, versions = await self.read(_list, like, after, _ROWS, silent, skip)
        more = rows[-1].name if len(rows) == _ROWS and not silent else ""
        return self.page(
            request,
            "devices.html",
            status,
            rows=rows,
            gaps=gaps,
            versions=versions,
            like=like,
            after=after,
            more=more,
            silent=silent,
            skip=skip,
            next=skip + _ROWS if silent and len(rows) == _ROWS else 0,
            total=await self.read(db.how_many, like),
            text=text,
            name=name,
            here="/" if text else "",
        )

    async def _add(self, request):
        name = request.state.form.get("name", "").strip()
        try:
            token = await self._made(name)
        except Problem as e:
            return await self._devices(request, str(e), name, 400)
        key = messages.device_key(self._master, name).hex()
        return self.page(request, "made.html", name=name, secret=token, key=key, here="/")

    async def _made(self, name):
        token = keys.new_token()
        password = await run_in_threadpool(keys.mosquitto_password, token)
        db.check_name(name)
        await self.write(lambda c: db.add_device(c, name, hashed(token), password))
        return token

    async def _device(self, request, text="", form=None, status=200):
        # form: what was sent and refused, for the text's reason.
        row = await self.found(request)
        hours = request.query_params.get("hours")
        hours = int(hours) if hours in [str(h) for h in _HOURS] else None
        values = await self.read(_details, row, hours)
        return self.page(
            request,
            "device.html",
            status,
            device=row,
            all_hours=_HOURS,
            kinds=messages.KINDS,
            text=text,
            form=form or {},
            here="/device/%s" % row.name if text else "",
            **values,
        )

    async def _send(self, request):
        row = await self.found(request)
        form = request.state.form
        body = form.get("body", "").replace("\r\n", "\n")
        user = request.state.user
        try:
            await self._sent(row, form.get("kind", ""), body, form.get("hours", "24"), user)
        except Refused as e:
            return await self._device(request, str(e), form, e.status)
        return RedirectResponse("/device/%s#messages" % row.name, 303)

    async def _sent(self, row, kind, body, hours, user):
        # The number of the new message.
        try:
            body = messages.checked(kind, body)
        except messages.Refused as e:
            raise Refused(400, "Not sent: %s." % e) from None
        hours = int(hours) if str(hours).isascii() and str(hours).isdigit() else 0
        if not 0 < hours <= HOURS_MAX:
            raise Refused(400, "Not sent: the hours are no number from 1 to %d." % HOURS_MAX)
        until = int(time.time()) + hours * 3600
        key = messages.device_key(self._master, row.name)
        return await self.write(lambda c: db.add_message(c, row, kind, body, until, user, key))

    # --- for programs ---

    async def _api_devices(self, request):
        after = request.query_params.get("after", "")
        rows, gaps, versions = await self.read(_list, "", after, 1000)
        return Json({"devices": [_shown(row, gaps, versions) for row in rows]})

    async def _api_device(self, request):
        row = await self.found(request)
        gaps = await self.read(db.gaps_of, [row.id])
        shown = _shown(row, gaps, await self.read(running_of, [row.id]))
        shown["health"], shown["settings"] = db.loads(row.health), db.loads(row.settings)
        return Json(shown)

    async def _api_add(self, request):
        name = (await json_of(request)).get("name")
        if not isinstance(name, str):
            raise Refused(400, "there is no name")
        token = await self._made(name)
        key = messages.device_key(self._master, name).hex()
        return Json({"name": name, "token": token, "key": key}, 201)

    async def _api_records(self, request):
        row = await self.found(request)
        found = await self.read(db.recent, row.id, 1000)
        shown = [
            {"queue": r.queue, "id": r.id, "at": r.at, "came_at": r.came_at, "record": r.record}
            for r in found
        ]
        for r in shown:
            r["record"] = json.loads(r["record"])
        return Json({"records": shown})

    async def _api_values(self, request):
        row = await self.found(request)
        query = request.query_params
        try:
            since = float(query.get("since", "0"))
            until = float(query.get("until", "1e12"))
        except ValueError:
            raise Refused(400, "since and until are seconds since 1970") from None
        found = await self.read(db.values_of, row.id, query.get("name", ""), since, until)
        return Json({"values": [list(pair) for pair in found]})

    async def _api_messages(self, request):
        row = await self.found(request)
        found = await self.read(db.messages_of, row.id, 1000)
        names = ("m", "kind", "body", "until", "made_at", "made_by", "state", "sent_at", "done_at")
        return Json({"messages": [{n: getattr(r, n) for n in names} for r in found]})

    async def _api_send(self, request):
        row = await self.found(request)
        value = await json_of(request)
        kind, body = value.get("kind", "message"), value.get("body", "")
        m = await self._sent(row, kind, body, value.get("hours", 24), request.state.user)
        return Json({"m": m}, 201)

    async def _metrics_page(self, request):
        try:
            counts = await self.read(db.counts)
        except db.Gone:
            counts = None
        return Response(self._metrics.page(counts), media_type="text/plain; version=0.0.4")


def _list(c, like, after, limit, silent=False, skip=0):
    rows = db.all_devices(c, like, after, limit, silent, skip)
    ids = [row.id for row in rows]
    return rows, db.gaps_of(c, ids), running_of(c, ids)


def _details(c, row, hours):
    # hours: None: of a device that is new all there is, as in a day it would be a dot; else a day.
    until = time.time()
    since = until - (hours or 24) * 3600
    found = [
        (n, unit, db.values_of(c, row.id, n, since, until)) for n, unit in db.names_of(c, row.id)
    ]
    if hours is None:
        oldest = min((values[0][0] for _, _, values in found if values), default=0)
        hours = 24
        if oldest > until - 3600:
            hours = 1
            since = min(oldest, until - 60)
    plots = [Plot(name, unit, values, since, until) for name, unit, values in found]
    plots.sort(key=lambda plot: -plot.count)
    queues = [(q, q.last - q.first + 1 - q.count) for q in db.queues_of(c, row.id)]
    recent = db.recent(c, row.id)
    gaps = {q.queue: db.gaps(c, row.id, q.queue, 5) for q, missing in queues if missing}
    return {
        "hours": hours,
        "plots": plots,
        "queues": queues,
        "gaps": gaps,
        "records": recent,
        "clock": _clock(recent),
        "messages": db.messages_of(c, row.id),
        "health": _pairs(row.health),
        "settings": _pairs(row.settings),
        "version": running_of(c, [row.id]).get(row.id),
        "uploads": uploads_of(c, row.id, 20),
    }


def _clock(recent):
    # What is wrong with the clock that has told the newest time; None: nothing that shows.
    for r in recent:
        if r.at is not None:
            if r.at > r.came_at + _AHEAD_S:
                return "ahead by %s" % _span(r.at - r.came_at)
            return "not set: it says %d" % time.gmtime(r.at).tm_year if r.at < _SET_S else None
    return None


def _pairs(text):
    # The members of a record about the device, as texts.
    value = db.loads(text) or {}
    found = []
    for name, item in value.items():
        if isinstance(item, dict) and item:
            found += [("%s.%s" % (name, inner), part) for inner, part in item.items()]
        elif name not in ("qssl", "at"):
            found.append((name, item))
    return [
        (name, item if isinstance(item, str) else json.dumps(item))
        for name, item in found[:_PAIRS]
    ]


def _shown(row, gaps, versions):
    names = ("name", "made_at", "seen_at", "carrier", "records", "repeats", "ack")
    shown = {n: getattr(row, n) for n in names}
    return {**shown, "missing": gaps.get(row.id, 0), "version": versions.get(row.id)}


def _ago(at, now):
    if at is None:
        return "never"
    return _span(max(now - at, 0)) + " ago"


def _span(s):
    for size, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if s >= size:
            return "%d %s" % (s // size, word)
    return "%d s" % s


def _utc(at):
    return "" if at is None else time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))
