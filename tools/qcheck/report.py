# qcheck.report - what was found, for a person and as JSON.
# SPDX-License-Identifier: MIT

from qcheck import advice, papers
from qcheck.verdict import how


def data(survey, verdict, wanted):
    # All of it as plain data.
    whole = survey.whole
    best = survey.best
    return {
        "host": survey.host,
        "port": survey.port,
        "address": survey.address,
        "model": survey.chosen.model,
        "works": verdict.good,
        "line": verdict.line,
        "version": best[0][0] if best else None,
        "suite": best[1].name if best else None,
        "taken": [
            {"version": version, "suite": suite, "taken": taken}
            for (version, suite), taken in survey.taken.items()
        ],
        "together": _together(whole, survey),
        "server_name": None if survey.named is None else how(survey.named),
        "today": {
            key or "no name": {"version": found["version"], "suite": found["suite"]}
            for key, found in survey.today.items()
            if found
        },
        "client_certificate": survey.asked or "no",
        "client_certificate_taken": survey.pair_taken,
        "chain": [papers.describe(cert) for cert in survey.chain],
        "ca": _anchor(verdict.anchor),
        "protocol": survey.protocol,
        "software": survey.software,
        "longest_record": survey.record,
        "idle_closed_after_s": None if survey.idle is None else round(survey.idle, 1),
        "idle_waited_s": round(survey.waited, 1),
        "findings": [{"what": f.key, "hard": f.hard, "text": f.text} for f in verdict.findings],
        "steps": advice.steps(verdict),
        "lines": {
            name: advice.lines(name, survey) for name in advice.which(survey, verdict, wanted)
        },
    }


def _together(whole, survey):
    if whole is None or not whole.version:
        return None
    return "%s %s" % (whole.version, _suite(survey, whole.suite))


def _suite(survey, number):
    for suite in survey.model.suites:
        if suite.number == number:
            return suite.name
    return "0x%04X" % number


def _anchor(anchor):
    if anchor is None or not anchor.certs:
        return None
    return {
        "source": anchor.source,
        "fits": anchor.fits,
        "certificates": [papers.describe(cert) for cert in anchor.certs],
    }


_SOURCES = {
    "file": "of --ca",
    "server": "shown by the server itself",
    "store": "of this PC's store of public CAs",
}


def show(found, survey, saved, out):
    # found: of data(). out(line).
    out(
        "%s, port %d (%s), for a %s"
        % (found["host"], found["port"], found["address"], found["model"])
    )
    out("")
    if found["taken"]:
        _versions(found, survey, out)
    for number, cert in enumerate(found["chain"]):
        _certificate(number, cert, out)
    if found["chain"]:
        size = sum(cert["bytes"] for cert in found["chain"])
        out("bill     Bill(chain=%d) of qssl.uplink.bill" % size)
    if found["ca"]:
        _board(found["ca"], saved, out)
    _server(found, out)
    if found["findings"]:
        out("")
    for finding in found["findings"]:
        out("%s  %s" % ("NO" if finding["hard"] else "--", finding["text"]))
    out("")
    _verdict(found, out)


def _versions(found, survey, out):
    # Which versions and suites of TLS it takes.
    for version, _, _ in survey.model.versions:
        row = [t for t in found["taken"] if t["version"] == version]
        taken = [t["suite"] for t in row if t["taken"] is True]
        open_ = [t["suite"] for t in row if t["taken"] == "not tried"]
        text = ", ".join(taken) or "none"
        if open_:
            text += "; not tried: %s" % ", ".join(open_)
        out("%-8s %s" % (version, text))
    out("%-8s %s" % ("all", found["together"] or "refused"))
    today = found["today"].get("name") or found["today"].get("no name")
    if today:
        out("%-8s %s, %s" % ("others", today["version"], today["suite"]))
    out("")


def _board(ca, saved, out):
    # The certificate that the board needs.
    cert = ca["certificates"][0]
    out("board    %s, %s" % (cert["subject"], _SOURCES[ca["source"]]))
    out("         SHA-256 %s" % _groups(cert["sha256"]))
    if saved:
        out("         written to %s: compare the SHA-256 with what its owner says" % saved)


def _server(found, out):
    # What it wants beside, and how it behaves.
    if found["taken"] and found["client_certificate"] != "no":
        taken = {True: ", and takes yours", False: ", and does not take yours", None: ""}
        text = found["client_certificate"] + taken[found["client_certificate_taken"]]
        out("client   a certificate is %s" % text)
    if found["protocol"]:
        out("speaks   %s%s" % (found["protocol"].upper(), _in_brackets(found["software"])))
    if found["longest_record"]:
        out("records  up to %d bytes" % found["longest_record"])
    if found["idle_closed_after_s"] is not None:
        out("idle     closed after %.1f s" % found["idle_closed_after_s"])
    elif found["idle_waited_s"]:
        out("idle     still open after %.0f s" % found["idle_waited_s"])


def _verdict(found, out):
    # Whether it works, and with which lines.
    if found["works"]:
        out("It works, with")
        out("")
        out("    %s" % found["line"])
        out('    sock = modem.connect("%s", %d, ctx)' % (found["host"], found["port"]))
    else:
        out("It does not work as it is.")
        for step in found["steps"]:
            out("-> %s" % step)
        if found["line"] and not found["lines"]:
            out("   Then: %s" % found["line"])
    for name, rows in found["lines"].items():
        out("")
        out(advice.TITLES[name] + ":")
        out("")
        for row in rows:
            out(("    " + row).rstrip())
    if found["lines"] and not found["works"]:
        out("")
        out("Then run this again. These lines need a certificate of your own CA: docs/servers.md")


def _certificate(number, cert, out):
    head = "shows" if not number else ""
    out(
        "%-8s %d %s%s"
        % (head, number, cert["subject"], _in_brackets(", ".join(cert.get("names", ()))))
    )
    if "key" in cert:
        out(
            "           %s, %s, %s to %s, %d bytes, issued by %s"
            % (
                cert["key"],
                cert["hash"],
                cert["from"],
                cert["until"],
                cert["bytes"],
                "itself" if cert["self_signed"] else cert["issuer"],
            )
        )


def _in_brackets(text):
    if len(text) > 100:
        text = text[:97] + "..."
    return " (%s)" % text if text else ""


def _groups(digest):
    return ":".join(digest[i : i + 4] for i in range(0, len(digest), 4))
