// machine.UART over the emulated board's lines: receive and transmit rings, timeouts and overrun as on RP2040.
#include "py/mperrno.h"
#include "py/mphal.h"
#include "emu.h"

#define IRQ_RXIDLE (0x40)
#define IRQ_TXIDLE (0x20)
#define MICROPY_PY_MACHINE_UART_CLASS_CONSTANTS \
    { MP_ROM_QSTR(MP_QSTR_IRQ_RXIDLE), MP_ROM_INT(IRQ_RXIDLE) }, \
    { MP_ROM_QSTR(MP_QSTR_IRQ_TXIDLE), MP_ROM_INT(IRQ_TXIDLE) }, \
    { MP_ROM_QSTR(MP_QSTR_once), MP_ROM_PTR(&emu_set_once_obj) },

typedef struct _machine_uart_obj_t {
    mp_obj_base_t base;
    emu_line_t *line;
    uint8_t id, bits, stop;
    int8_t parity;
    uint32_t baudrate;
    uint32_t timeout, timeout_char;
    uint32_t rxbuf, txbuf;
    mp_uint_t trigger, flags;
    mp_irq_obj_t *irq;
} machine_uart_obj_t;

MP_REGISTER_ROOT_POINTER(void *emu_uart[4]);   // the rings of each line: the collector does not see emu_line

static void mp_machine_uart_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_printf(print, "UART(%u, baudrate=%u, bits=%u, parity=%d, stop=%u, txbuf=%u, rxbuf=%u, timeout=%u, timeout_char=%u, "
        "got=%u, sent=%u, overruns=%u)", self->id, (uint)self->baudrate, self->bits, self->parity, self->stop,
        (uint)self->txbuf, (uint)self->rxbuf, (uint)self->timeout, (uint)self->timeout_char,
        (uint)self->line->got, (uint)self->line->sent, (uint)self->line->overruns);
}

static void uart_event(machine_uart_obj_t *self, mp_uint_t flag) {
    if (self->irq && (self->trigger & flag)) {
        self->flags = flag;
        mp_irq_handler(self->irq);
    }
}
static void uart_idle(void *self) {
    uart_event(self, IRQ_RXIDLE);
}
static void uart_txempty(void *self) {
    uart_event(self, IRQ_TXIDLE);
}

static void mp_machine_uart_init_helper(machine_uart_obj_t *self, size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_baudrate, ARG_bits, ARG_parity, ARG_stop, ARG_tx, ARG_rx, ARG_cts, ARG_rts, ARG_timeout, ARG_timeout_char,
           ARG_invert, ARG_flow, ARG_txbuf, ARG_rxbuf };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_baudrate, MP_ARG_INT, {.u_int = -1} },
        { MP_QSTR_bits, MP_ARG_INT, {.u_int = -1} },
        { MP_QSTR_parity, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_INT(-1)} },
        { MP_QSTR_stop, MP_ARG_INT, {.u_int = -1} },
        { MP_QSTR_tx, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_rx, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_cts, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_rts, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_timeout, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = -1} },
        { MP_QSTR_timeout_char, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = -1} },
        { MP_QSTR_invert, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = -1} },
        { MP_QSTR_flow, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = -1} },
        { MP_QSTR_txbuf, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = -1} },
        { MP_QSTR_rxbuf, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = -1} },
    };
    mp_arg_val_t a[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed), allowed, a);
    emu_line_t *l = self->line;
    emu_line_close(l);
    if (a[ARG_baudrate].u_int > 0) {
        self->baudrate = a[ARG_baudrate].u_int;
    }
    if (a[ARG_bits].u_int > 0) {
        self->bits = a[ARG_bits].u_int;
    }
    if (a[ARG_parity].u_obj != MP_OBJ_NEW_SMALL_INT(-1)) {
        self->parity = a[ARG_parity].u_obj == mp_const_none ? -1 : mp_obj_get_int(a[ARG_parity].u_obj) & 1;
    }
    if (a[ARG_stop].u_int > 0) {
        self->stop = a[ARG_stop].u_int;
    }
    if (a[ARG_timeout].u_int >= 0) {
        self->timeout = a[ARG_timeout].u_int;
    }
    if (a[ARG_timeout_char].u_int >= 0) {
        self->timeout_char = a[ARG_timeout_char].u_int;
    }
    uint32_t least = 13000 / self->baudrate + 1;
    if (self->timeout_char < least) {
        self->timeout_char = least;
    }
    if (a[ARG_txbuf].u_int > 0) {
        self->txbuf = MAX(a[ARG_txbuf].u_int, 32);
        l->tx = NULL;
    }
    if (a[ARG_rxbuf].u_int > 0) {
        self->rxbuf = MAX(a[ARG_rxbuf].u_int, 32);
        l->rx = NULL;
    }
    void **kept = &MP_STATE_PORT(emu_uart)[2 * (l - emu_line)];
    if (!l->rx) {
        l->rx_size = self->rxbuf + 32 + 1;      // the rings, and the hardware's 32-byte FIFOs
        kept[0] = l->rx = m_new(uint8_t, l->rx_size);
    }
    if (!l->tx) {
        l->tx_size = self->txbuf + 32 + 1;
        kept[1] = l->tx = m_new(uint8_t, l->tx_size);
    }
    emu_line_open(l, self->baudrate / (1 + self->bits + self->stop + (self->parity >= 0)));
}

