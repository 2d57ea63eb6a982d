// emulator - a firmware on the RP2040 of rp2040js, whose UART1 and USB serial port end at the
// process that started this one.
// SPDX-License-Identifier: MIT
//
//     node emulator.mjs RP2040JS BOOTROM FLASH PIN...
//
// RP2040JS: the package's index.js. BOOTROM, FLASH: images. PIN: GPIOs that are high from outside.
// Each line on stdout is one JSON object, and the emulator stands still until a line with the
// answer has come on stdin; so nothing depends on how fast this computer is. Times are emulated
// microseconds.
//
//   {"t", "slept", "out": what it printed, "lost": bytes that its UART had no room for,
//    "said": what the board has sent, to the end of a line or of `raw` bytes, "end": when,
//    "start", "startSlept": when that began, "baud",
//    "rxEnd", "rxLeft": when the last byte to the board had come then, how many are on their way}
//   -> {"rx": [[time, text], ...], "due": time, "in": text, "poke": [address, text],
//       "echo": whether what is said comes back at once, "raw": bytes that follow and do not, "stop"}
//
// Characters are bytes. due: when to ask again at the latest.

import { readFileSync, readSync, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

import { makePl011 } from './pl011.mjs';

const [index, bootrom, flash, ...pins] = process.argv.slice(2);
const { BasePeripheral, RP2040, USBCDC } = await import(pathToFileURL(index).href);

const FLASH_AT = 0x10000000;
const RAM_AT = 0x20000000;
const UART1 = { address: 0x40038, irq: 21 };
const SLICE_NANOS = 20e6; // after which the other process is asked at the latest
const SOON_NANOS = 2e5; // after the board has printed something
const PAGE = 512; // of the USB port at a time

const chip = new RP2040();
const { clock, core } = chip;
const nothing = () => {};
chip.logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
chip.loadBootrom(words(readFileSync(bootrom)));
chip.flash.set(readFileSync(flash));
for (const pin of pins) chip.gpio[Number(pin)].setInputValue(true);

function words(data) {
  return new Uint32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length));
}

// --- the other process ---

let unread = Buffer.alloc(0);
let slept = 0;
let out = '';
const keys = []; // bytes for the USB port

function line() {
  for (;;) {
    const end = unread.indexOf(10);
    if (end >= 0) {
      const text = unread.toString('latin1', 0, end);
      unread = unread.subarray(end + 1);
      return text;
    }
    const part = Buffer.alloc(65536);
    const n = readSync(0, part);
    if (!n) process.exit(0); // the other one has gone
    unread = Buffer.concat([unread, part.subarray(0, n)]);
  }
}

function bytes(text) {
  return Buffer.from(text, 'latin1');
}

const due = clock.createAlarm(() => ask());
const soon = clock.createAlarm(() => ask());
let said = null; // what the board is saying
let echo = false;
let raw = 0;

// whole: the line is at its end, or the payload.
function ask(whole = false) {
  const told = { t: clock.nanos / 1000, slept: slept / 1000, lost: uart.lost };
  if (out) told.out = out;
  out = '';
  const left = said && !raw && told.t - said.end > SLICE_NANOS / 1000; // a line without an end
  if (whole || left) {
    Object.assign(told, said);
    said = null;
  }
  tell(told);
}

function tell(told) {
  writeSync(1, JSON.stringify(told) + '\n');
  const answer = JSON.parse(line());
  if (answer.stop) process.exit(0);
  echo = answer.echo;
  if (told.said) raw = answer.raw;
  for (const [at, text] of answer.rx ?? []) uart.feed(at * 1000, bytes(text));
  if (answer.poke) chip.sram.set(bytes(answer.poke[1]), answer.poke[0] - RAM_AT);
  if (answer.in) keys.push(...bytes(answer.in));
  const wanted = answer.due === undefined ? Infinity : answer.due * 1000 - clock.nanos;
  due.schedule(Math.min(Math.max(wanted, 0), SLICE_NANOS));
  type();
}

// --- UART1, USB ---

const Pl011 = makePl011(BasePeripheral);
const uart = new Pl011(chip, 'UART1', UART1.irq, (byte, start, end) => {
  said ??= {
    said: '',
    start: start / 1000,
    startSlept: slept / 1000,
    baud: 1e9 / uart.bitNanos,
    rxEnd: uart.rxEnd / 1000,
    rxLeft: uart.coming.length + (uart.arriving >= 0 ? 1 : 0),
  };
  said.said += String.fromCharCode(byte);
  said.end = end / 1000;
  if (raw) {
    if (!--raw) ask(true);
    return;
  }
  if (echo) uart.feed(end, [byte]);
  if (byte === 13) ask(true);
});
chip.uart[1] = uart;
uart.clkPeriChanged = nothing;
chip.peripherals[UART1.address] = uart;

const port = new USBCDC(chip.usbCtrl);
let room = 0; // of what the board is ready to take
port.onSerialData = (data) => {
  out += Buffer.from(data).toString('latin1');
  soon.schedule(SOON_NANOS);
};
// The package's own answers at once with nothing, and keeps the board busy with that.
chip.usbCtrl.onEndpointRead = (endpoint, size) => {
  if (endpoint === port.outEndpoint) {
    room = size;
    type();
  }
};

function type() {
  if (room && keys.length) {
    const data = Uint8Array.from(keys.splice(0, Math.min(room, PAGE)));
    room = 0;
    chip.usbCtrl.endpointReadDone(port.outEndpoint, data);
  }
}

// --- the flash: what the bootrom's functions would do by the flash's own commands ---

function romFunction(code) {
  const rom = new DataView(chip.bootrom.buffer);
  let at = rom.getUint16(0x14, true);
  for (; rom.getUint16(at, true); at += 4) {
    if (rom.getUint16(at, true) === code) return rom.getUint16(at + 2, true) & ~1;
  }
  throw new Error('the boot ROM has no function ' + code);
}

const FLASH_CALLS = new Map([
  [0x4552, (at, size) => chip.flash.fill(0xff, at, at + size)], // "RE"
  [
    0x5052, // "RP"
    (at, from, size) => {
      for (let i = 0; i < size; i++) chip.flash[at + i] &= chip.readUint8(from + i);
    },
  ],
]);
const calls = [...FLASH_CALLS.values()];
[...FLASH_CALLS.keys()].forEach((code, i) => {
  new DataView(chip.bootrom.buffer).setUint16(romFunction(code), 0xbe00 | i, true); // BKPT i
});
chip.onBreak = (i) => {
  const call = calls[i];
  const [a, b, c] = core.registers;
  if (!call || core.PC > 0x4000) {
    tell({ t: clock.nanos / 1000, stopped: core.PC - 2 });
    process.exit(0);
  }
  call(a, b, c);
  core.PC = core.LR & ~1;
};

// --- time ---

ask();
core.PC = FLASH_AT;
for (;;) {
  if (core.waiting) {
    const nanos = clock.nanosToNextAlarm;
    slept += nanos;
    clock.tick(nanos);
  } else {
    clock.tick((core.executeInstruction() * 1e9) / chip.clkSys);
  }
}
