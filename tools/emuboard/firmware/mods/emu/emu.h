#include <stdint.h>
#include <stddef.h>
#include <stdbool.h>

typedef struct {
    volatile uint32_t DATA, STATE, CTRL, INT, BAUDDIV;
} cmsdk_uart_t;

// One line of the board: rings on the device's side, the wire paced to its baud rate.
typedef struct {
    cmsdk_uart_t *hw;
    uint8_t *rx, *tx;                       // rings (size n + 1)
    volatile uint32_t rx_get, rx_put, tx_get, tx_put;
    uint32_t rx_size, tx_size;
    volatile uint32_t tx_fifo;              // of the bytes in tx: those already in the 32-byte FIFO
    uint32_t rate;                          // bytes per 1024 s at this baud rate, 0: line closed
    volatile int32_t rx_credit, tx_credit;  // bytes << 10 this line may still move
    volatile uint32_t overruns, got, sent;
    volatile uint32_t idle_ms;              // since the last byte in
    volatile bool fresh;                    // bytes came since the last idle event
    void (*idle)(void *), (*txempty)(void *);
    void *arg;
} emu_line_t;

extern emu_line_t emu_line[2];
extern bool emu_once;                      // as from MicroPython 1.27, see machine_uart_emu.h
void emu_line_open(emu_line_t *l, uint32_t bytes_per_second);
void emu_line_close(emu_line_t *l);
void emu_line_fill(emu_line_t *l);
static inline uint32_t emu_used(uint32_t get, uint32_t put, uint32_t size) {
    return put >= get ? put - get : put + size - get;
}
