# qsoak.verdicts - from what a soak has counted to good or bad, in words and as an exit status.
# SPDX-License-Identifier: MIT


def year(found):
    if found["missing"] > found["lost"] or found["queued"] or found["damaged"]:
        print("FAILED: %(missing)d missing, %(lost)d dropped, %(queued)d queued" % found)
        return 1
    if found["refused_for_ca"]:
        print("FAILED: %(refused_for_ca)d connections with a CA of before its renewal" % found)
        return 1
    if found["wrong_date"] or found["undated"] > found["arrived"] // 10:
        print("FAILED: %(wrong_date)d records with a wrong time, %(undated)d without" % found)
        return 1
    print("every record arrived that the queue had room for; %(repeats)d repeats" % found)
    print("%(dated)d have their time, %(undated)d say that nobody knew it" % found)
    return 0


def both(found):
    for fault in found["faults"]:
        print("FAILED: " + fault)
    if found["faults"]:
        return 1
    print("every record arrived once, %(repeats)d repeats dropped" % found)
    print(
        "every message was given, %(messages_again)d of %(messages)d once more after a power cut; "
        "every one of %(settings)d with settings is in force, or was refused and told" % found
    )
    print("of %(versions)d versions the good ones were kept, the bad ones went back" % found)
    return 0


def bill(found, count):
    print(
        "%-34s %8s %11s %8s"
        % ("bytes of a day of %d records" % count, "on air", "a record", "payload")
    )
    for name, (air, payload, connects) in found.items():
        shown = (name, air, air / count, payload / count)
        print("%-34s %8d %11.1f %8.1f" % shown, end="")
        print(", %d connection%s" % (connects, "s"[: connects > 1]))
    return 0


def load(found):
    if found["wrong"]:
        print("FAILED: %d pieces of data were wrong" % found["wrong"])
        return 1
    marks = found["memory"]
    if len(marks) > 2 and marks[-1] > max(marks[:2]) + 1024:
        print("FAILED: memory grows: %s" % marks)
        return 1
    print("memory is flat")
    return 0


OF = {"year": year, "both": both, "load": load}
