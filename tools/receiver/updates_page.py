# receiver.updates_page - updates and files, on the page and for programs.
# SPDX-License-Identifier: MIT

from starlette.responses import RedirectResponse, Response

from receiver import updates
from receiver.requests import Json, Refused, body_of, json_of

_HOURS = 30 * 24  # an update is of no use later
_BODY_MAX = updates.FILE_MAX + 65536
# In the order in which they come; what is not here begins with "failed", "refused" or is others'.
_STATES = ("waiting", "taken", "loading", "ready", "trial", "kept", "back")


class Updates:
    # page: the Page, whose helpers it uses. master: the key that signs.
    def __init__(self, page, master):
        self._page = page
        self._master = master

    def routes(self, person, program):
        return [
            person("/updates", self._list),
            person("/updates", self._add, "POST"),
            person("/updates/{id:int}", self._one),
            person("/updates/{id:int}/send", self._send, "POST"),
            person("/device/{name}/files/{digest}", self._file),
            program("/api/files", self._api_file, "POST"),
            program("/api/updates", self._api_list),
            program("/api/updates", self._api_add, "POST"),
            program("/api/updates/{id:int}", self._api_one),
            program("/api/updates/{id:int}/send", self._api_send, "POST"),
            program("/api/devices/{name}/files", self._api_files),
            program("/api/devices/{name}/files/{digest}", self._file),
        ]

    # --- both ---

    async def _made(self, version, board, data, user):
        try:
            found = updates.unpacked(data)

            def change(c):
                return updates.add(c, version, board, found, user)

            return await self._page.write(change)
        except updates.Refused as e:
            raise Refused(400, "Not taken: %s." % e) from None

    async def _found(self, request):
        id = request.path_params["id"]
        row = await self._page.read(updates.one, id) if id < 1 << 31 else None
        if row is None:
            raise Refused(404, "There is no such update.")
        return row

    async def _rolled(self, row, names, count, user, **more):
        def change(c):
            return updates.roll_out(c, row, names, count, _HOURS, user, self._master, **more)

        try:
            return await self._page.write(change)
        except updates.Refused as e:
            raise Refused(409 if e.since else 400, "Not sent: %s." % e) from None

    async def _file(self, request):
        # What a device has sent, never shown by a browser.
        device = await self._page.found(request)
        digest = request.path_params["digest"]
        found = None
        if updates.SHA256.fullmatch(digest):
            found = await self._page.read(updates.whole, device.id, digest)
        if found is None:
            raise Refused(404, "There is no such file.")
        headers = {"Content-Disposition": 'attachment; filename="%s"' % found[0]}
        return Response(found[1], 200, headers, "application/octet-stream")

    # --- for people ---

    async def _list(self, request):
        rows = await self._page.read(updates.everything)
        shown = [(row, _ordered(counts)) for row, counts in rows]
        return self._page.page(request, "updates.html", rows=shown)

    async def _add(self, request):
        form = request.state.form
        data = form.get("file", b"")
        if isinstance(data, str) or not data:
            raise Refused(400, "Not taken: there is no file.")
        words = [form.get(n, "") for n in ("version", "board")]
        if not all(isinstance(word, str) for word in words):
            raise Refused(400, "Not taken: a version and a board are texts.")
        id = await self._made(*words, data, request.state.user)
        return RedirectResponse("/updates/%d" % id, 303)

    async def _one(self, request, text="", status=200):
        row = await self._found(request)
        after = request.query_params.get("after", "")[:64]
        devices = await self._page.read(updates.devices_of, row.id, after)
        counts = (await self._page.read(updates.states_of, [row.id])).get(row.id, {})
        values = {"update": row, "devices": devices, "after": after, "counts": _ordered(counts)}
        others, failed, last = await self._page.read(updates.open_for, row.id)
        values.update(others=others, failed=failed, last="" if last is None else repr(last))
        values.update(text=text, here="/updates/%d" % row.id if text else "")
        return self._page.page(request, "update.html", status, **values)

    async def _send(self, request):
        row = await self._found(request)
        form = request.state.form
        how, user = form.get("how", ""), request.state.user
        try:
            if how in ("1", "10", "all", "failed"):
                count = int(how) if how.isdigit() else None
                more = {"failed": how == "failed", "last": _seconds(form.get("last", ""))}
                await self._rolled(row, None, count, user, **more)
            elif how == "device":
                await self._rolled(row, [form.get("device", "").strip()], None, user)
            else:
                raise Refused(400, "Not sent: to whom?")
        except Refused as e:
            return await self._one(request, str(e), e.status)
        return RedirectResponse("/updates/%d" % row.id, 303)

    # --- for programs ---

    async def _api_list(self, request):
        rows = await self._page.read(updates.everything)
        return Json({"updates": [_shown(row, counts) for row, counts in rows]})

    async def _api_add(self, request):
        data = await body_of(request, _BODY_MAX)
        query = request.query_params
        words = query.get("version", ""), query.get("board", "")
        id = await self._made(*words, data, request.state.user)
        return Json({"id": id}, 201)

    async def _api_one(self, request):
        row = await self._found(request)
        after = request.query_params.get("after", "")[:64]
        devices = await self._page.read(updates.devices_of, row.id, after, 1000)
        counts = await self._page.read(updates.states_of, [row.id])
        names = ("name", "m", "at", "state", "done_at", "running")
        shown = _shown(row, counts.get(row.id, {}))
        shown["devices"] = [{n: getattr(d, n) for n in names} for d in devices]
        return Json(shown)

    async def _api_send(self, request):
        row = await self._found(request)
        what = await json_of(request)
        names, count, failed = what.get("devices"), what.get("count"), what.get("failed") is True
        if names is not None:
            good = isinstance(names, list) and 0 < len(names) <= 1000
            good = good and all(isinstance(n, str) for n in names)
        else:
            good = what.get("all") is True or failed
            good = good or (type(count) is int and 0 < count <= 1000000)
        if not good:
            text = 'say {"devices": [NAME, ...]}, {"count": N}, {"all": true} or {"failed": true}'
            raise Refused(400, text)
        names = await self._rolled(row, names, count, request.state.user, failed=failed)
        return Json({"devices": names}, 201)

    async def _api_file(self, request):
        data = await body_of(request, updates.FILE_MAX)
        digest = await self._page.write(lambda c: updates.add_file(c, data))
        return Json({"url": "/files/" + digest, "sha256": digest, "size": len(data)}, 201)

    async def _api_files(self, request):
        device = await self._page.found(request)
        rows = await self._page.read(updates.uploads_of, device.id)
        names = ("name", "sha256", "size", "has", "made_at", "done_at")
        return Json({"files": [{n: getattr(r, n) for n in names} for r in rows]})


def _seconds(text):
    # None: never; or no such number, which is as wrong as an old one.
    try:
        return float(text)
    except ValueError:
        return None


def _shown(row, counts):
    names = ("id", "version", "board", "manifest", "size", "made_at", "made_by")
    return {**{n: getattr(row, n) for n in names}, "states": counts}


def _ordered(counts):
    # [(state, how many)]
    known = [(state, counts[state]) for state in _STATES if state in counts]
    return known + sorted((s, n) for s, n in counts.items() if s not in _STATES)