static machine_uart_obj_t uart_obj[2];

static mp_obj_t mp_machine_uart_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, MP_OBJ_FUN_ARGS_MAX, true);
    int id = mp_obj_get_int(args[0]);
    if (id < 0 || id > 1) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("UART(%d) doesn't exist"), id);
    }
    machine_uart_obj_t *self = &uart_obj[id];
    emu_line_close(&emu_line[1 - id]);
    *self = (machine_uart_obj_t) {
        .base = { &machine_uart_type }, .line = &emu_line[1 - id], .id = id, .bits = 8, .stop = 1, .parity = -1,
        .baudrate = 115200, .rxbuf = 256, .txbuf = 256,
    };
    self->line->rx = self->line->tx = NULL;
    self->line->arg = self;
    self->line->idle = uart_idle;
    self->line->txempty = uart_txempty;
    mp_map_t kw;
    mp_map_init_fixed_table(&kw, n_kw, args + n_args);
    mp_machine_uart_init_helper(self, n_args - 1, args + 1, &kw);
    return MP_OBJ_FROM_PTR(self);
}

static void mp_machine_uart_deinit(machine_uart_obj_t *self) {
    emu_line_close(self->line);
    self->irq = NULL;
}

static mp_int_t mp_machine_uart_any(machine_uart_obj_t *self) {
    emu_line_t *l = self->line;
    return emu_used(l->rx_get, l->rx_put, l->rx_size);
}

static bool mp_machine_uart_txdone(machine_uart_obj_t *self) {
    return self->line->tx_get == self->line->tx_put;
}

static mp_uint_t uart_irq_trigger(mp_obj_t self_in, mp_uint_t trigger) {
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    self->trigger = trigger;
    return 0;
}

static mp_uint_t uart_irq_info(mp_obj_t self_in, mp_uint_t what) {
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    return what == MP_IRQ_INFO_FLAGS ? self->flags : what == MP_IRQ_INFO_TRIGGERS ? self->trigger : 0;
}

static const mp_irq_methods_t uart_irq_methods = { .trigger = uart_irq_trigger, .info = uart_irq_info };

MP_REGISTER_ROOT_POINTER(void *emu_uart_irq);

static mp_irq_obj_t *mp_machine_uart_irq(machine_uart_obj_t *self, bool any_args, mp_arg_val_t *args) {
    if (!self->irq) {
        self->irq = mp_irq_new(&uart_irq_methods, MP_OBJ_FROM_PTR(self));
        MP_STATE_PORT(emu_uart_irq) = self->irq;
    }
    if (any_args) {
        self->trigger = 0;
        self->irq->handler = args[MP_IRQ_ARG_INIT_handler].u_obj;
        self->irq->ishard = args[MP_IRQ_ARG_INIT_hard].u_bool;
        self->trigger = self->irq->handler == mp_const_none ? 0 : args[MP_IRQ_ARG_INIT_trigger].u_int;
    }
    return self->irq;
}

static mp_uint_t mp_machine_uart_read(mp_obj_t self_in, void *buf, mp_uint_t size, int *errcode) {
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    emu_line_t *l = self->line;
    mp_uint_t start = mp_hal_ticks_ms(), timeout = self->timeout;
    for (size_t i = 0; i < size; i++) {
        while (l->rx_get == l->rx_put) {
            if (mp_hal_ticks_ms() - start > timeout) {
                if (i) {
                    return i;
                }
                *errcode = MP_EAGAIN;
                return MP_STREAM_ERROR;
            }
            mp_event_handle_nowait();
        }
        ((uint8_t *)buf)[i] = l->rx[l->rx_get];
        l->rx_get = l->rx_get + 1 == l->rx_size ? 0 : l->rx_get + 1;
        start = mp_hal_ticks_ms();
        timeout = self->timeout_char;
    }
    return size;
}

