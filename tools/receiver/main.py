# receiver.main - the commands of tools/receiver, in the virtual environment.
# SPDX-License-Identifier: MIT

import getpass
import logging
import sys
import time

import setup
from qshared.problem import Problem
from receiver import accounts, keys, messages, options
from receiver import store as db
from receiver.devices import hashed


def main(args):
    chosen = options.parse(args)
    try:
        return COMMANDS[chosen.command](chosen)
    except Problem as e:
        text = str(e)
    except db.Gone as e:
        text = "The database can't be used: %s." % e
        if "full" in str(e):
            text += " Make some room on its disk first: to delete needs room, too."
    except BrokenPipeError:
        return 1
    print("receiver: " + text, file=sys.stderr)
    return 2


def _serve(chosen):
    from receiver import serve

    return serve.run(chosen)


def opened(chosen, makes=False):
    # The store, for the commands that only use it. makes: also where nothing is there yet.
    if not makes:
        path = db.missing(chosen.database)
        if path:
            how = "There is no %s: say --folder, or begin with `serve` or `device add NAME`."
            raise Problem(how % path)
    return keys.opened(chosen)


def _device(chosen):
    if chosen.verb in ("add", "token"):
        for name in chosen.who:
            db.check_name(name)
    if chosen.like:
        from receiver import board_files

        board_files.settings(chosen.like)
    store = opened(chosen, chosen.verb == "add")
    if chosen.verb == "list":
        _list_devices(store)
        return 0
    if chosen.verb == "remove":
        with store.writing() as c:
            db.remove_device(c, chosen.name)
        print("%s and its records are gone." % chosen.name)
        _at_broker(chosen)
        return 0
    if chosen.verb == "token":
        with store.reading() as c:
            _known(c, chosen.name)
    if chosen.files is None:
        _new_token(chosen, store)
    else:
        _new_files(chosen, store)
    _at_broker(chosen)
    return 0


def _list_devices(store):
    with store.reading() as c:
        after = ""
        while some := db.all_devices(c, after=after):
            for row in some:
                print("%-24s %s" % (row.name, seen(row.seen_at)))
            after = some[-1].name


def _new_token(chosen, store):
    # Of a device, new or not: shown.
    master = keys.master(chosen.folder)
    token = keys.new_token()
    with store.writing() as c:
        db.check_master(c, master)
        _CHANGES[chosen.verb](c, chosen.name, hashed(token), keys.mosquitto_password(token))
    print("device  %s" % chosen.name)
    print("token   %s" % token)
    print("key     %s" % messages.device_key(master, chosen.name).hex())
    print("Shown this once. HTTPS: POST to /in/TOKEN; MQTT: user NAME, password TOKEN.")


def _new_files(chosen, store):
    # Tokens of devices, new or not: in the files for their boards.
    from receiver import board_files

    master = keys.master(chosen.folder)
    files = board_files.Files(chosen)
    tokens = {name: keys.new_token() for name in chosen.who}
    try:
        with store.writing() as c:
            db.check_master(c, master)
            for name, token in tokens.items():
                _CHANGES[chosen.verb](c, name, hashed(token), keys.mosquitto_password(token))
            for name, token in tokens.items():
                files.write(name, token, messages.device_key(master, name))
    except BaseException:
        files.undo()  # none of them is there, or all
        raise
    for name in tokens:
        print(chosen.files / name)


_CHANGES = {"add": db.add_device, "token": db.new_token}


def _known(c, name):
    # Before anything is made for it.
    if db.by_name(c, name) is None:
        raise Problem("There is no device %s." % name)


def _at_broker(chosen):
    # It has the tokens in a file of its own.
    if (chosen.folder / "mosquitto/passwords").exists():
        what = "knows nothing of that" if chosen.verb == "add" else "still lets the old token in"
        print("The broker %s: run `broker`, and send mosquitto a SIGHUP." % what)


def _account(chosen):
    from receiver import login

    if chosen.verb == "add":
        db.check_name(chosen.name)
    kind = "person" if chosen.command == "user" else "program"
    secret = None
    if chosen.verb == "add" and kind == "person":
        secret = login.hashed_password(_password())
    store = opened(chosen, chosen.verb == "add")
    if chosen.verb == "list":
        with store.reading() as c:
            for row in accounts.everybody(c):
                if row.kind == kind:
                    print(row.name)
        return 0
    if chosen.verb == "remove":
        with store.writing() as c:
            if not accounts.remove(c, chosen.name, kind):
                raise Problem("There is no %s %s." % (chosen.command, chosen.name))
        print("%s is gone." % chosen.name)
        return 0
    token = keys.new_token() if kind == "program" else None
    secret = secret or hashed(token)
    with store.writing() as c:
        known = accounts.add(c, chosen.name, kind, secret)
    if token:
        print("token   %s" % token)
        if known:
            print("The one that %s had before is of no use any more." % chosen.name)
    else:
        said = "%s has a new password." if known else "%s may log in to the page."
        print(said % chosen.name)
    return 0


def _password():
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Once more: "):
            raise Problem("They differ; nothing has changed.")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if len(password) < 10:
        raise Problem("A password has 10 characters or more.")
    return password


def _send(chosen):
    try:
        body = messages.checked(chosen.kind, chosen.text)
    except messages.Refused as e:
        text = str(e)
        raise Problem(text[0].upper() + text[1:] + ".") from None
    store = opened(chosen)
    with store.reading() as c:
        _known(c, chosen.name)
    master = keys.master(chosen.folder)
    until = int(time.time()) + chosen.hours * 3600
    with store.writing() as c:
        db.check_master(c, master)
        device = db.by_name(c, chosen.name)
        if device is None:
            raise Problem("There is no device %s." % chosen.name)
        key = messages.device_key(master, device.name)
        m = db.add_message(c, device, chosen.kind, body, until, getpass.getuser(), key)
    print("message %d waits for %s" % (m, chosen.name))
    return 0


def _prune(chosen):
    store = opened(chosen)
    with store.writing() as c:
        n = db.prune(c, time.time() - chosen.days * 86400)
    print("%d records deleted" % n)
    return 0


def _retire(chosen):
    from receiver import serve

    return serve.retire(chosen)


def _broker(chosen):
    from receiver import broker

    return broker.write(chosen, opened(chosen, True))


def seen(at):
    return "never" if at is None else time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))


COMMANDS = {
    "serve": _serve,
    "device": _device,
    "user": _account,
    "program": _account,
    "send": _send,
    "broker": _broker,
    "prune": _prune,
    "retire": _retire,
}

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    sys.exit(setup.main(main))
