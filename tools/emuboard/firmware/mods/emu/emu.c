// Interrupts, time and UART lines for MicroPython's qemu port on QEMU's MPS2 boards.
#include <string.h>
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/objarray.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "extmod/vfs.h"
#include "shared/runtime/interrupt_char.h"
#include "shared/runtime/pyexec.h"
#include "ports/qemu/uart.h"
#include "emu.h"

#define UART(n) ((cmsdk_uart_t *)(0x40004000 + 0x1000 * (n)))
#define SYSTICK ((volatile uint32_t *)0xe000e010)   // CTRL, LOAD, VAL
#define NVIC_ISER (*(volatile uint32_t *)0xe000e100)
#define SCB_ICSR (*(volatile uint32_t *)0xe000ed04)
#define SCB_VTOR (*(volatile uint32_t *)0xe000ed08)
#define CORE_HZ (25000000)
#define ROM (0x21200000)                            // PSRAM behind the flash of _boot.py
#define ROM_SIZE (256 * 1024)
#define TXFULL (1)
#define RXFULL (2)
#define TX_ON (1)
#define RX_ON (2)
#define TX_IE (4)
#define RX_IE (8)

extern const uint32_t isr_vector[16];
static uint32_t vectors[16 + 32] __attribute__((aligned(256)));
static volatile uint32_t now_ms;
static uint8_t in_ring[1024];
static volatile uint32_t in_get, in_put;
bool emu_once;
emu_line_t emu_line[2] = { { .hw = UART(1) }, { .hw = UART(2) } };

static void console_service(void) {
    while (UART(0)->STATE & RXFULL) {
        uint32_t next = (in_put + 1) % sizeof(in_ring);
        if (next == in_get) {
            UART(0)->CTRL = TX_ON | RX_ON;      // full: leave the rest with QEMU
            return;
        }
        int c = UART(0)->DATA;
        UART(0)->INT = RXFULL;
        if (c == mp_interrupt_char) {
            mp_sched_keyboard_interrupt();
        } else {
            in_ring[in_put] = c;
            in_put = next;
        }
    }
}

// As the hardware's interrupt does: top the FIFO up from the ring.
void emu_line_fill(emu_line_t *l) {
    uint32_t n = emu_used(l->tx_get, l->tx_put, l->tx_size);
    l->tx_fifo = n < 32 ? n : 32;
}

static void line_service(emu_line_t *l) {
    if (!l->rate) {
        return;
    }
    while ((l->hw->STATE & RXFULL) && l->rx_credit >= 1024) {
        uint8_t c = l->hw->DATA;
        l->hw->INT = RXFULL;
        l->rx_credit -= 1024;
        l->got++;
        l->idle_ms = 0;
        l->fresh = true;
        uint32_t next = l->rx_put + 1 == l->rx_size ? 0 : l->rx_put + 1;
        if (next == l->rx_get) {
            l->overruns++;
        } else {
            l->rx[l->rx_put] = c;
            l->rx_put = next;
        }
    }
    while (l->tx_fifo && l->tx_credit >= 1024 && !(l->hw->STATE & TXFULL)) {
        l->hw->DATA = l->tx[l->tx_get];
        l->tx_credit -= 1024;
        l->sent++;
        l->tx_get = l->tx_get + 1 == l->tx_size ? 0 : l->tx_get + 1;
        if (--l->tx_fifo <= 4) {
            emu_line_fill(l);
        }
        if (l->tx_get == l->tx_put && l->txempty) {
            l->txempty(l->arg);
        }
    }
    // Out of credit: no more receive interrupts before the next tick.
    l->hw->CTRL = TX_ON | RX_ON | (l->rx_credit >= 1024 ? RX_IE : 0);
}

static void tick(void) {
    now_ms++;
    if (in_get != in_put || UART(0)->CTRL != (TX_ON | RX_ON | RX_IE)) {
        console_service();
    }
    for (int i = 0; i < 2; i++) {
        emu_line_t *l = &emu_line[i];
        if (l->rate) {
            int32_t step = l->rate / 1000 + 1, most = step > 2048 ? 2 * step : 2048;
            l->rx_credit = l->rx_credit + step > most ? most : l->rx_credit + step;
            l->tx_credit = l->tx_credit + step > most ? most : l->tx_credit + step;
            line_service(l);
            if (l->fresh && ++l->idle_ms >= 2) {
                l->fresh = false;
                if (l->idle) {
                    l->idle(l->arg);
                }
            }
        }
    }
}

static void external(void) {
    console_service();
    line_service(&emu_line[0]);
    line_service(&emu_line[1]);
}

void emu_line_open(emu_line_t *l, uint32_t bytes_per_second) {
    uint32_t m = emu_irq_off();
    l->rx_get = l->rx_put = l->tx_get = l->tx_put = l->tx_fifo = 0;
    l->rate = bytes_per_second * 1024;
    l->rx_credit = l->tx_credit = 0;
    l->fresh = false;
    l->hw->BAUDDIV = 16;
    l->hw->CTRL = TX_ON | RX_ON;
    emu_irq_restore(m);
}

void emu_line_close(emu_line_t *l) {
    l->rate = 0;
    l->hw->CTRL = 0;
}

void emu_lines_close(void) {
    emu_once = false;
    for (int i = 0; i < 2; i++) {
        emu_line_close(&emu_line[i]);
        emu_line[i].rx = emu_line[i].tx = NULL;
        emu_line[i].idle = emu_line[i].txempty = NULL;
        emu_line[i].got = emu_line[i].sent = emu_line[i].overruns = 0;
    }
}

