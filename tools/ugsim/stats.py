# ugsim.stats - what went over the AT port and over the network, in numbers.
# SPDX-License-Identifier: MIT


class Stats:
    # Listens to the events; `net` and `uart` are asked when the numbers are wanted.
    def __init__(self, net):
        self._net = net
        self._commands = {}
        self.commands = 0
        self._urcs = 0
        self._results = {}

    def event(self, kind, text):
        if kind == "at":
            for name in command_names(text):
                self._commands[name] = self._commands.get(name, 0) + 1
                self.commands += 1
        elif kind == "final":
            self._results[text] = self._results.get(text, 0) + 1
        elif kind == "urc":
            self._urcs += 1

    def as_dict(self, uart, model):
        connections = self._net.history
        return {
            "commands": dict(sorted(self._commands.items())),
            "commands_total": self.commands,
            "results": dict(sorted(self._results.items())),
            "urcs": self._urcs,
            "uart_bytes_to_modem": uart.to_modem,
            "uart_bytes_to_host": uart.to_host,
            "payload_bytes_sent": sum(c["sent"] for c in connections),
            "payload_bytes_received": sum(c["received"] for c in connections),
            "connections": connections,
            "modem": dict(model.stats),
        }


def command_names(line):
    # 'ATE0+CMEE=1;+CPIN?' -> ["E", "+CMEE", "+CPIN"]; "AT" alone -> ["AT"].
    names = []
    text = line[2:].upper()
    at = 0
    while at < len(text):
        c = text[at]
        if c == "+":
            end = at + 1
            while end < len(text) and (text[end].isalnum() or text[end] == "+"):
                end += 1
            names.append(text[at:end])
            at = _skip(text, end)
        elif c == "&" or c.isalpha():
            end = at + (2 if c == "&" else 1)
            names.append(text[at:end])
            at = end
            while at < len(text) and text[at].isdigit():
                at += 1
        else:
            at += 1
    return names or ["AT"]


def _skip(text, at):
    # Index behind the ";" that ends an extended command.
    quoted = False
    while at < len(text):
        if text[at] == '"':
            quoted = not quoted
        elif text[at] == ";" and not quoted:
            return at + 1
        at += 1
    return at