static bool tx_room(machine_uart_obj_t *self) {
    emu_line_t *l = self->line;
    uint32_t m = emu_irq_off();
    bool room = emu_used(l->tx_get, l->tx_put, l->tx_size) - l->tx_fifo < self->txbuf;
    emu_irq_restore(m);
    return room;
}

static void tx_put(emu_line_t *l, uint8_t c) {
    l->tx[l->tx_put] = c;
    l->tx_put = l->tx_put + 1 == l->tx_size ? 0 : l->tx_put + 1;
}

static void tx_fill(emu_line_t *l) {
    uint32_t m = emu_irq_off();
    emu_line_fill(l);
    emu_irq_restore(m);
}

static mp_uint_t mp_machine_uart_write(mp_obj_t self_in, const void *buf, mp_uint_t size, int *errcode) {
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_uint_t start = mp_hal_ticks_ms(), timeout = self->timeout;
    const uint8_t *src = buf;
    size_t i = 0;
    while (i < size && tx_room(self)) {
        tx_put(self->line, src[i++]);
    }
    tx_fill(self->line);
    while (i < size) {
        while (!tx_room(self)) {
            if (mp_hal_ticks_ms() - start > timeout) {
                if (i) {
                    return i;
                }
                *errcode = MP_EAGAIN;
                return MP_STREAM_ERROR;
            }
            mp_event_wait_ms(1);
        }
        tx_put(self->line, src[i++]);
        start = mp_hal_ticks_ms();
        timeout = self->timeout_char;
        tx_fill(self->line);
    }
    return size;
}

static mp_uint_t mp_machine_uart_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    emu_line_t *l = self->line;
    if (request == MP_STREAM_POLL) {
        uintptr_t ret = 0;
        if ((arg & MP_STREAM_POLL_RD) && l->rx_get != l->rx_put) {
            ret |= MP_STREAM_POLL_RD;
        }
        if ((arg & MP_STREAM_POLL_WR) && tx_room(self)) {
            ret |= MP_STREAM_POLL_WR;
        }
        return ret;
    }
    if (request == MP_STREAM_FLUSH) {
        while (!mp_machine_uart_txdone(self)) {
            mp_event_wait_ms(1);
        }
        return 0;
    }
    *errcode = MP_EINVAL;
    return MP_STREAM_ERROR;
}

// Until MicroPython 1.26 a read, readinto or write that gets less than it wants goes on waiting: two
// time-outs where there could be one. From 1.27 on it returns at the first. uart.once(True) switches.
static mp_obj_t emu_stream(size_t n_args, const mp_obj_t *args, const void *until, const void *once) {
    return mp_call_function_n_kw(MP_OBJ_FROM_PTR(emu_once ? once : until), n_args, 0, args);
}

static mp_obj_t emu_readinto1(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t b;
    mp_get_buffer_raise(args[1], &b, MP_BUFFER_WRITE);
    size_t len = n_args > 2 ? MIN((size_t)mp_obj_get_int(args[2]), b.len) : b.len;
    int error;
    mp_uint_t n = mp_stream_rw(args[0], b.buf, len, &error, MP_STREAM_RW_READ | MP_STREAM_RW_ONCE);
    if (error == MP_EAGAIN) {
        return mp_const_none;
    } else if (error) {
        mp_raise_OSError(error);
    }
    return MP_OBJ_NEW_SMALL_INT(n);
}

static mp_obj_t emu_readinto(size_t n_args, const mp_obj_t *args) {
    if (emu_once) {
        return emu_readinto1(n_args, args);
    }
    return emu_stream(n_args, args, &mp_stream_readinto_obj, NULL);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(emu_readinto_obj, 2, 3, emu_readinto);

static mp_obj_t emu_read(size_t n_args, const mp_obj_t *args) {
    return emu_stream(n_args, args, &mp_stream_read_obj, &mp_stream_read1_obj);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(emu_read_obj, 1, 2, emu_read);

static mp_obj_t emu_write(size_t n_args, const mp_obj_t *args) {
    return emu_stream(n_args, args, &mp_stream_write_obj, &mp_stream_write1_obj);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(emu_write_obj, 2, 4, emu_write);

static mp_obj_t emu_set_once(mp_obj_t self_in, mp_obj_t on) {
    emu_once = mp_obj_is_true(on);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(emu_set_once_obj, emu_set_once);

// extmod/machine_uart.c puts these into the class.
#define mp_stream_read_obj emu_read_obj
#define mp_stream_readinto_obj emu_readinto_obj
#define mp_stream_write_obj emu_write_obj
