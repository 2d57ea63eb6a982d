// chip_firmware - a program without MicroPython for the emulated RP2040: what it does has a known
// length, so the emulator's time and UART can be held against it. See test_chip.py.
// SPDX-License-Identifier: MIT

typedef volatile unsigned int reg;
#define UART1 0x40038000
#define DR (*(reg *)(UART1 + 0x00))
#define FR (*(reg *)(UART1 + 0x18))
#define ICR (*(reg *)(UART1 + 0x44))

static volatile unsigned got, handled;
static volatile unsigned char last;

// "MicroPython v1.99.0": what the loader looks for
__attribute__((used, section(".name"))) static const char name[] = "MicroPython v1.99.0 on test";

static void handler(void) {
    while (!(FR & 0x10)) { // not empty
        last = DR;
        got++;
    }
    ICR = 0x50;
    handled++;
}

__attribute__((used, section(".vectors"), aligned(256)))
static void (*const vectors[48])(void) = {[16 + 21] = handler};

static void say(const char *text) {
    for (; *text; text++) {
        while (FR & 0x20) { // full
        }
        DR = *text;
    }
}

static void three_cycles_each(unsigned n) {
    __asm volatile("1: sub %0, #1\n bne 1b\n" : "+l"(n) : : "cc");
}

__attribute__((noreturn)) static void program(void) {
    got = handled = 0;
    *(reg *)0xe000ed08 = (unsigned)vectors;
    *(reg *)0xe000e100 = 1u << 21;
    *(reg *)(UART1 + 0x24) = 67; // 125 MHz / 16 / 115200
    *(reg *)(UART1 + 0x28) = 52;
    *(reg *)(UART1 + 0x2c) = 0x70; // 8N1, FIFOs
    *(reg *)(UART1 + 0x34) = 0; // interrupts at 4 bytes
    *(reg *)(UART1 + 0x38) = 0x50; // received, time-out
    *(reg *)(UART1 + 0x30) = 0x301;
    say("AT\r");
    while (last != '!') {
        __asm volatile("wfi");
    }
    three_cycles_each(125000); // 3 ms
    DR = '0' + got;
    DR = '0' + handled;
    for (;;) {
        __asm volatile("wfi");
    }
}

__attribute__((naked, used, section(".start"))) void start(void) {
    __asm volatile("ldr r0, =0x20040000\n mov sp, r0\n bl %c0\n .ltorg" : : "i"(program));
}
