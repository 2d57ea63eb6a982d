// pl011 - holds tools/qbench/chip/pl011.mjs, the UART of the emulated RP2040, against its datasheet.
// SPDX-License-Identifier: MIT
//
//     node pl011.mjs RP2040JS PL011
//
// Prints one JSON object for test_chip.py.

import { pathToFileURL } from 'node:url';

const [index, file] = process.argv.slice(2);
const { BasePeripheral, RP2040 } = await import(pathToFileURL(index).href);
const { makePl011 } = await import(pathToFileURL(file).href);
const chip = new RP2040();
chip.logger = { debug() {}, info() {}, warn() {}, error() {} };
const { clock } = chip;
const sent = [];
const Pl011 = makePl011(BasePeripheral);
const uart = new Pl011(chip, 'UART1', 21, (byte, start, end) => sent.push([byte, start, end]));
const write = (offset, value) => uart.writeUint32Atomic(offset, value, 0);
const RIS = 0x3c, FR = 0x18, DR = 0;

// 125 MHz / 16 / 8.484375: 920810 baud
write(0x24, 8);
write(0x28, 31);
write(0x2c, 0x70);
write(0x34, 0);
write(0x30, 0x301);
const frame = uart.frameNanos;
const now = () => clock.nanos;
const told = { frame, sent };

// 40 bytes at once: 32 in the FIFO and one in the shifter
for (let i = 0; i < 40; i++) {
  if (!(uart.readUint32(FR) & 0x20)) write(DR, i);
}
told.full = !!(uart.readUint32(FR) & 0x20);
const started = now();
const at = { tx: null };
while (uart.readUint32(FR) & 8) {
  clock.tick(1000);
  if (at.tx === null && uart.readUint32(RIS) & 0x20) at.tx = Math.round((now() - started) / frame);
}
told.txInterrupt = at.tx; // frames until only 4 bytes are left
told.drained = (now() - started) / frame;

// Six bytes from the far end: an interrupt at the fourth, and a time-out after the last one.
const begin = now() + 50000;
uart.feed(begin, [1, 2, 3, 4, 5, 6]);
const events = [];
let before = 0;
for (let i = 0; i < 2000; i++) {
  clock.tick(200);
  const status = uart.readUint32(RIS) & 0x50;
  if (status !== before) events.push([status, Math.round(((now() - begin) / frame) * 10) / 10]);
  before = status;
}
told.events = events;
told.read = [];
while (!(uart.readUint32(FR) & 0x10)) told.read.push(uart.readUint32(DR));
told.after = uart.readUint32(RIS) & 0x50;

// Nobody reads: without flow control bytes are lost, with it the far end stops one byte late.
uart.feed(now(), new Array(40).fill(7));
clock.tick(60 * frame);
told.lost = uart.lost;
while (!(uart.readUint32(FR) & 0x10)) uart.readUint32(DR);
write(0x30, 0x4301);
uart.feed(now(), new Array(40).fill(8));
clock.tick(60 * frame);
told.held = { count: uart.rx.length, lost: uart.lost, coming: uart.coming.length };
while (uart.coming.length || uart.arriving >= 0) {
  if (!(uart.readUint32(FR) & 0x10)) uart.readUint32(DR);
  clock.tick(frame / 3);
}
told.heldLost = uart.lost;
console.log(JSON.stringify(told));
