// pl011 - the UART of an RP2040 as a peripheral of rp2040js: its FIFOs, interrupts and bit times.
// SPDX-License-Identifier: MIT
//
// rp2040js' own UART sends in no time and has neither levels nor a time-out. RP2040 datasheet, 4.2.

const DEPTH = 32;
const LEVELS = [4, 8, 16, 24, 28]; // IFLS
const TIMEOUT_BITS = 32;

// UARTFR
const FR = { cts: 1, busy: 8, rxEmpty: 0x10, txFull: 0x20, rxFull: 0x40, txEmpty: 0x80 };
// UARTCR
const CR = { enabled: 1, tx: 0x100, rx: 0x200, rtsEnabled: 0x4000 };
// UARTRIS, UARTIMSC, UARTICR
const INT = { rx: 0x10, tx: 0x20, timeout: 0x40, overrun: 0x400 };
const IDS = [0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1]; // from 0xfe0 on

// Base: rp2040js' BasePeripheral.
export function makePl011(Base) {
  return class Pl011 extends Base {
    // sent(byte, when its start bit began, when its stop bit ended): nanoseconds.
    constructor(rp2040, name, irq, sent) {
      super(rp2040, name);
      this.irq = irq;
      this.sent = sent;
      this.registers = new Map([[0x30, CR.tx | CR.rx], [0x34, 0x12]]);
      this.status = 0; // UARTRIS
      this.rx = [];
      this.tx = [];
      this.shifting = -1; // the byte that is being sent
      this.began = 0;
      this.coming = []; // of the far end: [nanoseconds from which on, byte]
      this.arriving = -1;
      this.rxEnd = 0; // when the last byte had come
      this.held = false; // what RTS said when the last byte began: the far end stops one byte late
      this.lost = 0; // bytes that found the FIFO full
      const { clock } = rp2040;
      this.txAlarm = clock.createAlarm(() => this.shifted());
      this.rxAlarm = clock.createAlarm(() => this.line());
      this.timeout = clock.createAlarm(() => {
        if (this.rx.length) this.raise(INT.timeout);
      });
    }

    get(offset) {
      return this.registers.get(offset) ?? 0;
    }

    get bitNanos() {
      const divider = this.get(0x24) + this.get(0x28) / 64;
      return ((16 * divider) / this.rp2040.clkPeri) * 1e9;
    }

    get frameNanos() {
      const lcr = this.get(0x2c);
      const bits = 7 + ((lcr >> 5) & 3) + (lcr & 2 ? 1 : 0) + (lcr & 8 ? 1 : 0);
      return bits * this.bitNanos;
    }

    get depth() {
      return this.get(0x2c) & 0x10 ? DEPTH : 1;
    }

    // FIFO levels at which the interrupts come
    get rxLevel() {
      return this.depth === 1 ? 1 : LEVELS[Math.min((this.get(0x34) >> 3) & 7, 4)];
    }

    get txLevel() {
      return this.depth === 1 ? 0 : LEVELS[Math.min(this.get(0x34) & 7, 4)];
    }

    get holds() {
      return !!(this.get(0x30) & CR.rtsEnabled) && this.rx.length >= this.rxLevel;
    }

    raise(bits) {
      this.status |= bits;
      this.interrupt();
    }

    drop(bits) {
      this.status &= ~bits;
      this.interrupt();
    }

    interrupt() {
      this.rp2040.setInterrupt(this.irq, !!(this.status & this.get(0x38)));
    }

    // --- to the far end ---

    push(byte) {
      if (this.tx.length < this.depth) this.tx.push(byte);
      if (this.tx.length > this.txLevel) this.drop(INT.tx);
      this.shift();
    }

    shift() {
      const on = CR.enabled | CR.tx;
      if (this.shifting >= 0 || !this.tx.length || (this.get(0x30) & on) !== on) return;
      this.shifting = this.tx.shift();
      this.began = this.rp2040.clock.nanos;
      this.txAlarm.schedule(this.frameNanos);
      if (this.tx.length === this.txLevel) this.raise(INT.tx);
    }

    shifted() {
      const { shifting, began } = this;
      this.shifting = -1;
      this.shift();
      this.sent(shifting, began, this.rp2040.clock.nanos);
    }

    // --- from the far end ---

    // bytes: of the far end, which begins to send them at `at`, if the line is free then.
    feed(at, bytes) {
      for (const byte of bytes) this.coming.push([at, byte]);
      if (this.arriving < 0 && this.coming.length) this.begin();
    }

    begin() {
      const now = this.rp2040.clock.nanos;
      if (!this.coming.length) return;
      if (this.held && this.holds) {
        this.rxAlarm.schedule(this.bitNanos || 1000); // looks again
        return;
      }
      const [at] = this.coming[0];
      if (at > now) {
        this.rxAlarm.schedule(at - now);
        return;
      }
      this.held = this.holds;
      this.arriving = this.coming.shift()[1];
      this.rxAlarm.schedule(this.frameNanos || 1000);
    }

    line() {
      if (this.arriving >= 0) {
        const byte = this.arriving;
        this.arriving = -1;
        this.rxEnd = this.rp2040.clock.nanos;
        this.receive(byte);
      }
      this.begin();
    }

    receive(byte) {
      const on = CR.enabled | CR.rx;
      if ((this.get(0x30) & on) !== on) return;
      if (this.rx.length >= this.depth) {
        this.lost++;
        this.raise(INT.overrun);
        return;
      }
      this.rx.push(byte);
      this.timeout.schedule(TIMEOUT_BITS * this.bitNanos);
      if (this.rx.length >= this.rxLevel) this.raise(INT.rx);
    }

    take() {
      const byte = this.rx.length ? this.rx.shift() : 0;
      if (this.rx.length < this.rxLevel) this.status &= ~INT.rx;
      if (!this.rx.length) {
        this.status &= ~INT.timeout;
        this.timeout.cancel();
      }
      this.interrupt();
      return byte;
    }

    // --- registers ---

    readUint32(offset) {
      switch (offset) {
        case 0x00:
          return this.take();
        case 0x18:
          return (
            FR.cts |
            (this.shifting >= 0 || this.tx.length ? FR.busy : 0) |
            (this.rx.length ? 0 : FR.rxEmpty) |
            (this.tx.length >= this.depth ? FR.txFull : 0) |
            (this.rx.length >= this.depth ? FR.rxFull : 0) |
            (this.tx.length ? 0 : FR.txEmpty)
          );
        case 0x3c:
          return this.status;
        case 0x40:
          return this.status & this.get(0x38);
      }
      return offset >= 0xfe0 ? IDS[(offset - 0xfe0) / 4] : this.get(offset);
    }

    writeUint32(offset, value) {
      switch (offset) {
        case 0x00:
          this.push(value & 0xff);
          return;
        case 0x44:
          this.drop(this.rawWriteValue);
          return;
      }
      this.registers.set(offset, value);
      if (offset === 0x30) this.shift();
      this.interrupt();
    }
  };
}