void __real_uart_init(void);
void __wrap_uart_init(void) {
    __real_uart_init();
    for (int i = 0; i < 48; i++) {
        vectors[i] = i < 16 ? isr_vector[i] : (uint32_t)&external;
    }
    vectors[15] = (uint32_t)&tick;
    SCB_VTOR = (uint32_t)vectors;
    SYSTICK[1] = CORE_HZ / 1000 - 1;
    SYSTICK[2] = 0;
    SYSTICK[0] = 7;
    NVIC_ISER = 0x3f;                           // UARTs 0 to 2, each way
    UART(0)->CTRL = TX_ON | RX_ON | RX_IE;
}

int __wrap_mp_hal_stdin_rx_chr(void) {
    while (in_get == in_put) {
        mp_event_wait_indefinite();
    }
    int c = in_ring[in_get];
    in_get = (in_get + 1) % sizeof(in_ring);
    if (UART(0)->CTRL != (TX_ON | RX_ON | RX_IE)) {
        UART(0)->CTRL = TX_ON | RX_ON | RX_IE;
        uint32_t m = emu_irq_off();
        console_service();
        emu_irq_restore(m);
    }
    return c;
}

uintptr_t __wrap_mp_hal_stdio_poll(uintptr_t flags) {
    return ((flags & MP_STREAM_POLL_RD) && in_get != in_put ? MP_STREAM_POLL_RD : 0) | (flags & MP_STREAM_POLL_WR);
}

mp_uint_t mp_hal_ticks_ms(void) {
    return now_ms;
}

mp_uint_t mp_hal_ticks_us(void) {
    uint32_t m = emu_irq_off();
    uint32_t left = SYSTICK[2], ms = now_ms;
    if (SCB_ICSR & (1 << 26)) {                 // a tick is due
        left = SYSTICK[2];
        ms++;
    }
    emu_irq_restore(m);
    return ms * 1000 + (CORE_HZ / 1000 - 1 - left) / (CORE_HZ / 1000000);
}

mp_uint_t mp_hal_ticks_cpu(void) {
    return mp_hal_ticks_us();
}

void mp_hal_delay_us(mp_uint_t us) {
    mp_uint_t start = mp_hal_ticks_us();
    while (mp_hal_ticks_us() - start < us) {
    }
}

void mp_hal_delay_ms(mp_uint_t ms) {
    mp_uint_t start = mp_hal_ticks_us();
    do {
        mp_event_wait_ms(1);
    } while (mp_hal_ticks_us() - start < ms * 1000);
}

uint64_t mp_hal_time_ns(void) {
    return (uint64_t)now_ms * 1000000;
}

static uint32_t semihosting(uint32_t operation, void *argument) {
    register uint32_t r0 __asm("r0") = operation;
    register void *r1 __asm("r1") = argument;
    __asm volatile ("bkpt 0xab" : "+r" (r0) : "r" (r1) : "memory");
    return r0;
}

// Seconds since MicroPython's epoch (2000, as on an ESP32): a clock chip that the PC has set.
mp_obj_t emu_time(void) {
    static uint32_t since;
    if (!since) {
        since = semihosting(0x11, NULL) - 946684800 - now_ms / 1000;    // SYS_TIME, from 1970
    }
    return mp_obj_new_int_from_uint(since + now_ms / 1000);
}

// Not for keys: two boards, or two starts of one, get different bytes, and no more.
void emu_random(uint8_t *to, size_t n) {
    static uint32_t x;
    uint32_t elapsed[2] = { 0, 0 };
    semihosting(0x30, elapsed);                 // SYS_ELAPSED: the PC's clock, in ns
    x ^= semihosting(0x11, NULL) ^ elapsed[0] ^ elapsed[1] << 16 ^ SYSTICK[2];  // SYS_TIME: in s
    x = x ? x : 1;
    while (n--) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        *to++ = x >> 24;
    }
}

// The ROM partition: memory-mapped, kept over a soft reset, and written as flash is.
static const MP_DEFINE_MEMORYVIEW_OBJ(rom, 'B', 0, ROM_SIZE, (void *)ROM);

mp_obj_t mp_vfs_rom_ioctl(size_t n_args, const mp_obj_t *args) {
    int op = mp_obj_get_int(args[0]);
    if (op == MP_VFS_ROM_IOCTL_GET_NUMBER_OF_SEGMENTS) {
        return MP_OBJ_NEW_SMALL_INT(1);
    }
    if (n_args >= 2 && args[1] == MP_OBJ_NEW_SMALL_INT(0)) {
        if (op == MP_VFS_ROM_IOCTL_GET_SEGMENT) {
            return MP_OBJ_FROM_PTR(&rom);
        }
        if (op == MP_VFS_ROM_IOCTL_WRITE_PREPARE) {
            memset((void *)ROM, 0xff, ROM_SIZE);
            return MP_OBJ_NEW_SMALL_INT(4);         // bytes that are written at once, at least
        }
        if (op == MP_VFS_ROM_IOCTL_WRITE && n_args == 4) {
            mp_buffer_info_t buf;
            mp_get_buffer_raise(args[3], &buf, MP_BUFFER_READ);
            size_t at = mp_obj_get_int(args[2]);
            if (at <= ROM_SIZE && buf.len <= ROM_SIZE - at) {
                memcpy((uint8_t *)ROM + at, buf.buf, buf.len);
                return MP_OBJ_NEW_SMALL_INT(0);
            }
        }
        if (op == MP_VFS_ROM_IOCTL_WRITE_COMPLETE) {
            return MP_OBJ_NEW_SMALL_INT(0);
        }
    }
    return MP_OBJ_NEW_SMALL_INT(-MP_EINVAL);
}

// Each start, also after a soft reset: mounts the flash and puts /lib on the path.
void __real_mp_init(void);
void __wrap_mp_init(void) {
    __real_mp_init();
    pyexec_frozen_module("_boot.py", false);
}
