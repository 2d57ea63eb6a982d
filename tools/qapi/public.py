# qapi.public - which names of the driver are for programs; all others are its own business.
# SPDX-License-Identifier: MIT

# Module: what it is for, in the order of the page. Every module of lib/qssl is here or INTERNAL.
MODULES = {
    "modem": "The modem: start it, give it TLS contexts, connect.",
    "socket": "A connection.",
    "modes.stream": "A connection in transparent mode.",
    "tls": "SSL contexts.",
    "errors": "The errors, all of one family; `qssl.Error` and the others.",
    "compat": "`socket`, `ssl` and `tls` for clients written for MicroPython's own.",
    "aio": "The same for asyncio.",
    "uplink": "Records that reach the server, whatever happens.",
    "uplink.files": "Files from a server and to it.",
    "uplink.inbox": "Messages from the server.",
    "uplink.policy": "When the uplink sends.",
    "uplink.settings": "Settings that the server may change.",
    "uplink.subscriber": "Records and messages by MQTT.",
    "uplink.health": "Records about the device itself.",
    "uplink.bill": "Bytes on the air, and a budget.",
    "uplink.update": "New versions of the program.",
    "uplink.batch": "Records in few bytes.",
    "uplink.senml": "Records as SenML.",
    "queue": "Where records wait.",
    "https": "Records by HTTPS.",
    "mqtt": "Records by MQTT.",
    "recovery": "What brings the modem back.",
    "power": "The modem off and asleep, for asyncio.",
    "timekeeper": "The time, on a board without a clock of its own.",
    "clock": "The modem's clock, for asyncio.",
    "sitepower": "Sleep and watchdog of a board: what its `board.power()` gives.",
    "site": "What the files of `boards/` are made of; a program asks its `board` for the same.",
    "ctrl_z": "Sending what is still being made.",
    "files": "The modem's files.",
    "download": "Files back from the modem.",
    "start.pdp": "PDP contexts.",
    "ask.diagnose": "Why a connection can't be opened.",
    "ask.probe": "What the firmware has.",
    "ask.info": "What modem, SIM and network are.",
    "ask.status": "How the modem sees its connections.",
    "ask.strays": "Lines that nobody knows.",
    "ask.trace": "What driver and modem said last.",
    "hints": "What the modem's numbers mean.",
}
INTERNAL = (
    "__init__ arrays ask.codes ask.events connect.arguments connect.clienttls connect.opening "
    "connect.pem connect.pemcheck connect.pemhints connect.ready connect.refused connect.source "
    "connect.sslcfg connect.sslcheck connect.together family.again family.attach family.bg770a "
    "family.bg95 family.bg96 family.choose family.contexts family.ec200a family.ec200u "
    "family.ec2x family.keys family.lacks family.lte family.ready family.stands family.suites "
    "family.ugxx family family.wanted family.witness modes.inband modes.push ntp rare sitewords "
    "start.bringup start.contact start.context start.echo start.ends start.mute start.network "
    "start.radio start.rouse start.sim start.tidy start.urcs start.words timesources tried "
    "uplink.answer uplink.fetch uplink.seconds uplink.send uplink.signed uplink.statuses "
    "wire.ascii wire.at wire.channel wire.command wire.connection wire.dialect wire.exchange "
    "wire.lifecycle wire.lines wire.link wire.parser wire.pump wire.quarantine wire.receiving "
    "wire.resync wire.sending wire.turns wire.urc wire.witness"
).split()

# Names without _ that other modules of the driver use, and programs don't.
HIDDEN = {
    "modem.Modem": "connecting release",
    "socket.Socket": "ioctl",
    "modes.stream": "connect take_over",
    "modes.stream.Pipe": "job begin done drop step",
    "tls.Context": "applying",
    "errors": "error",
    "compat": "Shim",
    "aio": "opening",
    "https": "flushed lines quiet send whole",
    "ask.strays.Strays": "write",
    "ask.trace.Trace": "write",
    "https.Https": "attach alive deliver inbox usable",
    "uplink": "unexpected",
    "uplink.batch": "cut number",
    "uplink.files": "Trouble",
    "uplink.files.Files": "add ask body done_with drop target",
    "uplink.bill.Bill": "attach",
    "uplink.settings.Settings": "steps",
    "uplink.subscriber.Subscriber": "alive attach deliver inbox usable",
    "uplink.inbox.Inbox": "answer asking begin buf due_s handlers lines refuse shut take",
    "uplink.policy.Policy": "steps",
    "mqtt.Mqtt": "attach alive deliver usable",
    "clock": "unix civil parse seconds put setting network adopt known",
    "files": "ensure named ensuring",
    "start.pdp": "stop ip dotted",
    "ask.diagnose": "stamp validity",
    "download": "proven",
    "ask.probe": "check listed",
    "ask.info": "steps",
    "hints": "error",
}
# Inherited from a class that is not on the page.
INHERITED = {"socket.Socket": [("wire.connection.Connection", "state")]}
